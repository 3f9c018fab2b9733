"""The conformance pack: what it holds, that no mutant passes it, and checks of real instances."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings

from finetune_advisor.cli import main
from finetune_advisor.engine.analysis.comparison import compare_trees
from finetune_advisor.engine.analysis.decision_table import DecisionTable, build_decision_table
from finetune_advisor.engine.evaluation.exact import evaluate
from finetune_advisor.engine.model.canonical import sha256_digest
from finetune_advisor.engine.model.conditions import Bound, ComparedWith, InRange, Operator
from finetune_advisor.engine.model.tree import Question, Tree
from finetune_advisor.formats.decision_table_json import render_decision_table
from finetune_advisor.suites import conformance
from finetune_advisor.trees import catalog, loader
from tests.conftest import ROOT, Server, StartServer
from tests.mutants import retargeted, swapped, with_question, without_question
from tests.strategies import completions, gapped_trees, trees, walk

GOLDEN = ROOT / "tests" / "golden"
OPERATORS: tuple[Operator, ...] = ("lt", "lte", "gt", "gte")


def run(*arguments: str) -> Result:
    """Run `conformance` in this process."""
    return CliRunner().invoke(main, ["conformance", *arguments])


def disagrees(table: DecisionTable, mutant: Tree) -> bool:
    """Whether some row of a table, asked of another tree, has another recommendation or path."""
    for profile, outcome in table.rows:
        assessment = evaluate(mutant, profile)
        leaf = assessment.recommendation
        path = tuple(step.question.id for step in assessment.path)
        if (outcome.recommendation, outcome.path) != (leaf.id if leaf else None, path):
            return True
    return False


@pytest.fixture(scope="module")
def table(tree: Tree) -> DecisionTable:
    """The decision table of tree 1.0.0."""
    return build_decision_table(tree)


@pytest.fixture(scope="module")
def typed() -> Tree:
    """A tree with inputs of every type."""
    return loader.load_tree(ROOT / "tests" / "api" / "typed.yaml")


@pytest.mark.exhaustive
@pytest.mark.parametrize("version", [path.stem for path in catalog.BUNDLED_TREES_DIR.glob("*.yaml")])
def test_the_table_of_a_released_tree_never_changes(version: str) -> None:
    """The command prints the pinned table byte by byte, and its hash is that of what it holds."""
    pinned = (GOLDEN / version / "conformance" / "table.json").read_text(encoding="utf-8")
    printed = run("--tree-version", version)
    form = json.loads(pinned)

    assert (0, pinned) == (printed.exit_code, printed.stdout)
    assert form.pop("sha256") == sha256_digest(form)


def test_the_table_has_every_complete_profile_and_path(tree: Tree, table: DecisionTable) -> None:
    """2,048 complete profiles as the flowchart decides them, and the shortest profile of each path."""
    complete = {tuple(p.items()): o for p, o in table.rows if len(p) == 11}
    expected = {
        tuple(profile.items()): (walk(tree, profile)[1], tuple(q for q, _ in walk(tree, profile)[0]))
        for profile in completions(tree, {})
    }
    short = [(p, o) for p, o in table.rows if len(p) < 11]

    assert "profiles" == table.holds
    assert expected == {key: (one.recommendation, one.path) for key, one in complete.items()}
    assert 12 == len({(*one.path, str(profile)) for profile, one in short})
    assert all(len(profile) == len(one.path) for profile, one in short)
    assert 12 == len({one.receipt for _, one in table.rows})


def test_the_plain_form_says_all(table: DecisionTable) -> None:
    """Read back by someone else, the file gives every profile with its outcome."""
    form = json.loads(render_decision_table(table))
    rows = []
    for *answers, place in form["rows"]:
        pairs = zip(form["inputs"], answers, strict=True)
        one = form["outcomes"][place]
        profile = {name: value for name, value in pairs if value is not None}
        rows.append((profile, (one["recommendation"], tuple(one["path"]), one["receipt"])))

    assert form == table.plain
    assert rows == [(p, (o.recommendation, o.path, o.receipt)) for p, o in table.rows]


@pytest.mark.exhaustive
@pytest.mark.parametrize("edit", [retargeted, swapped, without_question])
def test_every_mutant_of_the_flowchart_disagrees(tree: Tree, table: DecisionTable, edit: Any) -> None:
    """No single edit passes, unless it changes no outcome at all."""
    mutants = [*edit(tree)]
    equivalent = [mutant for mutant in mutants if compare_trees(tree, mutant).equivalent]
    survivors = [mutant for mutant in mutants if not disagrees(table, mutant)]

    assert not disagrees(table, replace(tree, version="9.9.9"))
    assert len(mutants) >= 11
    assert all(mutant in equivalent for mutant in survivors)


def nudged(tree: Tree) -> Iterator[Tree]:
    """Every tree with one threshold moved by one, or with its sides' ends exchanged."""
    for question in tree.questions.values():
        for place, branch in enumerate(question.branches):
            if isinstance(branch.test, InRange):
                for change in (-1, 0, 1):
                    yield with_question(tree, _moved(question, place, change))


