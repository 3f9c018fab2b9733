"""Test results as JUnit XML, the format that build servers read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from finetune_advisor.formats.graphics.typesetting import replace_invalid_xml
from finetune_advisor.suites.runner import CaseResult
from finetune_advisor.suites.text_report import format_mismatch


def render_junit_xml(results: Iterable[CaseResult]) -> bytes:
    """Render results as JUnit XML in UTF-8: a `testsuite` for each file, a `testcase` for each case."""
    # Times are left out, so that the same results always give the same bytes.
    results_by_file: dict[str, list[CaseResult]] = {}
    for result in results:
        file = replace_invalid_xml(str(result.suite.path))
        results_by_file.setdefault(file, []).append(result)
    all_results = [result for file_results in results_by_file.values() for result in file_results]
    root = Element("testsuites", {"name": "finetune-advisor tree test", **_counts(all_results)})
    for file, file_results in results_by_file.items():
        suite = SubElement(root, "testsuite", {"name": file, **_counts(file_results)})
        for result in file_results:
            _add_case(suite, file, result)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _counts(results: list[CaseResult]) -> Mapping[str, str]:
    failures = sum(1 for result in results if result.mismatches)
    # A faulty suite stops the run before any case, and no case is skipped; readers expect the fields.
    return {"tests": str(len(results)), "failures": str(failures), "errors": "0", "skipped": "0"}


def _add_case(suite: Element, file: str, result: CaseResult) -> None:
    # Build servers group cases by `classname`, and link to `file` and `line`.
    attributes = {
        "name": result.case.name,
        "classname": f"tree {result.suite.tree.version}",
        "file": file,
        "line": str(result.case.line),
    }
    case = SubElement(suite, "testcase", attributes)
    if result.mismatches:
        lines = [format_mismatch(mismatch) for mismatch in result.mismatches]
        failure = SubElement(case, "failure", {"type": "mismatch", "message": "; ".join(lines)})
        failure.text = "\n".join([f"{file}:{result.case.line}", *lines])
