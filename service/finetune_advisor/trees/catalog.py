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

BUNDLED_TREES_DIR = Path(__file__).parent / "bundled"
REASON_NAMED_BY_SETTING = "the setting DEFAULT_TREE_VERSION names it"
REASON_NEWEST_OWN = (
    "it is the newest current one of the organisation's own trees, which go before the bundled ones"
)
REASON_NEWEST_BUNDLED = (
    "it is the newest current one of the bundled trees, and no tree of the organisation is current"
)


class CatalogError(FinetuneAdvisorError):
    """The tree documents can't be served together; each line of the message says why and what to do."""


class UnknownVersionError(FinetuneAdvisorError):
    """No tree of that version is served."""


class RetiredVersionError(FinetuneAdvisorError):
    """The version was served once, and has a successor."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(f"tree {tree.version} is {lifecycle.describe_status(tree)}")
        self.tree = tree


@dataclass(frozen=True, eq=False)
class Catalog:
    """Sound trees by version, oldest first; the default one, and why it is that; the trees served no more."""

    trees: Mapping[str, Tree]
    default: Tree
    retired: Mapping[str, Tree] = field(default_factory=dict)
    default_reason: str = "it was chosen"
    own_versions: frozenset[str] = frozenset()
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


def load_catalog(directory: Path | None = None, default: str | None = None) -> Catalog:
    """The catalog of the bundled trees and those of a directory.

    Raises DocumentError for a faulty document and CatalogError for documents that don't fit together.
    """
    return load_all(
        [*_find_documents(BUNDLED_TREES_DIR), *(_find_documents(directory) if directory else ())],
        default,
    )


def load_with_bundled(paths: Iterable[Path]) -> Catalog:
    """The catalog of the bundled trees and some documents, or directories of them, for checking them.

    Raises as `load` does.
    """
    bundled = _find_documents(BUNDLED_TREES_DIR)
    known = {path.resolve() for path in bundled}
    given = [one for path in paths for one in (_find_documents(path) if path.is_dir() else [path])]
    return load_all([*bundled, *(path for path in given if path.resolve() not in known)])


def load_all(paths: Iterable[Path], default: str | None = None) -> Catalog:
    """The catalog of some documents; those that aren't bundled are an organisation's own.

    Raises as `load` does, after it has looked at every one.
    """
    trees: dict[Path, Tree] = {}
    errors = []
    for path in paths:
        try:
            trees[path] = loader.load_tree(path)
        except loader.DocumentError as error:
            errors.append(str(error))
    if errors:
        raise loader.DocumentError("\n".join(errors))
    _raise_on_faults(_find_version_clashes(trees))
    _raise_on_faults(_find_input_disagreements(trees))
    oldest_first = sorted(trees.values(), key=lambda tree: Version.parse(tree.version))
    served = {tree.version: tree for tree in oldest_first if tree.status != "retired"}
    retired = {tree.version: tree for tree in oldest_first if tree.status == "retired"}
    _raise_on_faults(_find_unserved_successors(trees, served))
    own_versions = frozenset(tree.version for path, tree in trees.items() if not _is_bundled(path))
    if default is not None:
        return Catalog(
            served,
            _find_named_default(default, served, retired),
            retired,
            REASON_NAMED_BY_SETTING,
            own_versions,
        )
    current = [(path, tree) for path, tree in trees.items() if tree.status == "current"]
    if not current:
        _raise_on_faults(_find_lack_of_current(trees))
    own = [tree for path, tree in current if not _is_bundled(path)]
    newest = max(own or [tree for _, tree in current], key=lambda tree: Version.parse(tree.version))
    return Catalog(
        served, newest, retired, REASON_NEWEST_OWN if own else REASON_NEWEST_BUNDLED, own_versions
    )


def _is_bundled(path: Path) -> bool:
    return path.resolve().parent == BUNDLED_TREES_DIR.resolve()


def _find_documents(directory: Path) -> list[Path]:
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


def _raise_on_faults(faults: Iterable[tuple[Path, TreeFault]]) -> None:
    """Raise a CatalogError that names each fault with its file and line, if there is one."""
    by_path: dict[Path, list[TreeFault]] = {}
    for path, fault in faults:
        by_path.setdefault(path, []).append(fault)
    if by_path:
        raise CatalogError(
            "\n".join(str(loader.build_document_error(*found)) for found in by_path.items())
        )


def _find_version_clashes(trees: Mapping[Path, Tree]) -> Iterator[tuple[Path, TreeFault]]:
    first: dict[str, Path] = {}
    for path, tree in trees.items():
        other = first.setdefault(tree.version, path)
        if other != path:
            problem = f"{tree.version} is taken by {other}"
            yield path, TreeFault(("version",), problem, "give this one another version")


def _find_input_disagreements(trees: Mapping[Path, Tree]) -> Iterator[tuple[Path, TreeFault]]:
    """An input keeps its name and type for ever, so that one profile fits every version."""
    first: dict[str, tuple[Path, Input]] = {}
    for path, tree in trees.items():
        for name, one in tree.inputs.items():
            where, other = first.setdefault(name, (path, one))
            for kept in ("type", "unit", "choices", "minimum", "maximum"):
                if getattr(one, kept) != getattr(other, kept):
                    remedy = f"an input keeps its {kept} for ever, so use another name"
                    yield path, TreeFault(("inputs", name, kept), f"differs from {where}", remedy)


def _find_unserved_successors(
    trees: Mapping[Path, Tree], served: Mapping[str, Tree]
) -> Iterator[tuple[Path, TreeFault]]:
    for path, tree in trees.items():
        if tree.successor and tree.successor not in served:
            remedy = "name a later version that is served, or add its document"
            yield path, TreeFault(("successor",), f"{tree.successor} isn't served", remedy)


def _find_lack_of_current(trees: Mapping[Path, Tree]) -> Iterator[tuple[Path, TreeFault]]:
    for path, tree in trees.items():
        problem = f"{tree.status}, and no tree is current"
        yield path, TreeFault(("status",), problem, "mark one as current, or set the default version")


def _find_named_default(wanted: str, served: Mapping[str, Tree], retired: Mapping[str, Tree]) -> Tree:
    """The tree that the setting names as the default. Raises CatalogError if it isn't served."""
    if wanted in retired:
        standing = lifecycle.describe_status(retired[wanted])
        remedy = "set FINETUNE_ADVISOR_DEFAULT_TREE_VERSION to that or leave it out"
        raise CatalogError(f"the default version {wanted} is {standing}; {remedy}")
    if wanted not in served:
        remedy = f"set FINETUNE_ADVISOR_DEFAULT_TREE_VERSION to one of {', '.join(served)}"
        raise CatalogError(f"the default version {wanted} isn't served; {remedy}")
    return served[wanted]
