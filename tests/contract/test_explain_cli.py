"""`hil explain`: it finds the cell that is meant, and says what is missing when it cannot."""

from __future__ import annotations

import json
import os

import pytest

from hil import paths, target
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.report import Cell, Run, keep_artefacts
from hil.tlsrig import capture

HELLO = bytes.fromhex(
    "16030100330100002f03026b0161f34fee3ff71db7d51f19b7b7a7dc5db6b5a2d5f6a6a0e7c5a1d1f2e3d400"
    "0008002f0035000500040100"
)
ALERT = bytes.fromhex("15030300020246")


@pytest.fixture
def report(tmp_path):
    """A folder with the report of three cells, one of them without a capture."""
    board = target.load(paths.targets_dir() / "unix.toml")
    run = Run(tmp_path, run_id="a-run")
    recorded = tmp_path / "capture.pcapng"
    capture.write(
        recorded, [Chunk(BOARD_TO_PEER, HELLO, 1.0), Chunk(PEER_TO_BOARD, ALERT, 1.5)], ""
    )
    directory = tmp_path / "report"
    for name in ("tls13-x509-p256", "tls13-server-x509-p256", "tls13-skipped"):
        cell = Cell("unix", "openssl", "3.0", name, role="client", verdict="pass")
        cell.negotiated = {"alert": "protocol_version (70) from peer"}
        if name == "tls13-skipped":
            cell.verdict, cell.reason = "skip", "no such peer"
        else:
            cell.artefacts = {"capture": str(recorded)}
        cell.artefacts = dict(keep_artefacts(cell, [], directory))
        run.add(cell, board, None)
    run.write(directory)
    return directory


def test_a_page_is_made_of_the_cell_that_is_named(hil, report, tmp_path):
    page = tmp_path / "page.html"
    name = "unix-openssl-tls13-server-x509-p256"
    status, out, err = hil("explain", name, "--report", report, "-o", page)
    assert (status, out, err) == (0, f"{page}\n", "")
    html = page.read_text("utf-8")
    assert f"<h1>{name}, byte by byte</h1>" in html
    assert "TLS_RSA_WITH_RC4_128_MD5 (0x0004)" in html
    assert "protocol_version (70)" in html


def test_the_page_of_the_report_links_to_it_from_then_on(hil, report):
    link = './artefacts/unix-openssl-tls13-x509-p256/explained.html"'
    assert link not in (report / "report.html").read_text(encoding="utf-8")
    assert hil("explain", "unix-openssl-tls13-x509-p256", "--report", report)[0] == 0
    assert link in (report / "report.html").read_text(encoding="utf-8")


def test_a_part_of_the_name_is_enough_if_it_is_of_one_cell(hil, report):
    status, out, _ = hil("explain", "server-x509", "--report", report)
    assert status == 0
    expected = report / "artefacts" / "unix-openssl-tls13-server-x509-p256" / "explained.html"
    assert out == f"{expected}\n"
    assert expected.is_file()


def test_a_name_of_several_cells_lists_them(hil, report):
    status, _, err = hil("explain", "tls13-", "--report", report)
    assert status == 1
    for name in ("unix-openssl-tls13-x509-p256", "unix-openssl-tls13-server-x509-p256"):
        assert name in err


def test_a_scenario_named_whole_is_not_its_variants(hil, report):
    assert hil("explain", "openssl-tls13-x509-p256", "--report", report)[0] == 0


def test_an_unknown_name_lists_what_comes_near(hil, report):
    status, _, err = hil("explain", "unix-openssl-tls13-x509-p265", "--report", report)
    assert status == 1
    assert "no cell is called 'unix-openssl-tls13-x509-p265'" in err
    assert "unix-openssl-tls13-x509-p256" in err


def test_a_cell_without_a_capture_says_why(hil, report):
    status, _, err = hil("explain", "skipped", "--report", report)
    assert status == 1
    assert "unix-openssl-tls13-skipped has no capture to explain (skip: no such peer)" in err


def test_a_cell_of_one_connection_has_no_first(hil, report):
    status, _, err = hil("explain", "server-x509", "--first", "--report", report)
    assert status == 1
    assert "only one connection" in err


def test_the_newest_report_is_taken_when_none_is_named(hil, report, tmp_path, monkeypatch):
    reports = tmp_path / "reports"
    (reports / "old").mkdir(parents=True)
    document = json.loads((report / "report.json").read_text("utf-8"))
    (reports / "old" / "report.json").write_text(json.dumps(document | {"cells": []}), "utf-8")
    os.utime(reports / "old" / "report.json", (1, 1))
    report.rename(reports / "new")
    monkeypatch.chdir(tmp_path)
    status, out, _ = hil("explain", "server-x509")
    assert status == 0
    assert out.startswith(os.path.join("reports", "new"))


def test_no_report_at_all_says_how_to_name_one(hil, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, _, err = hil("explain", "x")
    assert status == 1
    assert "--report" in err


def test_a_capture_of_another_program_is_refused(hil, report):
    capture_file = report / "artefacts" / "unix-openssl-tls13-server-x509-p256" / "capture.pcapng"
    capture_file.write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(20))
    status, _, err = hil("explain", "server-x509", "--report", report)
    assert status == 1
    assert "no capture of this farm" in err
