"""`hil flash` with the real esptool on a simulated chip (tests/simboard/esp_chip.py).

Much of what esptool does is waiting, so all the runs are started together and looked at one by one.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from hil import process

SIMBOARD = Path(__file__).parents[2] / "simboard"
ADDRESS = 0x1000
TARGET = """
name = "sim"
description = "A simulated chip with its loader"
class = "attached"
cpu = "Cortex-M3"
isa = "ARMv7-M"
endian = "little"
word_bits = 32
image = "simboard"
[boot]
driver = "attached"
reset = "esp"
micropython = "1.25.0"
[console]
driver = "raw_repl"
[link]
driver = "framed"
[flash]
method = "esptool"
chip = "esp32"
address = 0x1000
firmware = "ESP32_GENERIC"
"""
# How each run is to be: what the chip is like, and more options of `hil flash`. Over RFC 2217 every
# command costs pyserial a fifth of a second, so only the run that says most by connecting does.
RUNS: Mapping[str, tuple[list[str], list[str]]] = {
    "whole": (["--plain", "--image=simboard"], []),
    "wrong chip": (["--chip=esp32c3"], []),
    "corrupted": (["--plain", "--corrupts-block=1"], []),
    "no erase": (["--plain", "--refuses-erase"], []),
    "unplugged": (["--plain", "--dies-at-block=1", "--unplug"], []),
    "mute": (["--plain"], ["--wait=0.5"]),
}


@dataclass
class Outcome:
    """A run of `hil flash` that goes on or has ended."""

    program: subprocess.Popen[str]
    flash: Path

    def of(self) -> tuple[int, str, str]:
        out, err = self.program.communicate(timeout=120)
        return self.program.returncode, out, err


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("firmware") / "firmware.bin"
    # The header of an image: magic, segments, mode, size and speed of the flash.
    head = b"\xe9\x01\x02\x20" + bytes(20)
    file.write_bytes(head + random.Random(1).randbytes(4096 - len(head)))
    return file


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, firmware: Path) -> Iterator[dict[str, Outcome]]:
    with ExitStack() as running:
        started = {}
        for name, (chip, options) in RUNS.items():
            folder = tmp_path_factory.mktemp("chip")
            (folder / "sim.toml").write_text(TARGET)
            flash = folder / "flash.bin"
            argv = [sys.executable, str(SIMBOARD / "esp_chip.py"), str(flash), *chip]
            board = process.supervised(argv, stdout=subprocess.PIPE)
            running.callback(process.stop, board)
            assert board.stdout is not None
            url = board.stdout.readline().decode().strip()
            argv = [sys.executable, "-m", "hil.cli", "flash", "sim", f"--target-dir={folder}"]
            argv += [f"--port={url}", f"--firmware={firmware}", "--no-stub", *options]
            program = subprocess.Popen(
                argv,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={**os.environ, "HIL_LEASES": str(folder / "leases")},
            )
            running.enter_context(program)
            running.callback(program.kill)
            started[name] = Outcome(program, flash)
        yield started


def test_a_wrong_chip_is_told_before_anything_is_written(runs):
    status, _, err = runs["wrong chip"].of()
    assert status == 1
    assert "sim: connect failed: This chip is ESP32-C3, not ESP32" in err
    assert "nothing has been written" in err
    assert runs["wrong chip"].flash.read_bytes().strip(b"\xff") == b""


def test_a_flash_that_cannot_be_erased_names_the_erasing(runs):
    status, _, err = runs["no erase"].of()
    assert status == 1
    assert "sim: erase failed: Failed to enter flash download mode" in err


def test_a_byte_that_does_not_hold_names_the_verification_and_how_to_recover(runs):
    status, out, err = runs["corrupted"].of()
    assert status == 1
    assert "sim: verify failed: MD5 of file does not match data in flash!" in err
    assert "to recover: the loader in the chip's ROM cannot be overwritten" in err
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["connect", "erase", "write"]


def test_a_board_that_does_not_start_names_the_version(runs, firmware):
    status, _, err = runs["mute"].of()
    assert status == 1
    assert "sim: version failed: " in err
    assert "flash it again with MicroPython's firmware for exactly this board" in err
    written = runs["mute"].flash.read_bytes()[ADDRESS:]
    assert written.startswith(firmware.read_bytes())


def test_a_cable_pulled_out_in_the_middle_names_the_writing(runs):
    status, _, err = runs["unplugged"].of()
    assert status == 1
    assert "sim: write failed: Could not open port" in err
    assert "run the same command again" in err


def test_flashing_ends_with_the_version_read_back_and_the_file_in_the_flash(runs, firmware):
    status, out, err = runs["whole"].of()
    assert (status, err) == (0, "")
    steps = [line.split()[0] for line in out.splitlines()[1:]]
    assert steps == ["connect", "erase", "write", "verify", "restart", "version"]
    assert "ESP32-D0WDQ6 (revision v1.0), MAC: 24:0a:c4:00:00:01" in out
    assert "MicroPython 1.25.0" in out.splitlines()[-1]
    flash = runs["whole"].flash.read_bytes()
    image = firmware.read_bytes()
    assert flash[ADDRESS : ADDRESS + len(image)] == image
    assert (flash[:ADDRESS] + flash[ADDRESS + len(image) :]).strip(b"\xff") == b""
