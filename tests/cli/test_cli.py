"""The command, as its users type it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from finetune_advisor import formats
from finetune_advisor.app import create_app
from finetune_advisor.cli import main, tree_check
from finetune_advisor.cli.serve import serve
from finetune_advisor.engine.analysis.size_bounds import describe_exceeded_bounds
from finetune_advisor.engine.evaluation.exact import Assessment, evaluate
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.formats import dmn, jdm, mermaid, rego, sql, svg
from finetune_advisor.settings import Settings
from finetune_advisor.trees import catalog, loader
from tests.conftest import ROOT
from tests.families import row_of_questions

BUNDLED = str(catalog.BUNDLED_TREES_DIR / "1.0.0.yaml")
TYPED = Path(__file__).parent.parent / "api" / "typed.yaml"

ACME = re.search(
    r"^```yaml\n(.*?)^```", (ROOT / "docs" / "authoring.md").read_text("utf-8"), re.M | re.S
)[1]  # type: ignore[index]

HYBRID = {
    "prompt_engineering_sufficient": False,
    "knowledge_retrieval_problem": True,
    "real_time_data_needed": False,
    "data_volume_very_large": True,
}


@pytest.fixture(scope="module", autouse=True)
def _bounds_once() -> Iterator[None]:
    """What a tree is too large for is worked out once, not anew for each check of the same tree."""
    known = dict[str, list[str]]()

    def describe_exceeded_bounds_once(tree: Tree) -> list[str]:
        if tree.digest not in known:
            known[tree.digest] = list(describe_exceeded_bounds(tree))
        return known[tree.digest]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tree_check, "describe_exceeded_bounds", describe_exceeded_bounds_once)
        yield


def run(*arguments: str, stdin: str = "") -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, arguments, input=stdin)


def test_json_is_the_answer_of_the_api() -> None:
    """assess --json prints the bytes that POST /assess answers."""
    served = create_app().test_client().post("/assess", json={"profile": HYBRID})
    printed = run("assess", "--json", "-", stdin=json.dumps(HYBRID))

    assert printed.exit_code == 0
    assert printed.stdout == f"{served.text}\n"


def test_text_tells_the_whole_answer(tmp_path: Path) -> None:
    """assess prints the recommendation, why, the path and what to do, from a YAML file too."""
    profile = tmp_path / "profile.yaml"
    profile.write_text("".join(f"{name}: {str(value).lower()}\n" for name, value in HYBRID.items()))
    printed = run("assess", str(profile))

    assert printed.exit_code == 0
    assert "[consider_hybrid; fine-tune: partly]" in printed.stdout
    for heading in (
        "Why: ",
        "Because:",
        "First make sure of:",
        "Next steps:\n1. ",
        "Risks:",
        "Instead:",
    ):
        assert heading in printed.stdout
    assert "- Is it primarily a knowledge retrieval problem? Yes." in printed.stdout
    assert "Keep in mind:" in printed.stdout
    assert max(map(len, printed.stdout.splitlines())) <= 100


def test_text_of_an_undecided_profile_asks_the_next_question() -> None:
    """assess names what is still possible, and the next question with the input that answers it."""
    printed = run("assess", "-", stdin="{}")

    assert printed.exit_code == 0
    assert printed.stdout.startswith("Undecided\n")
    assert "Still possible:\n- use_prompt_engineering\n" in printed.stdout
    assert "Next question: Is prompt engineering alone enough?" in printed.stdout
    assert "Answer with: prompt_engineering_sufficient (boolean)" in printed.stdout


EXAMPLE = str(ROOT / "examples" / "20-brand-voice.yaml")
ADVICE = (
    "Tree 1.0.0 ignores 17 inputs given here. Tree 2.0.0 knows them: ask it with --tree-version 2.0.0"
)


def test_a_profile_of_another_version_is_told_which() -> None:
    """assess says right below its title how to ask the version that knows the inputs; that says nothing."""
    printed = run("assess", EXAMPLE)
    title, advice, *_ = printed.stdout.split("\n\n")

    assert (title, " ".join(advice.splitlines())) == ("Undecided", ADVICE)
    assert "--tree-version 2.0.0" in advice
    assert "ask it with" not in run("assess", "--tree-version", "2.0.0", EXAMPLE).stdout
    assert "ask it with" not in run("assess", "-", stdin=json.dumps(HYBRID)).stdout


def test_advice_stays_out_of_what_machines_read(tmp_path: Path) -> None:
    """With --json and --batch it goes to standard error, and answers are those of the API."""
    answered = run("assess", "--json", EXAMPLE)
    lines = '{"data_sensitive": true}\n{"kb_tokens": 80}\n{"kb_tokens": 9, "data_sensitive": true}\n'
    batch = run("assess", "--batch", "-", stdin=lines)
    one = "Tree 1.0.0 ignores 1 input given here. Tree 2.0.0 knows it: ask it with --tree-version 2.0.0"

    assert f"{ADVICE}\n" == answered.stderr
    assert 17 == len(json.loads(answered.stdout)["ignored"])
    assert f"3 profiles: 0 decided, 3 undecided, 0 invalid\n{one}\n" == batch.stderr
    assert "ask it with" not in batch.stdout


def test_advice_names_the_version_that_knows_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of several versions; and says if it doesn't know all."""
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(tmp_path))
    (tmp_path / "own.yaml").write_text(ACME.replace("labelled_examples", "stars"))
    printed = run("assess", "--json", "-", stdin='{"eval_examples": 80, "kb_tokens": 9, "stars": 1}')

    assert printed.stderr.startswith(
        "Tree 1.0.0 ignores 3 inputs given here. Tree 2.0.0 knows 2 of them: "
    )


