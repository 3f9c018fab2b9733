"""What a tree in JDM, DMN or Rego carries besides the decision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from xml.etree import ElementTree

import pytest
import zen

from finetune_advisor.engine.model.conditions import Bound, InRange, Otherwise
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import dmn, jdm, rego, svg
from tests.families import row_of_questions
from tests.formats.oracles import Oracle

DMN = {
    "d": "https://www.omg.org/spec/DMN/20191111/MODEL/",
    "i": "https://www.omg.org/spec/DMN/20191111/DMNDI/",
    "c": "http://www.omg.org/spec/DMN/20180521/DC/",
}
EXPORT = """
import sys
from finetune_advisor.trees import catalog, loader
from finetune_advisor.formats import dmn, jdm, mermaid, rego, svg
from pathlib import Path
tree = loader.load_tree(Path(sys.argv[1]))
for render in (dmn.render_dmn, jdm.render_jdm, mermaid.render_mermaid, rego.render_rego, svg.render_svg):
    sys.stdout.buffer.write(render(tree).encode())
"""


@pytest.mark.parametrize("render", [jdm.render_jdm, dmn.render_dmn, rego.render_rego])
def test_an_export_names_its_tree(tree: Tree, render: object) -> None:
    """Version and digest stand in every export, so that one can tell what it was made from."""
    assert callable(render)
    text = render(tree)
    assert tree.version in text
    assert tree.digest in text


def test_an_export_is_the_same_in_every_process(request: pytest.FixtureRequest) -> None:
    """The seed of Python's hashes changes not a byte of any notation."""
    path = request.path.parent / "typed.yaml"
    seeds = ({**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2"))
    command = [sys.executable, "-c", EXPORT, str(path)]
    first, second = (subprocess.run(command, env=one, capture_output=True, check=True) for one in seeds)
    assert len(first.stdout) > 10_000
    assert first.stdout == second.stdout


def test_dmn_draws_every_element(typed: Tree) -> None:
    """Every decision, input and requirement has a shape or an edge, so that modellers show a diagram."""
    root = ElementTree.fromstring(dmn.render_dmn(typed).encode())
    tags = ("decision", "inputData", "informationRequirement")
    elements = [one.get("id") for tag in tags for one in root.iterfind(f".//d:{tag}", DMN)]
    drawn = [one.get("dmnElementRef") for one in root.iterfind(".//i:DMNDiagram/*", DMN)]
    assert sorted(map(str, elements)) == sorted(map(str, drawn))


def test_dmn_keeps_the_texts_and_the_ranges(typed: Tree) -> None:
    """Each question keeps its text, and each numeric input its range."""
    root = ElementTree.fromstring(dmn.render_dmn(typed).encode())
    texts = [one.text for one in root.iterfind("d:decision/d:question", DMN)]
    assert [
        typed.title,
        *(typed.questions[n].text for n in typed.topological_index if n in typed.questions),
    ] == texts
    allowed = {
        item.get("name"): item.findtext("d:allowedValues/d:text", None, DMN)
        for item in root.iterfind("d:itemDefinition", DMN)
    }
    assert "[0..5000]" == allowed["t_examples"]
    assert ">= 0.5" == allowed["t_change_days"]
    assert '"solo", "small", "medium", "large"' == allowed["t_team"]


def test_dmn_renames_inputs_that_feel_cannot_take(awkward: Tree) -> None:
    """Keywords and names that are taken end in an underscore, and no two names become one."""
    names = dmn.choose_input_names(awkward)
    assert {
        "if": "if_",
        "null": "null__",
        "null_": "null_",
        "outcome": "outcome_",
    }.items() <= names.items()
    assert len(names) == len(set(names.values()))


def test_dmn_is_well_formed_whatever_the_title(typed: Tree) -> None:
    """What XML can't carry is replaced in the model's name, too."""
    root = ElementTree.fromstring(dmn.render_dmn(replace(typed, title="nul\0")).encode())

    assert "nul\ufffd" == root.get("name")


def test_jdm_checks_the_inputs(typed: Tree) -> None:
    """The model's own schema refuses a profile whose answer has another type or lies out of range."""
    decision = zen.ZenEngine().create_decision(jdm.render_jdm(typed))
    for answer in ({"team": "huge"}, {"examples": -1}, {"examples": "many"}, {"api_usable": 1}):
        with pytest.raises(RuntimeError, match=f"/{next(iter(answer))}"):
            decision.evaluate(json.dumps(answer))


def test_jdm_refuses_a_bound_that_it_cannot_carry(typed: Tree) -> None:
    """A number of more than 28 decimals is refused rather than rounded: the export would decide otherwise."""
    stability = typed.questions["stability"]
    first, *others = stability.branches
    tiny = replace(first, test=InRange(None, Bound(1e-29, inclusive=False)))
    question = replace(stability, branches=(tiny, *others))
    with pytest.raises(jdm.InexpressibleNumberError, match="question stability compares with 1e-29"):
        jdm.render_jdm(replace(typed, questions={**typed.questions, "stability": question}))


def test_small_numbers_have_no_exponents(typed: Tree) -> None:
    """DMN has none, and nobody reads them in a picture."""
    stability, drift = typed.questions["stability"], typed.inputs["drift"]
    tiny, large = Bound(5e-5, inclusive=False), Bound(5e-5, inclusive=True)
    tests = InRange(None, tiny), InRange(large, Bound(7, inclusive=True)), Otherwise()
    branches = tuple(replace(b, test=t) for b, t in zip(stability.branches, tests, strict=True))
    tree = replace(
        typed,
        inputs={**typed.inputs, "drift": replace(drift, minimum=-1e-7)},
        questions={**typed.questions, "stability": replace(stability, branches=branches)},
    )
    for render in (dmn.render_dmn, rego.render_rego, svg.render_svg):
        text = render(tree)
        assert "0.00005" in text
        assert "e-05" not in text
    assert "&gt;= -0.0000001" in dmn.render_dmn(tree)
    assert "[0.00005..7]" in dmn.render_dmn(tree)


def test_rego_decides_nothing_on_answers_of_another_type(typed: Tree, rego_oracle: Oracle) -> None:
    """Rego orders values of different types; the policy doesn't take a text for a large number."""
    profile = {"team": "small", "examples": 600, "drift": 9, "api_usable": False}
    odd = {"examples": "600"}, {"drift": None}, {"api_usable": "no"}, {"team": 3}
    found = rego_oracle.outcomes(rego.render_rego(typed), [profile, *(profile | one for one in odd)])
    assert [{"recommendation": "tune", "reason": "Nothing else is left."}, *[None] * 4] == found


def test_a_row_of_many_questions_is_placed_in_a_grid() -> None:
    """A layout of it takes too long; no two nodes lie on each other all the same, in JDM and in DMN."""
    tree = row_of_questions(100)
    nodes = json.loads(jdm.render_jdm(tree))["nodes"]
    places = {(node["position"]["x"], node["position"]["y"]) for node in nodes}
    boxes = ElementTree.fromstring(dmn.render_dmn(tree)).findall(".//c:Bounds", DMN)
    corners = {(box.get("x"), box.get("y")) for box in boxes}

    assert len(nodes) == len(places)
    assert 201 == len(boxes) == len(corners)
    with pytest.raises(svg.TooLargeToDrawError, match="draw it with Mermaid"):
        svg.render_svg(tree)
