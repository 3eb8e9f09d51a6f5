"""The report as JUnit XML, as a CI system reads it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from hil import junit, report, target
from hil.measure import Measurement


@pytest.fixture
def suite(tmp_path):
    """Make the report of cells with the given (verdict, reason), read it back, return its suite."""

    def _suite(*verdicts):
        run = report.Run(tmp_path)
        board = target.load_all()["unix"]
        for number, (verdict, reason) in enumerate(verdicts):
            cell = report.Cell("unix", "openssl", "3.0.17", f"s{number}", "client", verdict, reason)
            cell.negotiated = {"version": "TLSv1.3"}
            cell.measurements = [Measurement("bytes_sent", 900, "bytes", "counted")]
            run.add(cell, board, None)
        root = ElementTree.fromstring(junit.document(run.document()))
        (element,) = root.findall("testsuite")
        return element

    return _suite


def test_each_verdict_has_its_outcome(suite):
    element = suite(
        ("pass", None),
        ("fail", "1 != 2"),
        ("hang", "no answer"),
        ("error", "died"),
        ("skip", "no peer"),
        ("flaky", "2nd try"),
    )
    outcomes = [
        next((child.tag for child in case if child.tag != "properties"), None)
        for case in element.findall("testcase")
    ]
    assert outcomes == [None, "failure", "error", "error", "skipped", None]
    counts = {name: element.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "1", "errors": "2", "skipped": "1"}


def test_an_error_tells_a_hang_from_a_death_and_keeps_the_whole_reason(suite):
    (case,) = suite(("hang", "no answer\n>>> console")).findall("testcase")
    error = case.find("error")
    assert (error.get("type"), error.get("message")) == ("hang", "no answer")
    assert error.text == "no answer\n>>> console"


def test_a_case_is_named_after_its_cell_and_carries_its_figures(suite):
    (case,) = suite(("pass", None)).findall("testcase")
    assert (case.get("classname"), case.get("name")) == ("hil.unix", "openssl-s0")
    properties = {entry.get("name"): entry.get("value") for entry in case.iter("property")}
    assert properties["bytes_sent"] == "900"
    assert properties["negotiated.version"] == "TLSv1.3"
    assert properties["peer_version"] == "3.0.17"


def test_a_console_full_of_control_characters_is_still_xml(suite):
    (case,) = suite(("hang", "no\x00 answer\x1b[0m \ud800 ]]> <&")).findall("testcase")
    assert case.find("error").text == "no\ufffd answer\ufffd[0m \ufffd ]]> <&"


def test_an_explanation_follows_the_reason(tmp_path):
    run = report.Run(tmp_path)
    cell = report.Cell("unix", "openssl", "3.0.17", "s", "client", "fail", "no alert")
    cell.explanation = "The peer hung up."
    run.add(cell, target.load_all()["unix"], None)
    failure = ElementTree.fromstring(junit.document(run.document())).find(".//failure")
    assert failure.text == "no alert\n\nThe peer hung up."
    assert failure.get("message") == "no alert"
