"""`tree check`: prove that tree documents are sound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
from semver import Version

from finetune_advisor.cli.errors import report_errors
from finetune_advisor.cli.tree_selection import load_served_catalog
from finetune_advisor.engine.analysis.size_bounds import describe_exceeded_bounds
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import mermaid, svg
from finetune_advisor.formats.numbers import format_count
from finetune_advisor.settings import VARIABLE_PREFIX, Settings, SettingsError
from finetune_advisor.telemetry.decision_log import describe_unknown_inputs
from finetune_advisor.trees import catalog
from finetune_advisor.trees.catalog import Catalog
from finetune_advisor.trees.lifecycle import describe_status

DEFAULT_TREE_CONDITION = (
    "beside the bundled trees alone and without FINETUNE_ADVISOR_DEFAULT_TREE_VERSION"
)
"""The condition of the default tree that is reported for FILES, which may be served with other settings."""


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Prove that tree documents are sound.

    FILES are documents, or directories of documents. They must also go together with each other and with the
    bundled documents. Without FILES, checks what would be served: the bundled
    documents, and those in FINETUNE_ADVISOR_TREES_DIR, with the default and
    shadow version, the permitted digests and the masked inputs of the settings.
    """
    with report_errors():  # loading proves them
        checked = catalog.load_with_bundled(files) if files else _load_and_check_settings()
    for tree in (*checked.trees.values(), *checked.retired.values()):
        questions = format_count(len(tree.questions), "question")
        recommendations = format_count(len(tree.recommendations), "recommendation")
        click.echo(
            f"{tree.version} ({describe_status(tree)}): sound; {questions}, {recommendations}; {tree.digest}"
        )
        for warning in (
            *_version_risks(checked, tree),
            *describe_exceeded_bounds(tree),
            *_drawing_limits(tree),
        ):
            click.echo(f"  warning: {warning}", err=True)
    default = f"would be the default, {DEFAULT_TREE_CONDITION}" if files else "is the default"
    click.echo(f"{checked.default.version} {default}: {checked.default_reason}")


def _load_and_check_settings() -> Catalog:
    """Load what would be served, and look for the trees and inputs that other settings name.

    Raises as `load_served_catalog` does.
    """
    settings = Settings.from_environment()
    served = load_served_catalog(settings)
    if settings.shadow_tree_version:
        served.pick_shadow(settings.shadow_tree_version)
    if problem := describe_unknown_inputs(settings.decision_log_mask or (), served):
        raise SettingsError(f"{VARIABLE_PREFIX}DECISION_LOG_MASK: {problem}")
    return served


def _drawing_limits(tree: Tree) -> Iterator[str]:
    """Describe which pictures of a tree can't be drawn, or can't by default."""
    if not svg.Picture(tree).can_be_drawn:
        yield (
            "too large to draw as SVG, as too many questions follow each other or too many branches lie side "
            "by side; use Mermaid"
        )
    configuration = mermaid.find_needed_configuration(tree, len(mermaid.render_mermaid(tree)))
    if configuration:
        yield f"larger than Mermaid draws by default; pass {{{configuration}}} to mermaid.initialize"


def _version_risks(checked: Catalog, tree: Tree) -> Iterator[str]:
    """Warn if a later bundled tree may get the version of an own tree: both can't be served together."""
    if tree.version in checked.own_versions and not Version.parse(tree.version).prerelease:
        yield (
            "a later release may bundle a tree of this version, and then the service won't start; name your "
            f"organisation in it, such as {tree.version}-acme.1"
        )
