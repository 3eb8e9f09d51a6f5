"""hil probe: what is plugged in, from recorded descriptions of ports as pyserial gives them."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from hil import cli, probe, probe_ask, probe_draft, target, target_file
from hil.errors import BoardLocked, HilError
from hil.lab import inventory
from hil.lab.lease import Leases, key_of
from hil.probe import plugged_in
from hil.probe_ask import Answer

SIMULATED = Path(__file__).parents[1] / "simboard" / "targets"

# Two boards with CP2102 bridges as they leave the factory, a DAPLink board, one with native USB.
CP2102 = {"vid": 0x10C4, "pid": 0xEA60, "serial_number": "0001", "product": "CP2102 USB to UART"}
DAPLINK = {"vid": 0x0D28, "pid": 0x0204, "serial_number": "0231A", "product": "DAPLink CMSIS-DAP"}
PICO = {"vid": 0x2E8A, "pid": 0x0005, "serial_number": "e661", "product": "Board in FS mode"}
CHEAP = {"vid": 0x1A86, "pid": 0x7523, "serial_number": None, "product": "USB Serial"}

ESP32 = Answer(
    implementation="micropython",
    version="1.25.0",
    machine="Generic ESP32 module with ESP32",
    platform="esp32",
    architecture="xtensawin",
    release="v1.25.0 on 2025-04-15",
    endian="little",
    word_bits=32,
    clock_hz=160_000_000,
    heap_bytes=111_168,
    has_urandom=True,
)


class Machine:
    """A machine with boards plugged in: devices, and udev's names of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.links = folder / "serial"
        self.ports: list[ListPortInfo] = []

    def plug(self, device, facts, *, by_id: str | None = None, by_path: str | None = None) -> None:
        path = self.folder / device
        path.touch()
        info = ListPortInfo(str(path))
        for name, value in facts.items():
            setattr(info, name, value)
        info.apply_usb_info()
        self.ports.append(info)
        for kind, name in (("by-id", by_id), ("by-path", by_path)):
            if name is not None:
                (self.links / kind).mkdir(parents=True, exist_ok=True)
                (self.links / kind / name).symlink_to(path)

    def look(self, drives=()) -> list[probe.Plugged]:
        return plugged_in(self.ports, self.links, drives)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_board_is_named_by_its_serial_number_wherever_it_is_plugged_in(machine):
    machine.plug("ttyACM0", PICO, by_id="usb-Board_e661-if00", by_path="pci-0:2:1.0")
    (found,) = machine.look()
    assert found.port == str(machine.links / "by-id" / "usb-Board_e661-if00")
    assert (found.usb_vendor_id, found.usb_product_id, found.usb_serial) == (0x2E8A, 5, "e661")
    assert found.warnings == ()


def test_two_boards_with_the_same_serial_number_are_told_apart_by_path(machine):
    machine.plug("ttyUSB0", CP2102, by_id="usb-CP2102_0001-if00-port0", by_path="pci-0:1.1:1.0")
    machine.plug("ttyUSB1", CP2102, by_path="pci-0:1.2:1.0")
    first, second = machine.look()
    for entry, name in ((first, "pci-0:1.1:1.0"), (second, "pci-0:1.2:1.0")):
        assert entry.port == entry.by_path == str(machine.links / "by-path" / name)
        assert entry.by_id is None  # udev has one such name for both
        (warning,) = entry.warnings
        assert "same USB serial '0001' as" in warning
        assert "told apart by where they are plugged in" in warning
    by_path = machine.links / "by-path"
    assert key_of(first.port, by_path) != key_of(second.port, by_path)  # two leases


def test_a_bridge_without_serial_number_is_named_by_path(machine):
    machine.plug("ttyUSB0", CHEAP, by_id="usb-1a86_USB_Serial-if00-port0", by_path="pci-0:1.3:1.0")
    (found,) = machine.look()
    assert found.port == found.by_path
    assert found.warnings == ()


def test_a_bare_device_gets_a_warning(machine):
    machine.plug("ttyUSB0", CHEAP)
    (found,) = machine.look()
    assert found.port == found.device
    (warning,) = found.warnings
    assert f"{found.device} has no lasting name in {machine.links}" in warning


def test_serial_ports_of_the_machine_itself_are_no_boards(machine):
    machine.plug("ttyS0", {})
    machine.plug("ttyACM3", {})  # the system says nothing of its USB device
    assert [Path(found.device).name for found in machine.look()] == ["ttyACM3"]


# ---- drives of interface chips


