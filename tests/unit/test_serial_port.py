"""Finding a port by what is plugged in, and opening ones that are peculiar."""

from __future__ import annotations

import os
import pty
import tty
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import serial
from serial.tools.list_ports_common import ListPortInfo

from hil import serial_port
from hil.errors import BoardUnwell, BootError
from hil.plugged import Plugged, plugged_in
from hil.serial_port import LoggedPort, find, open_port, port_of

CP2102 = {"vid": 0x10C4, "pid": 0xEA60, "serial_number": "0001", "product": "CP2102 USB to UART"}
CH340 = {"vid": 0x1A86, "pid": 0x7523, "product": "USB Serial"}
ESP32 = {"usb_vendor_id": 0x10C4, "usb_product_id": 0xEA60}
FIRST, SECOND = "pci-0:1.1:1.0-port0", "pci-0:1.2:1.0-port0"


class Machine:
    """A machine with a folder of devices, and what udev links there."""

    def __init__(self, devices: Path) -> None:
        self.devices = devices
        self.ports: list[ListPortInfo] = []

    def plug(
        self, name: str, facts: dict, by_path: str | None = None, location: str | None = None
    ) -> str:
        device = self.devices / name
        device.touch()
        info = ListPortInfo(str(device))
        for fact, value in facts.items():
            setattr(info, fact, value)
        info.location = location
        self.ports.append(info)
        if by_path is not None:
            self.link("by-path", by_path, device)
        return str(device)

    def link(self, kind: str, name: str, device: Path) -> str:
        link = self.devices / "serial" / kind / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(device)
        return str(link)

    def look(self) -> list[Plugged]:
        return plugged_in(self.ports, self.devices / "serial", [])


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setenv("HIL_DEV", str(tmp_path))
    return Machine(tmp_path)


def test_the_one_board_with_a_usb_id_is_found_by_it(machine: Machine) -> None:
    machine.plug("ttyUSB0", CH340, FIRST)
    machine.plug("ttyUSB1", CP2102, SECOND)
    assert find(ESP32, machine.look()) == str(machine.devices / "serial" / "by-path" / SECOND)


def test_a_board_is_found_by_its_serial_number_wherever_it_is(machine: Machine) -> None:
    machine.plug("ttyUSB0", CP2102, FIRST)
    other = machine.plug("ttyUSB1", {**CP2102, "serial_number": "0042"})
    assert find({**ESP32, "usb_serial": "0042"}, machine.look()) == other


@pytest.mark.parametrize("place", [SECOND, f"/dev/serial/by-path/{SECOND}", "1-1.2", "1-1.2:1.0"])
def test_two_boards_with_one_serial_number_are_told_apart_by_place(
    machine: Machine, place: str
) -> None:
    machine.plug("ttyUSB0", CP2102, FIRST, "1-1.1:1.0")
    machine.plug("ttyUSB1", CP2102, SECOND, "1-1.2:1.0")
    both = {**ESP32, "usb_serial": "0001"}
    with pytest.raises(BootError, match=r"looked for USB 10c4:ea60, serial 0001, and 2 are that"):
        find(both, machine.look())
    found = find({**both, "usb_path": place}, machine.look())
    assert found == str(machine.devices / "serial" / "by-path" / SECOND)


def test_a_place_that_only_the_kernel_names_is_enough(machine: Machine) -> None:
    device = machine.plug("ttyUSB0", CP2102, location="1-1.2:1.0")
    assert find({"usb_path": "1-1.2"}, machine.look()) == device


def test_a_board_that_is_not_there_is_told_with_what_is(machine: Machine) -> None:
    with pytest.raises(BoardUnwell, match=r"serial 7 at 1-1; plugged in \(HIL_DEV=.*\): nothing"):
        find({"usb_serial": "7", "usb_path": "1-1", "hub_port": "x"}, machine.look())
    machine.plug("ttyUSB0", CH340, FIRST)
    with pytest.raises(
        BoardUnwell,
        match=r"looked for USB 10c4:ea60; .*: \S*/ttyUSB0 \(USB 1a86:7523, at pci-0:1\.1",
    ):
        find(ESP32, machine.look())


