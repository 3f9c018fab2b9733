"""Test suites of trees, run through the command as their authors do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result
from ruamel.yaml import YAML

from finetune_advisor.cli import main
from finetune_advisor.cli.tree_test import run_suites
from finetune_advisor.engine.analysis.coverage import measure_coverage
from finetune_advisor.engine.model.tree import Tree
from finetune_advisor.suites import loader, proposed_suites, runner, text_report
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "tree-tests.md").read_text(encoding="utf-8")
DOCUMENT, SUITE = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def acme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The guide's example, as files under the current directory; gives the suite."""
    for name, text in (("trees", DOCUMENT), ("suites", SUITE)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "acme.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "suites" / "acme.yaml"


def run(*arguments: str) -> Result:
    """Run `tree test` in this process."""
    return CliRunner().invoke(main, ["tree", "test", *arguments])


def faults(acme: Path, text: str) -> list[str]:
    """What a suite is refused for, without the file's name."""
    acme.write_text(text, encoding="utf-8")
    printed = run("suites")

    assert (1, "") == (printed.exit_code, printed.stdout)
    assert "Traceback" not in printed.stderr
    return printed.stderr.removeprefix("Error: ").replace("suites/acme.yaml:", "").splitlines()


@pytest.mark.exhaustive
def test_the_bundled_suites_cover_their_trees() -> None:
    """Every case of a bundled tree passes, and together they take every branch and path."""
    printed = run(str(ROOT / "tests" / "suites"), "--min-coverage", "100")

    assert printed.exit_code == 0
    assert printed.stdout == (
        "1138 cases: 1138 passed, 0 failed\n"
        "Tree 1.0.0: 22 of 22 branches (100 %), 12 of 12 paths (100 %)\n"
        "Tree 2.0.0: 86 of 86 branches (100 %), 536 of 536 paths (100 %)\n"
        "Tree 3.0.0: 129 of 129 branches (100 %), 578 of 578 paths (100 %)\n"
    )


def test_every_bundled_tree_has_a_suite() -> None:
    """A tree isn't released without the cases that test it."""
    bundled = {
        path.stem
        for path in (ROOT / "service" / "finetune_advisor" / "trees" / "bundled").glob("*.yaml")
    }

    assert bundled == {path.stem for path in (ROOT / "tests" / "suites").glob("*.yaml")}


def test_the_guide_prints_what_it_shows(acme: Path) -> None:
    """The author's guide: both of its commands print exactly what stands there."""
    for shown in re.findall(r"^```console\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL):
        command, _, output = shown.partition("\n")
        printed = run(*command.removeprefix("$ finetune-advisor tree test ").split())

        assert printed.exit_code == 1
        assert output == printed.stdout


def test_the_guide_names_every_field_and_option() -> None:
    """The guide's tables are those of the schema and of the command."""
    named = set(re.findall(r"^\| `([a-z_-]+)", GUIDE, re.MULTILINE))
    schema = loader
    documents = (schema.SuiteDocument, schema.CaseDocument, schema.ExpectationDocument)
    options = {option.opts[0] for option in run_suites.params}

    assert named == {name for one in documents for name in one().fields} | options - {"directory"}


def test_generated_cases_close_the_gap(acme: Path) -> None:
    """Put into a suite, the proposals pass, cover everything, and are the same every time."""
    acme.write_text("tree: ../trees/acme.yaml\ncases: []\n")
    proposed = run("suites", "--generate")
    assert (proposed.stdout, 0) == (run("suites", "--generate").stdout, proposed.exit_code)
    acme.write_text(proposed.stdout)

    assert run("suites", "--min-coverage", "100").stdout == (
        "3 cases: 3 passed, 0 failed\nTree 1.1.0-acme.1: 4 of 4 branches (100 %), 3 of 3 paths (100 %)\n"
    )
    assert "" == run("suites", "--generate").stdout


def test_generated_names_are_unique(acme: Path) -> None:
    """A proposal's name isn't one that a case has, though it leads to the same place."""
    text = "- {name: wait after cleared false, profile: {}, expect: {status: undecided}}"
    acme.write_text(f"tree: ../trees/acme.yaml\ncases:\n  {text}\n")
    proposed = YAML(typ="safe").load(run("suites", "--generate").stdout)

    assert [one["name"] for one in proposed["cases"]] == [
        "wait after enough_examples < 50",
        "tune after enough_examples >= 50",
        "wait after cleared false (2)",
    ]


def test_generated_names_tell_paths_apart(acme: Path) -> None:
    """Where paths share their last step, a proposal's name has the steps that only its path has."""
    shared = DOCUMENT.replace(
        "to: wait, reason: Without clearance nothing may be trained.", "to: enough_examples"
    )
    (acme.parents[1] / "trees" / "acme.yaml").write_text(shared)
    acme.write_text("tree: ../trees/acme.yaml\ncases: []\n")
    printed = run("suites", "--generate").stdout

    assert [one["name"] for one in YAML(typ="safe").load(printed)["cases"]] == [
        "wait after cleared true, enough_examples < 50",
        "tune after cleared true, enough_examples >= 50",
        "wait after cleared false, enough_examples < 50",
        "tune after cleared false, enough_examples >= 50",
    ]


def test_suites_of_one_tree_count_together(acme: Path) -> None:
    """What one suite misses another may cover; other trees are apart, and so are their proposals."""
    acme.write_text(SUITE.partition("  - name: forty")[0])
    (acme.parent / "more.yml").write_text(
        "tree: ../trees/acme.yaml\ncases:\n"
        "  - {name: not cleared, profile: {data_cleared: false}, expect: {recommendation: wait}}\n"
    )
    (acme.parent / "other.yaml").write_text("tree: 1.0.0\ncases: []\n")
    (acme.parent / ".hidden.yaml").write_text("nonsense")
    printed = run("suites")
    assert "Tree 1.1.0-acme.1: 3 of 4 branches (75 %), 2 of 3 paths (66 %)\n" in printed.stdout
    assert "Tree 1.0.0: 0 of 22 branches (0 %), 0 of 12 paths (0 %)\n" in printed.stdout
    proposed = [*YAML(typ="safe").load_all(run("suites", "--generate").stdout)]

    assert [("../trees/acme.yaml", 1), ("1.0.0", 12)] == [(p["tree"], len(p["cases"])) for p in proposed]


@pytest.mark.parametrize(("percent", "code"), [("66.6", 0), ("66.7", 1)])
def test_too_little_coverage_fails(acme: Path, percent: str, code: int) -> None:
    """--min-coverage takes the exact share, not the rounded one."""
    acme.write_text(SUITE.replace("{recommendation: tune}", "{recommendation: wait}"))
    printed = run("suites", "--min-coverage", percent)

    assert code == printed.exit_code
    assert printed.stderr == ("" if code == 0 else f"Error: the coverage is below {percent} %\n")


def test_no_number_is_no_percentage(acme: Path) -> None:
    """Nothing is below nan, so it would let everything pass."""
    printed = run("suites", "--min-coverage", "nan")

    assert printed.exit_code == 2
    assert "Invalid value for '--min-coverage': nan is no percentage." in printed.stderr


def test_every_expectation_can_fail(acme: Path) -> None:
    """Each field is compared, and the message says what was expected and what came."""
    acme.write_text(
        "tree: ../trees/acme.yaml\n"
        "cases:\n"
        "  - name: all wrong\n"
        "    profile: {}\n"
        "    expect:\n"
        "      status: decided\n"
        "      recommendation: wait\n"
        "      path: [cleared]\n"
        "      candidates: [tune]\n"
        "      next_question: enough_examples\n"
        "  - name: not asked\n"
        "    profile: {data_cleared: false}\n"
        "    expect: {next_question: cleared, candidates: [wait]}\n"
    )
    printed = run(str(acme))

    assert printed.exit_code == 1
    assert printed.stdout.splitlines()[:9] == [
        f"FAILED {acme}:3: all wrong",
        "  status: expected decided, got undecided",
        "  recommendation: expected wait, got none",
        "  path: expected cleared, got none",
        "  candidates: expected tune, got wait, tune",
        "  next_question: expected enough_examples, got cleared",
        f"FAILED {acme}:11: not asked",
        "  next_question: expected cleared, got none",
        "2 cases: 0 passed, 2 failed",
    ]


def test_candidates_are_taken_in_any_order(acme: Path) -> None:
    """An author needn't know the order of the tree."""
    text = "- {name: any, profile: {}, expect: {candidates: [tune, wait]}}"
    acme.write_text(f"tree: ../trees/acme.yaml\ncases:\n  {text}\n")

    assert run("suites").exit_code == 0


def test_junit_has_every_case(acme: Path) -> None:
    """The XML parses, counts what ran, and each failure says where and why."""
    acme.write_text(SUITE.replace("forty-nine are not", 'forty-nine are <"not"> & ä'))
    assert run("suites", "--junit", "junit.xml").exit_code == 1
    root = ElementTree.parse(acme.parents[1] / "junit.xml").getroot()
    counts = {"tests": "3", "failures": "1", "errors": "0", "skipped": "0"}

    assert ("testsuites", {"name": "finetune-advisor tree test", **counts}) == (root.tag, root.attrib)
    [suite] = root
    assert ("testsuite", {"name": "suites/acme.yaml", **counts}) == (suite.tag, suite.attrib)
    assert [case.attrib for case in suite] == [
        {"name": name, "classname": "tree 1.1.0-acme.1", "file": "suites/acme.yaml", "line": line}
        for name, line in [
            ("fifty examples are enough", "3"),
            ('forty-nine are <"not"> & ä', "6"),
            ("examples alone don't decide", "9"),
        ]
    ]
    [failure] = root.iter("failure")
    assert failure.attrib == {"type": "mismatch", "message": "recommendation: expected tune, got wait"}
    assert failure.text == "suites/acme.yaml:6\nrecommendation: expected tune, got wait"


def test_junit_takes_any_file_name(acme: Path) -> None:
    """What XML can't carry is replaced."""
    acme.rename(acme.parent / "bell\x07.yaml")
    run("suites", "--junit", "junit.xml")
    [suite] = ElementTree.parse(acme.parents[1] / "junit.xml").getroot()

    assert suite.get("name") == suite[0].get("file") == "suites/bell\ufffd.yaml"


def test_a_trees_paths_may_be_too_many(tree: Tree) -> None:
    """Then the text says that branches alone count, and proposals take the missed branches."""
    some = measure_coverage(tree, [{"prompt_engineering_sufficient": True}], max_paths=3)
    suite = runner.Suite(Path("suite.yaml"), "1.0.0", tree, ())
    one = replace(runner.measure_coverage_by_tree([suite])[0], coverage=some)
    [proposed] = YAML(typ="safe").load_all(
        proposed_suites.render_proposed_suites([runner.propose_suite(one)])
    )
    covered = measure_coverage(tree, [case["profile"] for case in proposed["cases"]], max_paths=3)

    lines = text_report.render_text_report([], [one]).splitlines()
    assert lines[1] == "Tree 1.0.0: 1 of 22 branches (4 %); it has too many paths to count them"
    assert len(lines) == 3 + 21
    assert {*covered.missed_branches} <= {("prompt_engineering", 0)}


NOTHING = (
    "5: cases.1.expect: nothing is expected; "
    "write one or more of status, recommendation, path, candidates, next_question"
)
NOT_SERVED = (
    "1: tree: no tree 9.0.0 is served; served are 1.0.0, 2.0.0, 3.0.0; "
    "name one, or the path of a document"
)
EXAMPLES = (
    "4: cases.1.profile.labelled_examples: not a value of this input; "
    "give a whole number from 0 to 9007199254740991"
)
QUOTE = 'if it is part of a text, quote the whole text: "…"'
EXPECTED = "status, recommendation, path, candidates, next_question"
CASE = "tree: ../trees/acme.yaml\ncases:\n  - name: one\n    profile: {data_cleared: true}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cases: []\n", ["1: tree: the field is missing; add it"]),
        ("tree: 1.0.0\n", ["1: cases: the field is missing; add it"]),
        (
            "tree: 9.0.0\ncases: []\n",
            [NOT_SERVED],
        ),
        (
            "tree: no.yaml\ncases: []\n",
            [
                "1: tree: can't be tested, since",
                "suites/no.yaml: not a file; give the path of a tree document (YAML)",
            ],
        ),
        (f"{CASE}    expect: {{}}\n", [NOTHING]),
        (f"{CASE}    expect: {{pth: []}}\n",
         ["5: cases.1.expect.pth: Unknown field; did you mean path? Known are " + EXPECTED]),
        (f"{CASE}    expects: {{}}\n", [
            "3: cases.1.expect: the field is missing; add it",
            "5: cases.1.expects: Unknown field; did you mean expect? Known are name, profile, expect",
        ]),
        (f"{CASE}    expect: {{status: done}}\n",
         ["5: cases.1.expect.status: Must be one of: decided, undecided; correct the value"]),
        (f"{CASE}    expect: {{recommendation: tun}}\n",
         ["5: cases.1.expect.recommendation: tree 1.1.0-acme.1 has no recommendation tun; correct its name"]),
        (f"{CASE}    expect: {{next_question: tune}}\n",
         ["5: cases.1.expect.next_question: tree 1.1.0-acme.1 has no question tune; correct its name"]),
        (f"{CASE}    expect:\n      path:\n        - cleared\n        - enough\n",
         ["8: cases.1.expect.path.2: tree 1.1.0-acme.1 has no question enough; correct its name"]),
        (f"{CASE}    expect: {{candidates: [tune, wat]}}\n",
         ["5: cases.1.expect.candidates.2: tree 1.1.0-acme.1 has no recommendation wat; correct its name"]),
        (f"{CASE}    expect: {{path: []}}\n  - {{name: one, profile: {{}}, expect: {{path: []}}}}\n",
         ["6: cases.2.name: another case has this name; give each its own"]),
        (CASE.replace("one", '"a\\nb"') + "    expect: {status: decided}\n",
         ["3: cases.1.name: the name has characters that can't be printed; keep to one line"]),
        (CASE.replace("{data_cleared: true}", "[]") + "    expect: {status: decided}\n",
         ["4: cases.1.profile: not a mapping of inputs to values; write one, or {} for no answers"]),
        (CASE.replace("true", "1") + "    expect: {status: decided}\n",
         ["4: cases.1.profile.data_cleared: not a value of this input; give true or false"]),
        (CASE.replace("true", '"true"') + "    expect: {status: decided}\n",
         ["4: cases.1.profile.data_cleared: not a value of this input; give true or false, without quotes"]),
        (CASE.replace("data_cleared: true", "labelled_examples: -1") + "    expect: {status: decided}\n",
         [EXAMPLES]),
        (CASE.replace("data_cleared", "cleared") + "    expect: {status: decided}\n",
         ["4: cases.1.profile.cleared: tree 1.1.0-acme.1 has no such input; correct its name"]),
        ("tree: [\n",
         ["2: not YAML: expected the node content, but found '<stream end>'; " + QUOTE]),
    ],
)  # fmt: skip
def test_a_faulty_suite_is_refused(acme: Path, text: str, expected: list[str]) -> None:
    """The message names file, line, field and remedy, and nothing is run."""
    assert expected == faults(acme, text)