def drive(folder: Path, label: str, files: dict[str, str]) -> str:
    """Make a drive and return its line of the table of mounts."""
    mounted = folder / label
    mounted.mkdir()
    for name, text in files.items():
        (mounted / name).write_text(text)
    escaped = str(mounted).replace(" ", "\\040")
    return f"/dev/sdb {escaped} vfat rw,nosuid 0 0\n"


def test_a_drive_goes_with_the_port_that_has_its_id(machine, tmp_path):
    mounts = "proc /proc proc rw 0 0\n"
    mounts += drive(tmp_path, "DAP LINK", {"DETAILS.TXT": "# DAPLink\r\nUnique ID: 0231a\r\n"})
    mounts += drive(tmp_path, "RPI-RP2", {"INFO_UF2.TXT": "UF2 Bootloader v3.0\n"})
    mounts += drive(tmp_path, "HOLIDAY", {"photo.jpg": ""})
    daplink, loader = probe.drives(mounts)
    assert (daplink.label, daplink.unique_id) == ("DAP LINK", "0231a")
    assert (loader.label, loader.unique_id) == ("RPI-RP2", None)
    machine.plug("ttyACM0", DAPLINK, by_id="usb-DAPLink")
    machine.plug("ttyACM1", PICO, by_id="usb-Pico")
    found = machine.look([daplink, loader])
    assert [entry.drive for entry in found] == [daplink, None]
    assert probe.without_port(found, [daplink, loader]) == [loader]


# ---- which target it is


def kind(folder: Path, name: str, identify: str) -> None:
    text = (SIMULATED / "simulated-esp32.toml").read_text().replace("simulated-esp32", name)
    (folder / f"{name}.toml").write_text(f"{text}\n[identify]\n{identify}\n")


def test_target_files_are_matched_by_what_they_say_of_usb(machine, tmp_path):
    folder = tmp_path / "targets"
    folder.mkdir()
    kind(folder, "esp-one", "usb_vendor_id = 0x10c4\nusb_product_id = 0xea60")
    kind(folder, "esp-two", "usb_vendor_id = 0x10c4\nusb_product_id = 0xea60")
    kind(folder, "esp-there", 'usb_path = "pci-0:1.2:1.0"')
    kind(folder, "pico", 'usb_vendor_id = 0x2e8a\nusb_serial = "e661"')
    kind(folder, "other-pico", 'usb_vendor_id = 0x2e8a\nusb_serial = "e662"')
    kind(folder, "by-probe", 'probe_id = "0231A"')
    targets = target.load_all(folder)
    machine.plug("ttyACM0", PICO, by_id="usb-Pico")
    machine.plug("ttyACM1", DAPLINK, by_id="usb-DAPLink")
    machine.plug("ttyUSB0", CP2102, by_path="pci-0:1.1:1.0")
    machine.plug("ttyUSB1", CP2102, by_path="pci-0:1.2:1.0")
    matched = [[found.name for found in probe.matching(entry, targets)] for entry in machine.look()]
    assert matched == [["pico"], [], ["esp-one", "esp-two"], ["esp-one", "esp-there", "esp-two"]]


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("Generic ESP32 module with ESP32", ["esp32-devkit"]),
        ("Generic ESP32S3 module with ESP32S3", ["esp32-s3"]),
        ("ESP32C3 module with ESP32C3", ["esp32-c3"]),
        ("ESP module with ESP8266", ["esp8266"]),
        ("Raspberry Pi Pico with RP2040", ["rp2-pico"]),
        ("NUCLEO-F401RE with STM32F401xE", ["mbed-nucleo-f401re"]),
        ("Some board with Z80", None),
    ],
)
def test_boards_with_the_same_usb_chip_are_told_apart_by_what_they_say(machine, expected):
    shipped = [board for board in target.load_all().values() if board.klass == "attached"]
    found = probe_ask.narrowed(shipped, replace(ESP32, machine=machine))
    assert [board.name for board in found] == (expected or [board.name for board in shipped])


def test_a_board_of_the_lab_is_known_by_its_port(machine, tmp_path):
    machine.plug("ttyUSB0", CP2102)
    device = machine.ports[0].device
    (tmp_path / "lab.toml").write_text(
        f'[boards.desk-1]\ntarget = "simulated-esp32"\nport = "{device}"\n'
    )
    known = inventory.with_lab(tmp_path / "lab.toml", tmp_path, target.load_all(SIMULATED))
    (found,) = probe.matching(machine.look()[0], known)
    assert found.name == "simulated-esp32@desk-1"


# ---- a new target file


