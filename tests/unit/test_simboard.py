"""The simulated board's circuit and line behave as the real ones (tests/simboard)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hil import reset

SIMBOARD = Path(__file__).parents[1] / "simboard"


@pytest.fixture
def circuit() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SIMBOARD))
        import circuit as module  # type: ignore[import-not-found]

        yield module
        sys.modules.pop("circuit")


@pytest.fixture
def wire() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SIMBOARD))
        import wire as module  # type: ignore[import-not-found]

        yield module
        sys.modules.pop("wire")


class Wired:
    """The host's end of the control lines of one circuit, with a clock of its own."""

    def __init__(self, circuit: ModuleType, kind: str, *, boot_held: bool = False) -> None:
        self.happened: list[str] = []
        self._circuit = circuit.Circuit(
            kind,
            lambda: self.happened.append("held"),
            lambda loader: self.happened.append("loader" if loader else "runs"),
            boot_held=boot_held,
        )
        self.lines = {"dtr": True, "rts": True, "in_break": False}
        self.now_s = 0.0
        self._set()

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        if dtr is not None:
            self.lines["dtr"] = dtr
        if rts is not None:
            self.lines["rts"] = rts
        self._set()

    def send_break(self, duration_s: float) -> None:
        self.lines["in_break"] = True
        self._set()
        self.lines["in_break"] = False
        self._set()

    def waits(self, seconds: float) -> None:
        self.now_s += seconds
        self._circuit.tick(self.now_s)

    def _set(self) -> None:
        self._circuit.set(self.now_s, **self.lines)


def reset_by(method: str, wired: Wired) -> None:
    act = reset.METHODS[method]
    assert act is not None
    act(wired)
    wired.waits(0.1)


def test_the_esp_sequence_resets_into_the_firmware(circuit: ModuleType) -> None:
    wired = Wired(circuit, "esp")
    reset_by("esp", wired)
    assert wired.happened == ["held", "runs"]


def test_esptools_sequence_ends_in_the_rom_loader(circuit: ModuleType) -> None:
    wired = Wired(circuit, "esp")
    wired.set_lines(dtr=False)
    wired.set_lines(rts=True)
    wired.waits(0.1)
    wired.set_lines(dtr=True)
    wired.set_lines(rts=False)
    wired.waits(0.05)
    wired.set_lines(dtr=False)
    assert wired.happened == ["held", "loader"]


def test_a_held_boot_button_wins_over_a_reset(circuit: ModuleType) -> None:
    wired = Wired(circuit, "esp", boot_held=True)
    reset_by("esp", wired)
    assert wired.happened == ["held", "loader"]


def test_opening_a_port_with_both_lines_does_not_reset_an_esp(circuit: ModuleType) -> None:
    wired = Wired(circuit, "esp")
    wired.set_lines(rts=False)  # in the order in which closing drops them
    wired.set_lines(dtr=False)
    wired.set_lines(dtr=True)
    wired.set_lines(rts=True)
    wired.waits(0.1)
    assert wired.happened == []


def test_a_break_resets_an_mbed_board_and_no_other(circuit: ModuleType) -> None:
    mbed, esp, bare = (Wired(circuit, kind) for kind in ("break", "esp", "none"))
    for wired in (mbed, esp, bare):
        reset_by("break", wired)
    assert (mbed.happened, esp.happened, bare.happened) == (["held", "runs"], [], [])


def test_a_line_passes_bytes_at_its_speed(wire: ModuleType) -> None:
    line = wire.Direction(wire.Trouble(), 1, 115_200)
    line.take(0.0)
    line.put(bytes(3000))
    passed = sum(len(line.take(step / 100)) for step in range(1, 11))
    assert 1100 <= passed <= 1152 + 16


def test_noise_and_losses_have_their_share_and_repeat(wire: ModuleType) -> None:
    def sent(seed: int) -> bytes:
        line = wire.Direction(wire.Trouble(noise=0.1, lost=0.2), seed, None)
        line.put(bytes(10_000))
        return bytes(line.take(0.0))

    assert 7700 < len(sent(1)) < 8300
    assert 0.09 < sum(byte != 0 for byte in sent(1)) / len(sent(1)) < 0.16
    assert sent(1) == sent(1) != sent(2)