def test_all_suites_are_read_before_one_runs(acme: Path) -> None:
    """Faults of several files are named at once."""
    (acme.parent / "more.yaml").write_text("tree: 1\n")
    found = faults(acme, "cases: []\n")

    assert found == [
        "1: tree: the field is missing; add it",
        "suites/more.yaml:1: tree: Not a valid string; write text; quote what YAML reads as something else",
        "suites/more.yaml:1: cases: the field is missing; add it",
    ]


def test_a_directory_without_suites_is_refused(tmp_path: Path) -> None:
    """No suites is a mistake, not a success."""
    printed = run(str(tmp_path))

    assert printed.exit_code == 1
    assert printed.stderr == f"Error: {tmp_path}: holds no *.yaml or *.yml file; add a suite\n"


def test_values_of_each_type_are_named(tmp_path: Path) -> None:
    """A wrong choice or number is answered with what the input takes."""
    suite = tmp_path / "typed.yaml"
    suite.write_text(
        f"tree: {ROOT / 'tests' / 'api' / 'typed.yaml'}\n"
        "cases:\n"
        "  - name: wrong\n"
        "    expect: {status: decided}\n"
        "    profile:\n"
        "      team: big\n"
        "      best_score: 1.5\n"
        "      needed_score: [1]\n"
        "      corpus_length: 1.5\n"
    )
    place = "cases.1.profile."

    assert run(str(suite)).stderr.replace(f"\n{suite}:", "\n").splitlines() == [
        f"Error: {suite}:6: {place}team: not a value of this input; give solo or small or large",
        f"7: {place}best_score: not a value of this input; give a number from 0 to 1",
        f"8: {place}needed_score: not a value of this input; give a number from 0 to 1",
        f"9: {place}corpus_length: not a value of this input; give a whole number from 0 to 1000000",
    ]
