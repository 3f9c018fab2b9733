"""The tool `describe_input`."""

from __future__ import annotations

from finetune_advisor import load_catalog
from finetune_advisor.agents.input_text import describe_range_in_unit
from finetune_advisor.agents.tools import Tools
from tests.agents.conftest import Call

CATALOG = load_catalog()


def test_without_a_name_all_inputs_are_listed(call: Call) -> None:
    """With the answers that each takes, to map what a person said."""
    answer = call("describe_input", tree_version="2.0.0")

    assert [*CATALOG.pick("2.0.0").inputs] == [input_["input"] for input_ in answer.data["inputs"]]
    assert "- eval_examples (a whole number from 0 to 10,000,000, in examples): " in answer.text
    assert "- rag_status (not_tried, meets_target, below_target): " in answer.text


def test_an_input_comes_with_question_choices_and_sources(call: Call) -> None:
    """Everything that a person may ask about a question."""
    answer = call("describe_input", input="prompt_result", tree_version="3.0.0")
    input_ = CATALOG.pick("3.0.0").inputs["prompt_result"]

    assert list(input_.choices) == answer.data["choices"]
    assert dict(input_.choice_help) == answer.data["choice_help"]
    assert "How does your best prompt do against what you need?" == answer.data["questions"][0]["text"]
    assert answer.data["sources"][-1]["url"].startswith("https://")
    assert input_.help in answer.text
    for source in answer.data["sources"]:
        assert f"<{source['url']}>" in answer.text  # in one piece


def test_an_input_of_another_tree_is_described_by_that(call: Call) -> None:
    """An agent needn't know which version has an input."""
    answer = call("describe_input", input="rag_status")

    assert "2.0.0" == answer.data["tree_version"]
    assert "Tree 1.0.0 doesn't have this input." in answer.text


def test_a_worksheet_says_how_to_work_the_value_out(call: Call) -> None:
    """By its summary and its formula in words, and with its sources."""
    name, tree = next(
        (name, tree)
        for tree in CATALOG.trees.values()
        for name, input_ in tree.inputs.items()
        if input_.worksheet
    )
    answer = call("describe_input", input=name, tree_version=tree.version)

    worksheet = tree.inputs[name].worksheet
    assert worksheet
    assert worksheet.formula == answer.data["worksheet"]["formula"]
    assert f"To work it out: {worksheet.summary}" in answer.text


def test_a_range_has_the_same_words_everywhere(tools: Tools, call: Call) -> None:
    """In the list, in the description, and in what a wrong answer comes back with."""
    text = describe_range_in_unit(CATALOG.pick("2.0.0").inputs["eval_examples"])
    refusal = tools.call("assess", {"profile": {"eval_examples": "12%"}})

    assert "a whole number from 0 to 10,000,000, in examples" == text
    assert f"eval_examples ({text})" in call("describe_input", tree_version="2.0.0").text
    assert f"Answer with {text}." in call("describe_input", input="eval_examples").text
    assert f"it takes {text}" in refusal.text
