"""gunicorn with the settings of this service alone: `python -m finetune_advisor.server.gunicorn_application`.

gunicorn's own command would also take settings from GUNICORN_CMD_ARGS, and modules from the working
directory.
"""

from __future__ import annotations

import gc
import logging
import os
import socket
import sys
from typing import Any

# These variables must not reach gunicorn. It reads the first four when it is imported. The last two
# would make it believe that it replaces another gunicorn.
for _name in (
    "WEB_CONCURRENCY",
    "PORT",
    "SENDFILE",
    "FORWARDED_ALLOW_IPS",
    "GUNICORN_PID",
    "GUNICORN_FD",
):
    os.environ.pop(_name, None)

from gunicorn.app.base import BaseApplication  # noqa: E402  # only after that

from finetune_advisor.engine.errors import FinetuneAdvisorError  # noqa: E402
from finetune_advisor.settings import Settings, SettingsError  # noqa: E402


class GunicornApplication(BaseApplication):
    """The service as gunicorn runs it."""

    def load_config(self) -> None:
        """Take every setting and hook that `gunicorn_config` names."""
        # Importing the module checks the machine's limits. gunicorn reports errors that are raised here.
        from finetune_advisor.server import gunicorn_config  # noqa: PLC0415

        for name, value in vars(gunicorn_config).items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def run(self) -> None:
        """Serve until the instance is stopped. Exits with 1 if the application can't be built."""
        # It imports prometheus_client, as the application does.
        from finetune_advisor.server.reloading_arbiter import ReloadingArbiter  # noqa: PLC0415

        try:
            ReloadingArbiter(self).run()
        except RuntimeError as error:
            sys.exit(f"\nError: {error}\n")

    def load(self) -> Any:
        """Build the application. Raises RuntimeError if a setting or a tree document is at fault."""
        # prometheus_client reads the metrics folder when it is imported; `load_config` has named it by now.
        from finetune_advisor.app import create_app  # noqa: PLC0415

        if os.environ.get("GUNICORN_CMD_ARGS"):
            message = "GUNICORN_CMD_ARGS isn't read; see: finetune-advisor settings"
            logging.getLogger("gunicorn.error").warning(message)
        try:
            return create_app()
        except FinetuneAdvisorError as error:
            raise RuntimeError(str(error)) from error  # gunicorn prints its message and ends


def main() -> None:
    """Serve with the environment's settings. Exits with 1 if one is wrong or a port isn't free."""
    try:
        settings = Settings.from_environment()
        _require_free_port(settings.host, settings.port, "PORT")
        if settings.metrics_port is not None:
            _require_free_port(settings.host, settings.metrics_port, "METRICS_PORT")
    except SettingsError as error:
        sys.exit(f"Error: {error}")
    # The start makes hardly any garbage, and looking for it would take a tenth of the time. `when_ready`
    # turns the collector on again.
    gc.disable()
    GunicornApplication(prog="finetune-advisor").run()


def _require_free_port(host: str, port: int, name: str) -> None:
    """Raise SettingsError if nobody can listen on an address. gunicorn would try again for five seconds."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except (OSError, OverflowError) as error:
        # Behind its own text, the error has the address again.
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (while")[0]
        message = f"FINETUNE_ADVISOR_HOST, {name}: can't listen on {host}:{port}: {reason}; take another"
        raise SettingsError(message) from error


if __name__ == "__main__":
    main()
