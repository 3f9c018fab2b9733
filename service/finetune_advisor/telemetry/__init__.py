"""Telemetry: metrics, logs, and the ids that link a request to its log lines."""
