"""Assesses and explains profiles with one tree, for programs, the command line, pages and the service."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

from marshmallow import ValidationError

from finetune_advisor.assessing.next_questions import find_next_question
from finetune_advisor.engine.analysis.explanation import Explainer, Explanation
from finetune_advisor.engine.errors import FinetuneAdvisorError
from finetune_advisor.engine.evaluation.compiled import CompiledTree
from finetune_advisor.engine.evaluation.exact import Assessment
from finetune_advisor.engine.model.inputs import Profile
from finetune_advisor.engine.model.tree import OpenQuestion, Tree
from finetune_advisor.schemas.error_details import iter_error_details, unknown_name_detail
from finetune_advisor.schemas.requests import DEFAULT_COUNTERFACTUALS, profile_schema
from finetune_advisor.trees.catalog import Catalog, make_single_tree_catalog


class InvalidProfileError(FinetuneAdvisorError, ValueError):
    """A profile is invalid. `errors` has a `pointer` to each fault, and a `detail` that says what to do."""

    def __init__(self, errors: Collection[Mapping[str, str]]) -> None:
        super().__init__("\n".join(f"{error['pointer']}: {error['detail']}" for error in errors))
        self.errors = tuple(errors)

    def __reduce__(self) -> tuple[type[InvalidProfileError], tuple[Any]]:
        # By default, an exception is pickled with its message alone.
        return InvalidProfileError, (self.errors,)


class Advisor:
    """Assesses and explains profiles with one tree.

    A profile maps names of inputs to answers: booleans, numbers or texts. It leaves out what isn't known.
    It may have inputs of the other trees of `catalog`: these are ignored, and listed in the assessment.
    Threads can share an advisor, and it can be pickled. Raises ValueError if `catalog` lacks the tree.
    """

    def __init__(self, tree: Tree, catalog: Catalog | None = None) -> None:
        self.tree = tree
        if catalog is not None:
            _require_tree(tree, catalog)
        self._catalog = catalog or make_single_tree_catalog(tree)
        self.compiled = CompiledTree(tree)
        self.profile_schema = profile_schema(self._catalog)()

    def __reduce__(self) -> tuple[type[Advisor], tuple[Tree, Catalog]]:
        # What is prepared from the tree is made anew in the other process.
        return Advisor, (self.tree, self._catalog)

    def assess(self, profile: Mapping[str, Any]) -> Assessment:
        """Return the assessment of a profile. Raises InvalidProfileError."""
        return self.compiled.evaluate(self.validate(profile))

    def next_question(
        self, profile: Mapping[str, Any], *, skipped: Collection[str] = ()
    ) -> OpenQuestion | None:
        """Return the question to ask next, or None if no answer that isn't skipped can change the outcome.

        `skipped` are the names of inputs that can't be answered. Raises InvalidProfileError, and ValueError
        for a name that no tree of the catalog has.
        """
        _require_known("skipped", skipped, self._catalog.inputs)
        valid = self.validate(profile)
        assessment = self.compiled.evaluate(valid)
        return find_next_question(self.tree, valid, assessment, skipped)

    def explain(
        self,
        profile: Mapping[str, Any],
        *,
        target: str | None = None,
        frozen: Collection[str] = (),
        limit: int | None = DEFAULT_COUNTERFACTUALS,
    ) -> Explanation:
        """Return why a profile gets its assessment, and what would change it.

        Counterfactuals are the smallest changes that lead to another recommendation: only to the one with
        the id `target`, if given. They don't change `frozen` inputs. There are at most `limit` of them; None
        is no limit. Raises InvalidProfileError, and ValueError for a wrong argument.
        """
        _require_known("target", [] if target is None else [target], self._recommendations)
        _require_known("frozen", frozen, self._catalog.inputs)
        if limit is not None and limit < 1:
            raise ValueError(f"limit: {limit} is too few; give at least 1, or None for no limit")
        return self.explainer.explain(self.validate(profile), target=target, frozen=frozen, limit=limit)

    @cached_property
    def _recommendations(self) -> list[str]:
        """The ids of the recommendations of all trees whose inputs a profile may have, each once."""
        trees = self._catalog.trees.values()
        return [*dict.fromkeys(name for tree in trees for name in tree.recommendations)]

    @cached_property
    def explainer(self) -> Explainer:
        """The explainer of assessments of valid profiles."""
        return Explainer(self.tree, self.compiled.table)

    def validate(self, profile: Mapping[str, Any]) -> Profile:
        """Return a profile as the engine takes it. Raises InvalidProfileError."""
        if self.profile_schema.is_plainly_valid(profile):
            return profile
        try:
            valid: Profile = self.profile_schema.load(profile)
        except ValidationError as error:
            details = iter_error_details(error.messages_dict, self.profile_schema, in_body=True)
            # Without its cause, which is marshmallow's and says the same in another form.
            raise InvalidProfileError([*details]) from None
        return valid


def _require_tree(tree: Tree, catalog: Catalog) -> None:
    """Raise ValueError if a catalog doesn't have a tree. It would then refuse the tree's own inputs."""
    served = catalog.trees.get(tree.version)
    if served is None or served.digest != tree.digest:
        other = f"another tree {tree.version}" if served else f"no tree {tree.version}"
        raise ValueError(
            f"the catalog has {other}; load the tree's directory with load_catalog and pick the tree from "
            "it, or give the tree without a catalog"
        )


def _require_known(argument: str, names: Collection[str], known: Collection[str]) -> None:
    """Raise ValueError if one of the names in an argument isn't known."""
    for name in names:
        if name not in known:
            raise ValueError(f"{argument}: {name!r}: {unknown_name_detail(name, [*known])}")
