"""Trees 2.0.0 and 3.0.0 and their galleries: true to their worked examples, and through them and each path an
interview.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import combinations
from statistics import median

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from finetune_advisor.cli import main
from finetune_advisor.engine.analysis.coverage import list_paths
from finetune_advisor.engine.analysis.explanation import Explainer
from finetune_advisor.engine.evaluation.exact import Assessment, evaluate
from finetune_advisor.engine.evaluation.path_table import PathTable
from finetune_advisor.engine.model.inputs import Profile, Value
from finetune_advisor.engine.model.references import Reference
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.schemas.assessments import AssessmentSchema
from finetune_advisor.trees import catalog, loader
from tests.conftest import ROOT
from tests.strategies import walk

GALLERIES = {"2.0.0": ROOT / "examples", "3.0.0": ROOT / "examples" / "3.0.0"}
PAGES = {
    version: (folder / "README.md").read_text(encoding="utf-8") for version, folder in GALLERIES.items()
}
EXAMPLES = {
    version: dict(re.findall(r"^\| \[[^\]]+\]\(([^)]+)\) \| `(\w+)` \|", page, re.MULTILINE))
    for version, page in PAGES.items()
}
MEDIAN_QUESTIONS = {"2.0.0": 12, "3.0.0": 8}
MAX_QUESTIONS = {"2.0.0": 22, "3.0.0": 16}
SOURCES = {
    "Anthropic": "anthropic.com",
    "AWS": "docs.aws.amazon.com",
    "Azure": "azure",
    "Checkr": "checkr",
    "Cohere": "cohere.com",
    "Databricks": "databricks",
    "EDPB": "edpb.europa.eu",
    "European Commission": "ec.europa.eu",
    "Foundry skill": "microsoft/azure-skills",
    "Google": "google.com",
    "Harvey": "harvey",
    "Indeed": "openai.com/index/indeed",
    "LLaMA-Factory": "LLaMA-Factory",
    "Microsoft, fine-tuning considerations 2023": "fine-tuning-considerations",
    "OpenAI": "openai.com",
    "OpenPipe": "openpipe.ai",
    "biasbuster": "hherb/biasbuster",
    "CFM": "cfm-case-study",
    "Dart": "dart-lang/ecosystem",
    "aastroza": "aastroza/structured-generation-benchmark",
    "Fine-tuning the hard way": "parpod.net",
    "Flores": "rogerflores.dev",
    "kernel-training": "gaowanlong/kernel-training",
    "Marvik": "marvik.ai",
    "Mercari": "mercari.com",
    "python-genai": "googleapis/python-genai",
    "Ramp": "ramp.com",
    "rushilpatra": "rushilpatra/llm-finetune-serve",
    "SMU": "smu.edu",
    "Thomson Reuters": "thomsonreuters.com",
    "Vercel": "vercel.com",
    "Weights & Biases": "wandb.ai",
    "ZenML": "docs.zenml.io",
}
"""What the texts call a source, with what its address contains."""

Known = tuple[tuple[str, Value], ...]
Assessed = Callable[[Known], Assessment]


@pytest.fixture(scope="module", params=GALLERIES)
def newer(request: pytest.FixtureRequest) -> Tree:
    """A bundled tree with a gallery."""
    return loader.load_tree(catalog.BUNDLED_TREES_DIR / f"{request.param}.yaml")


@pytest.fixture(scope="module")
def situations(newer: Tree) -> dict[str, list[Profile]]:
    """By recommendation, a complete profile for each path to it: its witness, all else at its least."""
    least = {name: one.value(one.axis.least) for name, one in newer.inputs.items()}
    found: dict[str, list[Profile]] = {}
    for path in list_paths(newer) or ():
        found.setdefault(path.end, []).append({**least, **path.witness})
    return found


@pytest.fixture(scope="module")
def assessed(newer: Tree) -> Assessed:
    """The assessment of what is known. Interviews begin alike: each beginning is assessed once."""
    return cache(lambda known: evaluate(newer, dict(known)))


def profile_of(tree: Tree, name: str) -> Profile:
    """The profile of an example."""
    text = (GALLERIES[tree.version] / name).read_text(encoding="utf-8")
    given: Profile = YAML(typ="safe", pure=True).load(text)
    return given


def interview(assessed: Assessed, facts: Profile) -> Iterator[tuple[Known, str]]:
    """What is known each time that an input is asked for, and which one is; answered from facts."""
    known: Known = ()
    while (asked := assessed(known).next_question) is not None:
        name = asked.input.name
        assert name not in dict(known)
        yield known, name
        known = (*known, (name, facts[name]))


def outcome(assessed: Assessed, facts: Profile) -> tuple[str, ...]:
    """The candidates that are left when an interview has nothing more to ask."""
    return assessed(tuple((name, facts[name]) for _, name in interview(assessed, facts))).candidates


def test_an_example_ends_where_its_table_says(newer: Tree) -> None:
    """Each worked example is decided, as the README of its gallery tells."""
    ends = {
        name: evaluate(newer, profile_of(newer, name)).candidates for name in EXAMPLES[newer.version]
    }

    assert ends == {name: (end,) for name, end in EXAMPLES[newer.version].items()}


@pytest.mark.parametrize("version", GALLERIES)
def test_the_command_runs_an_example(version: str) -> None:
    """The command that the README of a gallery shows prints what its table says."""
    [command] = re.findall(r"^finetune-advisor (.*)$", PAGES[version], re.MULTILINE)
    *options, file = command.split()
    printed = CliRunner().invoke(main, [*options, str(ROOT / file)])

    assert printed.stdout.splitlines()[1].startswith(f"[{EXAMPLES[version][file.rpartition('/')[2]]};")


@pytest.mark.exhaustive
def test_what_would_change_an_example_does(newer: Tree) -> None:
    """Each counterfactual of each example leads where it says, none of its parts does, and none is twice."""
    explainer = Explainer(newer, PathTable.of(newer))
    for name in EXAMPLES[newer.version]:
        profile = profile_of(newer, name)
        found = explainer.explain(profile).counterfactuals
        assert found
        assert len(set(found)) == len(found)
        for one in found:
            changes = [(change.input, change.after) for change in one.changes]
            parts = [dict(part) for part in combinations(changes, len(changes) - 1)]
            assert evaluate(newer, {**profile, **dict(changes)}).candidates == (one.recommendation,)
            assert all(
                evaluate(newer, {**profile, **part}).candidates != (one.recommendation,)
                for part in parts
            )


def test_changes_that_are_come_to_twice_are_given_once() -> None:
    """Some of this example's changes are found on two ways of the search."""
    second = loader.load_tree(catalog.BUNDLED_TREES_DIR / "2.0.0.yaml")
    profile = profile_of(second, "10-financial-reasoning.yaml")
    found = Explainer(second, PathTable.of(second)).explain(profile, limit=20).counterfactuals

    assert 20 == len(found) == len(set(found))


