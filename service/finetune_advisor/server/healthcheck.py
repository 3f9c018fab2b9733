"""The container's health check: `python -m finetune_advisor.server.healthcheck`."""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

from finetune_advisor.settings import Settings, SettingsError

ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # every interface is asked by the loopback one
TIMEOUT = 3


def main() -> None:
    """Exit with 0 if the instance with this environment's settings answers /healthz, else with 1."""
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        sys.exit(str(error))
    host = ANY.get(settings.host, settings.host)
    connection = HTTPConnection(host, settings.metrics_port or settings.port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        sys.exit(f"{host}:{connection.port} doesn't answer: {error}")
    if status != 200:
        sys.exit(f"{host}:{connection.port} answers /healthz with {status}")


if __name__ == "__main__":
    main()