def test_a_document_may_be_asked_as_it_stands(tmp_path: Path) -> None:
    """--tree assesses with the document's own inputs alone, in batches as well."""
    (tmp_path / "own.yaml").write_text(ACME)
    asked = ["assess", "--tree", str(tmp_path / "own.yaml")]
    printed = run(*asked, "-", stdin="labelled_examples: 1000")
    batch = run(*asked, "--batch", "--format", "csv", "-", stdin="labelled_examples\n12\n")
    refused = run(*asked, "-", stdin='{"data_sensitive": true}')
    both = run(*asked, "--tree-version", "1.0.0", "-", stdin="{}")

    assert "[tune; fine-tune: yes]" in printed.stdout
    assert "- Are there enough examples? 1,000 (at least 50 examples)\n" in printed.stdout
    assert "collect" == json.loads(batch.stdout)["recommendation"]
    assert "data_sensitive: there is no such name here" in refused.stderr
    assert "--tree-version and --tree contradict each other; give one" in both.stderr
    assert (0, 0, 1, 2) == tuple(one.exit_code for one in (printed, batch, refused, both))


@pytest.mark.parametrize(
    ("profile", "step"),
    [
        ({"rules_sufficient": False}, "Would rules or ordinary software do the job? No."),
        ({"success_metric": "quantitative"}, "How is success measured? quantitative"),
        ({"eval_examples": 80}, "Are there at least 20 test cases? 80 (at least 20 examples)"),
        ({"eval_examples": 7}, "Are there at least 20 test cases? 7 (below 20 examples)"),
        (
            {"target_score": 0.8, "best_prompt_score": 0.6},
            "Does the best prompt reach the score you need? 0.8 (more than best_prompt_score, which is 0.6)",
        ),
        (
            {"target_score": 0.4, "best_prompt_score": 0.6},
            "Does the best prompt reach the score you need? 0.4 (at most best_prompt_score, which is 0.6)",
        ),
    ],
    ids=["boolean", "choice", "number", "another number", "comparison", "other comparison"],
)
def test_a_step_says_which_branch_it_took(profile: dict[str, object], step: str) -> None:
    """In words, unless the answer is the branch: yes, no or a choice."""
    known = {"rules_sufficient": False, "success_metric": "quantitative", "eval_examples": 80}
    printed = run("assess", "--tree-version", "2.0.0", "-", stdin=json.dumps(known | profile))
    because = printed.stdout.partition("Because:\n")[2].partition("\n\n")[0]

    assert f"- {step}" in because.replace("\n  ", " ").splitlines()


def test_text_names_what_was_not_needed() -> None:
    """assess says which open questions make no difference."""
    profile = {key: value for key, value in HYBRID.items() if key != "real_time_data_needed"}
    printed = run("assess", "-", stdin=json.dumps(profile | {"data_volume_very_large": False}))

    assert "Not needed: real_time_data_needed" in printed.stdout


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        (
            '{"data_sensitiv": true}',
            "data_sensitiv: there is no such name here; did you mean data_sensitive?",
        ),
        ('{"data_sensitive": "yes"}', "data_sensitive: not a boolean; give true or false"),
        ("[]", "not an object; give one in braces"),
        ("{a", "neither JSON nor YAML"),
        ('{"data_sensitive": true, "data_sensitive": false}', "duplicate key"),
        ("\x00", "neither JSON nor YAML: the character U+0000 is not allowed; remove it"),
        (
            "a:\n\tb: 1\n",
            "<stdin>:2: neither JSON nor YAML: found character '\\t' that cannot start any token; indent",
        ),
        ('a: "\\d"\n', "<stdin>:1: neither JSON nor YAML: found unknown escape character 'd'"),
        ("a: &x [1]\nb: *x\n1: c\n", "<stdin>:2: b: an alias is not allowed here; write the value out"),
        ("a: &x [1]\nb: *x\n1: c\n", "<stdin>:3: 1: the key is not text; quote it or write a name"),
        ("[" * 50_000, "<stdin>: nested too deeply to be read; make it flatter"),
        ("", "<stdin>: the input is empty; give a profile in JSON or YAML, or {}"),
        (" \n", "the input is empty"),
        ("\ufeff", "the input is empty"),
    ],
)
def test_a_wrong_profile_is_refused(stdin: str, message: str) -> None:
    """assess says where the profile is wrong and what to do, and exits with 1."""
    printed = run("assess", "-", stdin=stdin)

    assert printed.exit_code == 1
    assert message in printed.stderr
    assert "Traceback" not in printed.stderr


