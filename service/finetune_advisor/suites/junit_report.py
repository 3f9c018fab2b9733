"""Test results as JUnit XML, which build servers read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from finetune_advisor.formats.graphics.typesetting import xml_text
from finetune_advisor.suites.runner import Result
from finetune_advisor.suites.text_report import difference


def render(results: Iterable[Result]) -> bytes:
    """A `testsuite` for each suite with a `testcase` for each case. No times: the same bytes every time."""
    by_suite: dict[str, list[Result]] = {}
    for result in results:
        by_suite.setdefault(xml_text(str(result.suite.path)), []).append(result)
    every = [result for some in by_suite.values() for result in some]
    root = Element("testsuites", {"name": "finetune-advisor tree test", **_counts(every)})
    for path, some in by_suite.items():
        suite = SubElement(root, "testsuite", {"name": path, **_counts(some)})
        for result in some:
            _case(suite, path, result)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _counts(results: list[Result]) -> Mapping[str, str]:
    failures = sum(1 for result in results if result.mismatches)
    return {"tests": str(len(results)), "failures": str(failures), "errors": "0", "skipped": "0"}


def _case(suite: Element, path: str, result: Result) -> None:
    place = {
        "classname": f"tree {result.suite.tree.version}",
        "file": path,
        "line": str(result.case.line),
    }
    case = SubElement(suite, "testcase", {"name": result.case.name, **place})
    if result.mismatches:
        lines = [difference(mismatch) for mismatch in result.mismatches]
        failure = SubElement(case, "failure", {"type": "mismatch", "message": "; ".join(lines)})
        failure.text = "\n".join([f"{path}:{result.case.line}", *lines])
