"""The catalog: the tree versions that a process serves, and its default version."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from semver import Version

from finetune_advisor.engine.analysis.validation import TreeFault
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.model.inputs import MEANING_FIELDS, Input
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.trees import lifecycle, loader

BUNDLED_TREES_DIR = Path(__file__).parent / "bundled"
REASON_NAMED_BY_SETTING = "the setting DEFAULT_TREE_VERSION names it"
REASON_NEWEST_OWN = (
    "it is the newest current tree of the organisation, and own trees take precedence over bundled ones"
)
REASON_NEWEST_BUNDLED = (
    "it is the newest current bundled tree, and no tree of the organisation is current"
)


class CatalogError(FinetuneAdvisorError):
    """Tree documents can't be served together; each line of the message names a problem and its remedy."""


class UnknownVersionError(FinetuneAdvisorError):
    """The catalog has no tree of the requested version."""


class RetiredVersionError(FinetuneAdvisorError):
    """The requested version is retired; its `tree` names the successor."""

    def __init__(self, tree: Tree) -> None:
        super().__init__(f"tree {tree.version} is {lifecycle.describe_status(tree)}")
        self.tree = tree


@dataclass(frozen=True, eq=False)
class Catalog:
    """The served trees, the retired ones, and the default.

    `trees` and `retired` map versions to sound trees, oldest first. `default_reason` completes the sentence
    "this is the default because …".
    """

    trees: Mapping[str, Tree]
    default: Tree
    retired: Mapping[str, Tree] = field(default_factory=dict)
    default_reason: str = "it was chosen"
    own_versions: frozenset[str] = frozenset()
    """The versions of the organisation's own trees, retired ones included."""

    def pick(self, version: str | None = None) -> Tree:
        """Return the tree of a version; without a version, the default.

        Raises UnknownVersionError or RetiredVersionError.
        """
        if version is None:
            return self.default
        if version in self.retired:
            raise RetiredVersionError(self.retired[version])
        try:
            return self.trees[version]
        except KeyError:
            served = ", ".join(self.trees)
            raise UnknownVersionError(f"no such tree version is served; served are {served}") from None

    def pick_shadow(self, version: str) -> Tree:
        """Return the tree of the version that the setting names. Raises CatalogError if it isn't served."""
        return _find_named_tree("shadow", version, self.trees, self.retired)

    @cached_property
    def inputs(self) -> Mapping[str, Input]:
        """The inputs of all served trees by name, worded as in the newest tree that has them."""
        # Trees are ordered from oldest to newest, so a newer wording replaces an older one.
        return {name: input_ for tree in self.trees.values() for name, input_ in tree.inputs.items()}

    def find_tree_of_inputs(self, names: Collection[str]) -> Tree:
        """Return the tree that has most of these inputs; of equals, the newest."""
        newest_first = [*self.trees.values()][::-1]  # `max` returns the first of equals
        return max(newest_first, key=lambda tree: len(tree.inputs.keys() & {*names}))


def make_single_tree_catalog(tree: Tree) -> Catalog:
    """Make a catalog with only one tree."""
    return Catalog({tree.version: tree}, tree)


def load_catalog(
    directory: str | Path | None = None,
    default: str | None = None,
    digests: Collection[str] | None = None,
) -> Catalog:
    """Load the bundled trees and, if given, those of a directory.

    `default` is the version to use as the default. `digests` are those that the trees of the directory may
    have; None permits any. Raises DocumentError for faulty documents, and CatalogError for documents that
    contradict each other or have another digest.
    """
    own_documents = find_documents(Path(directory)) if directory else []
    return load_all([*find_documents(BUNDLED_TREES_DIR), *own_documents], default, digests)


def load_with_bundled(paths: Iterable[Path]) -> Catalog:
    """Load the bundled trees and the given documents; a directory stands for the documents in it.

    Raises DocumentError and CatalogError as `load_catalog` does.
    """
    bundled = find_documents(BUNDLED_TREES_DIR)
    # A bundled document that is also named would clash with itself.
    # `Path.resolve` raises for a loop of links, and `Path.is_dir` for a name that is too long.
    # The loader reports both.
    bundled_files = {os.path.realpath(path) for path in bundled}
    named = [
        document
        for path in paths
        for document in (find_documents(path) if os.path.isdir(path) else [path])  # noqa: PTH112
    ]
    return load_all([*bundled, *(path for path in named if os.path.realpath(path) not in bundled_files)])


def load_all(
    paths: Iterable[Path], default: str | None = None, digests: Collection[str] | None = None
) -> Catalog:
    """Load a catalog of exactly the given documents.

    Trees outside the bundled directory count as the organisation's own. Raises DocumentError with the
    faults of all documents, or else CatalogError, as `load_catalog` does.
    """
    trees = _load_trees(paths)
    if digests is not None:
        _raise_on_faults(_find_unlisted_digests(trees, digests))
    _raise_on_faults(_find_version_clashes(trees))
    _raise_on_faults(_find_input_disagreements(trees))
    oldest_first = sorted(trees.values(), key=_semantic_version)
    served = {tree.version: tree for tree in oldest_first if tree.status != "retired"}
    retired = {tree.version: tree for tree in oldest_first if tree.status == "retired"}
    _raise_on_faults(_find_unserved_successors(trees, served))
    if default is None:
        default_tree, reason = _choose_default(trees)
    else:
        default_tree, reason = (
            _find_named_tree("default", default, served, retired),
            REASON_NAMED_BY_SETTING,
        )
    own_versions = frozenset(tree.version for path, tree in trees.items() if not _is_bundled(path))
    return Catalog(served, default_tree, retired, reason, own_versions)