@pytest.mark.parametrize(
    "written", ["{text}\t\n", "{text} \t# known\n", "\ufeff{text}\r\n", "%YAML 1.2\n---\n{text}"]
)
def test_a_profile_is_read_as_trees_are(tmp_path: Path, written: str) -> None:
    """Tabs that separate, marks and directives are YAML at every door, in UTF-8 alone."""
    text = written.format(text="prompt_engineering_sufficient:\ttrue")
    path = tmp_path / "profile.yaml"
    path.write_bytes(text.encode())
    printed = run("assess", str(path))
    assert (printed.exit_code, printed.stderr) == (0, "")
    assert run("assess", "-", stdin='{"prompt_engineering_sufficient": true}').stdout == printed.stdout

    path.write_bytes("# café\n{}".encode("latin-1"))
    assert (
        f"Error: {path}: not UTF-8: invalid continuation byte; encode it so\n"
        == run("assess", str(path)).stderr
    )


def test_an_unknown_version_is_refused() -> None:
    """assess --tree-version lists the versions that there are."""
    printed = run("assess", "--tree-version", "9.0.0", "-", stdin="{}")

    assert printed.exit_code == 1
    assert printed.stderr == "Error: no such tree version is served; served are 1.0.0, 2.0.0, 3.0.0\n"


def test_check_proves_the_bundled_trees() -> None:
    """tree check without files checks what would be served."""
    printed = run("tree", "check")

    assert printed.exit_code == 0
    first, second, third, default = printed.stdout.splitlines()
    assert first.startswith("1.0.0 (current): sound; 11 questions, 7 recommendations; sha256:")
    assert second.startswith("2.0.0 (candidate): sound; 38 questions, 20 recommendations; sha256:")
    assert third.startswith("3.0.0 (candidate): sound; 40 questions, 28 recommendations; sha256:")
    assert f"1.0.0 is the default: {catalog.REASON_NEWEST_BUNDLED}" == default


def test_check_takes_files(tmp_path: Path) -> None:
    """tree check FILE checks a document, with the bundled ones beside it."""
    own = tmp_path / "own.yaml"
    text = (catalog.BUNDLED_TREES_DIR / "1.0.0.yaml").read_text()
    own.write_text(text.replace("version: 1.0.0", "version: 1.1.0", 1))
    printed = run("tree", "check", str(own), str(catalog.BUNDLED_TREES_DIR / "1.0.0.yaml"))

    assert printed.exit_code == 0
    *lines, default = printed.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1.0.0", "1.1.0", "2.0.0", "3.0.0"]
    assert (
        "1.1.0 would be the default, beside the bundled trees alone and without "
        f"FINETUNE_ADVISOR_DEFAULT_TREE_VERSION: {catalog.REASON_NEWEST_OWN}"
    ) == default
    assert run("tree", "check", str(tmp_path)).stdout == printed.stdout


def test_check_says_what_settings_make_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without files the setting decides; of files it is said that the settings are left aside."""
    monkeypatch.setenv("FINETUNE_ADVISOR_DEFAULT_TREE_VERSION", "2.0.0")
    own = tmp_path / "own.yaml"
    text = (catalog.BUNDLED_TREES_DIR / "1.0.0.yaml").read_text()
    own.write_text(text.replace("version: 1.0.0", "version: 1.1.0", 1))

    [served] = run("tree", "check").stdout.splitlines()[-1:]
    [beside] = run("tree", "check", str(own)).stdout.splitlines()[-1:]
    assert f"2.0.0 is the default: {catalog.REASON_NAMED_BY_SETTING}" == served
    assert beside.startswith("1.1.0 would be the default, beside the bundled trees alone")


def test_check_refuses_trees_that_a_start_would(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without files it looks at the shadow's version, masked inputs and permitted digests, too."""
    monkeypatch.setenv("FINETUNE_ADVISOR_SHADOW_TREE_VERSION", "9.9.9")
    shadow = run("tree", "check")
    monkeypatch.delenv("FINETUNE_ADVISOR_SHADOW_TREE_VERSION")
    monkeypatch.setenv("FINETUNE_ADVISOR_DECISION_LOG_MASK", "labeled_example")
    mask = run("tree", "check")
    monkeypatch.delenv("FINETUNE_ADVISOR_DECISION_LOG_MASK")
    (tmp_path / "acme.yaml").write_text(ACME)
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(tmp_path))
    monkeypatch.setenv("FINETUNE_ADVISOR_TREE_DIGESTS", f"sha256:{'0' * 64}")
    digest = run("tree", "check")

    assert [1, 1, 1] == [shadow.exit_code, mask.exit_code, digest.exit_code]
    assert "DECISION_LOG_MASK: labeled_example: there is no such name here" in mask.stderr
    assert "the shadow version 9.9.9 isn't served" in shadow.stderr
    assert "which isn't permitted; add it to FINETUNE_ADVISOR_TREE_DIGESTS" in digest.stderr


