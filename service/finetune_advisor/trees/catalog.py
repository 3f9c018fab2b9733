"""The catalog: the tree versions that this process serves, and which one is the default."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from semver import Version

from finetune_advisor.engine.analysis.validation import TreeFault
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import lifecycle, loader

BUNDLED = Path(__file__).parent / "bundled"
NAMED = "the setting DEFAULT_TREE_VERSION names it"
NEWEST_OWN = (
    "it is the newest current one of the organisation's own trees, which go before the bundled ones"
)
NEWEST_BUNDLED = (
    "it is the newest current one of the bundled trees, and no tree of the organisation is current"
)


class CatalogError(FinetuneAdvisorError):
    """The tree documents can't be served together; each line of the message says why and what to do."""


class UnknownVersionError(FinetuneAdvisorError):
    """No tree of that version is served."""


class RetiredVersionError(FinetuneAdvisorError):
    """The version was served once, and has a successor."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(f"tree {tree.version} is {lifecycle.standing(tree)}")
        self.tree = tree


@dataclass(frozen=True, eq=False)
class Catalog:
    """Sound trees by version, oldest first; the default one, and why it is that; the trees served no more."""

    trees: Mapping[str, Tree]
    default: Tree
    retired: Mapping[str, Tree] = field(default_factory=dict)
    default_reason: str = "it was chosen"
    own: frozenset[str] = frozenset()
    """The versions of an organisation's own trees, those served no more among them."""

    def pick(self, version: str | None = None) -> Tree:
        """The tree of a version, or the default. Raises UnknownVersionError or RetiredVersionError."""
        if version is None:
            return self.default
        if version in self.retired:
            raise RetiredVersionError(self.retired[version])
        try:
            return self.trees[version]
        except KeyError:
            served = ", ".join(self.trees)
            raise UnknownVersionError(f"no such tree version is served; served are {served}") from None

    @cached_property
    def inputs(self) -> Mapping[str, Input]:
        """The inputs of all trees; of one that several have, the newest wording."""
        return {name: one for tree in self.trees.values() for name, one in tree.inputs.items()}


def load(directory: Path | None = None, default: str | None = None) -> Catalog:
    """The catalog of the bundled trees and those of a directory.

    Raises DocumentError for a faulty document and CatalogError for documents that don't fit together.
    """
    return collect([*_documents(BUNDLED), *(_documents(directory) if directory else ())], default)


def beside_bundled(paths: Iterable[Path]) -> Catalog:
    """The catalog of the bundled trees and some documents, or directories of them, for checking them.

    Raises as `load` does.
    """
    bundled = _documents(BUNDLED)
    known = {path.resolve() for path in bundled}
    given = [one for path in paths for one in (_documents(path) if path.is_dir() else [path])]
    return collect([*bundled, *(path for path in given if path.resolve() not in known)])


def collect(paths: Iterable[Path], default: str | None = None) -> Catalog:
    """The catalog of some documents; those that aren't bundled are an organisation's own.

    Raises as `load` does, after it has looked at every one.
    """
    trees: dict[Path, Tree] = {}
    errors = []
    for path in paths:
        try:
            trees[path] = loader.load(path)
        except loader.DocumentError as error:
            errors.append(str(error))
    if errors:
        raise loader.DocumentError("\n".join(errors))
    _refuse(_same_version(trees))
    _refuse(_disagreements(trees))
    oldest_first = sorted(trees.values(), key=lambda tree: Version.parse(tree.version))
    served = {tree.version: tree for tree in oldest_first if tree.status != "retired"}
    retired = {tree.version: tree for tree in oldest_first if tree.status == "retired"}
    _refuse(_unserved_successors(trees, served))
    own_versions = frozenset(tree.version for path, tree in trees.items() if not _is_bundled(path))
    if default is not None:
        return Catalog(served, _named(default, served, retired), retired, NAMED, own_versions)
    current = [(path, tree) for path, tree in trees.items() if tree.status == "current"]
    if not current:
        _refuse(_no_current(trees))
    own = [tree for path, tree in current if not _is_bundled(path)]
    newest = max(own or [tree for _, tree in current], key=lambda tree: Version.parse(tree.version))
    return Catalog(served, newest, retired, NEWEST_OWN if own else NEWEST_BUNDLED, own_versions)


