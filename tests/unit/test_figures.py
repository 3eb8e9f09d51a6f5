"""The figures of a cell: each from its source, and none made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil import paths, target
from hil.image import Firmware
from hil.link import BOARD_TO_PEER, PEER_TO_BOARD, Chunk
from hil.link_map import PYTHON, Component
from hil.measure import Measurement
from hil.tlsrig import figures

STACK = Measurement("stack_peak_bytes", 4096, "bytes", "painted")
FIRMWARE = Firmware(
    image="cortexm",
    path=Path("firmware.elf"),
    sha256="0" * 64,
    micropython="1.25.0",
    symbols={},
    flash_bytes=300_000,
    ram_static_bytes=20_000,
)
MARKS = {
    "instructions": 5000,
    "phases": {"client_hello": 1500, "record": 3500},
    "segments": 9,
    "wall_us": 1234567,
    "checkpoints": [
        ("client_hello", 1500, 9_000),
        ("finished", 5000, 12_000),
        ("connected", 5000, 11_000),
        ("echo", 7500, 10_000),
    ],
}
TRANSCRIPT = [
    Chunk(BOARD_TO_PEER, bytes.fromhex("1603010002aabb14"), 0.0),
    Chunk(PEER_TO_BOARD, bytes.fromhex("1603030001cc"), 0.1),
    Chunk(BOARD_TO_PEER, bytes.fromhex("0303000101"), 0.2),
]


def measured(marks: dict[str, object], name: str, firmware: Firmware) -> dict[str, Measurement]:
    board = target.load(paths.targets_dir() / f"{name}.toml")
    found = figures.measurements(board, firmware, marks, TRANSCRIPT, STACK)
    assert len({figure.name for figure in found}) == len(found)
    return {figure.name: figure for figure in found}


@pytest.fixture
def emulated() -> dict[str, Measurement]:
    return measured(MARKS, "qemu-cortexm", FIRMWARE)


def test_heap_is_the_largest_at_any_checkpoint(emulated: dict[str, Measurement]) -> None:
    assert emulated["heap_live_peak_bytes"].value == 12_000


def test_bytes_and_records_are_counted_on_the_link(emulated: dict[str, Measurement]) -> None:
    assert emulated["bytes_sent"].value == 13
    assert emulated["records_sent"].value == 2
    assert emulated["bytes_received"].value == 6
    assert emulated["records_received"].value == 1


def test_instructions_are_those_of_the_handshake_and_of_its_phases(
    emulated: dict[str, Measurement],
) -> None:
    assert emulated["handshake_instructions"].value == 5000
    phases = {name: figure.value for name, figure in emulated.items() if name.startswith("phase.")}
    assert phases == {
        "phase.client_hello.instructions": 1500,
        "phase.record.instructions": 3500,
    }
    assert {emulated[name].method.split()[0] for name in phases} == {"icount"}


def test_instructions_of_an_echo_are_those_behind_the_handshake() -> None:
    board = target.load(paths.targets_dir() / "qemu-cortexm.toml")
    found = figures.measurements(board, FIRMWARE, MARKS, TRANSCRIPT, STACK, echoed_bytes=6065)
    (echo,) = (figure for figure in found if figure.name == "echo_instructions")
    assert echo.value == 2500
    assert echo.method.endswith("; 6065 bytes sealed and as many opened")
    assert echo.method.startswith("icount ")


def test_without_an_echo_there_is_no_figure_of_it(emulated: dict[str, Measurement]) -> None:
    assert "echo_instructions" not in emulated


def test_against_a_recording_counts_are_exact_and_waiting_is_nothing() -> None:
    board = target.load(paths.targets_dir() / "qemu-cortexm.toml")
    found = figures.measurements(board, FIRMWARE, MARKS, TRANSCRIPT, STACK, replayed=True)
    by_name = {figure.name: figure for figure in found}
    assert by_name["handshake_instructions"].method.startswith("replay ")
    assert by_name["phase.record.instructions"].method.startswith("replay ")
    assert by_name["handshake_wall_ms"].value is None
    assert "recording" in str(by_name["handshake_wall_ms"].reason)


def test_the_virtual_clock_is_named(emulated: dict[str, Measurement]) -> None:
    wall = emulated["handshake_wall_ms"]
    assert wall.value == pytest.approx(1234.567)
    assert "virtual" in wall.method


def test_a_run_for_correctness_alone_says_what_nobody_counted_and_keeps_the_memory() -> None:
    board = target.load(paths.targets_dir() / "qemu-cortexm.toml").uncounted()
    checkpoints = [("connected", None, 12_000), ("echo", None, 11_000)]
    marks = {**MARKS, "instructions": None, "phases": None, "checkpoints": checkpoints}
    made = figures.measurements(board, FIRMWARE, marks, TRANSCRIPT, STACK, echoed_bytes=800)
    found = {figure.name: figure for figure in made}
    for name in ("handshake_instructions", "echo_instructions"):
        assert found[name].value is None
        assert "correctness alone" in str(found[name].reason)
    assert found["handshake_wall_ms"].value is None
    assert found["heap_live_peak_bytes"].value == 12_000


def test_sizes_are_those_of_the_image(emulated: dict[str, Measurement]) -> None:
    assert emulated["flash_image_bytes"].value == 300_000
    assert emulated["ram_static_bytes"].value == 20_000


def test_flash_of_the_core_is_what_its_modules_have(emulated: dict[str, Measurement]) -> None:
    assert emulated["flash_tlscore_bytes"].value is None
    rows = (("tlscore.client", 3000, 8), ("tlscore", 20, 0), ("tls_jobs", 500, 0))
    parts = tuple(Component(PYTHON, name, text, data, 0) for name, text, data in rows)
    divided = replace(FIRMWARE, components=parts)
    assert measured(MARKS, "qemu-cortexm", divided)["flash_tlscore_bytes"].value == 3028


def test_the_boards_own_stack_figure_is_kept(emulated: dict[str, Measurement]) -> None:
    assert emulated["stack_peak_bytes"] is STACK


def test_what_a_board_cannot_say_has_a_reason_and_no_value() -> None:
    marks = {
        "instructions": None,
        "phases": None,
        "segments": 9,
        "wall_us": 1,
        "checkpoints": [("finished", None, None)],
    }
    hosted = replace(FIRMWARE, image="unix", flash_bytes=None, ram_static_bytes=None)
    found = measured(marks, "unix", hosted)
    for name in (
        "heap_live_peak_bytes",
        "handshake_instructions",
        "flash_image_bytes",
        "flash_tlscore_bytes",
        "ram_static_bytes",
    ):
        assert found[name].value is None
        assert found[name].reason
    assert "virtual" not in found["handshake_wall_ms"].method