def test_check_reports_every_fault(tmp_path: Path) -> None:
    """tree check names the faults of all files at once, and exits with 1."""
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text("version: 1.0.0\n")
    printed = run("tree", "check", str(tmp_path / "one.yaml"), str(tmp_path / "two.yaml"))

    assert printed.exit_code == 1
    for name in ("one.yaml", "two.yaml"):
        assert f"{tmp_path}/{name}:1: title: the field is missing; add it" in printed.stderr


@pytest.fixture
def rewired(tmp_path: Path) -> Path:
    """A document like the bundled one, in which very large data goes to plain RAG."""
    text = (
        (catalog.BUNDLED_TREES_DIR / "1.0.0.yaml")
        .read_text()
        .replace("version: 1.0.0", "version: 1.1.0", 1)
    )
    before, question, after = text.partition("  data_volume:\n")
    own = tmp_path / "own.yaml"
    yes = "is: true\n        to: consider_hybrid"
    no = "is: false\n        to: use_rag"
    swapped = after.replace(yes, "$", 1).replace(no, no.replace("false", "true"), 1)
    own.write_text(before + question + swapped.replace("$", yes.replace("true", "false"), 1))
    return own


@pytest.fixture
def reworded(tmp_path: Path) -> Path:
    """A document like the bundled one, with one text in other words."""
    text = (
        (catalog.BUNDLED_TREES_DIR / "1.0.0.yaml")
        .read_text()
        .replace("version: 1.0.0", "version: 1.2.0", 1)
    )
    own = tmp_path / "reworded.yaml"
    own.write_text(text.replace("Is the volume of data very large?", "Is it a lot of data?", 1))
    return own


def test_diff_tells_who_moves(rewired: Path) -> None:
    """tree diff prints the impact, each move with its count and a witness, and what is rewired."""
    printed = run("tree", "diff", "1.0.0", str(rewired))

    assert printed.exit_code == 0
    heading, first, second, rewiring = printed.stdout.rstrip("\n").split("\n\n")
    impact = "256 of 2048 profiles of the shared inputs get another outcome (12.5%)."
    assert heading == f"1.0.0 -> 1.1.0: {impact}"
    assert first.splitlines()[0] == "consider_hybrid -> use_rag: 128, for example"
    assert second.splitlines()[0] == "use_rag -> consider_hybrid: 128, for example"
    assert "  data_volume_very_large: true" in first.splitlines()
    assert "  data_volume_very_large: false" in second.splitlines()
    assert len(first.splitlines()) == 12
    assert rewiring == "Rewired:\n  /questions/data_volume/branches"


def test_a_witness_of_diff_is_a_profile_for_assess(rewired: Path, tmp_path: Path) -> None:
    """What diff prints as an example can be given to assess as it stands."""
    witness = run("tree", "diff", "1.0.0", str(rewired)).stdout.split("\n\n")[1]
    profile = tmp_path / "witness.yaml"
    profile.write_text(witness.partition("\n")[2])

    answer = json.loads(run("assess", "--json", str(profile)).stdout)

    assert answer["recommendation"]["id"] == "consider_hybrid"


def test_diff_shows_both_wordings(reworded: Path) -> None:
    """tree diff says that nobody moves, and prints each text before and after."""
    printed = run("tree", "diff", "1.0.0", str(reworded))

    assert printed.exit_code == 0
    assert printed.stdout == (
        "1.0.0 -> 1.2.0: equivalent; every profile keeps its outcome.\n"
        "\n"
        "Reworded:\n"
        "  /questions/data_volume/text\n"
        "    - Is the volume of data very large?\n"
        "    + Is it a lot of data?\n"
    )


def test_diff_of_a_version_with_itself_is_one_line() -> None:
    """A version and its own document are the same tree."""
    printed = run("tree", "diff", "1.0.0", BUNDLED)

    assert printed.exit_code == 0
    assert printed.stdout == "1.0.0 -> 1.0.0: equivalent; every profile keeps its outcome.\n"


def test_diff_json_is_the_answer_of_the_api(rewired: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """tree diff --json prints the body of GET changes, for versions and for documents, both ways."""
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(rewired.parent))
    client = create_app().test_client()
    for older, newer in (("1.0.0", "1.1.0"), ("1.1.0", "1.0.0"), ("1.0.0", "1.0.0")):
        served = client.get(f"/tree/versions/{newer}/changes?since={older}").text
        named = {"1.0.0": BUNDLED, "1.1.0": str(rewired)}

        assert run("tree", "diff", older, newer, "--json").stdout == f"{served}\n"
        assert run("tree", "diff", named[older], named[newer], "--json").stdout == f"{served}\n"


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_diff_fails_on_change_if_asked(rewired: Path, reworded: Path, as_json: list[str]) -> None:
    """--fail-on-change exits with 1 where an outcome changes, and prints the same; else with 0."""
    changed = ["tree", "diff", "1.0.0", str(rewired), *as_json]
    plain, failing = run(*changed), run(*changed, "--fail-on-change")
    kept = run("tree", "diff", BUNDLED, str(reworded), "--fail-on-change", *as_json)

    assert (plain.exit_code, failing.exit_code, kept.exit_code) == (0, 1, 0)
    assert plain.stdout == failing.stdout
    assert (failing.stderr, kept.stderr) == ("", "")


