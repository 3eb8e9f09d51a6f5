"""`hil flash`, called as its users call it, on boards that are flashed without a serial port.

The drives are folders that behave like DAPLink's (tests/simboard/mass_storage.py). What needs
esptool is in tests/system/attached/test_flash.py.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hil import cli
from hil.flash import mass_storage as method
from hil.lab import lease

SIMBOARD = Path(__file__).parents[1] / "simboard"
TARGET = """
name = "sim"
description = "A board of nobody's"
class = "attached"
cpu = "Cortex-M4"
isa = "ARMv7E-M"
endian = "little"
word_bits = 32
image = "simboard"
[boot]
driver = "attached"
[console]
driver = "raw_repl"
[link]
driver = "framed"
"""
IMAGE = bytes(range(256)) * 40


def _load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"simboard_{name}", SIMBOARD / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


simulated = _load("mass_storage")


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    file = tmp_path / "firmware.bin"
    file.write_bytes(IMAGE)
    return file


@pytest.fixture
def flash(
    tmp_path: Path,
    firmware: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    """Runs `hil flash` on a board with this `[flash]` and returns status, output and errors."""
    monkeypatch.setenv("HIL_LEASES", str(tmp_path / "leases"))

    def run(table: str, *options: str, file: Path = firmware) -> tuple[int, str, str]:
        (tmp_path / "targets").mkdir(exist_ok=True)
        (tmp_path / "targets" / "sim.toml").write_text(f"{TARGET}\n{table}")
        status = cli.main(
            ["flash", "sim", f"--target-dir={tmp_path / 'targets'}", f"--firmware={file}", *options]
        )
        out, err = capsys.readouterr()
        return status, out, err

    return run


DRIVE = '[flash]\nmethod = "mass_storage"\nlabel = "DAPLINK"\n'


def test_a_copied_file_is_in_the_chip_and_the_drive_has_come_back(flash, tmp_path):
    with simulated.Drive(tmp_path / "DAPLINK", len(IMAGE)) as drive:
        status, out, err = flash(DRIVE, f"--drive={drive.folder}")
    assert (status, err) == (0, "")
    assert drive.flash == IMAGE
    steps = [line.split()[0] for line in out.splitlines()[1:]]
    assert steps == ["connect", "write", "verify", "version"]
    assert "interface firmware 0257" in out
    assert "not read back: no port is known" in out


def test_the_drive_is_found_by_its_label_also_when_a_desktop_numbered_it(
    flash, tmp_path, monkeypatch
):
    folder = tmp_path / "my disks" / "DAPLINK1"
    folder.parent.mkdir()
    mounts = tmp_path / "mounts"
    escaped = str(folder).replace(" ", "\\040")
    mounts.write_text(f"proc /proc proc rw 0 0\n/dev/sdb {escaped} vfat rw 0 0\n")
    monkeypatch.setattr(method, "MOUNTS", mounts)
    with simulated.Drive(folder, len(IMAGE)) as drive:
        assert flash(DRIVE)[0] == 0
    assert drive.flash == IMAGE


def test_two_drives_of_one_label_are_not_guessed_between(flash, tmp_path, monkeypatch):
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/sdb /media/DAPLINK vfat rw 0 0\n/dev/sdc /media/DAPLINK1 vfat rw 0 0\n")
    monkeypatch.setattr(method, "MOUNTS", mounts)
    status, _, err = flash(DRIVE)
    assert status == 2
    assert "2 drives are called DAPLINK: /media/DAPLINK, /media/DAPLINK1; choose one" in err


def test_the_probe_s_id_tells_drives_of_one_label_apart(flash, tmp_path, monkeypatch):
    folders = [tmp_path / "DAPLINK", tmp_path / "DAPLINK1"]
    mounts = tmp_path / "mounts"
    mounts.write_text("".join(f"/dev/sdb {folder} vfat rw 0 0\n" for folder in folders))
    monkeypatch.setattr(method, "MOUNTS", mounts)
    with (
        simulated.Drive(folders[0], len(IMAGE), unique_id="0240aa") as one,
        simulated.Drive(folders[1], len(IMAGE), unique_id="0240bb") as other,
    ):
        status, _, err = flash(f'{DRIVE}[identify]\nprobe_id = "0240bb"\n')
        assert (status, err) == (0, "")
        status, _, err = flash(f'{DRIVE}[identify]\nprobe_id = "0240cc"\n')
        assert "no drive called DAPLINK is mounted" in err
    assert (one.flash, other.flash) == (b"", IMAGE)


def test_what_fail_txt_says_is_shown_with_how_to_recover(flash, tmp_path):
    said = "error: The hex file cannot be decoded. Checksum calculation failure occurred.\r\n"
    with simulated.Drive(tmp_path / "DAPLINK", len(IMAGE), failure=said) as drive:
        drive.leave_failure(said)  # the same as after the attempt before
        status, _, err = flash(DRIVE, f"--drive={drive.folder}")
    assert status == 1
    assert "sim: verify failed: FAIL.TXT says: error: The hex file cannot be decoded." in err
    assert "to recover: unplug the board and plug it in again" in err


def test_a_failure_of_an_earlier_attempt_is_not_taken_for_one_of_this(flash, tmp_path):
    with simulated.Drive(tmp_path / "DAPLINK", len(IMAGE)) as drive:
        drive.leave_failure("error: Timeout.\r\n")
        assert flash(DRIVE, f"--drive={drive.folder}")[0] == 0


def test_a_drive_that_stays_away_names_the_verification(flash, tmp_path):
    with simulated.Drive(tmp_path / "DAPLINK", len(IMAGE), stays_away=True) as drive:
        status, _, err = flash(DRIVE, f"--drive={drive.folder}", "--wait=0.3")
    assert status == 1
    assert "sim: verify failed: the drive did not come back without the file within 0.3 s" in err


def test_a_board_that_is_not_plugged_in_names_the_connecting(flash, tmp_path, monkeypatch):
    monkeypatch.setattr(method, "MOUNTS", tmp_path / "mounts")
    (tmp_path / "mounts").write_text("")
    status, _, err = flash(DRIVE)
    assert status == 1
    assert "sim: connect failed: no drive called DAPLINK is mounted" in err
    status, _, err = flash(DRIVE, f"--drive={tmp_path / 'nowhere'}")
    assert (status, "no drive is mounted at" in err) == (1, True)


def test_a_uf2_loader_takes_the_file_and_goes_away(flash, tmp_path, firmware):
    image = firmware.with_suffix(".uf2")
    image.write_bytes(b"UF2\n" + IMAGE)
    table = '[flash]\nmethod = "uf2"\nlabel = "RPI-RP2"\n'
    with simulated.Drive(tmp_path / "RPI-RP2", len(IMAGE) + 4, uf2=True) as drive:
        status, out, err = flash(table, f"--drive={drive.folder}", file=image)
    assert (status, err) == (0, "")
    assert drive.flash == image.read_bytes()
    steps = [line.split()[0] for line in out.splitlines()[1:]]
    assert steps == ["connect", "write", "restart", "version"]


# ---- pyocd

PROBE = '[flash]\nmethod = "pyocd"\nchip = "stm32f401xe"\n[identify]\nprobe_id = "0240"\n'


def _stand_in(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program called pyocd where it is found first."""
    program = folder / "bin" / "pyocd"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def test_pyocd_is_told_chip_and_probe_and_the_file(flash, tmp_path, firmware, monkeypatch):
    script = f"""
open({str(tmp_path / "argv")!r}, "w").write(" ".join(sys.argv[1:]))
print("0000352 I Loading {firmware} [load_cmd]")
print("0001680 I Erased 4096 bytes (1 sector), programmed 4096 bytes (4 pages) [loader]")
"""
    _stand_in(tmp_path, script, monkeypatch)
    status, out, err = flash(PROBE)
    assert (status, err) == (0, "")
    said = (tmp_path / "argv").read_text()
    assert said == f"flash --no-wait --target stm32f401xe --uid 0240 {firmware}"
    assert "Erased 4096 bytes (1 sector), programmed 4096 bytes (4 pages)\n" in out


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (
            ["No connected debug probes", "0000352 E No target device available [load_cmd]"],
            "connect failed: No connected debug probes; No target device available",
        ),
        (
            ["0000352 I Loading x [load_cmd]", "0000400 C flash erase sector failure [__main__]"],
            "erase failed: flash erase sector failure",
        ),
        (
            ["0000352 I Loading x [load_cmd]", "0000400 C flash program page failure [__main__]"],
            "write failed: flash program page failure",
        ),
    ],
)
def test_a_failure_of_pyocd_names_its_step(flash, tmp_path, monkeypatch, said, error):
    _stand_in(tmp_path, f"print({chr(10).join(said)!r}); sys.exit(1)", monkeypatch)
    status, _, err = flash(PROBE)
    assert status == 1
    assert f"sim: {error}\nto recover: check cable and power of the probe" in err


