"""The command `hil`, called as its users call it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hil import build, cli, readiness, target
from hil.errors import BuildError
from hil.image import Firmware


def test_targets_lists_every_board_from_any_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["targets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:2] == ["target", "class"]
    listed = [line.split()[0] for line in lines[2:] if not line.startswith(" ")]
    assert listed == sorted(target.load_all())


def test_targets_says_what_is_missing_and_how_to_get_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))  # an empty machine
    monkeypatch.setenv("COLUMNS", "200")
    assert cli.main(["targets", "qemu-cortexm"]) == 0
    out = capsys.readouterr().out
    assert "qemu-system-arm: apt-get install qemu-system-arm" in out
    assert "toolchain of image cortexm: apt-get install" in out
    assert "gcc-arm-none-eabi" in out


def test_a_board_whose_image_has_no_recipe_says_so():
    from dataclasses import replace

    board = replace(target.load_all()["unix"], image="unixx")
    (lacking,) = readiness.missing(board)
    assert lacking.startswith("image unixx: no such recipe; there are ")


def test_an_unknown_target_is_an_error_with_the_near_ones(capsys):
    assert cli.main(["targets", "unixx"]) == 1
    assert capsys.readouterr().err.startswith("hil: no target is called 'unixx'; did you mean unix")


def test_a_wrong_target_file_is_an_error_without_a_traceback(tmp_path, capsys):
    (tmp_path / "odd.toml").write_text('name = "odd"\nclok_hz = 5\n')
    assert cli.main(["targets", "--target-dir", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert f"hil: {tmp_path}/odd.toml:2: clok_hz: unknown key" in error


@pytest.fixture
def builds(monkeypatch):
    """Replace building; returns the names that were built. `broken` does not build."""
    names = []

    def ensure(image, progress=None):
        if image == "broken":
            raise BuildError("make failed")
        names.append(image)
        if progress is not None:
            progress(f"{image}: compiling")
        return Firmware(image, Path("/cache") / image, "ab" * 32, "1.25.0", {}, None, None)

    monkeypatch.setattr(build, "ensure", ensure)
    monkeypatch.setattr(build, "available", lambda: ["broken", "cortexm", "unix"])
    return names


def test_build_builds_the_named_images_and_says_where_they_are(builds, capsys):
    assert cli.main(["build", "unix", "cortexm"]) == 0
    captured = capsys.readouterr()
    assert builds == ["unix", "cortexm"]
    assert "unix  MicroPython 1.25.0  /cache/unix" in captured.out
    assert "unix: compiling" in captured.err


def test_build_without_a_name_builds_all(builds, capsys, monkeypatch):
    monkeypatch.setattr(build, "available", lambda: ["cortexm", "unix"])
    assert cli.main(["build", "--quiet"]) == 0
    assert builds == ["cortexm", "unix"]
    assert capsys.readouterr().err == ""


def test_an_unknown_image_stops_the_build_before_it_begins(builds, capsys):
    assert cli.main(["build", "unix", "nix"]) == 1
    assert builds == []
    assert "no image is called 'nix'; there are broken, cortexm, unix" in capsys.readouterr().err


def test_a_failed_build_is_exit_status_1(builds, capsys):
    assert cli.main(["build", "broken"]) == 1
    assert capsys.readouterr().err == "hil: make failed\n"


@pytest.mark.parametrize("arguments", [[], ["tragets"], ["targets", "--nonsense"]])
def test_a_wrong_command_line_is_exit_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    assert caught.value.code == 2
    assert "usage: hil" in capsys.readouterr().err


def test_the_command_survives_a_reader_that_stops_reading(tmp_path):
    command = f"{sys.executable} -m hil.cli targets | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
