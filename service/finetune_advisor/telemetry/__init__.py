"""Telemetry: metrics, logs and the ids that tie a request to both."""
