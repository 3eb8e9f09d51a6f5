"""The image of the mbed LPC1768: size, map, and what its own code does to the chip.

It runs on a model of the chip's registers, made from the same manual as the firmware: what the
manual does not say, and what silicon does otherwise, shows only on silicon.
"""

from __future__ import annotations

import struct
import threading
import time
from contextlib import closing
from typing import Any

import pytest

from hil import reset
from hil.image import Firmware
from hil.serial_port import open_port

# Where the chip's memory is: UM10360, chapter 2.3.
FLASH_BYTES = 512 * 1024
RAM = (0x1000_0000, 0x8000)
AHB = (0x2007_C000, 0x8000)
# The word that the loader takes for a wish to be left alone, and its values: chapter 32.6.
PROTECTION_WORD = 0x2FC
PROTECTED = {0x12345678, 0x87654321, 0x43218765, 0x4E697370}
READ_WRITE, READ_ONLY, NEVER_RUN = 3 << 24, 6 << 24, 1 << 28


def heard(chip: Any, until: bytes, *, say: bytes = b"", timeout_s: float = 20.0) -> bytes:
    """Say something to the chip's serial port and return what it says, up to some words."""
    if say:
        chip.console.send(say)
    said = b""
    deadline_s = time.monotonic() + timeout_s
    while until not in said:
        assert time.monotonic() < deadline_s, said
        try:
            said += chip.console.recv(4096)
        except BlockingIOError:
            time.sleep(0.005)
    return said


@pytest.fixture
def chip(simulation: Any, image: bytes) -> Any:
    """A chip without a port around it, at its prompt."""
    with closing(simulation.Chip(image)) as powered:
        heard(powered, b">>> ")
        yield powered


def test_flash_and_both_pieces_of_ram_are_where_the_chip_has_them(firmware: Firmware) -> None:
    at = firmware.symbols
    assert firmware.flash_bytes is not None
    assert firmware.flash_bytes == at["hil_flash_bytes"] < FLASH_BYTES
    assert (at["hil_stack_bottom"], at["hil_ram_end"]) == (RAM[0], sum(RAM))
    assert (at["hil_heap_more_start"], at["hil_heap_more_end"]) == (AHB[0], sum(AHB))
    # What a client with certificates needs at least is 26 KB, and fits in neither piece alone.
    heap_bytes = at["hil_ram_end"] - at["hil_heap_start"] + AHB[1]
    assert heap_bytes > 52 * 1024


def test_client_and_server_are_in_it_whole(firmware: Firmware) -> None:
    modules = firmware.flash_by_module
    for module in ("client", "server", "x509.chain", "crypto.ed25519", "entropy_health"):
        assert f"tlscore.{module}" in modules
    assert {"hil_frames", "tls_noise"} <= modules.keys()


def test_the_loader_in_rom_would_start_it(simulation: Any, image: bytes) -> None:
    assert sum(struct.unpack_from("<8I", image)) & 0xFFFF_FFFF == 0
    assert struct.unpack_from("<I", image, PROTECTION_WORD)[0] not in PROTECTED
    broken = bytearray(image)
    broken[0x1C] ^= 1
    with pytest.raises(simulation.Wrong, match="no valid user code"):
        simulation.Chip(bytes(broken))


def test_it_sets_up_96_mhz_115200_baud_and_protection_of_the_whole_map(chip: Any) -> None:
    assert chip.failure is None
    assert chip.clock.cpu_hz == 96_000_000
    assert chip.uart.baud == pytest.approx(115_200, rel=0.002)
    assert chip.core.is_protected
    regions = {
        (base, 2 << (attributes >> 1 & 31)): attributes & ~0x3F & 0x1700_0000 | attributes & 1
        for base, attributes in chip.core.regions.values()
    }
    assert regions == {
        (0, FLASH_BYTES): READ_ONLY | 1,
        RAM: READ_WRITE | 1,
        (AHB[0], AHB[1] // 2): READ_WRITE | 1,
        (AHB[0] + AHB[1] // 2, AHB[1] // 2): READ_WRITE | 1,
        (0x4000_0000, 0x2000_0000): READ_WRITE | NEVER_RUN | 1,
    }


def test_the_heap_is_in_both_pieces_of_ram(chip: Any) -> None:
    ask = b"import gc;k=[bytearray(6000) for i in range(7)];print('live',gc.mem_alloc())\r"
    said = heard(chip, b"\r\n>>> ", say=ask)
    assert int(said.split(b"live ")[-1].split()[0]) > max(RAM[1], AHB[1])


def test_time_passes_as_the_clock_says(chip: Any) -> None:
    ask = b"import time;a=time.ticks_us();time.sleep_ms(200);print('us',time.ticks_us()-a)\r"
    said = heard(chip, b"\r\n>>> ", say=ask)
    assert int(said.split(b"us ")[-1].split()[0]) >= 200_000


@pytest.mark.parametrize("address", [0x0000_1000, 0x1000_8000, 0x2008_4000, 0x6000_0000])
def test_what_is_not_ram_cannot_be_written(chip: Any, address: int) -> None:
    said = heard(chip, b">>> ", say=b"import machine;machine.mem32[%#x]=1\r" % address)
    assert b"HIL-FAULT" in said
    assert chip.starts == 2


def test_a_serial_break_resets_the_chip(simulation: Any, chip: Any) -> None:
    board = simulation.mbed(chip)
    stopping = threading.Event()
    server = threading.Thread(target=board.run, args=(stopping.is_set,))
    server.start()
    try:
        host, number = board.address
        port = open_port(f"rfc2217://{host}:{number}", 115_200)
        before = chip.starts
        hard = reset.METHODS["break"]
        assert hard is not None
        hard(port)
        port.timeout = 20
        assert b"mbed with LPC1768" in port.read_until(b"LPC1768")
        port.close()
        assert chip.starts == before + 1
    finally:
        stopping.set()
        server.join()
