"""How a board starts: soon, with the heap that was asked for, or not at all and with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hil import boot
from hil.errors import BootError
from hil.target import BootSpec

Boot = Callable[..., Any]

# What only one kind of board can do.
emulated = pytest.mark.parametrize("board_name", ["qemu-cortexm"])


@pytest.mark.parametrize("heap_bytes", [16_384, 16_640, 131_072])
def test_a_board_has_the_heap_it_was_booted_with(boot_board: Boot, heap_bytes: int) -> None:
    board = boot_board(heap_bytes=heap_bytes)
    found = board.call("hil_agent:heap_bytes", timeout_s=10)
    assert isinstance(found, int)
    assert 0.95 * heap_bytes <= found <= heap_bytes


def test_a_heap_that_cannot_be_is_a_boot_error_with_the_boards_own_words(boot_board: Boot) -> None:
    with pytest.raises(BootError) as caught:
        boot_board(heap_bytes=64)
    # It ended, and was not waited for; its own words are in what it printed.
    assert "ended with exit status" in str(caught.value)
    assert "console" in str(caught.value)


@emulated
def test_a_machine_that_does_not_exist_is_a_boot_error_in_qemus_words(boot_board: Boot) -> None:
    arguments = {"program": "qemu-system-arm", "machine": "toaster", "heap_bytes": 65536}
    with pytest.raises(BootError, match="toaster"):
        boot_board(facts={"boot": BootSpec("qemu", arguments)})


@emulated
def test_a_heap_larger_than_the_ram_is_refused_with_the_numbers(boot_board: Boot) -> None:
    with pytest.raises(BootError, match=r"a heap of 4194304 bytes does not fit: of 4194304 bytes"):
        boot_board(heap_bytes=4 * 1024 * 1024)


@emulated
def test_the_image_refuses_such_a_heap_too_whoever_starts_it(
    boot_board: Boot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot, "require_room", lambda request: None)
    with pytest.raises(BootError, match=r"HIL-BOOT a heap of 4194304 bytes was asked for"):
        boot_board(heap_bytes=4 * 1024 * 1024)