def test_without_a_name_and_without_facts_it_is_said_what_is_missing() -> None:
    with pytest.raises(BootError, match=r"neither a name for it \(boot\.port, .* nor what USB"):
        port_of({}, {"hub_port": "1-1:2"})


def test_devices_in_another_folder_are_found_by_their_links_alone(machine: Machine) -> None:
    (machine.devices / "ttyMX0").touch()
    link = machine.link("by-path", FIRST, machine.devices / "ttyMX0")
    machine.link("by-path", SECOND, machine.devices / "gone")
    (found,) = plugged_in(found_drives=[])
    assert (found.port, found.device) == (link, str(machine.devices / "ttyMX0"))
    assert port_of({}, {"usb_path": FIRST}) == link


def test_a_named_device_that_has_another_name_now_is_found_by_its_place_only(
    machine: Machine,
) -> None:
    (machine.devices / "ttyMX1").touch()
    link = machine.link("by-path", FIRST, machine.devices / "ttyMX1")
    gone = str(machine.devices / "ttyMX0")
    assert port_of({"port": gone}, {"usb_path": FIRST}) == link
    assert port_of({"port": gone}, ESP32) == gone  # another board of the kind is another board


# ---- pseudo-terminals: devices without modem lines, which can be taken away


class Terminal:
    """The inner end of a pseudo-terminal, and the name of its device."""

    def __init__(self) -> None:
        inner, outer = pty.openpty()
        tty.setraw(outer)
        self.name = os.ttyname(outer)
        os.close(outer)
        self.inner = os.fdopen(inner, "r+b", buffering=0)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    with made.inner:
        yield made


def test_a_port_without_control_lines_is_used_without_them(
    terminal: Terminal, tmp_path: Path
) -> None:
    with closing(LoggedPort(open_port(terminal.name, 115_200), tmp_path / "log")) as port:
        assert not port.has_lines
        port.write(b"to the board")
        assert terminal.inner.read(100) == b"to the board"
        terminal.inner.write(b"\x00\xff\x03\r\n")
        port.timeout = 5
        assert port.read(5) == b"\x00\xff\x03\r\n"


@pytest.mark.parametrize(
    "use",
    [
        lambda port: port.in_waiting,
        lambda port: port.read(1),
        lambda port: port.write(b"x"),
        lambda port: port.set_lines(dtr=True),
        lambda port: port.send_break(0.25),
    ],
    ids=["in_waiting", "read", "write", "set_lines", "send_break"],
)
def test_a_device_that_is_gone_is_one_error_whatever_was_asked(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use
) -> None:
    monkeypatch.setattr(serial_port, "_RETURN_S", 0.0)
    with closing(LoggedPort(open_port(terminal.name, 115_200), tmp_path / "log")) as port:
        port.timeout = 1
        terminal.inner.close()
        with pytest.raises(serial.SerialException, match="the port is gone"):
            use(port)


def test_who_closes_a_port_that_is_gone_waits_for_its_return(
    terminal: Terminal, tmp_path: Path
) -> None:
    link = tmp_path / "link"
    link.symlink_to(terminal.name)
    port = LoggedPort(open_port(str(link), 115_200), tmp_path / "log")
    terminal.inner.close()
    with pytest.raises(serial.SerialException):
        port.read(1)
    (tmp_path / "again").touch()
    looks = iter([link.unlink, lambda: None, lambda: link.symlink_to(tmp_path / "again")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serial_port.time, "sleep", lambda _: next(looks)())
        link.unlink()
        link.symlink_to(tmp_path / "nowhere")
        port.close()
    assert link.exists()
    assert next(looks, None) is None
