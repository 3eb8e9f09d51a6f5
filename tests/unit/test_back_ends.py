"""What a board is asked of the code that computes its cryptography, and when it is not."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from hil import target
from hil.errors import JobFailed
from hil.tlsrig import back_ends

KINDS = {"rsa": "portable", "aes": "thumb"}


class Board:
    """A board that answers."""

    def __init__(self, name="qemu-cortexm", sha256="ab", answer=KINDS, error=None):
        self.target = target.load_all()[name]
        self.firmware = SimpleNamespace(sha256=sha256)
        self.installed = {}
        self._answer, self._error = answer, error

    def install(self, module, source):
        self.installed[module] = source

    def call(self, function, *arguments, timeout_s):
        if self._error is not None:
            raise self._error
        return self._answer


@pytest.fixture(autouse=True)
def nobody_was_asked(monkeypatch):
    monkeypatch.setattr(back_ends, "_answers", {})


def test_the_answer_is_sorted_and_asked_for_once_a_firmware():
    first, second, other = Board(), Board(error=AssertionError()), Board(sha256="cd")
    assert list(back_ends.asked(first).items()) == [("aes", "thumb"), ("rsa", "portable")]
    assert back_ends.asked(second) == KINDS
    assert second.installed == {}
    assert back_ends.asked(other) == KINDS
    assert other.installed


def test_what_is_sent_is_the_cores_own_account():
    board = Board("qemu-lm3s6965")
    assert back_ends.asked(board) == KINDS
    (source,) = board.installed.values()
    scope: dict = {}
    exec(source, scope)
    assert set(scope["job"](None).values()) == {"portable", "tables", "hashlib"}  # no machine code
    core = Path(back_ends.__file__).parents[2] / "tls" / "tlscore" / "crypto" / "back_ends.py"
    assert source.startswith(core.read_text())


@pytest.mark.parametrize("name", ["unix-mbedtls", "esp32-devkit"])
def test_a_firmware_without_the_core_is_not_asked(name):
    board = Board(name)
    assert back_ends.asked(board) is None
    assert board.installed == {}


def test_a_board_without_memory_for_it_says_nothing():
    error = JobFailed("MemoryError", "memory allocation failed", "")
    assert back_ends.asked(Board(error=error)) is None


def test_another_failure_is_no_silence():
    with pytest.raises(JobFailed):
        back_ends.asked(Board(error=JobFailed("ValueError", "wrong", "")))
