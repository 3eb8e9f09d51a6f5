"""Boards that cannot be had: their cells, pytest's outcome, and what later runs do with them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import hil.boot
from hil.errors import BoardUnwell, InfraError
from hil.heal import health, marks

SIMULATED = Path(__file__).parents[1] / "simboard" / "targets"
OURS = (f"--target-dir={SIMULATED}", "--target=lab:", "--report=out")
LAB = """
[lab]
leases = "leases"
[boards.desk]
target = "simulated-esp32"
port = "rfc2217://desk.example:4001"
power = "true {action}"
"""
TESTS = """
    import pytest
    from hil.report import Cell

    @pytest.mark.parametrize("scenario", ["one", "two"])
    def test_board(dut, hil_target, hil_record, scenario):
        hil_record(Cell(hil_target.name, None, None, scenario, verdict="pass"))
"""


@pytest.fixture
def tries(lab, pytester, monkeypatch) -> list[str]:
    """Make a lab of a board that does not boot; what is tried with it is noted."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hil-tls -p no:hypothesispytest")
    for name in ("HIL_LEASES", "HIL_LAB"):
        monkeypatch.delenv(name, raising=False)
    (pytester.path / "lab.toml").write_text(LAB)
    pytester.makepyfile(TESTS)
    tried: list[str] = []

    def boot(target, firmware, **_):
        tried.append("boot")
        raise BoardUnwell(f"{target.name} is silent")

    def handshake(target, firmware, multiplier):
        tried.append("handshake")
        raise BoardUnwell(f"{target.name} is silent")

    monkeypatch.setattr(hil.boot, "boot", boot)
    monkeypatch.setattr(health, "shake_hands", handshake)
    monkeypatch.setattr("hil.heal.power.OFF_S", 0.0)
    return tried


def cells(pytester) -> list[tuple[str, str]]:
    report = json.loads((pytester.path / "out" / "report.json").read_text())
    return [(cell["verdict"], cell["reason"]) for cell in report["cells"]]


def test_a_board_that_nothing_heals_costs_one_climb_and_later_one_handshake(tries, pytester):
    first = pytester.runpytest(*OURS)
    first.assert_outcomes(skipped=2)
    assert first.ret == pytest.ExitCode.TESTS_FAILED  # nothing was tested
    assert tries == ["boot", "boot"]  # before and after the power cycle, of the first test
    assert [verdict for verdict, _ in cells(pytester)] == ["wedged", "wedged"]
    assert [mark.tried for mark in marks.listed(pytester.path / "leases")] == [("power cycle",)]
    assert (pytester.path / "out/artefacts/simulated-esp32@desk-one/healing.log").is_file()
    tries.clear()
    again = pytester.runpytest(*OURS)
    again.assert_outcomes(skipped=2)
    assert tries == ["handshake"]
    assert "does not pass a health handshake" in cells(pytester)[0][1]


def test_the_mark_goes_with_a_handshake_that_works(tries, pytester, monkeypatch, lab):
    pytester.runpytest(*OURS)
    monkeypatch.setattr(health, "shake_hands", lambda *_: "MicroPython")
    monkeypatch.setattr(hil.boot, "boot", lab.boot)
    pytester.runpytest(*OURS).assert_outcomes(passed=2)
    assert marks.listed(pytester.path / "leases") == []


def test_what_leads_to_a_board_may_fail_in_the_middle_of_a_cell_too(lab, pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hil-tls -p no:hypothesispytest")
    pytester.makepyfile(
        """
        from hil.report import Cell

        def test_board(dut, hil_target, hil_record):
            hil_record(Cell(hil_target.name, None, None, "one", verdict="infra", reason="gone"))
        """
    )
    result = pytester.runpytest("--report=out", "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*infra: gone"])
    assert cells(pytester) == [("infra", "gone")]


def test_a_port_that_nobody_serves_marks_nothing(tries, pytester, monkeypatch):
    def boot(target, firmware, **_):
        raise InfraError("port rfc2217://desk.example:4001: nobody serves it")

    monkeypatch.setattr(hil.boot, "boot", boot)
    pytester.runpytest(*OURS).assert_outcomes(skipped=2)
    assert [verdict for verdict, _ in cells(pytester)] == ["infra", "infra"]
    assert marks.listed(pytester.path / "leases") == []
