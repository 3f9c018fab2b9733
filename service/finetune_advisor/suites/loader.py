"""Suite documents: YAML files -> test suites, each fault named by file, line and field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate
from semver import Version

from finetune_advisor.engine.analysis.validation import TreeFault
from finetune_advisor.engine.model.inputs import Input
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.suites.runner import Case, Suite
from finetune_advisor.trees import loader, yaml_document
from finetune_advisor.trees.document_schema import NameField, TextField
from finetune_advisor.trees.yaml_document import DocumentError, DocumentSchema, YamlDocument

TreesByVersion = Mapping[str, Tree]


class ProfileField(fields.Field[dict[str, Any]]):
    """An object of inputs and values; whether the tree has them is checked later."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError("not a mapping of inputs to values; write one, or {} for no answers")
        return dict(value)


class CaseNameField(TextField):
    """A name that fits on one line."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, *args, **kwargs)
        if not name.isprintable():
            raise ValidationError("the name has characters that can't be printed; keep to one line")
        return name


class ExpectationDocument(DocumentSchema):
    status = fields.String(validate=validate.OneOf(["decided", "undecided"]))
    recommendation = NameField()
    path = fields.List(NameField())
    candidates = fields.List(NameField(), validate=validate.Length(min=1))
    next_question = NameField()

    @post_load
    def _require_expectation(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        if not data:
            raise ValidationError(f"nothing is expected; write one or more of {', '.join(self.fields)}")
        return data


class CaseDocument(DocumentSchema):
    name = CaseNameField(required=True)
    profile = ProfileField(required=True)
    expect = fields.Nested(ExpectationDocument, required=True)


class SuiteDocument(DocumentSchema):
    tree = TextField(required=True)
    cases = fields.List(fields.Nested(CaseDocument), required=True)


def find_suite_files(place: Path) -> list[Path]:
    """The suite files of a directory, or the one file. Raises DocumentError if there are none."""
    if not place.is_dir():
        return [place]
    found = [p for p in sorted(place.iterdir()) if p.suffix in (".yaml", ".yml") and p.name[0] != "."]
    if not found:
        raise DocumentError(f"{place}: holds no *.yaml or *.yml file; add a suite")
    return found


def load_suites(paths: Iterable[Path], served: TreesByVersion) -> list[Suite]:
    """The suites of some files. Raises DocumentError with the faults of all of them."""
    suites, faults = [], []
    for path in paths:
        try:
            suites.append(load_suite(path, served))
        except DocumentError as error:
            faults.append(str(error))
    if faults:
        raise DocumentError("\n".join(faults))
    return suites


def load_suite(path: Path, served: TreesByVersion) -> Suite:
    """The suite of a file, whose tree is a served version or a document. Raises DocumentError."""
    document = yaml_document.read_document(path, "test suite")
    data = document.load(SuiteDocument())
    tree = _find_tree(document, data["tree"], served)
    faults = [*_find_faults(tree, data["cases"])]
    if faults:
        raise document.build_error(faults)
    cases = (
        Case(line=document.line(("cases", place)), **case) for place, case in enumerate(data["cases"])
    )
    return Suite(path, data["tree"], tree, tuple(cases))


def _find_tree(document: YamlDocument, reference: str, served: TreesByVersion) -> Tree:
    if not Version.is_valid(reference):
        try:
            return loader.load_tree(document.path.parent / reference)
        except DocumentError as error:
            line = document.line(("tree",))
            raise DocumentError(
                f"{document.path}:{line}: tree: can't be tested, since\n{error}"
            ) from error
    if reference not in served:
        problem = f"no tree {reference} is served; served are {', '.join(served)}"
        raise document.build_error(
            [TreeFault(("tree",), problem, "name one, or the path of a document")]
        )
    return served[reference]


def _find_faults(tree: Tree, cases: Sequence[Mapping[str, Any]]) -> Iterator[TreeFault]:
    names: set[str] = set()
    for place, case in enumerate(cases):
        here = ("cases", place)
        if case["name"] in names:
            yield TreeFault((*here, "name"), "another case has this name", "give each its own")
        names.add(case["name"])
        for name, value in case["profile"].items():
            where = (*here, "profile", name)
            if name not in tree.inputs:
                yield TreeFault(where, f"tree {tree.version} has no such input", "correct its name")
            elif not _accepts_value(tree.inputs[name], value):
                quoted = isinstance(value, str) and tree.inputs[name].type != "enum"
                remedy = (
                    f"give {_describe_values(tree.inputs[name])}{', without quotes' if quoted else ''}"
                )
                yield TreeFault(where, "not a value of this input", remedy)
        for field, expected in case["expect"].items():
            yield from _find_unknown_names(tree, (*here, "expect", field), expected)


def _find_unknown_names(tree: Tree, where: tuple[str | int, ...], expected: Any) -> Iterator[TreeFault]:
    """Names that the tree doesn't have, where some are expected."""
    kind = "question" if where[-1] in ("path", "next_question") else "recommendation"
    known = tree.questions if kind == "question" else tree.recommendations
    if isinstance(expected, list):
        places = enumerate(expected)
        missing = [((*where, place), name) for place, name in places if name not in known]
    else:
        missing = [(where, expected)] if where[-1] != "status" and expected not in known else []
    for pointer, name in missing:
        yield TreeFault(pointer, f"tree {tree.version} has no {kind} {name}", "correct its name")


def _accepts_value(one: Input, value: Any) -> bool:
    try:
        one.position(value)
    except (TypeError, ValueError):
        return False
    return True


def _describe_values(one: Input) -> str:
    if one.is_numeric:
        kind = "a whole number" if one.type == "integer" else "a number"
        return f"{kind} from {one.lowest} to {one.highest}"
    return " or ".join(one.choices or ("true", "false"))
