"""Flashing the first mbeds: files stay on their drive, and the newest one is written at a reset.

The interface of the mbed LPC1768 keeps a small file system. At a reset of the chip (its button,
power, or a serial break) it writes the newest .bin file by its date to the chip's flash and starts
it; it says nothing of how that went, so the version over the REPL is all the proof there is.
(os.mbed.com: "mbed interface", and its handbook's page on the drive.) The chip's own loader starts
a program only if its first eight words add up to nothing, which is looked at before anything is
copied. An mbed whose interface runs DAPLink is flashed as all such boards are (`mass_storage`).

What it does not do: mount the drive, or set its clock.
"""

from __future__ import annotations

import os
import struct
import time
from contextlib import closing
from pathlib import Path

import serial

from hil import reset
from hil.errors import BootError
from hil.flash import Done, FlashUsageError, Request, flat, mass_storage
from hil.serial_port import open_port

# One name for all that this farm copies, so that the drive does not fill up.
_NAME = "HILFARM.BIN"
_DAPLINK_FACTS = "DETAILS.TXT"
_VECTORS = struct.Struct("<8I")
_BAUD = 115_200
_LOOK_S = 0.1

_AGAIN = (
    "unplug the board and plug it in again, wait for its drive, and run the same command again; "
    "the interface chip that offers the drive is not written to"
)


def flash(request: Request, done: Done) -> None:
    """Copy the firmware to the drive and reset the chip, which makes the interface write it.

    Raises:
        FlashUsageError: the chip would not start this file.
        FlashError: a step failed.
    """
    drive = _find(request)
    if (drive / _DAPLINK_FACTS).is_file():
        mass_storage.flash(request, done)
        return
    image = flat.read(request.firmware)
    if len(image) < _VECTORS.size or sum(_VECTORS.unpack_from(image)) & 0xFFFF_FFFF:
        raise FlashUsageError(
            f"{request.firmware}: its first eight words do not add up to nothing, so the loader in "
            "the chip's ROM would not start it (UM10360, chapter 32.3.1.1); is it for this chip?"
        )
    done("connect", f"drive {drive}, mbed interface")
    _copy(request, drive, image)
    done("write", f"{len(image)} bytes")
    _reset(request)
    done("restart", "by a serial break")


def _find(request: Request) -> Path:
    if request.drive is not None:
        if request.drive.is_dir():
            return request.drive
        raise request.failed("connect", f"no drive is mounted at {request.drive}", _AGAIN)
    label = request.fact("label")
    found = mass_storage.mounted(label)
    if len(found) > 1:
        raise FlashUsageError(f"{len(found)} drives are called {label}; choose one by --drive")
    if not found:
        how = f"plug the board in, or name the folder of its drive by --drive; {_AGAIN}"
        raise request.failed("connect", f"no drive called {label} is mounted", how)
    return found[0]


def _copy(request: Request, drive: Path, image: bytes) -> None:
    """Copy the bytes and see that nothing on the drive is newer."""
    path = drive / _NAME
    try:
        with path.open("wb") as file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        ours = path.stat().st_mtime
        others = {
            other.name: other.stat().st_mtime
            for other in drive.iterdir()
            if other.suffix.lower() == ".bin" and other.name.upper() != _NAME
        }
    except OSError as error:
        raise request.failed("write", error.strerror or str(error), _AGAIN) from error
    newer = sorted(name for name, moment in others.items() if moment >= ours)
    if newer:
        problem = f"the interface would take {newer[0]}, which is not older than what was copied"
        raise request.failed("write", problem, "delete it, and run the same command again")


def _reset(request: Request) -> None:
    """Have the interface write the file and start the chip, and wait until that says something.

    Another break before that might begin the writing again.

    Raises:
        FlashError: no port is known, it does not open, or the chip keeps silent.
    """
    press = "press the mbed's button: that does it, too"
    if request.port is None:
        raise request.failed("restart", "no port is known to send a break to (--port)", press)
    try:
        with closing(open_port(request.port, _BAUD)) as port:
            hard = reset.METHODS["break"]
            assert hard is not None
            port.timeout = _LOOK_S
            port.reset_input_buffer()
            hard(port)
            deadline_s = time.monotonic() + request.patience_s
            while not port.read(1):
                if time.monotonic() >= deadline_s:
                    problem = f"the chip says nothing within {request.patience_s:g} s"
                    raise request.failed("restart", problem, f"{press}; {_AGAIN}")
    except (BootError, serial.SerialException) as error:
        raise request.failed("restart", str(error), press) from error