def _is_bundled(path: Path) -> bool:
    return path.resolve().parent == BUNDLED.resolve()


def _documents(directory: Path) -> list[Path]:
    if not directory.is_dir():
        remedy = "set FINETUNE_ADVISOR_TREES_DIR to one that holds tree documents"
        raise CatalogError(f"{directory}: not a directory; {remedy}")
    try:
        names = sorted(directory.iterdir())
    except OSError as error:
        raise CatalogError(
            f"{directory}: can't be read: {error.strerror}; check its permissions"
        ) from error
    found = [p for p in names if p.suffix in (".yaml", ".yml") and not p.name.startswith(".")]
    if not found:
        raise CatalogError(f"{directory}: holds no *.yaml or *.yml file; add a tree document")
    return found


def _refuse(faults: Iterable[tuple[Path, TreeFault]]) -> None:
    """Raise a CatalogError that names each fault with its file and line, if there is one."""
    by_path: dict[Path, list[TreeFault]] = {}
    for path, fault in faults:
        by_path.setdefault(path, []).append(fault)
    if by_path:
        raise CatalogError("\n".join(str(loader.refusal(*found)) for found in by_path.items()))


def _same_version(trees: Mapping[Path, Tree]) -> Iterator[tuple[Path, TreeFault]]:
    first: dict[str, Path] = {}
    for path, tree in trees.items():
        other = first.setdefault(tree.version, path)
        if other != path:
            problem = f"{tree.version} is taken by {other}"
            yield path, TreeFault(("version",), problem, "give this one another version")


def _disagreements(trees: Mapping[Path, Tree]) -> Iterator[tuple[Path, TreeFault]]:
    """An input keeps its name and type for ever, so that one profile fits every version."""
    first: dict[str, tuple[Path, Input]] = {}
    for path, tree in trees.items():
        for name, one in tree.inputs.items():
            where, other = first.setdefault(name, (path, one))
            for kept in ("type", "unit", "choices", "minimum", "maximum"):
                if getattr(one, kept) != getattr(other, kept):
                    remedy = f"an input keeps its {kept} for ever, so use another name"
                    yield path, TreeFault(("inputs", name, kept), f"differs from {where}", remedy)


def _unserved_successors(
    trees: Mapping[Path, Tree], served: Mapping[str, Tree]
) -> Iterator[tuple[Path, TreeFault]]:
    for path, tree in trees.items():
        if tree.successor and tree.successor not in served:
            remedy = "name a later version that is served, or add its document"
            yield path, TreeFault(("successor",), f"{tree.successor} isn't served", remedy)


def _no_current(trees: Mapping[Path, Tree]) -> Iterator[tuple[Path, TreeFault]]:
    for path, tree in trees.items():
        problem = f"{tree.status}, and no tree is current"
        yield path, TreeFault(("status",), problem, "mark one as current, or set the default version")


def _named(wanted: str, served: Mapping[str, Tree], retired: Mapping[str, Tree]) -> Tree:
    """The tree that the setting names as the default. Raises CatalogError if it isn't served."""
    if wanted in retired:
        standing = lifecycle.standing(retired[wanted])
        remedy = "set FINETUNE_ADVISOR_DEFAULT_TREE_VERSION to that or leave it out"
        raise CatalogError(f"the default version {wanted} is {standing}; {remedy}")
    if wanted not in served:
        remedy = f"set FINETUNE_ADVISOR_DEFAULT_TREE_VERSION to one of {', '.join(served)}"
        raise CatalogError(f"the default version {wanted} isn't served; {remedy}")
    return served[wanted]
