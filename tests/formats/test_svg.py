"""SVG pictures: well-formed, complete, laid out without overlaps, and accessible."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given, settings

from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.conditions import InChoices
from finetune_advisor.engine.model.tree import Branch, Question, Tree
from finetune_advisor.formats import labels, svg
from finetune_advisor.formats.graphics.layout import LayoutLine, lay_out_boxes
from finetune_advisor.formats.graphics.typesetting import break_into_lines, estimate_text_width
from tests import strategies

NAMESPACE = "{http://www.w3.org/2000/svg}"
DECIDED = {
    "prompt_engineering_sufficient": False,
    "knowledge_retrieval_problem": False,
    "narrow_specific_task": True,
    "smaller_model_sufficient": False,
}


@pytest.fixture(params=["tree", "typed", "awkward"])
def each(request: pytest.FixtureRequest) -> Tree:
    """Each tree of these tests."""
    found: Tree = request.getfixturevalue(request.param)
    return found


def _text(element: Element) -> str:
    return re.sub(r"\s", "", "".join(element.itertext()))


def _groups(root: Element, attribute: str, style: str = "") -> list[Element]:
    groups = [one for one in root.iter(f"{NAMESPACE}g") if one.get(attribute)]
    return [one for one in groups if not style or style in one.get("class", "").split()]


def test_every_node_shows_its_text(each: Tree) -> None:
    """Each question and recommendation has a box with its whole text, and its fine-tune answer."""
    boxes = {one.get("data-node"): _text(one) for one in _groups(_drawn(each), "data-node")}
    expected = {q.id: q.text for q in each.questions.values()}
    for leaf in each.recommendations.values():
        expected[leaf.id] = f"{leaf.title} fine-tune: {labels.FINETUNE_LABELS[leaf.finetune]}"
    assert {name: re.sub(r"\s", "", text) for name, text in expected.items()} == boxes


def test_every_branch_is_a_labelled_line(each: Tree) -> None:
    """Each branch has a line from its question to where it leads, labelled with its answer."""
    lines = [(one.get("data-from"), one.get("data-to"), _text(one)) for one in _branches(_drawn(each))]
    expected = [
        (question.id, branch.to, re.sub(r"\s", "", labels.label_branch(each, question, branch)))
        for question in each.questions.values()
        for branch in question.branches
    ]
    assert sorted(expected) == sorted(lines)


def _drawn(tree: Tree, profile: strategies.Known | None = None) -> Element:
    return ElementTree.fromstring(svg.render_svg(tree, profile and evaluate(tree, profile)))


def _branches(root: Element, style: str = "branch") -> list[Element]:
    return _groups(root, "data-from", style)


def test_the_path_stands_out_not_by_colour_alone(tree: Tree) -> None:
    """The path's lines are the assessment's, its questions are numbered, and the rest fades."""
    root, assessment = _drawn(tree, DECIDED), evaluate(tree, DECIDED)
    taken = {(one.get("data-from"), one.get("data-to")) for one in _branches(root, "taken")}
    assert {(step.question.id, step.branch.to) for step in assessment.path} == taken
    stressed = [one.get("data-node") for one in _groups(root, "data-node", "stressed")]
    assert [step.question.id for step in assessment.path] + ["consider_finetuning"] == stressed
    numbers = [one.text for one in root.iter(f"{NAMESPACE}text") if one.get("class") == "badge-text"]
    assert ["1", "2", "3", "4"] == numbers
    assert len(tree.topological_index) - len(stressed) == len(_groups(root, "data-node", "faded"))


def test_the_next_question_is_marked_and_candidates_do_not_fade(tree: Tree) -> None:
    """While undecided, the next question is marked, and everything that can still come out is clear."""
    profile = dict(list(DECIDED.items())[:3])
    root, assessment = _drawn(tree, profile), evaluate(tree, profile)
    assert ["smaller_model"] == [one.get("data-node") for one in _groups(root, "data-node", "next")]
    faded = {one.get("data-node") for one in _groups(root, "data-node", "faded")}
    assert set(tree.recommendations) - set(assessment.candidates) == faded & tree.recommendations.keys()


def test_a_picture_is_accessible_and_stands_alone(each: Tree) -> None:
    """It is an image with a title and a description; it runs no script and fetches nothing."""
    text = svg.render_svg(each)
    root = ElementTree.fromstring(text)
    names = (root.get("aria-labelledby") or "").split()
    assert "img" == root.get("role")
    assert names == [root[0].get("id"), root[1].get("id")]
    assert [f"{NAMESPACE}title", f"{NAMESPACE}desc"] == [root[0].tag, root[1].tag]
    assert f"version {each.version}" in (root[0].text or "")
    assert each.digest in (root[1].text or "")
    fetched = re.findall(r"<script|@import|url\(|href=|https?:", text)
    assert ["http:"] == fetched  # the namespace


def test_the_description_tells_the_path(tree: Tree) -> None:
    """Who can't see the picture hears the answers and the recommendation."""
    description = _drawn(tree, DECIDED)[1].text or ""
    assert "Can a smaller, specialised model handle it? no." in description
    assert description.endswith("Recommended: Consider fine-tuning, as a measured pilot.")


