"""The firmware of the image `lpc1768` on a model of its chip (tests/simboard/chip.py)."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hil import boot, build, paths, process, target
from hil.boot.attached import AttachedBoard
from hil.flash import flat
from hil.image import Firmware

SIMBOARD = Path(__file__).parents[2] / "simboard"


class Mbed(NamedTuple):
    """A simulated mbed: the URL of its port, and the folder that is its drive."""

    url: str
    drive: Path


# Plugs a simulated mbed in, with options of its program.
PlugIn = Callable[..., Mbed]
# Boots the mbed; facts of its target file may be replaced.
BootIt = Callable[..., AttachedBoard]


@pytest.fixture(scope="session")
def simulation() -> Iterator[Any]:
    """The program that simulates an mbed, as a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SIMBOARD))
        import mbed_chip

        yield mbed_chip


@pytest.fixture(scope="session")
def firmware() -> Firmware:
    return build.ensure("lpc1768")


@pytest.fixture(scope="session")
def image(firmware: Firmware) -> bytes:
    """What goes to the chip's flash."""
    return flat.read(firmware.path)


@pytest.fixture
def plug_in(firmware: Firmware, tmp_path: Path) -> Iterator[PlugIn]:
    with ExitStack() as running:

        def start(*options: str) -> Mbed:
            drive = tmp_path / "MBED"
            drive.mkdir()
            argv = [sys.executable, str(SIMBOARD / "mbed_chip.py"), f"--drive={drive}", *options]
            child = process.supervised(argv, stdout=subprocess.PIPE)
            running.callback(process.stop, child)
            assert child.stdout is not None
            return Mbed(child.stdout.readline().decode().strip(), drive)

        yield start


@pytest.fixture
def boot_it(firmware: Firmware, tmp_path: Path) -> Iterator[BootIt]:
    with ExitStack() as boards:

        def start(mbed: Mbed, **changes: Any) -> AttachedBoard:
            facts = target.load(paths.targets_dir() / "mbed-lpc1768.toml")
            at_port = {**facts.boot.arguments, "port": mbed.url}
            facts = dataclasses.replace(
                facts, boot=dataclasses.replace(facts.boot, arguments=at_port), **changes
            )
            board = boot.boot(facts, firmware, log_dir=tmp_path)
            assert isinstance(board, AttachedBoard)
            boards.callback(board.close)
            return board

        yield start
