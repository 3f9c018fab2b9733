"""A tree as an Open Policy Agent policy in Rego: a rule for each question, a body for each branch."""

from __future__ import annotations

import json

from finetune_advisor.engine.model.conditions import OPERATOR_SYMBOLS, InChoices, InRange
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from finetune_advisor.formats.explicit_branches import (
    ComparedBySymbol,
    ExplicitTest,
    list_explicit_branches,
)
from finetune_advisor.formats.numbers import format_decimal

REGO_KEYWORDS = frozenset(
    (
        *("as", "contains", "data", "default", "else", "every", "false", "if", "import", "in"),
        *("input", "not", "null", "package", "some", "true", "with"),
    )
)
PACKAGE_NAME = "finetune_advisor"
REGO_TYPES = {"boolean": "boolean", "enum": "string", "integer": "number", "number": "number"}
POLICY_HEAD_TEMPLATE = """\
# METADATA
# title: {title}
# custom:
#   version: "{version}"
#   digest: "{digest}"
package {package}

import rego.v1

tree := {tree}

types := {types}

# Rego compares values of different types; only answers of the right type count here.
wrong contains name if {{
	some name, type in types
	type_name(input[name]) != type
}}

outcome := {root} if count(wrong) == 0"""


def render_rego(tree: Tree) -> str:
    """A policy whose `data.finetune_advisor.outcome` has the recommendation's id, and the reason why."""
    rules = [_rule(tree, question) for question in tree.ordered_questions]
    return "\n\n".join((_head(tree), *rules)) + "\n"


def _head(tree: Tree) -> str:
    names = {"version": tree.version, "digest": tree.digest}
    types = {name: REGO_TYPES[one.type] for name, one in tree.inputs.items()}
    return POLICY_HEAD_TEMPLATE.format(
        title=_one_line_string(tree.title),
        tree=json.dumps(names),
        types=json.dumps(types),
        root=_rule_name(tree.root),
        package=PACKAGE_NAME,
        **names,
    )


def _rule(tree: Tree, question: Question) -> str:
    heads = [f"# {_one_line_string(question.text)[1:-1]}"]
    for test, branch in list_explicit_branches(tree, question):
        value = _value(tree, branch)
        conditions = _conditions(_input(question.input), test)
        heads += [f"{_rule_name(question.id)} := {value} if {condition}" for condition in conditions]
    return "\n".join(heads)


def _value(tree: Tree, branch: Branch) -> str:
    if branch.to in tree.questions:
        return _rule_name(branch.to)
    return f'{{"recommendation": {_string(branch.to)}, "reason": {_string(branch.reason)}}}'


def _conditions(answer: str, test: ExplicitTest) -> list[str]:
    """The conditions any of which passes a test; Rego says "or" with one body each."""
    match test:
        case InChoices((value,)):
            return [f"{answer} == {_string(value)}"]
        case InChoices(values):
            return [f"{answer} in {{{', '.join(map(_string, values))}}}"]
        case ComparedBySymbol(symbol, other):
            return [f"{answer} {'==' if symbol == '=' else symbol} {_input(other)}"]
        case _:
            return [_range(answer, one) for one in test.ranges]


def _range(answer: str, one: InRange) -> str:
    ends = [f"{answer} {OPERATOR_SYMBOLS[operator]} {format_decimal(end)}" for operator, end in one.ends]
    return ends[0] if len(ends) == 1 else f"{{ {'; '.join(ends)} }}"


def _input(name: str) -> str:
    return f"input[{_string(name)}]" if name in REGO_KEYWORDS else f"input.{name}"


def _rule_name(node: str) -> str:
    """A question's rule; the prefix keeps it off the keywords."""
    return f"question_{node}"


def _string(value: bool | str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _one_line_string(text: str) -> str:
    """A text as a string on one line, for a comment."""
    return _string(" ".join(text.split()))
