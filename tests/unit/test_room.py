"""Boards too small for what they are to run are refused before they start, with the numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil import boot, target
from hil.boot import BootRequest
from hil.boot.room import require_room
from hil.errors import BootError
from hil.image import Firmware

SYMBOLS = {"hil_stack_bottom": 0x2000_0000, "hil_heap_start": 0x2000_3000}
SYMBOLS["hil_ram_end"] = 0x2001_0000  # 64 KB, of which 12 KB are taken


@pytest.fixture(scope="module")
def board():
    facts = target.load_all()["qemu-cortexm"]
    return replace(facts, flash_bytes=262_144, ram_bytes=65_536)


def request(board, *, flash_bytes=200_000, symbols=None, heap_bytes=None):
    found = SYMBOLS if symbols is None else symbols
    firmware = Firmware("cortexm", Path("/x"), "ab" * 32, "1.25.0", found, flash_bytes, 900)
    return BootRequest(board, firmware, Path("/logs"), heap_bytes, 1.0)


def test_what_fits_to_the_last_byte_is_let_through(board):
    require_room(request(board, flash_bytes=262_144, heap_bytes=53_248))


def test_an_image_larger_than_the_flash_is_refused_with_key_and_numbers(board):
    with pytest.raises(BootError) as caught:
        require_room(request(board, flash_bytes=262_145))
    assert str(caught.value).startswith(
        f"{board.path}: flash_bytes: image cortexm takes 262145 bytes of flash, 1 more than the "
        "board's 262144"
    )


def test_a_heap_larger_than_the_image_leaves_is_refused_with_the_numbers(board):
    with pytest.raises(BootError) as caught:
        require_room(request(board, heap_bytes=53_249))
    message = str(caught.value)
    assert "a heap of 53249 bytes does not fit: of 65536 bytes of RAM" in message
    assert "take 12288 and leave 53248" in message


def test_the_target_files_own_heap_is_refused_by_its_key(board):
    with pytest.raises(BootError, match=r"\.toml: boot\.heap_bytes: a heap of 65536 bytes"):
        require_room(request(board))


def test_the_ram_is_the_boards_even_if_the_linker_script_has_more(board):
    roomy = {**SYMBOLS, "hil_ram_end": 0x2040_0000}
    with pytest.raises(BootError, match="of 65536 bytes of RAM"):
        require_room(request(board, symbols=roomy, heap_bytes=53_249))


def test_an_image_that_does_not_say_is_let_through(board):
    require_room(request(board, symbols={}, flash_bytes=None, heap_bytes=10**9))


def test_boot_asks_first(board, tmp_path):
    (tmp_path / "firmware.elf").touch()
    firmware = replace(request(board).firmware, path=tmp_path / "firmware.elf")
    with pytest.raises(BootError, match="does not fit"):
        boot.boot(board, firmware, log_dir=tmp_path / "logs", heap_bytes=10**6)
    assert not (tmp_path / "logs").exists()
