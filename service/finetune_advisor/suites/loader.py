"""Loads test suites from YAML, and reports each fault by file, line and field."""

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
from finetune_advisor.trees.yaml_reader import Pointer

TreesByVersion = Mapping[str, Tree]


class ProfileField(fields.Field[dict[str, Any]]):
    """A profile: a mapping of inputs to values."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise ValidationError("not a mapping of inputs to values; write one, or {} for no answers")
        # The values are checked later: the tree, which defines the inputs, isn't known here.
        return dict(value)


class CaseNameField(TextField):
    """A case's name: printable characters on one line."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        name = super()._deserialize(value, *args, **kwargs)
        # Reports print names as they are, and build servers use them as keys.
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


def find_suite_files(path: Path) -> list[Path]:
    """List the suite files of a directory in the order of their names; a file stands for itself.

    Raises DocumentError if a directory has none.
    """
    if not path.is_dir():
        return [path]
    files = [p for p in sorted(path.iterdir()) if p.suffix in (".yaml", ".yml") and p.name[0] != "."]
    if not files:
        raise DocumentError(f"{path}: holds no *.yaml or *.yml file; add a suite")
    return files


def load_suites(paths: Iterable[Path], served: TreesByVersion) -> list[Suite]:
    """Load the suites of several files. Raises DocumentError with the faults of all of them."""
    suites, errors = [], []
    for path in paths:
        try:
            suites.append(load_suite(path, served))
        except DocumentError as error:
            errors.append(str(error))
    if errors:
        raise DocumentError("\n".join(errors))
    return suites


def load_suite(path: Path, served: TreesByVersion) -> Suite:
    """Load a suite and the tree that it tests.

    The suite names a served version, or the path of a tree document, relative to the suite's file.
    Raises DocumentError.
    """
    document = yaml_document.read_document(path, "test suite")
    data = document.load(SuiteDocument())
    tree = _find_tree(document, data["tree"], served)
    faults = [*_find_faults(tree, data["cases"])]
    if faults:
        raise document.build_error(faults)
    cases = [
        Case(line=document.line(("cases", index)), **case) for index, case in enumerate(data["cases"])
    ]
    return Suite(path, data["tree"], tree, tuple(cases))


def _find_tree(document: YamlDocument, reference: str, served: TreesByVersion) -> Tree:
    if not Version.is_valid(reference):
        try:
            # The result must not depend on the directory in which the command is run.
            return loader.load_tree(document.path.parent / reference)
        except DocumentError as error:
            line = document.line(("tree",))
            problem = f"{document.path}:{line}: tree: can't be tested, since"
            raise DocumentError(f"{problem}\n{error}") from error
    if reference not in served:
        problem = f"no tree {reference} is served; served are {', '.join(served)}"
        raise document.build_error(
            [TreeFault(("tree",), problem, "name one, or the path of a document")]
        )
    return served[reference]


def _find_faults(tree: Tree, cases: Sequence[Mapping[str, Any]]) -> Iterator[TreeFault]:
    """Find repeated names, and everything in the cases that the tree doesn't have."""
    names: set[str] = set()
    for index, case in enumerate(cases):
        pointer = ("cases", index)
        # Build servers take two cases of one name for the same case.
        if case["name"] in names:
            yield TreeFault((*pointer, "name"), "another case has this name", "give each its own")
        names.add(case["name"])
        yield from _find_profile_faults(tree, (*pointer, "profile"), case["profile"])
        for field, expected in case["expect"].items():
            yield from _find_unknown_names(tree, (*pointer, "expect", field), expected)


def _find_profile_faults(
    tree: Tree, pointer: Pointer, profile: Mapping[str, Any]
) -> Iterator[TreeFault]:
    for name, value in profile.items():
        if name not in tree.inputs:
            # The service ignores unknown inputs. In a test they are most likely a typing error.
            problem = f"tree {tree.version} has no such input"
            yield TreeFault((*pointer, name), problem, "correct its name")
        elif not _accepts_value(tree.inputs[name], value):
            is_quoted = isinstance(value, str) and tree.inputs[name].type != "enum"
            hint = ", without quotes" if is_quoted else ""
            remedy = f"give {_describe_values(tree.inputs[name])}{hint}"
            yield TreeFault((*pointer, name), "not a value of this input", remedy)


def _find_unknown_names(tree: Tree, pointer: Pointer, expected: Any) -> Iterator[TreeFault]:
    """Find names of questions and recommendations, in one field of `expect`, that the tree doesn't have."""
    field = pointer[-1]
    if field == "status":
        return
    kind = "question" if field in ("path", "next_question") else "recommendation"
    known = tree.questions if kind == "question" else tree.recommendations
    if isinstance(expected, list):
        names = [((*pointer, index), name) for index, name in enumerate(expected)]
    else:
        names = [(pointer, expected)]
    for name_pointer, name in names:
        if name not in known:
            problem = f"tree {tree.version} has no {kind} {name}"
            yield TreeFault(name_pointer, problem, "correct its name")


def _accepts_value(input_: Input, value: Any) -> bool:
    try:
        input_.position(value)
    except (TypeError, ValueError):
        return False
    return True


def _describe_values(input_: Input) -> str:
    if input_.is_numeric:
        kind = "a whole number" if input_.type == "integer" else "a number"
        return f"{kind} from {input_.lowest} to {input_.highest}"
    return " or ".join(input_.choices or ("true", "false"))
