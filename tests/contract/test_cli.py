"""The command `hil`, called as its users call it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hil import build, cli, paths, readiness, target
from hil.errors import BuildError
from hil.image import Firmware
from hil.link_map import Component


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


# ---- hil targets --check


def test_the_shipped_target_files_pass_their_check(capsys):
    assert cli.main(["targets", "--check"]) == 0
    assert capsys.readouterr().out == f"{len(target.load_all())} target files, no errors\n"


def test_check_finds_every_error_of_every_file(tmp_path, capsys):
    unix = (paths.targets_dir() / "unix.toml").read_text()
    wrong = {
        "unix": unix,
        "stray": "this is no TOML",
        "bench": unix.replace('name = "unix"', 'name = "bench"\nclok_hz = 5')
        .replace('image = "unix"', 'image = "unixx"')
        .replace("heap_bytes = 262144", 'heap_bytes = "much"'),
    }
    for name, text in wrong.items():
        (tmp_path / f"{name}.toml").write_text(text)
    assert cli.main(["targets", "--check", "--target-dir", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    for expected in (
        f"{tmp_path}/unix.toml: name: already used by ",
        f"{tmp_path}/stray.toml:1: TOML: ",
        f"{tmp_path}/bench.toml:4: clok_hz: unknown key; did you mean 'clock_hz'?",
        "boot.heap_bytes: must be a whole number, not a string ('much')",
        "image: no image is called 'unixx'; there are ",
    ):
        assert expected in out
    assert out.endswith(" target files, 5 errors\n")


def test_check_of_one_file_ignores_the_others(tmp_path, capsys):
    (tmp_path / "odd.toml").write_text('name = "odd"\n')
    folder = ["--target-dir", str(tmp_path)]
    assert cli.main(["targets", "--check", "unix", *folder]) == 0
    assert cli.main(["targets", "--check", "o*", *folder]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "1 target files, no errors"


def test_check_of_a_file_that_is_not_there_is_an_error(capsys):
    assert cli.main(["targets", "--check", "unixx"]) == 1
    assert "hil: no target file is called unixx" in capsys.readouterr().err


# ---- hil build


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
        path = Path("/cache") / image
        parts = (Component("MicroPython", "core", 1000, 0, 0),)
        return Firmware(image, path, "ab" * 32, "1.25.0", {}, None, None, components=parts)

    monkeypatch.setattr(build, "ensure", ensure)
    monkeypatch.setattr(build, "available", lambda: ["broken", "cortexm", "unix"])
    return names


def test_build_builds_the_named_images_and_says_where_they_are(builds, capsys):
    assert cli.main(["build", "-v", "unix", "cortexm"]) == 0
    captured = capsys.readouterr()
    assert builds == ["unix", "cortexm"]
    assert "unix  MicroPython 1.25.0  /cache/unix" in captured.out
    assert "unix: compiling" in captured.err


def test_build_without_a_name_builds_all(builds, capsys, monkeypatch):
    monkeypatch.setattr(build, "by_default", lambda: ["cortexm", "unix"])
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


# ---- hil size


def test_size_shows_what_the_bytes_of_an_image_are_of(builds, capsys):
    assert cli.main(["size", "cortexm"]) == 0
    out = capsys.readouterr().out
    assert "cortexm, MicroPython 1.25.0" in out
    assert "core" in out
    assert "total" in out


def test_size_as_json_is_a_list_with_an_object_per_image(builds, capsys):
    assert cli.main(["size", "--format", "json", "cortexm", "unix"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [entry["image"] for entry in found] == ["cortexm", "unix"]
    assert found[0]["components"][0]["text_bytes"] == 1000


def test_size_of_an_unknown_image_is_an_error(builds, capsys):
    assert cli.main(["size", "nix"]) == 1
    assert builds == []
    assert "no image is called 'nix'" in capsys.readouterr().err
