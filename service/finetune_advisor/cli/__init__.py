"""The finetune-advisor command: one command a module."""

from __future__ import annotations

import click

from finetune_advisor.cli.assess import assess
from finetune_advisor.cli.conformance import conform
from finetune_advisor.cli.explain import explain
from finetune_advisor.cli.openapi import openapi
from finetune_advisor.cli.output import tolerate_encodings
from finetune_advisor.cli.serve import serve
from finetune_advisor.cli.settings import settings
from finetune_advisor.cli.tree_check import check
from finetune_advisor.cli.tree_diff import diff
from finetune_advisor.cli.tree_export import export
from finetune_advisor.cli.tree_test import run_suites


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finetune-advisor")
def main() -> None:
    """Should we fine-tune an LLM, or do something cheaper first?"""
    tolerate_encodings()


@click.group()
def tree() -> None:
    """Work with tree documents."""


for command in (check, diff, export, run_suites):
    tree.add_command(command)
for command in (serve, assess, explain, tree, conform, openapi, settings):
    main.add_command(command)
