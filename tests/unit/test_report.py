"""The report of a run: what it holds and which files it leaves."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hil import report, target
from hil.document import ReportError, read, validate
from hil.image import Firmware
from hil.link_map import Component
from hil.measure import Measurement


@pytest.fixture(scope="module")
def board():
    return target.load_all()["qemu-cortexm"]


@pytest.fixture(scope="module")
def firmware():
    return Firmware("cortexm", Path("/nowhere"), "ab" * 32, "1.25.0", {}, 300_000, 9_000)


@pytest.fixture
def cell():
    return report.Cell(
        target="qemu-cortexm",
        peer="openssl",
        peer_version="3.0.17",
        scenario="tls13-x509-p256",
        role="client",
        verdict="pass",
        negotiated={"version": "TLSv1.3", "suite": "TLS_AES_128_GCM_SHA256"},
        measurements=[
            Measurement("stack_peak_bytes", 3312, "bytes", "painted stack"),
            Measurement("heap_min_bytes", None, "bytes", "none", reason="not bisected"),
        ],
    )


@pytest.fixture
def run(tmp_path):
    started = datetime(2031, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
    return report.Run(tmp_path, started=started)


@pytest.fixture
def document(run, cell, board, firmware):
    run.add(cell, board, firmware)
    return run.document()


# ---- what it holds


def test_a_report_holds_run_targets_and_cells(document):
    validate(document)
    assert document["schema"] == "hil-report/1"
    assert document["run"]["started_utc"] == "2031-02-03T04:05:06Z"
    assert document["run"]["id"].startswith("20310203T040506Z-")
    assert document["targets"][0]["firmware"]["image_sha256"] == "ab" * 32
    assert document["cells"][0]["negotiated"]["version"] == "TLSv1.3"


def test_a_missing_value_is_null_with_its_reason(document):
    missing = document["cells"][0]["measurements"][1]
    assert (missing["value"], missing["reason"]) == (None, "not bisected")


def test_a_target_is_listed_once_with_the_firmware_it_got_to(run, cell, board, firmware):
    run.add(cell, board, None)
    run.add(cell, board, firmware)
    run.add(cell, board, None)
    (described,) = run.document()["targets"]
    assert described["firmware"]["micropython"] == "1.25.0"


def test_what_computes_what_is_a_fact_of_the_board(run, cell, board, firmware, tmp_path):
    run.add(replace(cell, verdict="error", reason="the peer died"), board, firmware)
    run.add(replace(cell, backends={"aes": "thumb", "rsa": "portable"}), board, firmware)
    run.add(cell, board, firmware)
    document = run.write(tmp_path / "report")
    (described,) = document["targets"]
    assert described["backends"] == {"aes": "thumb", "rsa": "portable"}
    for name in ("report.md", "report.html"):
        assert "thumb: aes; portable: rsa" in (tmp_path / "report" / name).read_text()
    assert all("backends" not in cell for cell in document["cells"])


def test_the_components_of_a_firmware_are_in_the_report(run, cell, board, firmware, tmp_path):
    part = Component("Python modules", "tlscore.client", 5476, 0, 0)
    run.add(cell, board, replace(firmware, components=(part,)))
    document = run.write(tmp_path / "out")
    assert document["targets"][0]["firmware"]["components"] == [asdict(part)]
    assert "`tlscore.client` | 5,476 |" in (tmp_path / "out" / "report.md").read_text()


def test_cells_are_in_the_order_of_their_tests_whichever_ended_first(run, cell, board):
    facts = report.describe_target(board, None)
    for position, scenario in ((7, "third"), (2, "first"), (5, "second")):
        run.add_documents({**cell.document(), "scenario": scenario}, facts, position)
    assert [row["scenario"] for row in run.document()["cells"]] == ["first", "second", "third"]


def test_two_runs_of_one_second_have_different_names(tmp_path):
    started = datetime(2031, 2, 3, tzinfo=timezone.utc)
    assert report.Run(tmp_path, started).id != report.Run(tmp_path, started).id


def test_a_folder_without_git_has_no_commit(document):
    assert (document["run"]["git_commit"], document["run"]["dirty"]) == (None, None)


# ---- files


def test_a_rejected_report_is_kept_apart_and_named(run, cell, board, firmware, tmp_path):
    cell.role = "router"
    run.add(cell, board, firmware)
    with pytest.raises(ReportError, match=r"\$\.cells\[0\]\.role.*report-rejected\.json"):
        run.write(tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["report-rejected.json"]


def test_writing_leaves_four_files_and_the_json_reads_back_equal(
    run, cell, board, firmware, tmp_path
):
    run.add(cell, board, firmware)
    written = run.write(tmp_path / "out")
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["junit.xml", "report.html", "report.json", "report.md"]
    assert read(tmp_path / "out") == written
    assert read(tmp_path / "out" / "report.json") == written


def test_a_folder_that_cannot_be_made_is_named(run, cell, board, firmware, tmp_path):
    (tmp_path / "file").write_text("in the way")
    run.add(cell, board, firmware)
    with pytest.raises(ReportError, match="cannot be written"):
        run.write(tmp_path / "file" / "out")


# ---- artefacts


def test_artefacts_are_copied_below_the_folder_of_the_report(cell, tmp_path):
    (tmp_path / "keys.log").write_text("secret")
    (tmp_path / "console.log").write_text(">>>")
    cell.artefacts = {"keylog": str(tmp_path / "keys.log")}
    out = tmp_path / "out"
    kept = report.keep_artefacts(cell, [("console", tmp_path / "console.log")], out)
    folder = "artefacts/qemu-cortexm-openssl-tls13-x509-p256"
    assert kept == {"keylog": f"{folder}/keylog.log", "console": f"{folder}/console.log"}
    assert (out / kept["keylog"]).read_text() == "secret"


def test_two_artefacts_of_one_name_are_both_kept(cell, tmp_path):
    for name in ("first", "second"):
        (tmp_path / f"{name}.log").write_text(name)
    extra = [("console", tmp_path / "first.log"), ("console", tmp_path / "second.log")]
    kept = report.keep_artefacts(cell, extra, tmp_path / "out")
    texts = {name: (tmp_path / "out" / path).read_text() for name, path in kept.items()}
    assert texts == {"console": "first", "console-2": "second"}


def test_a_missing_artefact_is_named(cell, tmp_path):
    cell.artefacts = {"keylog": str(tmp_path / "gone.log")}
    with pytest.raises(ReportError, match=r"artefact keylog of .* cannot be kept"):
        report.keep_artefacts(cell, [], tmp_path / "out")
