"""Random bytes of a board with noise of its own: named, tested, and never without."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hil import paths, target
from hil.tlsrig import briefing
from hil.tlsrig.explain.reasons import REASONS
from tlscore.errors import UsageError

SHIPPED = target.load_all()
ATTACHED = [name for name, board in SHIPPED.items() if board.klass == "attached"]

# Makes the board's source of random bytes, as after a start.
Source = Callable[..., Any]


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.syspath_prepend(paths.package_dir() / "tlsrig" / "ontarget")
    module = importlib.import_module("tls_noise")
    yield module.source
    sys.modules.pop("tls_noise.source", None)


def drawn(entropy: Any) -> bytes:
    buffer = bytearray(32)
    entropy.fill(buffer)
    return bytes(buffer)


def machine_with(read_u16: Callable[[], int]) -> ModuleType:
    machine: Any = ModuleType("machine")
    machine.ADC = lambda pin: SimpleNamespace(read_u16=read_u16)
    return machine  # type: ignore[no-any-return]


def test_the_generator_of_the_system_is_used_and_kept(source: Source) -> None:
    entropy = source("os.urandom", None, b"seed")
    assert source("os.urandom", None, b"seed") is entropy
    sys.modules.pop("tls_noise.source")
    other = source("os.urandom", None, b"seed")
    assert drawn(entropy) != drawn(other)  # the seed of the host is no secret


def test_an_analogue_input_is_used_by_its_lower_bits(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def noisy() -> int:
        value = 0x800 + os.urandom(1)[0] % 16
        return value << 4 | value >> 8

    monkeypatch.setitem(sys.modules, "machine", machine_with(noisy))
    assert drawn(source("adc", 0, b"")) != drawn(source("adc", 0, b""))


def test_a_stuck_input_makes_no_seed_however_often_it_is_asked(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "machine", machine_with(lambda: 0x8008))
    for _ in range(2):
        with pytest.raises(UsageError, match=r"entropy\.health_repetition"):
            source("adc", 0, b"")


def test_a_timer_that_counts_the_same_each_time_makes_no_seed(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = {"reads": 0}

    def ticks_ms() -> int:
        clock["reads"] += 1
        return clock["reads"] // 50

    monkeypatch.setattr(time, "ticks_ms", ticks_ms, raising=False)
    monkeypatch.setattr(time, "ticks_cpu", lambda: 7, raising=False)
    with pytest.raises(UsageError, match=r"entropy\.health_"):
        source("timer", None, b"")


@pytest.mark.parametrize(
    ("kind", "pin"), [(None, None), ("adc", 0), ("timer", None)], ids=["none", "adc", "timer"]
)
def test_what_is_not_there_is_refused(source: Source, kind: str | None, pin: int | None) -> None:
    with pytest.raises(UsageError, match=r"entropy\.absent"):
        source(kind, pin, b"seed")


def test_an_input_without_a_pin_is_none(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "machine", machine_with(lambda: 0))
    with pytest.raises(UsageError, match=r"entropy\.absent"):
        source("adc", None, b"")


@pytest.mark.parametrize("reason", ["absent", "health_repetition", "health_proportion"])
def test_each_refusal_has_words(reason: str) -> None:
    assert REASONS[f"entropy.{reason}"].advice


@pytest.mark.parametrize("name", ATTACHED)
def test_a_board_on_a_cable_is_told_the_noise_of_its_file(name: str) -> None:
    board = SHIPPED[name]
    assert briefing.circumstances(board)["noise"] == (board.noise, board.noise_pin)
    assert (board.noise == "adc") == (board.noise_pin is not None)


def test_what_is_repeated_and_what_is_emulated_has_the_seed_alone() -> None:
    board = SHIPPED["mbed-lpc1768"]
    assert briefing.circumstances(board, repeatable=True)["noise"] is None
    assert briefing.circumstances(board, reads=(1,))["noise"] is None
    assert briefing.circumstances(SHIPPED["qemu-cortexm"])["noise"] is None