def _moved(question: Question, place: int, change: int) -> Question:
    """A question of two branches with the border between them moved, or given to the other side."""
    mine, other = question.branches[place], question.branches[1 - place]
    assert isinstance(mine.test, InRange)
    below = mine.test.upper is not None
    end = mine.test.upper or mine.test.lower
    assert end
    bound = Bound(end.value + change, end.inclusive if change else not end.inclusive)
    across = replace(bound, inclusive=not bound.inclusive)
    tests = InRange(None, bound), InRange(across, None)
    mine = replace(mine, test=tests[0] if below else InRange(bound, None))
    other = replace(other, test=tests[1] if below else InRange(None, across))
    pair = (mine, other) if place == 0 else (other, mine)
    return replace(question, branches=pair)


def test_every_threshold_is_held_from_both_sides(typed: Tree) -> None:
    """A threshold that moves by one, or takes its own value in or leaves it out, doesn't pass."""
    mutants = [*nudged(typed)]

    assert 9 == len(mutants)
    assert "paths" == build_decision_table(typed).holds
    assert [] == [mutant for mutant in mutants if not disagrees(build_decision_table(typed), mutant)]


@pytest.mark.parametrize("operator", OPERATORS)
def test_comparisons_are_held_from_both_sides(typed: Tree, operator: Operator) -> None:
    """Of a comparison of two inputs, any other operator doesn't pass."""
    opposite: dict[Operator, Operator] = {"lt": "gte", "gte": "lt", "lte": "gt", "gt": "lte"}
    first, second = typed.questions["quality"].branches
    question = replace(
        typed.questions["quality"],
        branches=(
            replace(first, test=ComparedWith(operator, "needed_score")),
            replace(second, test=ComparedWith(opposite[operator], "needed_score")),
        ),
    )
    mutant = with_question(typed, question)

    assert disagrees(build_decision_table(typed), mutant) == (operator != "gte")


def test_a_comparison_of_ranges_that_overlap_is_held(typed: Tree) -> None:
    """Where the ends of two ranges lie apart, the table has profiles in which the inputs are equal."""
    inputs = {
        **typed.inputs,
        "best_score": replace(typed.inputs["best_score"], minimum=0, maximum=10),
        "needed_score": replace(typed.inputs["needed_score"], minimum=-5, maximum=5),
    }
    tree = replace(typed, inputs=inputs)
    first, second = tree.questions["quality"].branches
    strict = replace(
        tree.questions["quality"],
        branches=(
            replace(first, test=ComparedWith("gt", "needed_score")),
            replace(second, test=ComparedWith("lte", "needed_score")),
        ),
    )

    assert disagrees(build_decision_table(tree), with_question(tree, strict))


