"""The server: gunicorn with its settings and worker, and the health check."""