@pytest.mark.parametrize("version", GALLERIES)
def test_every_example_stands_in_the_table(version: str) -> None:
    """No example is left out of the table."""
    assert sorted(EXAMPLES[version]) == sorted(path.name for path in GALLERIES[version].glob("*.yaml"))


def test_the_examples_reach_every_recommendation(newer: Tree) -> None:
    """The gallery shows each outcome at least once."""
    assert set(EXAMPLES[newer.version].values()) == newer.recommendations.keys()


@pytest.mark.exhaustive
def test_an_interview_reaches_every_recommendation(
    newer: Tree, assessed: Assessed, situations: dict[str, list[Profile]]
) -> None:
    """From nothing, answered by next_question alone, each path's profile ends where the path does."""
    ends = {end: {outcome(assessed, facts) for facts in some} for end, some in situations.items()}

    assert ends == {end: {(end,)} for end in newer.recommendations}


@pytest.mark.exhaustive
def test_an_interview_asks_for_nothing_that_it_does_not_need(
    newer: Tree, assessed: Assessed, situations: dict[str, list[Profile]]
) -> None:
    """Two profiles that agree with all that is known, and differ in what is asked for alone, end apart."""
    everyone = [facts for some in situations.values() for facts in some]
    asked = {one for facts in everyone for one in interview(assessed, facts)}

    assert [] == [one for one in asked if not _decisive(newer, *one, everyone)]


