"""`hil probe --ask`: a real MicroPython behind a simulated serial line says who it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hil import cli, target
from hil.lab import lease

from .conftest import BootAt, Simulate


def test_it_says_who_it_is_and_can_be_booted_afterwards(
    simulate: Simulate,
    boot_at: BootAt,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HIL_LAB", raising=False)
    monkeypatch.setenv(lease.FOLDER_VARIABLE, str(tmp_path / "leases"))
    url = simulate("mbed")
    assert cli.main(["probe", "--ask", "--format=json", url]) == 0
    (port,) = json.loads(capsys.readouterr().out)["ports"]
    answer = port["answer"]
    assert answer["implementation"] == "micropython"
    assert answer["version"] == "1.25.0"
    assert answer["machine"].endswith(" with Cortex-M3")
    assert (answer["endian"], answer["word_bits"]) == ("little", 32)
    assert 400_000 < answer["heap_bytes"] < 524_288  # of the board's, less MicroPython's own tables
    assert lease.holders(tmp_path / "leases") == []
    # What it prints to paste is a target file.
    assert cli.main(["probe", "--ask", url]) == 0
    drafted = capsys.readouterr().out.partition("# targets/")[2].partition("\nfor lab.toml")[0]
    name = drafted.partition(".toml")[0]
    (tmp_path / f"{name}.toml").write_text(f"# {drafted}")
    assert target.load(tmp_path / f"{name}.toml").cpu == "Cortex-M3"
    assert boot_at("mbed", url).call("hil_agent:heap_bytes", timeout_s=10)
