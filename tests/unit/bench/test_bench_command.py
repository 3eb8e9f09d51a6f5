"""`python -m bench`: its options, what it refuses, and what it writes."""

from __future__ import annotations

import json
import sys

import pytest

from bench import __main__ as command
from bench import boards, desk_tlslite, handshakes, libraries, programs
from bench.figures import BenchError, Figure


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout to write into."""
    root = tmp_path / "checkout"
    (root / "docs").mkdir(parents=True)
    monkeypatch.setattr(programs, "checkout", lambda: root)
    return root


@pytest.fixture
def measured(monkeypatch):
    """Fakes of all that takes long; returns what each was asked."""
    asked = {}

    def on_board(target, log_dir, say, count=16):
        asked.setdefault("boards", []).append((target.name, count))
        return [Figure(target.name, "x25519", 900_000, "instructions", "counted")]

    def replayed(targets, figures, report_dir, *, quick, jobs):
        asked["handshakes"] = [target.name for target in targets], quick, jobs
        figures.backends["qemu-cortexm"] = {"aes": "thumb"}
        return ["qemu-cortexm tls13-psk: fail: slow"] * asked.get("fail", False)

    def in_c(figures, report_dir, *, quick):
        asked["libraries"] = quick
        return []

    def at_a_desk(turns, say):
        asked["turns"] = turns
        return []

    monkeypatch.setattr(boards, "run", on_board)
    monkeypatch.setattr(handshakes, "run", replayed)
    monkeypatch.setattr(libraries, "run", in_c)
    monkeypatch.setattr(command.desk, "run", at_a_desk)
    monkeypatch.setattr(command.kernels, "run", list)
    return asked


def refused(capsys, *words):
    assert command.main([*words]) == 2
    return capsys.readouterr().err


def test_a_whole_run_writes_the_page_and_keeps_its_figures(checkout, measured, tmp_path, capsys):
    assert command.main(["--write", "-q", "-o", str(tmp_path / "out")]) == 0
    written = (checkout / "docs" / "performance.md").read_text()
    assert "Written by `python -m bench --write`" in written
    assert (
        "| X25519, one scalar multiplication | qemu-cortexm | ≤ 1.10 M | 0.90 M | met |" in written
    )
    kept = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert kept["figures"][0]["key"] == "x25519"
    assert kept["backends"] == {"qemu-cortexm": {"aes": "thumb"}}
    assert kept["run"]["complaints"] == []
    names, quick, _ = measured["handshakes"]
    assert {"unix", "qemu-cortexm", "qemu-mips", "qemu-lm3s6965", "qemu-riscv32"} <= set(names)
    assert not {"unix-mbedtls", "esp32-devkit"} & set(names)
    assert quick is False
    assert "0.90 M" in capsys.readouterr().out


def test_quick_measures_less(checkout, measured, tmp_path):
    out = str(tmp_path / "out")
    assert command.main(["--quick", "-q", "--target=qemu-mips", "-n", "2", "-o", out]) == 0
    assert measured["boards"] == [("qemu-mips", 4)]
    assert measured["handshakes"] == (["qemu-mips"], True, "2")
    assert measured["libraries"] is True
    assert measured["turns"] == 3
    assert not (checkout / "docs" / "performance.md").exists()


def test_a_part_is_measured_alone(checkout, measured, tmp_path):
    assert command.main(["--part=desk", "-q", "-o", str(tmp_path / "out")]) == 0
    assert measured == {"turns": 15}


def test_what_did_not_pass_is_told_by_the_status_too(checkout, measured, tmp_path, capsys):
    measured["fail"] = True
    out = tmp_path / "out"
    assert command.main(["--target=qemu-cortexm", "-q", "-o", str(out)]) == 1
    assert "tls13-psk: fail: slow" in capsys.readouterr().out
    assert "tls13-psk: fail: slow" in (out / "performance.md").read_text()


def test_a_part_that_fails_loses_no_other_and_no_page(checkout, measured, tmp_path, capsys):
    def broken(*_, **__):
        raise BenchError("no compiler:\n  install one")

    kept = checkout / "docs" / "performance.md"
    kept.write_text("of an earlier run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(libraries, "run", broken)
        assert command.main(["--write", "-q", "-o", str(tmp_path / "out")]) == 1
    told = capsys.readouterr().out
    assert "no compiler: install one" in told
    assert "left as it was" in told
    assert kept.read_text() == "of an earlier run"
    assert "0.90 M" in (tmp_path / "out" / "performance.md").read_text()
    assert measured["turns"] == 15


def test_what_the_desk_lacks_is_said_before_anything_is_measured(
    checkout, measured, monkeypatch, capsys
):
    monkeypatch.setattr(desk_tlslite.importlib.util, "find_spec", lambda name: None)
    assert "tlslite-ng is not installed" in refused(capsys)
    assert measured == {}


@pytest.mark.parametrize("option", ["--quick", "--target=unix", "--part=desk"])
def test_the_page_is_of_a_whole_run_only(checkout, measured, option, capsys):
    assert "leave out --quick, --target and --part" in refused(capsys, "--write", option)
    assert measured == {}


def test_an_unknown_board_is_refused_with_those_there_are(checkout, capsys):
    assert "qemu-cortexm" in refused(capsys, "--target=qemu-cortexn")


def test_a_board_on_a_cable_is_refused(checkout, capsys):
    error = refused(capsys, "--target=esp32-devkit")
    assert "esp32-devkit: the bench is about the core on emulated boards" in error


def test_a_folder_that_exists_is_not_written_into(checkout, measured, tmp_path, capsys):
    error = refused(capsys, "-o", str(tmp_path))
    assert f"{tmp_path} exists already" in error
    assert measured == {}


def test_an_unknown_part_is_refused_by_its_name(capsys):
    with pytest.raises(SystemExit):
        command.main(["--part=nosuch"])
    assert "nosuch" in capsys.readouterr().err


def test_a_command_of_the_farm_that_fails_shows_its_end(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--nonsense")
    code = "import os, sys; print('PYTEST_ADDOPTS' in os.environ, 'said at last'); sys.exit(4)"
    with pytest.raises(BenchError, match=r"status 4:\n  False said at last"):
        programs.report_of(["-c", code], tmp_path)


def test_a_command_of_the_farm_without_a_report_is_told(tmp_path):
    with pytest.raises(BenchError, match="status 0"):
        programs.report_of(["-c", "pass"], tmp_path / "nowhere")


def test_tlslite_with_helpers_in_c_is_refused(monkeypatch):
    found = desk_tlslite.importlib.util.find_spec
    monkeypatch.setattr(
        desk_tlslite.importlib.util,
        "find_spec",
        lambda name: found("json") if name == "gmpy2" else found(name),
    )
    with pytest.raises(BenchError, match="would use gmpy2, which is C"):
        desk_tlslite.version()


def test_without_tlslite_the_command_that_installs_it_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "tlslite", None)
    monkeypatch.setattr(desk_tlslite.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BenchError, match="pip install"):
        desk_tlslite.version()
