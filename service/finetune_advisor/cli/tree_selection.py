"""Find the trees that a command works with."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

import click
from semver import Version

from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats.numbers import format_count
from finetune_advisor.settings import Settings
from finetune_advisor.trees import catalog, loader
from finetune_advisor.trees.catalog import Catalog, UnknownVersionError, make_single_tree_catalog


def load_served_catalog(settings: Settings | None = None) -> Catalog:
    """Load the catalog that `serve` would serve with some settings, or with those of the environment.

    Raises SettingsError, DocumentError or CatalogError.
    """
    settings = settings or Settings.from_environment()
    return catalog.load_catalog(settings.trees_dir, settings.default_tree_version, settings.tree_digests)


def add_tree_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options --tree-version and --tree to a command, for `choose_tree`."""
    version = click.option("--tree-version", help="Tree version to use. Default: the default version.")
    document = click.option(
        "--tree",
        "document",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Tree document to use instead of a served version.",
    )
    return version(document(command))


def choose_tree(version: str | None, document: Path | None) -> tuple[Catalog, Tree]:
    """Choose the tree to ask, by version or by document.

    Returns it after the catalog whose inputs profiles may have. Raises UsageError if both are given, or as
    `find_tree` does.
    """
    if version is not None and document is not None:
        raise click.UsageError("--tree-version and --tree contradict each other; give one")
    catalog = (
        load_served_catalog()
        if document is None
        else make_single_tree_catalog(loader.load_tree(document))
    )
    return catalog, catalog.pick(version)


def advise_version(catalog: Catalog, asked: Tree, ignored: Collection[str]) -> str:
    """Advise which version knows most of the inputs that the asked tree ignores, and how to ask it.

    Returns an empty text if nothing is ignored.
    """
    if not ignored:
        return ""
    best = catalog.find_tree_of_inputs(ignored)
    count = sum(name in best.inputs for name in ignored)
    known = f"{count} of them" if count < len(ignored) else "them" if count > 1 else "it"
    return (
        f"Tree {asked.version} ignores {format_count(len(ignored), 'input')} given here. Tree {best.version} "
        f"knows {known}: ask it with --tree-version {best.version}"
    )


def find_tree(name: str | None) -> Tree:
    """Find a tree by version or document. Raises as `find_tree_in_catalog` does."""
    return find_tree_in_catalog(name)[1]


def find_tree_in_catalog(name: str | None) -> tuple[Catalog, Tree]:
    """Find a tree: that of a document, of a served version, or the default one if `name` is None.

    Returns it after the catalog whose inputs profiles may have: a document's tree is alone in its catalog.
    Raises DocumentError, UnknownVersionError or RetiredVersionError, or as `load_served_catalog` does.
    """
    # `Path.is_file` raises for a name that is too long for a file.
    if name is not None and os.path.isfile(name):  # noqa: PTH113
        tree = loader.load_tree(Path(name))
        return make_single_tree_catalog(tree), tree
    served = load_served_catalog()
    try:
        return served, served.pick(name)
    except UnknownVersionError as error:
        if name is None or Version.is_valid(name):
            raise
        # The name doesn't look like a version, so that a file was probably meant.
        raise UnknownVersionError(f"there is no file {name}, and {error}") from error
