"""The service with one bug seeded: `python -m tests.contract.mutated NAME`; a name from seeds, or none."""

from __future__ import annotations

import sys

from finetune_advisor.server.gunicorn_application import GunicornApplication
from tests.contract import seeds


def main(*names: str) -> None:
    """Seed the bugs and serve as `finetune-advisor serve` does."""
    for name in names:
        getattr(seeds, name)()
    GunicornApplication().run()


if __name__ == "__main__":
    main(*sys.argv[1:])
