"""A group of commands that imports the module of a command when it is used, so that commands start fast."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A click group whose commands are named by `modules`.

    `modules` maps the name of each command to `module:variable`: a module of this package, and the variable
    in it that has the command.
    """

    def __init__(self, *args: Any, modules: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self._modules, *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._modules:
            return super().get_command(ctx, cmd_name)
        module, _, variable = self._modules[cmd_name].partition(":")
        command: click.Command = getattr(import_module(f"finetune_advisor.cli.{module}"), variable)
        return command
