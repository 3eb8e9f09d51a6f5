"""The HTML report as text: what is in it, and what is not. tests/browser looks at the page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import datetime, timezone
from html.parser import HTMLParser
from pathlib import Path

import pytest

from hil import html, report, target
from hil.html import history as html_history
from hil.image import Firmware
from hil.link_map import Component
from hil.measure import Measurement

STARTED = datetime(2031, 2, 3, 4, 5, 6, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def boards():
    return target.load_all()


def _cell(name="qemu-cortexm", scenario="tls13-psk", peer="openssl", heap=14_208, **more):
    cell = report.Cell(name, peer, "3.0.17", scenario, "client", "pass")
    cell.measurements = [
        Measurement("heap_live_peak_bytes", heap, "bytes", "at checkpoints"),
        Measurement("stack_peak_bytes", 5_676, "bytes", "painted stack"),
        Measurement("ram_static_bytes", 1_484, "bytes", "sections"),
    ]
    for key, value in more.items():
        setattr(cell, key, value)
    return cell


def _document(boards, *cells, started=STARTED, run_id="this", firmware=None):
    run = report.Run(Path("/nowhere"), started, run_id)
    for cell in cells:
        run.add(cell, boards[cell.target], firmware)
    return run.document()


def _page(document, directory=Path("/nowhere"), earlier=()):
    return html.page(document, directory, earlier)


def _text(page):
    """Return what a reader sees of a page, tags out, in one line."""
    body = page.partition("<body>")[2].partition("<script>")[0]
    return " ".join(re.sub("<[^>]*>", " ", body).split())


class _Ids(HTMLParser):
    """Collects ids and the fragments that links lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.fragments: set[str] = set()

    def handle_starttag(self, tag, attrs):
        facts = dict(attrs)
        if "id" in facts:
            self.ids.append(facts["id"])
        if facts.get("href", "").startswith("#"):
            self.fragments.add(facts["href"][1:])


def test_every_link_within_the_page_leads_somewhere_and_no_id_is_there_twice(boards):
    twice = [_cell(), _cell(), _cell(scenario="tls13 psk"), _cell("unix", verdict="pass")]
    parsed = _Ids()
    parsed.feed(_page(_document(boards, *twice)))
    assert len(parsed.ids) == len(set(parsed.ids))
    assert parsed.fragments <= set(parsed.ids)
    assert {name for name in parsed.ids if name.startswith("cell-")} <= parsed.fragments


def test_the_page_refers_to_nothing_outside_its_folder(boards):
    page = _page(_document(boards, _cell()))
    assert not re.findall(r"(?:https?:)?//[a-z]", page.replace("://www.w3.org", ""))
    assert "@import" not in page
    assert "url(" not in page


def test_what_a_peer_says_is_escaped_everywhere(boards):
    planted = "<script>alert(1)</script>"
    cell = _cell(verdict="fail", reason=f"{planted}\n{planted}", explanation=planted)
    cell.peer_version = cell.test = planted
    cell.negotiated = {"alert": planted, planted: planted}
    cell.artefacts = {planted: planted, "two": "javascript:alert(1)", "three": "../../etc/passwd"}
    page = _page(_document(boards, cell))
    assert planted not in page
    assert page.count("<script>") == 1
    hrefs = [href for href in re.findall(r'href="([^"]*)"', page) if "script" in href]
    assert hrefs
    assert all(href.startswith("./") for href in hrefs)
    assert "passwd" not in "".join(re.findall(r'href="([^"]*)"', page))


def test_ram_is_shown_against_the_ram_of_the_board(boards):
    cells = [_cell("qemu-lm3s6965"), _cell("qemu-lm3s6965", "tls13-x509-p256", heap=15_000)]
    page = _page(_document(boards, *cells))
    total = (15_000 + 5_676 + 1_484) / 1024
    said = f"qemu-lm3s6965: {total:.1f} KB of RAM 34 % of 64 KB: static 1,484 B, stack 5,676 B"
    assert f"{said}, live heap 15,000 B" in page
    assert 'class="limit"' in page


def test_the_smallest_heap_counts_whole_and_shows_what_is_not_live(boards):
    cell = _cell()
    cell.measurements.append(Measurement("heap_min_bytes", 17_408, "bytes", "replay", n=9))
    page = _page(_document(boards, cell))
    assert "live heap 14,208 B, heap to spare 3,200 B" in page


def test_flash_is_split_by_component(boards):
    parts = (
        Component("MicroPython", "core", 100_000, 0, 9),
        Component("Python modules", "tlscore.client", 60_000, 1_000, 0),
    )
    firmware = Firmware("cortexm", Path("/nowhere"), "ab" * 32, "1.25.0", {}, None, None, parts)
    page = _page(_document(boards, _cell(), firmware=firmware))
    assert "161,000 B of flash 3.8 % of 4 MB: MicroPython 100,000 B, tlscore 61,000 B" in page
    assert "tlscore.client</th>" in page


def test_phases_add_up_to_the_handshake(boards):
    cell = _cell()
    figures = {"handshake_instructions": 10e6, "phase.key_share.instructions": 6e6}
    figures["phase.finished.instructions"] = 3e6
    cell.measurements += [
        Measurement(name, value, "instructions", "icount") for name, value in figures.items()
    ]
    page = _page(_document(boards, cell))
    said = "10.00 M instructions: key_share 6.00 M, finished 3.00 M, no phase 1.00 M"
    assert said in page


def test_cells_that_went_wrong_alike_are_told_once(boards):
    names = ("unix", "qemu-cortexm", "qemu-mips")
    cells = [_cell(name, verdict="fail", reason="no EKM") for name in names]
    text = _text(_page(_document(boards, *cells)))
    attention = text.partition("What needs attention")[2].partition("Every scenario")[0]
    assert attention.count("no EKM") == 1
    assert all(name in attention for name in names)