@pytest.mark.parametrize("answer", [None, ESP32])
def test_a_drafted_target_file_and_lab_row_are_valid_as_they_are(machine, tmp_path, answer):
    machine.plug("ttyUSB0", CP2102, by_id="usb-CP2102")
    (found,) = machine.look()
    name = probe_draft.board_name(found, answer)
    path = tmp_path / f"{name}.toml"
    path.write_text(probe_draft.target_file(found, answer))
    drafted = target.load(path)
    assert drafted.identify == {"usb_vendor_id": 0x10C4, "usb_product_id": 0xEA60}
    assert probe.matching(found, {name: drafted}) == [drafted]
    lab = tmp_path / "lab.toml"
    lab.write_text(probe_draft.lab_row(found, name, 1))
    (board,) = inventory.load(lab, {name: drafted}).boards.values()
    assert board.boot.arguments["port"] == found.port
    if answer is not None:
        assert (drafted.name, drafted.cpu, drafted.isa) == (
            "generic-esp32-module",
            "ESP32",
            "Xtensa",
        )
        assert drafted.clock_hz == 160_000_000
        assert (drafted.noise, drafted.verified) == ("os.urandom", False)
        assert drafted.boot.arguments == {"reset": "esp", "micropython": "1.25.0"}


def test_what_a_board_calls_itself_cannot_spoil_the_draft(machine, tmp_path):
    machine.plug("ttyUSB0", {**CP2102, "product": 'A "board"\\ \x00with\x1b[1m\ntricks é'})
    (found,) = machine.look()
    path = tmp_path / f"{probe_draft.board_name(found, None)}.toml"
    path.write_text(probe_draft.target_file(found, None), encoding="utf-8")
    assert target_file.read(path).values["description"] == 'A "board"\\ with[1mtricks é'


# ---- asking; conversations with a real MicroPython are in tests/system/attached


@contextmanager
def somebody_says(words: bytes):
    """Serve one connection that says something and takes everything; returns its URL."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with closing(connection):
                connection.sendall(words)
                while connection.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_what_is_no_micropython_is_told_and_the_board_given_back(tmp_path):
    leases = Leases(tmp_path / "leases", "asking")
    with somebody_says(b"login: ") as url:
        with pytest.raises(HilError, match="no MicroPython answers: "):
            probe_ask.ask(url, 115_200, leases, timeout_s=0.2)
        other = Leases(tmp_path / "leases", "another")
        other.hold("board", key_of(url))
        other.release_all()


def test_a_board_that_somebody_has_is_not_disturbed(tmp_path):
    busy = Leases(tmp_path, "a long run")
    busy.hold("board", "127.0.0.1:1")
    with pytest.raises(BoardLocked, match="a long run"):
        probe_ask.ask("socket://127.0.0.1:1", 115_200, Leases(tmp_path, "asking"), timeout_s=1)
    busy.release_all()


# ---- the command


@pytest.fixture
def quiet_place(tmp_path, monkeypatch):
    """A folder and a machine without a lab, leases or drives."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HIL_LAB", raising=False)
    monkeypatch.setenv("HIL_LEASES", str(tmp_path / "leases"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(probe, "drives", lambda mounts=None: [])


def test_the_command_shows_ports_targets_warnings_and_what_to_paste(
    machine, quiet_place, monkeypatch, capsys
):
    machine.plug("ttyUSB0", {**CHEAP, "vid": 0x4242})
    machine.plug("ttyUSB1", {**CHEAP, "vid": 0x4242}, by_path="pci-0:1.2:1.0")
    monkeypatch.setattr(probe, "plugged_in", machine.look)
    assert cli.main(["probe"]) == 0
    out = capsys.readouterr().out
    assert "4242:7523" in out
    assert "none fits" in out
    assert f"warning: {machine.ports[0].device} has no lasting name" in out
    assert 'name = "usb-serial"' in out
    assert "usb_vendor_id = 0x4242" in out
    assert '[boards.desk-2]\ntarget = "usb-serial"\nport = ' in out
    assert cli.main(["probe", machine.ports[1].device, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (port,) = document["ports"]
    assert port["port"].endswith("by-path/pci-0:1.2:1.0")
    assert (port["usb_vendor_id"], port["targets"], port["answer"]) == (0x4242, [], None)


def test_nothing_plugged_in_is_said(quiet_place, monkeypatch, capsys):
    monkeypatch.setattr(probe, "plugged_in", list)
    assert cli.main(["probe"]) == 0
    assert capsys.readouterr().out.startswith("no USB serial port and no drive")


def test_a_board_that_does_not_answer_is_status_1(quiet_place, capsys):
    with somebody_says(b"login: ") as url:
        assert cli.main(["probe", "--ask", "--timeout=0.2", url]) == 1
    assert f"no answer: {url}: no MicroPython answers" in capsys.readouterr().out
