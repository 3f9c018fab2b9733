"""gunicorn with the settings of this service alone: `python -m finetune_advisor.server.gunicorn_application`.

gunicorn's own command also takes settings from GUNICORN_CMD_ARGS, and modules from the working directory.
"""

from __future__ import annotations

import logging
import os
from typing import Any

# Read by gunicorn where it is imported, or taken for those of a gunicorn that this one replaces.
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


class GunicornApplication(BaseApplication):
    """The service as gunicorn runs it."""

    def load_config(self) -> None:
        """Take every setting and hook that `gunicorn_config` names."""
        from finetune_advisor.server import gunicorn_config  # noqa: PLC0415  # gunicorn says what is wrong with a setting

        for name, value in vars(gunicorn_config).items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        """The application; imported only now, as the environment is final only after the settings."""
        from finetune_advisor.app import create_app  # noqa: PLC0415

        if os.environ.get("GUNICORN_CMD_ARGS"):
            message = "GUNICORN_CMD_ARGS isn't read; see: finetune-advisor settings"
            logging.getLogger("gunicorn.error").warning(message)
        try:
            return create_app()
        except FinetuneAdvisorError as error:
            raise RuntimeError(str(error)) from error  # gunicorn prints it, and ends


if __name__ == "__main__":
    GunicornApplication(prog="finetune-advisor").run()
