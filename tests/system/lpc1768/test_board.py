"""An mbed LPC1768 as a user has it: on a cable, with a drive to flash it by.

Its random bytes come of its converter, and nothing else: see tls_noise.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hil import cli
from hil.boot.attached import AttachedBoard
from hil.report import Cell
from hil.tlsrig import cell, scenario

from .conftest import BootIt, Mbed, PlugIn

SEED = bytes(range(48))


def tried(board: AttachedBoard, folder: Path) -> Cell:
    """Make one connection by a key both ends have, as a client of OpenSSL's server."""
    folder.mkdir()
    psk = scenario.load_all()["tls13-psk"]
    return cell.run(psk, "openssl", board, seed=SEED, log_dir=folder)


def test_a_handshake_with_random_bytes_of_the_converter(
    plug_in: PlugIn, boot_it: BootIt, tmp_path: Path
) -> None:
    board = boot_it(plug_in())
    done = tried(board, tmp_path / "first")
    assert (done.verdict, done.reason) == ("pass", None)
    assert "'noise': 'adc'" in Path(done.artefacts["board_result"]).read_text()


def test_a_stuck_converter_makes_no_keys(plug_in: PlugIn, boot_it: BootIt, tmp_path: Path) -> None:
    done = tried(boot_it(plug_in("--stuck")), tmp_path / "cell")
    assert done.verdict == "fail"
    assert done.reason is not None
    assert done.reason.startswith("board connected: entropy.health_repetition")
    assert "stuck" in str(done.explanation)


def test_a_board_whose_file_names_no_noise_refuses(
    plug_in: PlugIn, boot_it: BootIt, tmp_path: Path
) -> None:
    done = tried(boot_it(plug_in(), noise=None, noise_pin=None), tmp_path / "cell")
    assert done.verdict == "fail"
    assert done.reason is not None
    assert done.reason.startswith("board connected: entropy.absent")
    assert "no source of random bytes" in str(done.explanation)


@pytest.fixture
def flash(plug_in: PlugIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`hil flash` of a simulated mbed; returns its exit status."""
    monkeypatch.setenv("HIL_LEASES", str(tmp_path / "leases"))

    def run(mbed: Mbed, *arguments: str) -> int:
        by = ["--port", mbed.url, "--drive", str(mbed.drive), "--wait", "30"]
        return cli.main(["flash", "mbed-lpc1768", *by, *arguments])

    return run


def test_flashing_copies_the_farms_own_firmware_and_resets(
    flash: Any, plug_in: PlugIn, image: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    mbed = plug_in()
    assert flash(mbed) == 0
    said = capsys.readouterr().out
    assert (mbed.drive / "HILFARM.BIN").read_bytes() == image
    for step in ("connect", "write", "restart", "version"):
        assert f"  {step}" in said
    assert "mbed with LPC1768" in said


def test_a_file_the_chip_would_not_start_is_not_copied(
    flash: Any, plug_in: PlugIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mbed = plug_in()
    other = tmp_path / "other.bin"
    other.write_bytes(b"\x01" * 1024)
    assert flash(mbed, f"--firmware={other}") == 2
    assert "do not add up" in capsys.readouterr().err
    assert not (mbed.drive / "HILFARM.BIN").exists()


def test_a_newer_file_on_the_drive_is_named(
    flash: Any, plug_in: PlugIn, capsys: pytest.CaptureFixture[str]
) -> None:
    mbed = plug_in()
    newer = mbed.drive / "blinky.bin"
    newer.write_bytes(b"")
    os.utime(newer, (4_000_000_000, 4_000_000_000))
    assert flash(mbed) == 1
    assert "write failed: the interface would take blinky.bin" in capsys.readouterr().err