@settings(max_examples=25, deadline=None)
@given(strategies.trees_and_profiles())
def test_any_tree_is_drawn_without_overlaps(drawn: tuple[Tree, strategies.Known]) -> None:
    """Whatever the tree, its boxes and labels lie apart from each other, and inside the picture."""
    root = _drawn(*drawn)
    *_, width, height = map(float, (root.get("viewBox") or "").split())
    groups = _groups(root, "data-node") + _branches(root)
    rects = [one.find(f"{NAMESPACE}rect") for one in groups]
    boxes = [
        {k: float(r.get(k, 0)) for k in ("x", "y", "width", "height")} for r in rects if r is not None
    ]
    for index, one in enumerate(boxes):
        assert 0 <= one["x"] <= width - one["width"]
        assert 0 <= one["y"] <= height - one["height"]
        assert not [other for other in boxes[:index] if _overlap(one, other)]


def _overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    return all(
        one[place] < other[place] + other[size] and other[place] < one[place] + one[size]
        for place, size in (("x", "width"), ("y", "height"))
    )


def test_the_legend_lies_inside_a_small_picture(tree: Tree) -> None:
    """However few boxes there are, all that the legend says of a path can be read."""
    answered, following = ("prompt_engineering_sufficient", "data_sensitive")
    branches = (Branch(InChoices((True,)), "use_api", "a"), Branch(InChoices((False,)), "second"))
    ends = (
        Branch(InChoices((True,)), "use_rag", "b"),
        Branch(InChoices((False,)), "consider_hybrid", "c"),
    )
    questions = {
        "q": Question("q", "?", answered, branches),
        "second": Question("second", "?", following, ends),
    }
    small = replace(tree, questions=questions, root="q")
    root = _drawn(small, {answered: False})
    *_, right, _ = map(float, (root.get("viewBox") or "").split())
    texts = [one for one in root.iter(f"{NAMESPACE}text") if one.get("class") == "small"]
    [marks] = [one for one in texts if "Dashed" in (one.text or "")]

    assert float(marks.get("x", 0)) + estimate_text_width(marks.text or "", 11.5) < right


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target_score ≤ best_prompt_score", ["target_score", "≤ best_prompt_score"]),
        ("a ≥ base_model_lifetime_months_left", ["a", "≥ base_model_", "lifetime_months_left"]),
        ("no_" + 30 * "x", ["no_" + 17 * "x", 13 * "x"]),
        ("", [""]),
    ],
)
def test_names_break_at_their_joints(text: str, expected: list[str]) -> None:
    """A sign stays with what follows it, and a name breaks after `_` unless it has none."""
    assert expected == break_into_lines(text, 160, 13)


def test_a_layout_is_the_same_each_time() -> None:
    """The same boxes and lines lie in the same places, so that a picture can be compared."""
    boxes = dict.fromkeys("abcdef", (100.0, 40.0))
    lines = [LayoutLine(a, b, (30, 16)) for a, b in ("ab", "ac", "bd", "cd", "ce", "bf", "af", "af")]
    assert lay_out_boxes(boxes, lines, 10) == lay_out_boxes(boxes, lines, 10)
