"""Finetune Advisor: should we fine-tune an LLM, or do something cheaper first?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """Look up `__version__` on first use: importlib.metadata takes as long to import as all of click."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import version  # noqa: PLC0415  # as above

        return version("finetune-advisor")