def test_diff_takes_reversed_advice_for_a_change(tmp_path: Path) -> None:
    """A recommendation that says yes where it said no isn't the same outcome under the same name."""
    own = tmp_path / "own.yaml"
    own.write_text(TYPED.read_text().replace("finetune: not_yet", 'finetune: "yes"'))
    printed = run("tree", "diff", str(TYPED), str(own), "--fail-on-change")

    assert printed.exit_code == 1
    heading, reversal, *_ = printed.stdout.split("\n\n")
    assert ": 0 of 72 kinds of profiles of the shared inputs get another outcome (0.0%)." in heading
    assert reversal == 'Other answer to "Fine-tune?":\n  wait: not yet -> yes'


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("{lt: -0.5, to: tune", "{lt: -0.00005, to: tune", "  drift: -0.1\n"),
        ("{gte: {input: needed_score}", "{gt: {input: needed_score}", "  drift: 0\n"),
        ("lt: -0.5", "lt: -0.500002", "  drift: -0.500001\n"),
        ("lt: -0.5", "lt: 5.0e-5", "  drift: 0\n"),
    ],
)
def test_diff_shows_plain_witnesses(tmp_path: Path, before: str, after: str, shown: str) -> None:
    """Of the numbers that move, the example has the one that is written shortest."""
    own = tmp_path / "own.yaml"
    text = TYPED.read_text().replace("{lt: {input: needed_score}", "{otherwise: true")
    own.write_text(text.replace(before, after))

    assert shown in run("tree", "diff", str(TYPED), str(own)).stdout


def test_diff_of_trees_that_share_no_input(tmp_path: Path) -> None:
    """There is nothing to count then."""
    own = tmp_path / "own.yaml"
    own.write_text(TYPED.read_text().replace("api_usable", "api_allowed"))
    printed = run("tree", "diff", "1.0.0", str(own))

    assert printed.stdout.startswith("1.0.0 -> 9.0.0-typed: the trees share no input, ")


def test_diff_takes_the_inputs_that_differ_for_a_change() -> None:
    """Trees with other inputs aren't equivalent, even where nobody moves."""
    printed = run("tree", "diff", "1.0.0", str(TYPED), "--fail-on-change")

    assert printed.exit_code == 1
    assert printed.stdout.startswith("1.0.0 -> 9.0.0-typed: 0 of 2 profiles of the shared inputs ")
    assert " The trees share 1 of " in printed.stdout.splitlines()[0]
    for heading in ("Added:\n", "Removed:\n", "Rewired:\n"):
        assert f"\n{heading}  /" in printed.stdout


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("maximum: 1000000", "maximum: 5000000"),
        ("choices: [solo, small, large]", "choices: [large, small, solo]"),
    ],
    ids=["range", "order of choices"],
)
def test_diff_takes_an_input_of_another_kind_for_a_change(
    tmp_path: Path, before: str, after: str
) -> None:
    """An input with another range or other choices is no wording, and the trees aren't equivalent."""
    own = tmp_path / "own.yaml"
    own.write_text(TYPED.read_text().replace(before, after, 1))
    printed = run("tree", "diff", str(TYPED), str(own), "--json", "--fail-on-change")
    body = json.loads(printed.stdout)

    assert (body["equivalent"], body["reworded"], printed.exit_code) == (False, [], 1)
    assert [pointer.split("/")[1] for pointer in body["rewired"]] == ["inputs"]


UNREADABLE: dict[str, Callable[[Path], None]] = {
    "not YAML": lambda path: path.write_text("{a") and None,
    "the field is missing; add it": lambda path: path.write_text("version: 1.0.0\n") and None,
}


@pytest.mark.parametrize("command", [["diff", "1.0.0"], ["export", "--format", "svg"]])
@pytest.mark.parametrize(("message", "spoil"), UNREADABLE.items(), ids=list(UNREADABLE))
def test_a_faulty_document_is_refused(
    tmp_path: Path, command: list[str], message: str, spoil: Callable[[Path], None]
) -> None:
    """tree diff and tree export name its file, line and field, and exit with 1."""
    own = tmp_path / "own.yaml"
    spoil(own)
    printed = run("tree", *command, str(own))

    assert (printed.exit_code, printed.stdout) == (1, "")
    assert f"{own}:1: " in printed.stderr
    assert message in printed.stderr