def test_a_verdict_that_changed_says_what_it_was(boards):
    before = _document(boards, _cell(), _cell("unix", verdict="fail", reason="no EKM"))
    now = _document(boards, _cell(verdict="hang", reason="no answer"), _cell("unix"))
    text = _text(_page(now, earlier=[before]))
    assert "hang tls13-psk was pass no answer qemu-cortexm · openssl" in text
    assert "Mended since they last ran: unix-openssl-tls13-psk (was fail)" in text


def test_the_end_of_the_console_is_shown_of_what_died_without_a_word(boards, tmp_path):
    (tmp_path / "console.log").write_bytes(b"first\x1b[31m\r\nlast \x00\xff words\x1b[0m\r\n")
    cell = _cell(verdict="error", reason="died", artefacts={"console": "console.log"})
    page = _page(_document(boards, cell), tmp_path)
    assert "first\nlast \ufffd\ufffd words</pre>" in page


def test_no_file_outside_the_folder_is_shown(boards, tmp_path):
    (tmp_path / "secret").write_text("root:x:0:0")
    cell = _cell(verdict="error", reason="died", artefacts={"console": "../secret"})
    assert "root:x:0:0" not in _page(_document(boards, cell), tmp_path / "report")


def test_a_cell_links_to_its_explained_page_only_if_there_is_one(boards, tmp_path):
    folder = tmp_path / "artefacts" / "cell"
    folder.mkdir(parents=True)
    cell = _cell(artefacts={"capture": "artefacts/cell/capture.pcapng"})
    document = _document(boards, cell)
    page = _page(document, tmp_path)
    assert "explained.html" not in page
    assert "hil explain qemu-cortexm-openssl-tls13-psk" in page
    (folder / "explained.html").write_text("<p>")
    assert 'href="./artefacts/cell/explained.html"' in _page(document, tmp_path)


def test_the_command_of_a_cell_is_safe_to_paste(boards):
    cell = _cell(scenario="a; reboot", test="tests/system/test_handshake.py::test_handshake[x]")
    text = _text(_page(_document(boards, cell)))
    assert (
        "pytest tests/system/test_handshake.py --target=qemu-cortexm --peer=openssl "
        "&#39;--scenario=a; reboot&#39;" in text
    )


def test_14_columns_of_20_scenarios_are_one_page_of_bearable_size(boards):
    cells = [
        _cell(name, f"scenario-{number}", peer)
        for name in ("unix", *(name for name in boards if name.startswith("qemu-")))
        for peer in ("gnutls", "openssl")
        for number in range(20)
    ]
    page = _page(_document(boards, *cells))
    assert page.count('<details class="cell"') == len(cells) >= 280
    assert len(page) < 2_000_000


# ---- earlier runs


def _write(folder, document):
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(document))


def test_history_is_of_earlier_runs_of_the_same_mode_oldest_first(boards, tmp_path):
    def at(day, heap, mode="live"):
        started = STARTED.replace(day=day)
        found = _document(boards, _cell(heap=heap), started=started, run_id=f"day-{day}")
        found["run"]["mode"] = mode
        return found

    now = at(5, 14_000)
    for name, other in {
        "c": at(2, 14_300),
        "a": at(4, 14_100),
        "same": now,
        "later": at(6, 1),
        "replay": at(3, 1, "replay"),
    }.items():
        _write(tmp_path / name, other)
    earlier = html_history.earlier(tmp_path, now["run"])
    assert [other["run"]["id"] for other in earlier] == ["day-2", "day-4"]
    page = _page(now, earlier=earlier)
    said = "heap_live_peak_bytes in 3 runs, 14,000 B to 14,300 B, last change \N{MINUS SIGN}0.71 %"
    assert said in page


def test_a_figure_that_is_missing_now_has_no_history(boards):
    before = [
        _document(boards, _cell(heap=heap), started=STARTED.replace(day=day), run_id=f"day-{day}")
        for day, heap in ((1, 14_300), (2, 14_100))
    ]
    cell = _cell()
    cell.measurements[0] = Measurement("heap_live_peak_bytes", None, "bytes", "none", reason="no")
    assert "last change" not in _page(_document(boards, cell), earlier=before)


@pytest.mark.parametrize(
    "broken",
    [
        "not JSON",
        "[]",
        '{"schema": "hil-report/1"}',
        '{"schema": "hil-report/1", "run": {"id": "x", "started_utc": "2001"}, "cells": [{}]}',
        '{"schema": "hil-report/2", "run": {"id": "x", "started_utc": "2001"}, "cells": []}',
    ],
)
def test_a_broken_report_beside_it_hides_nothing(boards, tmp_path, broken):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "report.json").write_text(broken)
    day = STARTED.replace(day=1)
    _write(tmp_path / "good", _document(boards, _cell(), started=day, run_id="good"))
    earlier = html_history.earlier(tmp_path, _document(boards, _cell())["run"])
    assert [other["run"]["id"] for other in earlier] == ["good"]


def test_a_report_of_an_older_farm_still_renders(boards):
    document = _document(boards, _cell(), _cell("unix", verdict="fail", reason="no EKM"))
    document["run"].pop("mode", None)
    for cell in document["cells"]:
        cell.pop("explanation", None)
        for entry in cell["measurements"]:
            entry.pop("mad", None)
    assert "no EKM" in _page(document)


def test_loading_the_plugins_imports_nothing_of_the_page():
    code = (
        "import sys, hil.plugin, hil.tlsrig.plugin\n"
        "print(sorted({'jinja2', 'drawsvg', 'hil.html'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
