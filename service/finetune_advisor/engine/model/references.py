"""References: the public pages that the claims of a tree rest on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A public page that supports a claim."""

    title: str
    url: str
