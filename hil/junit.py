"""A report as JUnit XML: one test case per cell, figures as properties.

CI systems read this dialect. A test suite stands for a target; `fail` is a failure, `hang` and
`error` are errors of that type, what could not be had or was not tried is skipped. pytest's own
`--junit-xml` stays what it is: one test case per test, without figures.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hil.document import Document

# What XML 1.0 §2.2 does not allow in a document; a board's console can say anything.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_OUTCOMES = {
    "fail": "failure",
    "hang": "error",
    "error": "error",
    "skip": "skipped",
    "locked": "skipped",
    "wedged": "skipped",
    "infra": "skipped",
}


def document(report: Document) -> str:
    """Return the report as a JUnit XML document."""
    root = ElementTree.Element("testsuites", name=f"hil {report['run']['id']}")
    for target in report["targets"]:
        cells = [cell for cell in report["cells"] if cell["target"] == target["name"]]
        _suite(root, report, target, cells)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _suite(
    root: ElementTree.Element, report: Document, target: Document, cells: list[Document]
) -> None:
    outcomes = [_OUTCOMES.get(cell["verdict"]) for cell in cells]
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        name=target["name"],
        timestamp=report["run"]["started_utc"].removesuffix("Z"),
        tests=str(len(cells)),
        failures=str(outcomes.count("failure")),
        errors=str(outcomes.count("error")),
        skipped=str(outcomes.count("skipped")),
    )
    facts = {"cpu": target["cpu"], "git_commit": report["run"]["git_commit"]}
    _properties(suite, {**facts, **(target["firmware"] or {})})
    for cell in cells:
        _case(suite, cell)


def _case(suite: ElementTree.Element, cell: Document) -> None:
    name = "-".join(part for part in (cell["peer"], cell["scenario"]) if part)
    case = ElementTree.SubElement(suite, "testcase", classname=f"hil.{cell['target']}", name=name)
    facts: dict[str, object] = {"verdict": cell["verdict"], "test": cell["test"]}
    facts["peer_version"] = cell["peer_version"]
    facts["attempts"] = cell.get("attempts")
    facts.update((f"negotiated.{key}", value) for key, value in cell["negotiated"].items())
    facts.update((f"artefact.{key}", value) for key, value in cell["artefacts"].items())
    facts.update((entry["name"], entry["value"]) for entry in cell["measurements"])
    _properties(case, facts)
    _attempts(case, cell)
    outcome = _OUTCOMES.get(cell["verdict"])
    if outcome is None:
        return
    reason = _text(cell["reason"] or cell["verdict"])
    why = _text(cell.get("explanation") or "")
    element = ElementTree.SubElement(case, outcome, message=reason.strip().splitlines()[0])
    if outcome != "skipped":
        element.set("type", cell["verdict"])
    element.text = f"{reason}\n\n{why}" if why else reason


def _attempts(case: ElementTree.Element, cell: Document) -> None:
    """Add the attempts before the last one, in the words that Maven's Surefire has for them."""
    of = "flaky" if cell["verdict"] == "flaky" else "rerun"
    for attempt in cell.get("failed_attempts", ()):
        kind = "Failure" if attempt["verdict"] == "fail" else "Error"
        reason = _text(attempt["reason"])
        element = ElementTree.SubElement(case, of + kind, message=reason.strip().splitlines()[0])
        element.set("type", attempt["verdict"])
        ElementTree.SubElement(element, "stackTrace").text = reason


def _properties(parent: ElementTree.Element, facts: dict[str, object]) -> None:
    known = {name: value for name, value in facts.items() if value is not None}
    if not known:
        return
    properties = ElementTree.SubElement(parent, "properties")
    for name, value in known.items():
        ElementTree.SubElement(properties, "property", name=name, value=_text(str(value)))


def _text(text: str) -> str:
    """Replace what XML cannot carry by a visible substitute."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