def test_every_choice_and_every_span_is_held(typed: Tree) -> None:
    """A range in two pieces has profiles at both ends of each, and every choice stands in some row."""
    first, second = typed.questions["stability"].branches
    middle = InRange(Bound(-0.5, inclusive=True), Bound(0.5, inclusive=True))
    question = replace(typed.questions["stability"], branches=(replace(first, test=middle), second))
    staffing = typed.questions["staffing"]
    team = replace(typed.inputs["team"], choices=("solo", "small", "large", "huge"))
    tree = replace(with_question(typed, question), inputs={**typed.inputs, "team": team})
    tests = (staffing.branches[0].test, replace(staffing.branches[1].test, values=team.choices[1:]))  # type: ignore[call-arg]
    pair = tuple(replace(b, test=t) for b, t in zip(staffing.branches, tests, strict=True))
    rows = build_decision_table(with_question(tree, replace(staffing, branches=pair))).rows

    assert {"solo", "small", "large", "huge"} == {profile["team"] for profile, _ in rows}
    drifts = {one["drift"] for one, o in rows if "hosted" in o.path}
    ends = {-9007199254740991, -0.5000000000000001, 0.5000000000000001, 9007199254740991}
    assert drifts == ends


@given(trees(wide=False) | gapped_trees())
@settings(max_examples=60, deadline=None)
def test_no_exchange_of_targets_passes(tree: Tree) -> None:
    """In typed trees too: with two branches' targets exchanged, some row disagrees or nothing changed."""
    table = build_decision_table(tree)
    for question in tree.questions.values():
        first, *between, last = question.branches
        exchanged = (replace(first, to=last.to), *between, replace(last, to=first.to))
        mutant = with_question(tree, replace(question, branches=exchanged))
        assert disagrees(table, mutant) or compare_trees(tree, mutant).equivalent

    assert not disagrees(table, tree)


def test_a_tree_of_many_paths_is_held_by_its_branches(tree: Tree, table: DecisionTable) -> None:
    """Past the limits of profiles and paths the table says that it holds less."""
    paths = build_decision_table(tree, max_profiles=2047)
    branches = build_decision_table(tree, max_paths=11)

    assert ("paths", 12) == (paths.holds, len({(*o.path, o.receipt) for _, o in paths.rows}))
    assert "branches" == branches.holds
    assert "profiles" == build_decision_table(tree, max_profiles=2048, max_paths=12).holds
    walked = {step for p, _ in branches.rows for step in walk(tree, _filled(tree, dict(p)))[0]}
    assert 22 == len(walked)
    assert table.plain["sha256"] != paths.plain["sha256"]


def _filled(tree: Tree, profile: dict[str, Any]) -> dict[str, Any]:
    return next(completions(tree, profile))


@pytest.mark.exhaustive
def test_a_real_instance_conforms(server: Server, table: DecisionTable) -> None:
    """The service, asked over HTTP, gives every answer of its tables; the guide shows what is printed."""
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    second, third = (
        json.loads((GOLDEN / version / "conformance" / "table.json").read_text(encoding="utf-8"))
        for version in ("2.0.0", "3.0.0")
    )
    printed = run("--url", server.url)

    assert printed.exit_code == 0
    assert printed.stdout == (
        f"Tree 1.0.0: conforms; 2060 rows (profiles), table {table.plain['sha256']}\n"
        f"Tree 2.0.0: conforms; 3801 rows (paths), table {second['sha256']}\n"
        f"Tree 3.0.0: conforms; 2723 rows (paths), table {third['sha256']}\n"
    )
    assert printed.stdout in guide


