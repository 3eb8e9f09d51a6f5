"""Boards on ports that come and go: real pseudo-terminals, and links to them as udev makes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from hil import boot, build, process, serial_port
from hil.errors import BoardDied, BoardUnwell
from hil.plugged import plugged_in
from hil.serial_port import find
from hil.target import Target

from .conftest import SIMBOARD, target_at

FIRST, SECOND = "pci-0:1.1:1.0-port0", "pci-0:1.2:1.0-port0"


class Board:
    """A simulated board on a port of its own, and the hand on its plug."""

    def __init__(self, devices: Path, place: str, *options: str) -> None:
        argv = [sys.executable, str(SIMBOARD / "pty_board.py"), str(devices), place, *options]
        self.child = process.supervised(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.link = self._said()

    @property
    def device(self) -> str:
        """What the kernel calls it now."""
        return os.path.realpath(self.link)

    def hand(self, does: str) -> str:
        """Plug or unplug it, or stop its CPU."""
        assert self.child.stdin is not None
        self.child.stdin.write(f"{does}\n".encode())
        self.child.stdin.flush()
        return self._said()

    def _said(self) -> str:
        assert self.child.stdout is not None
        return self.child.stdout.readline().decode().strip()


Plug = Callable[..., Board]


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plug]:
    """Plug boards into a machine that has its devices in another folder than /dev."""
    devices = tmp_path / "dev"
    monkeypatch.setenv("HIL_DEV", str(devices))
    with ExitStack() as running:

        def start(place: str, *options: str) -> Board:
            board = Board(devices, place, *options)
            running.callback(process.stop, board.child)
            return board

        yield start


def boots(facts: Target, folder: Path) -> boot.Board:
    return boot.boot(facts, build.ensure(facts.image), log_dir=folder)


def test_a_board_that_was_pulled_out_is_noticed_and_found_again_under_another_name(
    plug: Plug, tmp_path: Path
) -> None:
    board = plug(FIRST, "--own-supply")
    facts = target_at("mbed", board.link)
    before = board.device
    with boots(facts, tmp_path) as running:
        running.start("hil_agent:echo", 10)
        board.hand("unplug")
        with pytest.raises(BoardDied, match=r"died in hil_agent:echo: its port closed"):
            running.wait(60)
        board.hand("plug")
    assert board.device != before
    # It went on with its job meanwhile: Ctrl-C alone brings it back, for there are no lines.
    with boots(facts, tmp_path) as running:
        assert running.call("hil_agent:echo", 0, timeout_s=5) == 0


def test_a_run_loses_one_cell_to_a_board_that_is_pulled_out(plug: Plug, tmp_path: Path) -> None:
    plug(FIRST, "--unplug-when", "tls_jobs:", "--away", "1")
    lab = tmp_path / "lab.toml"
    lab.write_text(f'[boards.loose]\ntarget = "simulated-mbed"\nusb_path = "{FIRST}"\n')
    report = tmp_path / "report"
    run = [
        *(sys.executable, "-m", "pytest", "-q", "tests/system/test_handshake.py"),
        *(f"--target-dir={SIMBOARD / 'targets'}", f"--lab={lab}", "--target=lab:"),
        *("--peer=openssl", "--scenario=tls13-psk,tls13-server-psk", f"--report={report}"),
    ]
    done = subprocess.run(
        run, cwd=SIMBOARD.parents[1], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 1, done.stdout
    first, second = json.loads((report / "report.json").read_text())["cells"]
    assert (first["verdict"], second["verdict"]) == ("error", "pass"), done.stdout
    assert "its port closed" in first["reason"]


def test_two_boards_with_one_serial_number_are_each_found_by_its_place(
    plug: Plug, tmp_path: Path
) -> None:
    boards = {FIRST: plug(FIRST, "--heap=400000"), SECOND: plug(SECOND, "--heap=300000")}
    listed = []
    for board in boards.values():
        info = ListPortInfo(board.device)
        info.vid, info.pid, info.serial_number = 0x10C4, 0xEA60, "0001"
        listed.append(info)
    twins = {"usb_vendor_id": 0x10C4, "usb_serial": "0001"}
    heaps = []
    for place, board in boards.items():
        port = find({**twins, "usb_path": place}, plugged_in(listed, found_drives=[]))
        assert port == board.link
        with boots(target_at("mbed", port), tmp_path) as running:
            heaps.append(running.heap_bytes)
    assert 390_000 < heaps[0] <= 400_000
    assert 290_000 < heaps[1] <= 300_000


def test_a_board_that_stays_away_is_told_with_what_is_there(
    plug: Plug, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serial_port, "_RETURN_S", 0.0)
    plug(FIRST)
    board = plug(SECOND)
    facts = target_at("mbed", None)  # type: ignore[arg-type]
    facts = Target(**{**vars(facts), "identify": {"usb_path": SECOND}})
    with boots(facts, tmp_path) as running:
        board.hand("unplug")
        with pytest.raises(BoardDied):
            running.call("hil_agent:echo", 0, timeout_s=5)
    with pytest.raises(BoardUnwell, match=rf"looked for at {SECOND}; plugged in .*at {FIRST}\)"):
        boots(facts, tmp_path)


def test_a_dead_board_on_a_port_without_lines_is_told_so(plug: Plug, tmp_path: Path) -> None:
    board = plug(FIRST)
    board.hand("hold")
    with pytest.raises(BoardUnwell, match=r"is silent: .* or the port has no control lines"):
        boots(target_at("mbed", board.link, boot_s=0.5), tmp_path)
