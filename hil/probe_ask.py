"""Asks the MicroPython behind a serial port who it is, over its raw REPL.

That interrupts whatever runs on the board. The board is leased meanwhile, so that no run is
disturbed, and left at the REPL for people.
"""

from __future__ import annotations

import ast
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import serial

from hil import console, mpy
from hil.agent import ChannelClosed, ChannelTimeout, Refused
from hil.errors import HilError
from hil.lab.lease import Leases, key_of
from hil.rawrepl import RawRepl
from hil.serial_port import LoggedPort, open_port, resolved
from hil.target import Target

_ASK = """
import sys,gc
gc.collect()
i=sys.implementation
try:
 import os
 u=tuple(os.uname())
except (ImportError,AttributeError):
 u=()
try:
 import machine
 f=machine.freq()
 f=f[0] if isinstance(f,tuple) else f
except (ImportError,AttributeError,OSError,TypeError,ValueError):
 f=None
try:
 os.urandom(1)
 n=True
except (NameError,AttributeError,OSError):
 n=False
m=getattr(i,'_machine',u[4] if u else sys.platform)
h=gc.mem_free()+gc.mem_alloc()
print((i[0],tuple(i[1])[:3],m,sys.platform,getattr(i,'_mpy',0),u,sys.byteorder,sys.maxsize>2**32,f,h,n))
"""
_TROUBLES = (ChannelClosed, ChannelTimeout, Refused, console.ConsoleError)


@dataclass(frozen=True)
class Answer:
    """What a board says of itself.

    Attributes:
        implementation: "micropython", or a relative of it.
        machine: board and chip, as in "Generic ESP32 module with ESP32".
        architecture: of native code that it loads, as mpy-cross names it.
        release: of its firmware, with its date; "" if it does not say.
        clock_hz: of its core; None if it does not say.
        heap_bytes: size of its garbage-collected heap.
        has_urandom: whether os.urandom works; how good it is, its documentation must say.
    """

    implementation: str
    version: str
    machine: str
    platform: str
    architecture: str | None
    release: str
    endian: str
    word_bits: int
    clock_hz: int | None
    heap_bytes: int
    has_urandom: bool

    @property
    def chip(self) -> str:
        """What MicroPython says behind the name of the board, as "ESP32S3"; "" if nothing."""
        return self.machine.rpartition(" with ")[2] if " with " in self.machine else ""


class _Said(NamedTuple):
    """The tuple the board prints, in its order."""

    name: str
    version: tuple[int, ...]
    machine: str
    platform: str
    mpy: int
    uname: tuple[str, ...]
    byteorder: str
    is_64_bit: bool
    clock_hz: int | None
    heap_bytes: int
    has_urandom: bool


def ask(port: str, baud: int, leases: Leases, timeout_s: float) -> Answer:
    """Ask the board at a port.

    Args:
        port: a device, or a URL of pyserial.
        timeout_s: how long the board may take for each step.

    Raises:
        BoardLocked: somebody else has it.
        BootError: the port cannot be opened.
        HilError: what answers there, if anything does, is no MicroPython.
    """
    url = resolved(port)
    key = key_of(url)
    leases.hold(port, key)
    try:
        with _raw_repl(url, baud, timeout_s) as repl:
            printed = repl.execute(_ASK, timeout_s).decode("utf-8", "replace").strip()
    except _TROUBLES as error:
        raise HilError(f"{port}: no MicroPython answers: {error}") from error
    finally:
        leases.release(key)
    try:
        said = _Said(*ast.literal_eval(printed))
    except (ValueError, SyntaxError, TypeError):
        raise HilError(f"{port}: does not say who it is, but {printed[:200]!r}") from None
    return Answer(
        implementation=said.name,
        version=".".join(str(number) for number in said.version),
        machine=said.machine,
        platform=said.platform,
        architecture=mpy.format_of(said.mpy).architecture,
        release=said.uname[3] if len(said.uname) > 3 else "",
        endian=said.byteorder,
        word_bits=64 if said.is_64_bit else 32,
        clock_hz=said.clock_hz,
        heap_bytes=said.heap_bytes,
        has_urandom=said.has_urandom,
    )


def narrowed(targets: Sequence[Target], answer: Answer) -> list[Target]:
    """Return those of the targets that are the board, or have the chip, that a board names.

    All if there is none: the same USB chip is on many boards, but not every file names the chip.
    """
    for said in (answer.machine.partition(" with ")[0], answer.chip):
        found = [target for target in targets if _types(said) & _types(_facts(target))]
        if found:
            return found
    return list(targets)


def _facts(target: Target) -> str:
    return " ".join((target.cpu, target.description, str(target.flash.get("chip", ""))))


def _types(text: str) -> set[str]:
    """Return the words with a digit in them, such as names of types are: "esp32s3"."""
    words = re.findall("[a-z0-9]+", text.lower().replace("-", ""))
    return {word for word in words if re.search("[a-z].*[0-9]", word)}


@contextmanager
def _raw_repl(url: str, baud: int, timeout_s: float) -> Iterator[RawRepl]:
    with tempfile.TemporaryDirectory(prefix="hil-probe-") as folder:
        port = LoggedPort(open_port(url, baud), Path(folder) / "said.log")
        with closing(port):
            repl = RawRepl(port, step_timeout_s=timeout_s)
            repl.enter(timeout_s)
            try:
                yield repl
            finally:
                with suppress(*_TROUBLES, serial.SerialException):
                    repl.leave()
