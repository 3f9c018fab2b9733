"""Profiles as text that can be pasted into a file with a profile."""

from __future__ import annotations

from finetune_advisor.engine.model.inputs import Profile, Value
from finetune_advisor.formats.numbers import format_decimal


def render_profile(profile: Profile) -> str:
    """Render a line for each answer: `name: value`."""
    return "\n".join(f"{name}: {_format_value(value)}" for name, value in profile.items())


def _format_value(value: Value) -> str:
    if isinstance(value, bool | str):
        return str(value).lower() if isinstance(value, bool) else value
    return format_decimal(value)