def test_a_missing_tool_comes_with_the_command_that_installs_it(flash, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert flash(PROBE)[::2] == (
        1,
        "hil flash: pyocd is not installed; install it with: pip install pyocd\n",
    )
    image = tmp_path / "esp.bin"
    image.write_bytes(b"\xe9")

    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    table = '[flash]\nmethod = "esptool"\nchip = "esp32"\n'
    status, _, err = flash(table, "--port=socket://localhost:1", file=image)
    assert status == 1
    assert 'esptool is not installed; install it with: pip install "pytest-hil[esp]"' in err


# ---- wrong use


@pytest.mark.parametrize(
    ("table", "name", "error"),
    [
        ("", "firmware.bin", "sim.toml has no [flash]"),
        (DRIVE, "missing.bin", "missing.bin: no such file"),
        (DRIVE, "empty.bin", "empty.bin: is empty"),
        (DRIVE, "firmware.uf2", "such a drive takes .bin and .hex"),
        ('[flash]\nmethod = "mass_storage"\n', "firmware.bin", "[flash] has no label"),
        ('[flash]\nmethod = "uf2"\nlabel = "RPI-RP2"\n', "firmware.bin", "no UF2 file"),
        ('[flash]\nmethod = "pyocd"\n', "firmware.bin", "[flash] has no chip"),
        ('[flash]\nmethod = "esptool"\nchip = "esp32"\n', "firmware.bin", "no port is known"),
    ],
)
def test_wrong_use_has_a_status_of_its_own(flash, tmp_path, table, name, error):
    (tmp_path / "empty.bin").write_bytes(b"")
    (tmp_path / "firmware.uf2").write_bytes(IMAGE)
    status, _, err = flash(table, file=tmp_path / name)
    assert status == 2
    assert error in err


def test_a_file_for_another_kind_of_chip_is_refused_before_the_port_is_touched(flash):
    table = '[flash]\nmethod = "esptool"\nchip = "esp32"\n'
    status, _, err = flash(table, "--port=socket://localhost:1")
    assert status == 2
    assert "no image for a chip of Espressif's" in err


def test_an_unknown_board_is_wrong_use(capsys):
    assert cli.main(["flash", "esp31"]) == 2
    assert "no target is called 'esp31'" in capsys.readouterr().err


def test_what_to_put_on_it_is_never_guessed(flash, tmp_path, capsys):
    flash('[flash]\nmethod = "uf2"\nlabel = "RPI-RP2"\nfirmware = "RPI_PICO"\n')
    assert cli.main(["flash", "sim", f"--target-dir={tmp_path / 'targets'}"]) == 2
    error = capsys.readouterr().err
    assert "sim: give --firmware=FILE: MicroPython's for RPI_PICO" in error


# ---- a lab and its leases


@pytest.fixture
def in_lab(tmp_path):
    """A lab of one board of the kind `sim`, on a port nobody serves."""
    lab = tmp_path / "lab.toml"
    lab.write_text('[boards.desk]\ntarget = "sim"\nport = "socket://127.0.0.1:1"\n')
    return lab


def test_a_board_of_the_lab_is_flashed_at_its_own_port(flash, tmp_path, in_lab):
    with simulated.Drive(tmp_path / "DAPLINK", len(IMAGE), away_s=0.1) as drive:
        status, out, err = flash(DRIVE, f"--lab={in_lab}", f"--drive={drive.folder}", "--wait=1")
    assert status == 1
    assert out.startswith("sim@desk: ")
    assert "sim@desk: version failed: port socket://127.0.0.1:1: nobody serves it" in err
    assert lease.holders(tmp_path / "leases") == []


def test_a_board_that_somebody_has_is_not_touched(flash, tmp_path, in_lab):
    held = lease.Leases(tmp_path / "leases", "a run of somebody else's")
    held.hold("other", lease.key_of("socket://127.0.0.1:1"))
    with simulated.Drive(tmp_path / "DAPLINK", len(IMAGE)) as drive:
        status, out, err = flash(DRIVE, f"--lab={in_lab}", f"--drive={drive.folder}")
    held.release_all()
    assert (status, out) == (1, "")
    assert "a run of somebody else's" in err
    assert drive.flash == b""
