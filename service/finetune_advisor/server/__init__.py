"""gunicorn and its worker, and the health check."""
