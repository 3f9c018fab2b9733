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

# Reserved words of Rego, which aren't safe behind a dot.
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
    """Render a sound tree as a Rego policy.

    `data.finetune_advisor.outcome` has the recommendation's id and the reason.
    """
    rules = [_rule(tree, question) for question in tree.ordered_questions]
    return "\n\n".join((_head(tree), *rules)) + "\n"


def _head(tree: Tree) -> str:
    identity = {"version": tree.version, "digest": tree.digest}
    types = {name: REGO_TYPES[input_.type] for name, input_ in tree.inputs.items()}
    return POLICY_HEAD_TEMPLATE.format(
        title=_one_line_string(tree.title),
        tree=json.dumps(identity),
        types=json.dumps(types),
        root=_rule_name(tree.root),
        package=PACKAGE_NAME,
        **identity,
    )


def _rule(tree: Tree, question: Question) -> str:
    # JSON's escapes keep control characters out of the comment.
    lines = [f"# {_one_line_string(question.text)[1:-1]}"]
    for test, branch in list_explicit_branches(tree, question):
        value = _value(tree, branch)
        conditions = _conditions(_input(question.input), test)
        lines += [f"{_rule_name(question.id)} := {value} if {condition}" for condition in conditions]
    return "\n".join(lines)


def _value(tree: Tree, branch: Branch) -> str:
    if branch.to in tree.questions:
        return _rule_name(branch.to)
    return f'{{"recommendation": {_string(branch.to)}, "reason": {_string(branch.reason)}}}'


def _conditions(answer: str, test: ExplicitTest) -> list[str]:
    """List the conditions of which one has to hold for a test to pass."""
    # Rego has no "or": each alternative is a body of its own.
    match test:
        case InChoices((value,)):
            return [f"{answer} == {_string(value)}"]
        case InChoices(values):
            return [f"{answer} in {{{', '.join(map(_string, values))}}}"]
        case ComparedBySymbol(symbol, other):
            return [f"{answer} {'==' if symbol == '=' else symbol} {_input(other)}"]
        case _:
            return [_range(answer, range_) for range_ in test.ranges]


def _range(answer: str, range_: InRange) -> str:
    comparisons = [
        f"{answer} {OPERATOR_SYMBOLS[operator]} {format_decimal(value)}"
        for operator, value in range_.ends
    ]
    return comparisons[0] if len(comparisons) == 1 else f"{{ {'; '.join(comparisons)} }}"


def _input(name: str) -> str:
    return f"input[{_string(name)}]" if name in REGO_KEYWORDS else f"input.{name}"


def _rule_name(node: str) -> str:
    """Name the rule of a question."""
    # A question may be called like a keyword.
    return f"question_{node}"


def _string(value: bool | str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _one_line_string(text: str) -> str:
    """Format a text as a string literal without line breaks."""
    return _string(" ".join(text.split()))