def _load_trees(paths: Iterable[Path]) -> dict[Path, Tree]:
    trees: dict[Path, Tree] = {}
    errors = []
    # Every document is tried, so that an author sees all faults at once.
    for path in paths:
        try:
            trees[path] = _load_bundled_tree(path) if _is_bundled(path) else loader.load_tree(path)
        except loader.DocumentError as error:
            errors.append(str(error))
    if errors:
        raise loader.DocumentError("\n".join(errors))
    return trees


@cache
def _load_bundled_tree(path: Path) -> Tree:
    """Load a bundled tree, once in a process: a reload needs them again, and they never change."""
    return loader.load_tree(path)


def _semantic_version(tree: Tree) -> Version:
    return Version.parse(tree.version)


def _choose_default(trees: Mapping[Path, Tree]) -> tuple[Tree, str]:
    """Choose the newest current tree, and say why; the organisation's own take precedence."""
    current = {path: tree for path, tree in trees.items() if tree.status == "current"}
    if not current:
        _raise_on_faults(_find_lack_of_current(trees))
    # An upgrade that bundles a later version must not change what an organisation's instances advise.
    own = [tree for path, tree in current.items() if not _is_bundled(path)]
    newest = max(own or current.values(), key=_semantic_version)
    return newest, REASON_NEWEST_OWN if own else REASON_NEWEST_BUNDLED


def _is_bundled(path: Path) -> bool:
    return Path(os.path.realpath(path)).parent == Path(os.path.realpath(BUNDLED_TREES_DIR))


def find_documents(directory: Path) -> list[Path]:
    """Return the paths of the tree documents in a directory, sorted. Raises CatalogError if it has none."""
    try:
        if not directory.is_dir():
            remedy = "set FINETUNE_ADVISOR_TREES_DIR to one that holds tree documents"
            raise CatalogError(f"{directory}: not a directory; {remedy}")
        # Sorted, since directories list their files in an order that differs between machines.
        paths = sorted(directory.iterdir())
    except OSError as error:
        raise CatalogError(
            f"{directory}: can't be read: {error.strerror}; check its permissions"
        ) from error
    # Editors leave hidden files beside a document, such as Emacs' lock .#tree.yaml.
    documents = [p for p in paths if p.suffix in (".yaml", ".yml") and not p.name.startswith(".")]
    if not documents:
        raise CatalogError(f"{directory}: holds no *.yaml or *.yml file; add a tree document")
    return documents


def _raise_on_faults(faults: Iterable[tuple[Path, TreeFault]]) -> None:
    """Raise a CatalogError that lists every fault with its file and line, unless there are none."""
    by_path: dict[Path, list[TreeFault]] = {}
    for path, fault in faults:
        by_path.setdefault(path, []).append(fault)
    if by_path:
        errors = [loader.build_document_error(*path_and_faults) for path_and_faults in by_path.items()]
        raise CatalogError("\n".join(map(str, errors)))


def _find_unlisted_digests(
    trees: Mapping[Path, Tree], digests: Collection[str]
) -> Iterator[tuple[Path, TreeFault]]:
    for path, tree in trees.items():
        if not _is_bundled(path) and tree.digest not in digests:
            problem = f"{tree.version} has the digest {tree.digest}, which isn't permitted"
            remedy = "add it to FINETUNE_ADVISOR_TREE_DIGESTS, undo the change, or remove the document"
            yield path, TreeFault(("version",), problem, remedy)


def _find_version_clashes(trees: Mapping[Path, Tree]) -> Iterator[tuple[Path, TreeFault]]:
    first: dict[str, Path] = {}
    for path, tree in trees.items():
        first_path = first.setdefault(tree.version, path)
        if first_path != path:
            problem = f"{tree.version} is taken by {first_path}"
            yield path, TreeFault(("version",), problem, "give this one another version")


def _find_input_disagreements(trees: Mapping[Path, Tree]) -> Iterator[tuple[Path, TreeFault]]:
    """Find inputs that two trees define differently."""
    # One profile has to fit every version, so only an input's wording may change.
    first: dict[str, tuple[Path, Input]] = {}
    for path, tree in trees.items():
        for name, input_ in tree.inputs.items():
            first_path, first_input = first.setdefault(name, (path, input_))
            for attribute in MEANING_FIELDS:
                if getattr(input_, attribute) != getattr(first_input, attribute):
                    remedy = f"an input keeps its {attribute} for ever, so use another name"
                    pointer = ("inputs", name, attribute)
                    yield path, TreeFault(pointer, f"differs from {first_path}", remedy)


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


def _find_named_tree(
    role: str, wanted: str, served: Mapping[str, Tree], retired: Mapping[str, Tree]
) -> Tree:
    """Return the tree that the setting of a role names, which is `default` or `shadow`.

    Raises CatalogError if that version isn't served.
    """
    variable = f"FINETUNE_ADVISOR_{role.upper()}_TREE_VERSION"
    if wanted in retired:
        status = lifecycle.describe_status(retired[wanted])
        remedy = f"set {variable} to that or leave it out"
        raise CatalogError(f"the {role} version {wanted} is {status}; {remedy}")
    if wanted not in served:
        remedy = f"set {variable} to one of {', '.join(served)}"
        raise CatalogError(f"the {role} version {wanted} isn't served; {remedy}")
    return served[wanted]