def test_an_instance_with_another_tree_does_not(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tree that was changed under its version is found out by its digest and by its answers."""
    text = (catalog.BUNDLED_TREES_DIR / "1.0.0.yaml").read_text(encoding="utf-8")
    original = text.replace("version: 1.0.0", "version: 1.1.0", 1).replace("current", "candidate", 1)
    for name, document in (("here", original), ("there", _with_volumes_swapped(original))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.1.0.yaml").write_text(document, encoding="utf-8")
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(tmp_path / "here"))
    instance = start_server(TREES_DIR=str(tmp_path / "there"))
    printed = run("--url", instance.url, "--tree-version", "1.1.0")
    first, digest, difference, *others = printed.stdout.splitlines()

    assert printed.exit_code == 1
    assert first.startswith("Tree 1.1.0: 259 differences; 2060 rows (profiles), table sha256:")
    assert re.fullmatch(r"  digest: expected sha256:\w{64}, got sha256:\w{64}", digest)
    assert difference == (
        '  {"prompt_engineering_sufficient": false, "knowledge_retrieval_problem": true, '
        '"real_time_data_needed": false, "data_volume_very_large": true}: '
        "recommendation: expected consider_hybrid, got use_rag"
    )
    assert (19, "  and 239 more") == (len(others), others[-1])


def _with_volumes_swapped(text: str) -> str:
    """The document with yes and no exchanged in its question about the data's volume."""
    before, name, rest = text.partition("\n  data_volume:\n")
    question, following, rest = rest.partition("\n  narrow_task:\n")
    yes, no = "- is: true", "- is: false"
    swapped = question.replace(yes, "- ?").replace(no, yes).replace("- ?", no)
    return "".join((before, name, swapped, following, rest))


def test_a_version_that_is_not_served_is_named(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance's versions are listed; one that isn't known here is refused before anything is asked."""
    (tmp_path / "typed.yaml").write_bytes((ROOT / "tests" / "api" / "typed.yaml").read_bytes())
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(tmp_path))
    printed = run("--url", server.url, "--tree-version", "9.0.0-typed")

    assert printed.exit_code == 1
    problem = (
        "tree 9.0.0-typed isn't served; served are 1.0.0, 2.0.0, 3.0.0; choose one with --tree-version"
    )
    assert printed.stderr == f"Error: {server.url}: {problem}\n"
    assert "no such tree version" in run("--url", server.url, "--tree-version", "8.0.0").stderr


@pytest.mark.exhaustive
def test_what_was_checked_before_an_error_is_printed(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all versions known here, those before one that isn't served have been checked."""
    (tmp_path / "typed.yaml").write_bytes((ROOT / "tests" / "api" / "typed.yaml").read_bytes())
    monkeypatch.setenv("FINETUNE_ADVISOR_TREES_DIR", str(tmp_path))
    printed = run("--url", server.url)

    assert printed.exit_code == 1
    assert printed.stdout.startswith("Tree 1.0.0: conforms; ")
    assert "tree 9.0.0-typed isn't served" in printed.stderr


def test_an_empty_address_is_a_usage_error() -> None:
    """A variable that wasn't set in a script isn't a wish for a table."""
    printed = run("--url", "")

    assert (printed.exit_code, printed.stdout) == (2, "")
    assert "--url is empty; give an address, or leave it out to print a table" in printed.stderr


class Stub(BaseHTTPRequestHandler):
    """An instance that answers as a test says, and closes every second connection unasked."""

    protocol_version = "HTTP/1.1"
    answers: dict[str, tuple[int, str]] = {}

    def do_GET(self) -> None:
        self._answer(*self.answers[self.path])

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(*self.answers[self.path])
        self.close_connection = True

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def stub() -> Iterator[str]:
    """The address of a stub."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    thread = Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def _small(table: DecisionTable) -> DecisionTable:
    """The table with its first row alone."""
    return replace(table, rows=table.rows[:1])


PROMPTING = {"question": "prompt_engineering"}
ELSE = "; give the address of an instance"


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (503, {"detail": "Too busy."}, "status: expected 200, got 503 Too busy."),
        (500, {}, "status: expected 200, got 500"),
        (200, {"status": "decided"}, "recommendation: expected use_prompt_engineering, got nothing; "),
        (200, {"recommendation": 1, "path": 1}, "path: expected prompt_engineering, got nothing; "),
        (
            200,
            {"recommendation": {"id": "use_prompt_engineering"}, "path": [PROMPTING]},
            "receipt: expected sha256:",
        ),
    ],
)  # fmt: skip
def test_odd_answers_are_differences(
    stub: str, table: DecisionTable, status: int, answer: Any, expected: str
) -> None:
    """What isn't the right assessment is reported with its row, under a prefix of paths too."""
    tree = {"version": "1.0.0", "digest": table.digest}
    Stub.answers = {
        "/advisor/tree/versions": (200, json.dumps({"versions": [tree]})),
        "/advisor/assess": (status, json.dumps(answer)),
    }
    [difference] = conformance.check_instance(f"{stub}/advisor/", _small(table)).differences

    assert difference.startswith('{"prompt_engineering_sufficient": true}: ')
    assert expected in difference


@pytest.mark.parametrize(
    ("versions", "assessed", "expected"),
    [
        ("<html>", "{}", "/tree/versions answers 200 without a JSON object"),
        ("[]", "{}", "/tree/versions answers 200 without a JSON object"),
        ("{}", "{}", "/tree/versions answers 200 without a list of versions"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "{}", "/tree/versions answers 200 without a JSON object"),
        ('{"versions": [{"version": 1}]}', "{}", "/tree/versions answers 200 without a list of versions"),
        (None, "<html>", "/assess answers 200 without a JSON object"),
    ],
)  # fmt: skip
def test_another_service_is_no_instance(
    stub: str, table: DecisionTable, versions: str | None, assessed: str, expected: str
) -> None:
    """Answers that no instance gives end the check with what to do."""
    mine = json.dumps({"versions": [{"version": "1.0.0", "digest": table.digest}]})
    Stub.answers = {"/tree/versions": (200, versions or mine), "/assess": (200, assessed)}
    with pytest.raises(conformance.ConformanceError) as caught:
        conformance.check_instance(stub, _small(table))

    assert f"{stub}: {expected}{ELSE}" == str(caught.value)


def test_versions_of_another_kind_are_named(stub: str, table: DecisionTable) -> None:
    """A foreign list of versions doesn't have the one that is wanted."""
    Stub.answers = {"/tree/versions": (200, '{"versions": [{"version": 1, "digest": 1}]}')}
    with pytest.raises(conformance.ConformanceError, match="isn't served; served are 1; choose"):
        conformance.check_instance(stub, table)


def test_a_closed_connection_is_opened_again(stub: str, table: DecisionTable) -> None:
    """An instance may close a connection after any answer; the check goes on."""
    first = table.rows[0][1]
    path = [{"question": question} for question in first.path]
    answer = {"recommendation": {"id": first.recommendation}, "path": path, "receipt": first.receipt}
    tree = {"version": "1.0.0", "digest": table.digest}
    Stub.answers = {
        "/tree/versions": (200, json.dumps({"versions": [tree]})),
        "/assess": (200, json.dumps(answer)),
    }

    assert () == conformance.check_instance(stub, replace(table, rows=table.rows[:1] * 40)).differences


@pytest.mark.parametrize(
    "url", ["localhost:8080", "ftp://localhost", "http://", "http://localhost:port", "http://[", "http://a b"]
)  # fmt: skip
def test_an_odd_address_is_refused(url: str) -> None:
    """What can't be an address is answered with one that can."""
    printed = run("--url", url, "--tree-version", "1.0.0")

    assert printed.exit_code == 1
    assert printed.stderr.startswith(f"Error: {url}: ")
    assert "Traceback" not in printed.stderr


def test_an_instance_that_does_not_answer_is_named() -> None:
    """Nothing listens on a port that was just given back."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    printed = run("--url", url)

    assert printed.exit_code == 1
    assert printed.stderr.startswith(f"Error: {url}: doesn't answer: ")
    assert printed.stderr.endswith("refused; start it or correct the address\n")


def test_an_instance_that_hangs_up_is_named(table: DecisionTable) -> None:
    """Asked twice, it hangs up twice."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=lambda: [listening.accept()[0].close() for _ in range(2)])
        thread.start()
        with pytest.raises(conformance.ConformanceError, match=r"doesn't answer: .*; start it"):
            conformance.check_instance(f"http://127.0.0.1:{listening.getsockname()[1]}", table)
        thread.join()