@pytest.mark.parametrize(
    "command", [["diff", "9.9.9", "1.0.0"], ["diff", "1.0.0", "9.9.9"], ["export", "9.9.9"]]
)
def test_an_unknown_tree_is_refused(command: list[str]) -> None:
    """tree diff and tree export list the versions that there are."""
    more = ["--format", "jdm"] if command[0] == "export" else []
    printed = run("tree", *command, *more)

    assert (printed.exit_code, printed.stdout) == (1, "")
    assert printed.stderr == "Error: no such tree version is served; served are 1.0.0, 2.0.0, 3.0.0\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "1.0.0"], "Missing argument 'NEWER'"),
        (["export", "1.0.0"], "Missing option '--format'"),
        (
            ["export", "--format", "png"],
            "'png' is not one of 'dmn', 'jdm', 'mermaid', 'rego', 'sql', 'svg'",
        ),
        (["export", "--format", "svg", "--profile", "nowhere.json"], "No such file or directory"),
        (["export", "--format", "sql"], "--format sql needs --dialect; choose from bigquery, duckdb, "),
        (["export", "--format", "sql", "--dialect", "oracle"], "'oracle' is not one of 'bigquery'"),
        (
            ["export", "--format", "rego", "--dialect", "duckdb"],
            "--dialect goes with sql, not with rego",
        ),
        (["export", "--format", "dmn", "--table", "t"], "--table goes with sql, not with dmn"),
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str], message: str) -> None:
    """Exit code 2, and the message says what is missing or what there is to choose from."""
    printed = run("tree", *arguments)

    assert (printed.exit_code, printed.stdout) == (2, "")
    assert message in printed.stderr


def test_a_tree_that_is_neither_served_nor_a_file_is_refused() -> None:
    """What doesn't look like a version was meant as a path."""
    printed = run("tree", "diff", "1.0.0", "nix.yaml")

    assert (printed.exit_code, printed.stdout) == (1, "")
    problem = (
        "there is no file nix.yaml, and no such tree version is served; served are 1.0.0, 2.0.0, 3.0.0"
    )
    assert printed.stderr == f"Error: {problem}\n"


RENDER: dict[str, Callable[[Tree], str]] = {
    "dmn": dmn.render_dmn,
    "jdm": jdm.render_jdm,
    "mermaid": mermaid.render_mermaid,
    "rego": rego.render_rego,
    "svg": svg.render_svg,
}
PICTURES: dict[str, Callable[[Tree, Assessment | None], str]] = {
    "mermaid": mermaid.render_mermaid,
    "svg": svg.render_svg,
}


@pytest.mark.parametrize("notation", RENDER)
@pytest.mark.parametrize("named", [[], ["1.0.0"], [BUNDLED]], ids=["default", "version", "document"])
def test_export_prints_the_notation(tree: Tree, notation: str, named: list[str]) -> None:
    """tree export prints what the format gives for the tree, and nothing besides."""
    printed = run("tree", "export", "--format", notation, *named)

    assert printed.exit_code == 0
    assert RENDER[notation](tree) == printed.stdout


def test_export_prints_a_query(tree: Tree) -> None:
    """tree export takes the dialect and the table of a query in SQL."""
    command = ["tree", "export", "--format", "sql", "--dialect"]
    printed = run(*command, "sqlite"), run(*command, "spark", "--table", "sales.p")

    assert [0, 0] == [one.exit_code for one in printed]
    assert sql.render_sql(tree, "sqlite") == printed[0].stdout
    assert sql.render_sql(tree, "spark", "sales.p") == printed[1].stdout


def test_export_says_which_library_a_query_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, one line says how to install it, and the other notations are printed."""
    for name in ("sql", "sql_expressions"):
        monkeypatch.delitem(sys.modules, f"finetune_advisor.formats.{name}")
        monkeypatch.delattr(formats, name)
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    printed = run("tree", "export", "--format", "sql", "--dialect", "duckdb")

    assert (printed.exit_code, printed.stdout) == (1, "")
    assert printed.stderr == "Error: --format sql needs sqlglot: pip install 'finetune-advisor[sql]'\n"
    assert 0 == run("tree", "export", "--format", "rego").exit_code


@pytest.mark.parametrize("name", ["", "a b."])
def test_export_refuses_what_is_no_table(name: str) -> None:
    """tree export says what a table's name looks like, and exits with 1."""
    printed = run("tree", "export", "--format", "sql", "--dialect", "trino", "--table", name)

    assert (printed.exit_code, printed.stdout) == (1, "")
    assert f"Error: {name!r} is not the name of a table in trino; give one such as" in printed.stderr


@pytest.mark.parametrize("notation", PICTURES)
def test_export_highlights_a_profile(tree: Tree, tmp_path: Path, notation: str) -> None:
    """--profile stresses the path of a JSON or YAML file, or of standard input."""
    profile = tmp_path / "profile.yaml"
    profile.write_text("".join(f"{name}: {str(value).lower()}\n" for name, value in HYBRID.items()))
    expected = PICTURES[notation](tree, evaluate(tree, HYBRID))
    command = ["tree", "export", "--format", notation, "1.0.0", "--profile"]

    for printed in (run(*command, str(profile)), run(*command, "-", stdin=json.dumps(HYBRID))):
        assert printed.exit_code == 0
        assert printed.stdout.rstrip("\n") == expected.rstrip("\n")
    assert expected != PICTURES[notation](tree, None)


