"""Cassettes on real boards: the same bytes and figures every time, and the smallest heap."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hil.boot import Board
from hil.target import Target
from hil.tlsrig import cassette, heap, link_options, replay_cell, scenario
from hil.tlsrig import cell as live_cell
from hil.tlsrig.cassette import Cassette

DECLARED = scenario.load_all()
# Short ones: a handshake without certificates takes a board a second.
SHORT = "tls13-psk-ke"
# Certificates, X25519, a ticket and its use: two connections.
LONG = "tls13-resumption"
# Heaps in which it completes: less to search in than in those of the target files.
ENOUGH_BYTES = {"unix": 98_304, "qemu-cortexm": 24_576}
HANDSHAKE_TEST = Path(__file__).with_name("test_handshake.py")

BootBoard = Callable[..., Board]


def run(folder: Path, *options: str) -> dict[str, Any]:
    """Run the handshake test in a process of its own and return its report."""
    folder.mkdir()
    arguments = ["-q", "-c", "pyproject.toml", "-p", "no:cacheprovider", f"--report={folder}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", HANDSHAKE_TEST, *arguments, *options],
        cwd=HANDSHAKE_TEST.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return report


def measurements(report: dict[str, Any]) -> str:
    return json.dumps([(cell["scenario"], cell["measurements"]) for cell in report["cells"]])


def test_two_replays_of_a_recording_measure_the_same_to_the_byte(tmp_path: Path) -> None:
    tapes = tmp_path / "tapes"
    chosen = f"--scenario={SHORT},tls13-wrong-name"
    live = run(tmp_path / "live", "--target=unix", f"--record={tapes}", chosen)
    first, second = (
        run(tmp_path / name, "--target=qemu-mips,unix", f"--replay={tapes}")
        for name in ("first", "second")
    )
    assert live["run"]["mode"] == "live"
    assert first["run"]["mode"] == "replay"
    assert [cell["verdict"] for cell in first["cells"]] == ["pass"] * 4
    assert measurements(first) == measurements(second)
    figures = {
        (cell["target"], figure["name"]): figure
        for cell in first["cells"]
        for figure in cell["measurements"]
    }
    counted = figures["qemu-mips", "handshake_instructions"]
    assert counted["value"] > 1_000_000
    assert counted["method"].startswith("replay ")
    assert figures["unix", "handshake_wall_ms"]["value"] is None


def _only_on(hil_target: Target, *names: str) -> None:
    """Skip where it would only cost time: what is claimed does not depend on the board."""
    if hil_target.name not in names:
        pytest.skip(f"tried on {' and '.join(names)}")


def own_cassette(name: str) -> Cassette:
    return cassette.read(cassette.file_of(cassette.shipped(), name, "openssl"))


def test_a_board_says_what_was_recorded_on_another(
    hil_target: Target, dut_factory: BootBoard, tmp_path: Path
) -> None:
    cell = replay_cell.run(
        DECLARED[LONG], own_cassette(LONG), dut_factory(), log_dir=tmp_path, remedy=""
    )
    assert (cell.target, cell.verdict) == (hil_target.name, "pass"), cell.reason


def test_what_depends_on_when_things_come_is_not_recorded_and_that_is_told(
    hil_target: Target, dut_factory: BootBoard, tmp_path: Path
) -> None:
    _only_on(hil_target, "unix")
    taken: list[Cassette] = []
    (tried,) = link_options.on_links([DECLARED[SHORT]], ["clean"], None)
    told = live_cell.run(
        tried, "openssl", dut_factory(), seed=bytes(48), log_dir=tmp_path, record=taken.append
    )
    assert told.verdict == "error"
    assert told.reason is not None
    assert f"{tried.name} passed and is not recorded" in told.reason
    assert taken == []


def test_a_byte_more_in_the_seed_is_told_by_the_first_byte_that_is_another(
    hil_target: Target, dut_factory: BootBoard, tmp_path: Path
) -> None:
    _only_on(hil_target, "unix")
    tape = own_cassette(SHORT)
    (taped,) = tape.connections
    seed = taped.options["seed"]
    assert isinstance(seed, bytes)
    planted = replace(taped, options={**taped.options, "seed": seed + b"\x00"})
    cell = replay_cell.run(
        DECLARED[SHORT],
        replace(tape, connections=(planted,)),
        dut_factory(),
        log_dir=tmp_path,
        remedy="pytest --record=x",
    )
    assert cell.verdict == "error"
    assert cell.reason is not None
    # RFC 8446 §4.1.2: Random follows 4 bytes of header and 2 of version, and the record's 5.
    assert cell.reason.startswith("byte 11 of what the board says is 0x")
    assert "byte 6 of client_hello, in record 1 (handshake); " in cell.reason
    assert cell.reason.endswith("pytest --record=x")


def test_the_smallest_heap_completes_a_step_less_does_not_and_ballast_agrees(
    hil_target: Target, dut_factory: BootBoard, tmp_path: Path
) -> None:
    _only_on(hil_target, *ENOUGH_BYTES)
    log = tmp_path / "search.txt"
    search = heap.Search(DECLARED[SHORT], lambda size: dut_factory(heap_bytes=size), log)
    figure = search(own_cassette(SHORT), dut_factory(heap_bytes=ENOUGH_BYTES[hil_target.name]), ())
    assert isinstance(figure.value, int)
    assert "heap chosen at boot" in figure.method
    trials = log.read_text()
    assert f"{figure.value} bytes: completes" in trials
    assert f"{figure.value - heap.STEP_BYTES} bytes: too small\n" in trials
    assert "MemoryError" in trials
    if hil_target.name != "qemu-cortexm":
        return
    board = dut_factory(heap_bytes=ENOUGH_BYTES[hil_target.name])
    board.chooses_heap = False
    by_ballast = search(own_cassette(SHORT), board, ())
    assert isinstance(by_ballast.value, int)
    assert "ballast" in by_ballast.method
    # What lies where in the heap differs, so that it is in other pieces when it is full.
    assert abs(by_ballast.value - figure.value) <= 2 * heap.STEP_BYTES
