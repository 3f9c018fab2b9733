"""Test results as JUnit XML, which build servers read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from finetune_advisor.formats.graphics.typesetting import replace_invalid_xml
from finetune_advisor.suites.runner import CaseResult
from finetune_advisor.suites.text_report import format_mismatch


def render_junit_xml(results: Iterable[CaseResult]) -> bytes:
    """A `testsuite` for each suite with a `testcase` for each case. No times: the same bytes every time."""
    by_suite: dict[str, list[CaseResult]] = {}
    for result in results:
        by_suite.setdefault(replace_invalid_xml(str(result.suite.path)), []).append(result)
    every = [result for some in by_suite.values() for result in some]
    root = Element("testsuites", {"name": "finetune-advisor tree test", **_counts(every)})
    for path, some in by_suite.items():
        suite = SubElement(root, "testsuite", {"name": path, **_counts(some)})
        for result in some:
            _add_case(suite, path, result)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _counts(results: list[CaseResult]) -> Mapping[str, str]:
    failures = sum(1 for result in results if result.mismatches)
    return {"tests": str(len(results)), "failures": str(failures), "errors": "0", "skipped": "0"}


def _add_case(suite: Element, path: str, result: CaseResult) -> None:
    place = {
        "classname": f"tree {result.suite.tree.version}",
        "file": path,
        "line": str(result.case.line),
    }
    case = SubElement(suite, "testcase", {"name": result.case.name, **place})
    if result.mismatches:
        lines = [format_mismatch(mismatch) for mismatch in result.mismatches]
        failure = SubElement(case, "failure", {"type": "mismatch", "message": "; ".join(lines)})
        failure.text = "\n".join([f"{path}:{result.case.line}", *lines])