@pytest.mark.parametrize("notation", ["dmn", "jdm", "rego"])
def test_export_refuses_a_profile_where_there_is_no_picture(notation: str) -> None:
    """A notation that engines read has no path to stress."""
    printed = run("tree", "export", "--format", notation, "--profile", "-", stdin="{}")

    assert (printed.exit_code, printed.stdout) == (2, "")
    assert f"--profile goes with mermaid and svg, not with {notation}" in printed.stderr


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        ('{"data_sensitiv": true}', "data_sensitiv: there is no such name here; did you mean data_sen"),
        ('{"data_sensitive": "yes"}', "data_sensitive: not a boolean; give true or false"),
        ("[]", "not an object; give one in braces"),
        ("{a", "neither JSON nor YAML"),
    ],
)
def test_export_refuses_a_wrong_profile(stdin: str, message: str) -> None:
    """tree export says where a profile is wrong, prints no picture, and exits with 1."""
    printed = run("tree", "export", "--format", "svg", "--profile", "-", stdin=stdin)

    assert (printed.exit_code, printed.stdout) == (1, "")
    assert message in printed.stderr
    assert "Traceback" not in printed.stderr


def test_the_names_that_are_known_are_listed_once() -> None:
    """However many names are wrong."""
    printed = run("tree", "export", "--format", "svg", "--profile", "-", stdin='{"xx": 1, "yy": 2}')

    assert [line[:57] for line in printed.stderr.splitlines()] == [
        "Error: <stdin>: xx: there is no such name here; remove it",
        "<stdin>: yy: there is no such name here; remove it",
        "<stdin>: known are: prompt_engineering_sufficient, knowle",
    ]


def test_export_takes_a_profile_of_the_document_s_own_inputs() -> None:
    """A document that isn't served is drawn with its own inputs, typed as it says."""
    command = ["tree", "export", "--format", "svg", str(TYPED), "--profile", "-"]
    typed = loader.load_tree(TYPED)
    profile = {"team": "small", "corpus_length": 5000}

    drawn = run(*command, stdin=json.dumps(profile)).stdout
    assert drawn.rstrip("\n") == svg.render_svg(typed, evaluate(typed, profile)).rstrip("\n")
    refused = run(*command, stdin='{"data_sensitive": true}')
    assert refused.exit_code == 1
    assert "data_sensitive: there is no such name here" in refused.stderr


@pytest.mark.parametrize("named", [[], ["1.0.0"]], ids=["default", "version"])
def test_export_takes_a_profile_of_another_served_version(tree: Tree, named: list[str]) -> None:
    """As assess and the diagram endpoint do: an input that only another version knows changes nothing."""
    profile = {**HYBRID, "kb_tokens": 9}
    command = ["tree", "export", "--format", "svg", *named, "--profile", "-"]
    drawn = run(*command, stdin=json.dumps(profile))

    assert (0, "") == (drawn.exit_code, drawn.stderr)
    assert svg.render_svg(tree, evaluate(tree, HYBRID)) == drawn.stdout
    assert 0 == run("assess", "-", stdin=json.dumps(profile)).exit_code


@pytest.mark.parametrize("name", ["a" * 300, "plain/file", "loop"], ids=["long", "below-a-file", "loop"])
@pytest.mark.parametrize(
    "command",
    [
        "tree check {}",
        "tree diff {} 1.0.0",
        "tree test {}",
        "tree export --format svg {}",
        "tree replay {} --with 1.0.0",
        "assess --tree {} -",
        "assess --batch - --format jsonl --output {}/x",
        "keys new a --file {}/x",
    ],
)
def test_a_path_that_no_file_can_have_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, name: str
) -> None:
    """Its length, a file in place of a folder, or a link to itself is an error like any other."""
    monkeypatch.chdir(tmp_path)
    Path("plain").touch()
    Path("loop").symlink_to("loop")
    printed = run(*command.format(name).split(), stdin="{}\n")

    assert printed.exit_code in (1, 2)
    assert isinstance(printed.exception, SystemExit)
    assert "Error: " in printed.stderr
    assert ["loop", "plain"] == sorted(path.name for path in tmp_path.iterdir())


def test_a_file_of_results_may_have_the_longest_name(tmp_path: Path) -> None:
    """The file that is written first, and then replaces it, has a short one."""
    path = tmp_path / f"{'a' * 249}.jsonl"
    printed = run("assess", "--batch", "-", "--format", "jsonl", "--output", str(path), stdin="{}\n")

    assert 0 == printed.exit_code, printed.stderr
    assert [path] == list(tmp_path.iterdir())


