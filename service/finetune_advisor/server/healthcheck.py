"""The container's health check: `python -m finetune_advisor.server.healthcheck`."""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

from finetune_advisor.settings import Settings, SettingsError

LOOPBACK_FOR_WILDCARD = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # compared, not bound
"""An address that stands for all interfaces, and the one to connect to instead."""
TIMEOUT_SECONDS = 3


def main() -> None:
    """Ask the instance with this environment's settings for /healthz. Exits with 1 unless it answers 200."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.exit(str(error))
    host = LOOPBACK_FOR_WILDCARD.get(settings.host, settings.host)
    connection = HTTPConnection(host, settings.metrics_port or settings.port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.exit(f"{host}:{connection.port} doesn't answer: {error}")
    if status != 200:
        sys.exit(f"{host}:{connection.port} answers /healthz with {status}")


if __name__ == "__main__":
    main()
