"""The finetune-advisor command: one command a module."""

from __future__ import annotations

import click

from finetune_advisor.cli.lazy_group import LazyGroup
from finetune_advisor.cli.output import tolerate_encodings


@click.group(
    cls=LazyGroup,
    modules={
        "serve": "serve:serve",
        "assess": "assess:assess",
        "explain": "explain:explain",
        "interview": "interview:interview",
        "mcp": "mcp:mcp",
        "conformance": "conformance:check_conformance",
        "openapi": "openapi:openapi",
        "settings": "settings:settings",
    },
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="finetune-advisor")
def main() -> None:
    """Should we fine-tune an LLM, or do something cheaper first?"""
    tolerate_encodings()


@click.group(
    cls=LazyGroup,
    modules={
        "check": "tree_check:check",
        "diff": "tree_diff:diff",
        "export": "tree_export:export",
        "replay": "tree_replay:replay",
        "test": "tree_test:run_suites",
        "worksheet": "tree_worksheet:worksheet",
    },
)
def tree() -> None:
    """Work with tree documents."""


@click.group(cls=LazyGroup, modules={"new": "keys_new:new"})
def keys() -> None:
    """Work with API keys."""


main.add_command(tree)
main.add_command(keys)
