"""The form of a report: what its schema takes and what it refuses, with the place."""

from __future__ import annotations

import copy
import json

import pytest

import hil
from hil import report, target
from hil.document import SCHEMA_FILE, VERDICTS, ReportError, read, validate
from hil.measure import Measurement


@pytest.fixture
def document(tmp_path):
    """A good report of one cell."""
    run = report.Run(tmp_path)
    cell = report.Cell("unix", "openssl", "3.0.17", "tls13-x509-p256", "client", "pass")
    cell.measurements = [Measurement("stack_peak_bytes", 3312, "bytes", "painted stack")]
    run.add(cell, target.load_all()["unix"], None)
    document = run.document()
    validate(document)
    return document


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("cells.0.verdict", "passed"),
        ("cells.0.verdict", None),
        ("cells.0.verdict", "hang"),  # without a reason
        ("cells.0.role", "router"),
        ("cells.0.negotiated.version", b"TLSv1.3"),
        ("cells.0.negotiated.suite", ["a", "b"]),
        ("cells.0.artefacts", {"log": "/tmp/absolute.log"}),
        ("cells.0.measurements.0.value", "3312"),
        ("cells.0.measurements.0.value", None),  # without a reason
        ("cells.0.measurements.0.unit", ""),
        ("cells.0.measurements.0.name", "stack peak"),
        ("cells.0.surprise", 1),
        ("targets.0.endian", "middle"),
        ("targets.0.firmware", {"micropython": "1.25.0", "image": "unix", "image_sha256": "abc"}),
        ("run.started_utc", "yesterday"),
        ("run.host", {}),
        ("schema", "hil-report/2"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(document, path, value):
    wrong = copy.deepcopy(document)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = wrong
    for part in way:
        place = place[part]
    place[last] = value
    with pytest.raises(ReportError, match=r"breaks hil-report/1: \$") as caught:
        validate(wrong)
    named = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in way)
    assert named in str(caught.value)


def test_a_figure_that_is_not_a_number_is_refused(document):
    document["cells"][0]["measurements"][0]["value"] = float("nan")
    with pytest.raises(ReportError, match="not a JSON value"):
        validate(document)


@pytest.mark.parametrize("content", ["", "{", '{"schema": "hil-report/1"}', "[]"])
def test_what_is_no_report_is_refused_by_name(tmp_path, content):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(ReportError, match=r"report\.json: "):
        read(tmp_path)


def test_the_schema_travels_in_the_package_and_knows_every_verdict():
    schema = json.loads(SCHEMA_FILE.read_text())
    assert SCHEMA_FILE.is_relative_to(hil.__path__[0])
    assert schema["$defs"]["cell"]["properties"]["verdict"]["enum"] == list(VERDICTS)