def _decisive(tree: Tree, known: Known, name: str, everyone: list[Profile]) -> bool:
    """Whether an answer changes where one of some profiles ends, once that has all that is known."""
    one = tree.inputs[name]
    extremes = (one.value(one.axis.least), one.value(one.axis.greatest))
    values = {*extremes, *(facts[name] for facts in everyone)}
    return any(
        len({walk(tree, {**facts, **dict(known), name: value})[1] for value in values}) > 1
        for facts in everyone
    )


def test_interviews_are_short(newer: Tree, assessed: Assessed) -> None:
    """Over a gallery the median interview asks for few inputs, and each ends as it should."""
    profiles = {name: profile_of(newer, name) for name in EXAMPLES[newer.version]}
    ends = {name: outcome(assessed, facts) for name, facts in profiles.items()}
    lengths = [len([*interview(assessed, facts)]) for facts in profiles.values()]

    assert ends == {name: (end,) for name, end in EXAMPLES[newer.version].items()}
    assert median(lengths) <= MEDIAN_QUESTIONS[newer.version]


@pytest.mark.exhaustive
def test_no_interview_is_long(
    newer: Tree, assessed: Assessed, situations: dict[str, list[Profile]]
) -> None:
    """The longest interview of all paths stays within what docs/from-2.0.0-to-3.0.0.md says."""
    lengths = [len([*interview(assessed, facts)]) for some in situations.values() for facts in some]

    assert max(lengths) <= MAX_QUESTIONS[newer.version]


@pytest.mark.parametrize(
    ("newer", "name", "warning"),
    [
        ("2.0.0", "20-brand-voice.yaml", "few_preference_pairs"),
        ("3.0.0", "28-clinical-triage.yaml", "memory_figures_are_a_floor"),
    ],
    indirect=["newer"],
)
def test_warnings_come_with_the_answer(newer: Tree, name: str, warning: str) -> None:
    """The answer has the texts and references of the warnings that hold."""
    answer = AssessmentSchema().dump(evaluate(newer, profile_of(newer, name)))

    assert warning in [one["id"] for one in answer["warnings"]]
    assert all(one["text"] and one["references"] for one in answer["warnings"])
    assert answer["recommendation"]["family"] == "fine_tuning"
    assert answer["recommendation"]["data_needed"]
    assert answer["recommendation"]["evaluation"]


def _unreferenced(texts: Iterable[str], references: Iterable[Reference]) -> set[str]:
    """The sources that texts name and references lack."""
    said, there = " ".join(texts), " ".join(one.url for one in references)
    papers = {f"arXiv {number}": number for number in re.findall(r"\b\d{4}\.\d{5}\b", said)}
    return {name for name, mark in (SOURCES | papers).items() if name in said and mark not in there}


def test_a_source_that_an_answer_names_is_among_its_references(newer: Tree) -> None:
    """Who reads whose figure it is, in a plan, its reason or a warning, finds where to look it up."""
    branches = [branch for question in newer.questions.values() for branch in question.branches]
    missing = {
        name: _unreferenced(
            [
                *(branch.reason or "" for branch in branches if branch.to == name),
                *(one.summary, *one.prerequisites, *one.next_steps),
                *(*one.data_needed, *one.evaluation, *one.risks),
                *(alternative.when for alternative in one.alternatives),
            ],
            one.references,
        )
        for name, one in newer.recommendations.items()
    } | {rule.id: _unreferenced([rule.text], rule.references) for rule in newer.warnings}

    assert {name: sources for name, sources in missing.items() if sources} == {}
