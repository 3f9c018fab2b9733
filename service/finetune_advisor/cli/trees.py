"""Which trees a command works with."""

from __future__ import annotations

from pathlib import Path

from semver import Version

from finetune_advisor import catalog, documents
from finetune_advisor.catalog import Catalog, UnknownVersionError
from finetune_advisor.engine.tree import Tree
from finetune_advisor.settings import Settings


def served_catalog() -> Catalog:
    """The catalog that `serve` would serve with this environment. Raises SettingsError, DocumentError or
    CatalogError.
    """
    settings = Settings.from_environment()
    return catalog.load(settings.trees_dir, settings.default_tree_version)


def document_catalog(path: Path) -> Catalog:
    """A catalog of one tree document alone. Raises DocumentError."""
    tree = documents.load(path)
    return Catalog({tree.version: tree}, tree)


def find_tree(name: str | None) -> Tree:
    """A document's tree, or the one of a served version, or the default one.

    Raises DocumentError, UnknownVersionError or RetiredVersionError, or as `served_catalog` does.
    """
    if name is not None and Path(name).is_file():
        return documents.load(Path(name))
    try:
        return served_catalog().pick(name)
    except UnknownVersionError as error:
        if name is None or Version.is_valid(name):
            raise
        raise UnknownVersionError(f"there is no file {name}, and {error}") from error
