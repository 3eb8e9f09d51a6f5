"""The footprint table, in a terminal of any width and as Markdown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hil import footprint, report, target
from hil.document import validate
from hil.image import Firmware
from hil.measure import Measurement
from hil.tables import MISSING

SUITE = "TLSv1.3 TLS_AES_128_GCM_SHA256 x25519 ecdsa_secp256r1_sha256"


def _cell(target_name, scenario, verdict="pass", reason=None, peer="openssl"):
    cell = report.Cell(target_name, peer, "3.0.17", scenario, "client", verdict, reason)
    if verdict != "pass":
        return cell
    version, suite, group, signature = SUITE.split()
    cell.negotiated = {
        "version": version,
        "suite": suite,
        "group": group,
        "signature": signature,
    }
    cell.measurements = [
        Measurement("heap_live_peak_bytes", 38912, "bytes", "at checkpoints"),
        Measurement("stack_peak_bytes", 3312, "bytes", "painted"),
        Measurement("flash_image_bytes", 345678, "bytes", "sections"),
        Measurement("flash_tlscore_bytes", 98765, "bytes", "map"),
        Measurement("handshake_instructions", 41_234_567, "instructions", "icount shift=3"),
        Measurement("handshake_wall_ms", 3301, "ms", "virtual"),
    ]
    return cell


@pytest.fixture
def document(tmp_path):
    """A run on two boards: passes, a hang, a skip, and a figure one board cannot have."""
    targets = target.load_all()
    run = report.Run(tmp_path)
    for name in ("qemu-cortexm", "unix"):
        firmware = Firmware(
            targets[name].image, Path("/nowhere"), "ab" * 32, "1.25.0", {}, None, None
        )
        good = _cell(name, "tls13-tampered-finished")
        if name == "unix":
            reason = targets[name].no_instruction_count_reason
            good.measurements[4] = Measurement(
                "handshake_instructions", None, "instructions", "none", reason=reason
            )
        cells = [
            good,
            _cell(name, "tls13-hrr", "hang", "tls_jobs:client: no answer\nprompt <b> | tail"),
            _cell(name, "tls13-psk", "skip", "gnutls-serv is not installed", peer="gnutls"),
            _cell(name, "tls13-chacha20"),
        ]
        for cell in cells:
            run.add(cell, targets[name], firmware)
    document = run.document()
    validate(document)
    return document


@pytest.mark.parametrize("width", [80, 100, 124, 140, 200])
@pytest.mark.parametrize("color", [False, True])
def test_no_name_and_no_number_is_cut_at_any_width(document, width, color):
    text = _plain(footprint.terminal(document, width, color=color))
    assert "…" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    words = " ".join(text.split())
    for fact in (
        "qemu-cortexm",
        "unix",
        "openssl",
        "gnutls",
        "tls13-tampered-finished",
        "38,912",
        "3,312",
        "41.23 M",
        "3.30 s",
        "TLS_AES_128_GCM_SHA256",
        "ecdsa_secp256r1_sha256",
        "no answer",
        "gnutls-serv",
    ):
        assert fact in words, (fact, text)


def test_colour_changes_nothing_but_colour(document):
    for width in (80, 140):
        plain = footprint.terminal(document, width, color=False)
        colored = footprint.terminal(document, width, color=True)
        assert "\x1b[" in colored
        assert [line.rstrip() for line in _plain(colored).splitlines()] == plain.splitlines()


def test_a_narrow_table_names_each_board_and_peer_once(document):
    lines = footprint.terminal(document, 80, color=False).splitlines()
    headings = [line for line in lines if line.startswith(("qemu-cortexm,", "unix,"))]
    assert headings == [
        "qemu-cortexm, openssl 3.0.17",
        "qemu-cortexm, gnutls 3.0.17",
        "unix, openssl 3.0.17",
        "unix, gnutls 3.0.17",
    ]
    passed = lines.index(next(line for line in lines if "tls13-chacha20" in line))
    assert lines[passed + 1].strip() == SUITE


def test_a_missing_figure_is_a_dash_and_its_reason_is_told_once(document):
    text = footprint.terminal(document, 140, color=False)
    (row,) = [line for line in text.splitlines() if line.startswith("unix") and "tampered" in line]
    assert row.split()[-3:] == [MISSING, "3.30", "s"]
    assert text.count("unix has no handshake_instructions: runs as a host process") == 1


def test_flash_is_told_once_per_board(document):
    for text in (footprint.terminal(document, 140, color=False), footprint.markdown(document)):
        said = "qemu-cortexm has 345,678 B of flash in use, 98,765 B of them tlscore"
        assert text.count(said) == 1


def test_only_the_first_line_of_a_reason_is_shown(document):
    assert "tail" not in footprint.terminal(document, 140, color=False)


def test_words_in_brackets_are_part_of_a_reason(document):
    document["cells"][1]["reason"] = "correct [identify] or the lab"
    assert "correct [identify] or the lab" in footprint.terminal(document, 200, color=False)


def test_the_summary_counts_verdicts_in_their_own_order(document):
    assert footprint.summary(document["cells"]) == "4 pass, 2 skip, 2 hang"
    assert footprint.summary([]) == "no cells"


def test_markdown_has_the_same_rows_the_methods_and_the_boards(document):
    text = footprint.markdown(document)
    assert "4 pass, 2 skip, 2 hang" in text
    rows = [line for line in text.splitlines() if line.startswith("| unix | openssl")]
    assert [row.split(" | ")[3] for row in rows] == ["pass", "hang", "pass"]
    assert all(row.count(" | ") == 8 for row in rows)
    assert "- heap B is heap\\_live\\_peak\\_bytes: at checkpoints" in text
    assert "| qemu-cortexm | Cortex-M3 | 32-bit little-endian | 4,194,304 |" in text


def test_markdown_cannot_be_broken_by_what_a_board_says(document):
    document["cells"][1]["reason"] = "<script>|`x`"
    text = footprint.markdown(document)
    assert "\\<script\\>\\|\\`x\\`" in text


def _plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_refusal_shows_its_alert_in_place_of_what_was_negotiated(tmp_path):
    refused = _cell("unix", "tls13-mutual-no-certificate")
    refused.negotiated["alert"] = "certificate_required (116) from peer"
    resumed = _cell("unix", "tls13-resumption")
    resumed.negotiated.update(signature=None, resumed=True, alert=None)
    run = report.Run(tmp_path)
    for cell in (refused, resumed):
        run.add(cell, target.load_all()["unix"], None)
    text = footprint.markdown(run.document())
    assert "| pass | certificate\\_required (116) from peer |" in text
    assert f"| pass | {SUITE.rpartition(' ')[0]} resumed |".replace("_", "\\_") in text


# ---- what only some runs measure


def _with_heap_min(document):
    cell = document["cells"][0]
    entry = {**cell["measurements"][0], "name": "heap_min_bytes", "value": 41_216, "n": 9}
    cell["measurements"].append(entry)
    return document


def test_the_smallest_heap_has_a_column_only_if_it_was_measured(document):
    for text in (footprint.terminal(document, 160, color=False), footprint.markdown(document)):
        assert "heap min" not in text
    _with_heap_min(document)
    for text in (footprint.terminal(document, 160, color=False), footprint.markdown(document)):
        assert "heap min B" in text
        assert "41,216" in text


@pytest.mark.parametrize("width", [80, 124, 136, 160])
def test_one_more_column_cuts_nothing(document, width):
    text = footprint.terminal(_with_heap_min(document), width, color=False)
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert max(len(line) for line in text.splitlines()) <= width
    assert "41,216" in text


def test_phases_are_a_table_of_their_own_in_markdown(document):
    assert "by phase" not in footprint.markdown(document)
    for name, value in (("client_hello", 34_260_000), ("finished", 4_700_000)):
        entry = {"name": f"phase.{name}.instructions", "value": value, "unit": "instructions"}
        document["cells"][0]["measurements"].append({**entry, "method": "icount", "n": 1})
    text = footprint.markdown(document)
    assert "## Handshake by phase" in text
    assert "| qemu-cortexm | openssl | tls13-tampered-finished | 34.26 | 4.70 |" in text


def test_an_explanation_is_told_once_for_all_its_cells(document):
    for cell in document["cells"]:
        if cell["verdict"] == "hang":
            cell["explanation"] = "The board waited for <finished>."
    text = footprint.markdown(document)
    names = "qemu-cortexm openssl tls13-hrr, unix openssl tls13-hrr"
    assert f"- {names}: The board waited for \\<finished\\>." in text