def test_settings_lists_every_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """settings shows each variable with its value here."""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    monkeypatch.setenv("FINETUNE_ADVISOR_PORT", "9000")
    printed = run("settings")

    assert printed.exit_code == 0
    assert "FINETUNE_ADVISOR_PORT=9000\n    Port to listen on" in printed.stdout
    assert "FINETUNE_ADVISOR_TREES_DIR=unset\n" in printed.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["openapi"],
        ["settings"],
        ["tree", "check"],
        ["assess", "-"],
        ["tree", "diff", "1.0.0", "1.0.0"],
        ["tree", "export", "--format", "svg"],
    ],
)
def test_a_wrong_setting_stops_every_command(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    """No command runs on settings that it would misread."""
    monkeypatch.setenv("FINETUNE_ADVISOR_PROT", "1")
    printed = run(*command, stdin="{}")

    assert printed.exit_code == 1
    assert "did you mean FINETUNE_ADVISOR_PORT?" in printed.stderr


def test_check_warns_of_what_a_tree_is_too_large_for(tmp_path: Path) -> None:
    """A sound tree of 251 questions in a row passes, with a warning for each kind of picture."""
    path = tmp_path / "long.yaml"
    path.write_text(json.dumps(row_of_questions(251).canonical), encoding="utf-8")
    result = CliRunner().invoke(main, ["tree", "check", str(path)])

    assert result.exit_code == 0
    assert "1.2.3 (current): sound" in result.stdout
    _, svg_warning, mermaid_warning = result.stderr.splitlines()
    assert svg_warning.startswith("  warning: too large to draw as SVG")
    assert mermaid_warning.startswith(
        "  warning: larger than Mermaid draws by default; pass {maxEdges: 502"
    )


@pytest.mark.parametrize(
    ("version", "warned"),
    [("7.0.0", True), ("0.1.0", True), ("7.0.0-acme.1", False)],
)
def test_check_warns_of_a_version_that_a_bundled_tree_may_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, *, warned: bool
) -> None:
    """An own tree's version without a name is sound, and a later release may have the same."""
    text = (catalog.BUNDLED_TREES_DIR / "1.0.0.yaml").read_text()
    (tmp_path / "own.yaml").write_text(text.replace("version: 1.0.0", f"version: {version}", 1))
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(tmp_path))
    warning = (
        "  warning: a later release may bundle a tree of this version, and then the service won't start; "
        f"name your organisation in it, such as {version}-acme.1\n"
    )

    for default, files in (("", [str(tmp_path)]), ("", []), ("1.0.0", [])):
        monkeypatch.setenv("FINETUNE_ADVISOR_DEFAULT_TREE_VERSION", default)
        printed = run("tree", "check", *files)
        assert (0, warning * warned) == (printed.exit_code, printed.stderr)


@pytest.mark.parametrize(
    ("option", "value"), [("port", "abc"), ("port", "70000"), ("workers", "0"), ("threads", "x")]
)
def test_serve_blames_the_option_that_is_wrong(option: str, value: str) -> None:
    """As click does, with its exit code; the environment's variable of that name isn't the user's doing."""
    before = dict(os.environ)
    printed = run("serve", f"--{option}", value)

    assert 2 == printed.exit_code
    assert f"Error: Invalid value for '--{option}': " in printed.stderr
    assert "FINETUNE_ADVISOR" not in printed.stderr
    assert before == os.environ


def test_serve_passes_its_options_on_and_keeps_its_own_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The process that serves gets the options as variables, in place of the environment's."""
    given: list[Mapping[str, str]] = []
    monkeypatch.setattr(os, "execve", lambda *arguments: given.append(arguments[2]))
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    monkeypatch.setenv("FINETUNE_ADVISOR_PORT", "9000")
    monkeypatch.setenv("FINETUNE_ADVISOR_THREADS", "7")
    before = dict(os.environ)

    assert 0 == run("serve", "--port", "0", "--host", "::1").exit_code

    options = {"FINETUNE_ADVISOR_PORT": "0", "FINETUNE_ADVISOR_HOST": "::1"}
    assert [before | options | {"MALLOC_ARENA_MAX": "2"}] == given
    assert before == os.environ


def test_the_options_of_serve_have_the_limits_of_the_settings() -> None:
    """An option takes what its setting takes: each states the limits of its own, for a quick start."""
    checks = {setting.name: setting.metadata["check"] for setting in fields(Settings)}
    limits = {
        option.name: (option.type.min, option.type.max)
        for option in serve.params
        if isinstance(option.type, click.IntRange)
    }

    assert {"port", "workers", "threads"} == limits.keys()
    assert {name: (checks[name].min, checks[name].max) for name in limits} == limits


def test_serve_imports_little_before_the_server() -> None:
    """The command only starts another process: what that one imports isn't imported twice."""
    code = "import sys; from finetune_advisor.cli.serve import serve; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    ).stdout.split()

    assert "click" in loaded
    assert set() == {"environs", "marshmallow", "flask", "importlib.metadata"}.intersection(loaded)
