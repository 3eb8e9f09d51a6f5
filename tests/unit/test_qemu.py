"""QEMU's command line follows from the target file and the firmware's symbols alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from hil import boot, paths, target
from hil.boot import BootRequest, qemu
from hil.errors import BootError, MissingTool, TargetFileError
from hil.image import Firmware
from hil.target import BootSpec, LinkSpec, Target

_DESCRIPTORS = {"console": 3, "link": 4, "qmp": 5}
_SYMBOLS = {"hil_heap_bytes_config": 0x20001000}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An emulator that can be found, so that these tests need none."""
    path = tmp_path / "qemu-system-arm"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


def _target(**boot_arguments: object) -> Target:
    board = target.load(paths.targets_dir() / "qemu-cortexm.toml")
    arguments = {**board.boot.arguments, **boot_arguments}
    kept = {key: value for key, value in arguments.items() if value is not None}
    return replace(board, boot=BootSpec("qemu", kept))


def _firmware(symbols: Mapping[str, int] | None = None) -> Firmware:
    return Firmware(
        image="cortexm",
        path=Path("/firmware.elf"),
        sha256="00",
        micropython="1.25.0",
        symbols=_SYMBOLS if symbols is None else symbols,
        flash_bytes=1,
        ram_static_bytes=1,
    )


def _request(
    board: Target, firmware: Firmware | None = None, heap_bytes: int | None = None
) -> BootRequest:
    return BootRequest(board, firmware or _firmware(), Path("/logs"), heap_bytes, 1.0)


def _line(request: BootRequest, log: str = "/logs/console.log") -> str:
    return " ".join(qemu.command_line(request, _DESCRIPTORS, Path(log)))


@pytest.mark.usefixtures("program")
def test_the_facts_of_the_target_file_are_on_the_command_line() -> None:
    line = _line(_request(_target()))
    assert "-machine mps2-an385 -cpu cortex-m3 -icount shift=7" in line
    assert "-kernel /firmware.elf" in line


@pytest.mark.usefixtures("program")
def test_the_machine_waits_for_its_connections_and_ends_when_the_guest_resets() -> None:
    line = _line(_request(_target()))
    assert " -S" in line
    assert " -no-reboot" in line


@pytest.mark.usefixtures("program")
def test_everything_is_inherited_and_nothing_listens() -> None:
    line = _line(_request(_target()))
    for name, number in _DESCRIPTORS.items():
        assert f"socket,id={name},fd={number}" in line
    assert "tcp" not in line
    assert "server" not in line


@pytest.mark.usefixtures("program")
def test_the_heap_is_written_where_the_image_says() -> None:
    line = _line(_request(_target(heap_bytes=32768)))
    assert "-device loader,addr=0x20001000,data=32768,data-len=4" in line
    assert "data=4096," in _line(_request(_target(), heap_bytes=4096))


@pytest.mark.usefixtures("program")
def test_a_big_endian_board_gets_its_heap_size_in_its_own_byte_order() -> None:
    board = replace(_target(heap_bytes=0x00012300), endian="big")
    assert f"data={0x00230100},data-len=4" in _line(_request(board))


@pytest.mark.usefixtures("program")
def test_a_link_over_the_network_reaches_the_same_socket_and_nothing_else() -> None:
    board = target.load(paths.targets_dir() / "qemu-mips.toml")
    (board,) = target.over_network([board])
    line = _line(_request(replace(board, boot=_target().boot)), log="/logs/console-2.log")
    assert "-netdev user,id=network,restrict=on,guestfwd=tcp:10.0.2.100:4433-chardev:link" in line
    assert "-device ne2k_isa,iobase=0x300,irq=5,netdev=network" in line
    assert "filter-dump,id=wire,netdev=network,file=/logs/wire-2.pcap" in line
    assert "-serial chardev:console" in line
    assert "chardev:link -" not in line.replace("guestfwd=tcp:10.0.2.100:4433-chardev:link", "")
    assert f"socket,id=link,fd={_DESCRIPTORS['link']}" in line


@pytest.mark.usefixtures("program")
def test_the_link_is_on_the_uart_the_target_names() -> None:
    board = replace(_target(), link=LinkSpec("uart", uart=2))
    assert "-serial chardev:console -serial null -serial chardev:link" in _line(_request(board))


@pytest.mark.usefixtures("program")
def test_a_link_that_is_no_port_of_the_machine_is_plugged_in() -> None:
    line = _line(_request(_target(link_device="pci-serial,addr=1")))
    assert "-serial chardev:console -device pci-serial,addr=1,chardev=link" in line
    assert line.count("chardev:link") == 0


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize("uart", [0, None])
def test_a_link_on_the_consoles_uart_is_refused(uart: int | None) -> None:
    board = replace(_target(), link=LinkSpec("uart", uart=uart))
    with pytest.raises(TargetFileError, match=r"qemu-cortexm.toml.*link\.uart"):
        _line(_request(board))


@pytest.mark.usefixtures("program")
def test_a_comma_in_the_logs_name_does_not_end_the_option() -> None:
    assert "logfile=/a,,b/console.log" in _line(_request(_target()), "/a,b/console.log")


@pytest.mark.usefixtures("program")
def test_without_a_shift_there_is_no_instruction_counting() -> None:
    assert "-icount" not in _line(_request(_target(icount_shift=None)))


@pytest.mark.usefixtures("program")
def test_an_image_without_a_heap_setting_is_refused() -> None:
    with pytest.raises(BootError, match="exports no hil_heap_bytes_config"):
        _line(_request(_target(), _firmware({})))


@pytest.mark.usefixtures("program")
@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("machine", None, "boot.machine: driver 'qemu' needs it"),
        ("machine", 5, "boot.machine: must be of type str"),
        ("icount_shift", "auto", "boot.icount_shift: must be of type int"),
    ],
)
def test_a_wrong_argument_is_named_with_its_file(key: str, value: object, problem: str) -> None:
    with pytest.raises(TargetFileError, match=f"qemu-cortexm.toml: {problem}"):
        _line(_request(_target(**{key: value})))


def test_a_missing_emulator_comes_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="apt-get install qemu-system-arm"):
        _line(_request(_target()))


def test_an_argument_the_driver_does_not_know_is_refused(tmp_path: Path) -> None:
    firmware = replace(_firmware(), path=Path(__file__))
    with pytest.raises(TargetFileError, match=r"boot\.colour: driver 'qemu' takes only cpu"):
        boot.boot(_target(colour="red"), firmware, log_dir=tmp_path)


def test_a_driver_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    board = replace(_target(), boot=BootSpec("smoke-signals", {}))
    with pytest.raises(BootError, match=r"'smoke-signals' is none of attached, qemu, unix_port"):
        boot.boot(board, _firmware(), log_dir=tmp_path)


def test_firmware_of_another_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BootError, match="runs image 'cortexm', not 'unix'"):
        boot.boot(_target(), replace(_firmware(), image="unix"), log_dir=tmp_path)


def test_firmware_that_was_never_built_is_refused_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(BootError, match="build it: hil build cortexm"):
        boot.boot(_target(), _firmware(), log_dir=tmp_path)
