"""`--record`, `--replay` and `--measure` as their users meet them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hil.tlsrig import cassette

BOARD_TEST = """
    def test_handshake(tls_cell, hil_record):
        cell = tls_cell()
        hil_record(cell)
        assert cell.verdict == "pass", cell.reason
"""
OWN = cassette.shipped() / "tls13-psk-ke.openssl.json"


@pytest.fixture(autouse=True)
def _inner_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:hypothesispytest")


@pytest.fixture
def tapes(pytester: pytest.Pytester) -> Path:
    """A folder with one cassette, beside a test that runs cells."""
    pytester.makepyfile(BOARD_TEST)
    folder = pytester.mkdir("tapes")
    (folder / OWN.name).write_text(OWN.read_text())
    return folder


def only_cell(pytester: pytest.Pytester) -> dict[str, Any]:
    report = json.loads((pytester.path / "out" / "report.json").read_text())
    (cell,) = report["cells"]
    assert report["run"]["mode"] == "replay"
    found: dict[str, Any] = cell
    return found


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--record=a", "--replay=tapes"], "*--record and --replay: a run does one or the other"),
        (["--record=a", "--target=unix,qemu-mips"], "*--record: a cassette is of one board*"),
        (["--replay=nowhere"], "*--replay: no cassettes in nowhere; write --replay=DIR, or*"),
        (["--replay", "test_it.py"], "*--replay: no cassettes in test_it.py; *behind the tests*"),
        (
            ["--replay=tapes", "--measure=none"],
            "*--measure=none: a replay is there for*",
        ),
        (
            ["--replay=tapes", "--peer=gnutls"],
            "*no cassettes with gnutls in tapes, but with openssl*",
        ),
        (["--measure=everything"], "*argument --measure: invalid choice: 'everything'*"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_what_to_do(
    pytester: pytest.Pytester, tapes: Path, options: list[str], problem: str
) -> None:
    result = pytester.runpytest(*options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([problem])


@pytest.mark.parametrize("option", ["--replay", "--record"])
def test_without_scenario_a_run_is_about_the_cassettes_of_the_folder(
    pytester: pytest.Pytester, tapes: Path, option: str
) -> None:
    result = pytester.runpytest("--collect-only", "-q", f"{option}={tapes}")
    ids = [line for line in result.outlines if "::" in line]
    assert [name.split("::")[1] for name in ids] == ["test_handshake[unix-openssl-tls13-psk-ke]"]


def test_the_farms_own_cassettes_are_the_default(pytester: pytest.Pytester, tapes: Path) -> None:
    result = pytester.runpytest("--collect-only", "-q", "--replay")
    ids = [line for line in result.outlines if "::" in line]
    assert len(ids) == len(list(cassette.shipped().glob("*.json"))) >= 15


def test_a_replay_is_with_whom_the_cassettes_are(pytester: pytest.Pytester, tapes: Path) -> None:
    other = cassette.shipped() / "dtls13-psk.wolfssl.json"
    (tapes / other.name).write_text(other.read_text())
    result = pytester.runpytest("--collect-only", "-q", "--replay=tapes")
    ids = [line.split("::")[1] for line in result.outlines if "::" in line]
    assert ids == [
        "test_handshake[unix-wolfssl-dtls13-psk]",
        "test_handshake[unix-openssl-tls13-psk-ke]",
    ]


def test_a_scenario_without_a_cassette_is_skipped_with_the_command_that_records_one(
    pytester: pytest.Pytester, tapes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")  # nor is there any peer
    result = pytester.runpytest(
        "--replay=tapes", "--scenario=tls13-hrr", "--peer=gnutls", "--report=out"
    )
    result.assert_outcomes(skipped=1)
    cell = only_cell(pytester)
    assert cell["verdict"] == "skip"
    (script,) = pytester.path.glob("test_*.py")
    assert cell["reason"] == (
        f"no cassette of tls13-hrr with gnutls; record one: pytest {script.name} --target=unix "
        "--peer=gnutls --scenario=tls13-hrr --record=tapes"
    )


def test_a_damaged_cassette_is_an_error_with_file_and_key(
    pytester: pytest.Pytester, tapes: Path
) -> None:
    text = (tapes / OWN.name).read_text().replace('"seed"', '"sead"')
    (tapes / OWN.name).write_text(text)
    pytester.runpytest("--replay=tapes", "--report=out")
    cell = only_cell(pytester)
    assert cell["verdict"] == "error"
    assert f"{OWN.name}: $.connections[0].options: 'seed' is a required" in cell["reason"]


def test_a_cassette_of_another_scenario_is_an_error_with_the_command_that_records_anew(
    pytester: pytest.Pytester, tapes: Path
) -> None:
    text = (tapes / OWN.name).read_text().replace("localhost", "elsewhere")
    (tapes / OWN.name).write_text(text)
    pytester.runpytest("--replay=tapes", "--report=out")
    cell = only_cell(pytester)
    assert cell["verdict"] == "error"
    assert "recorded with server_name elsewhere, the scenario has localhost" in cell["reason"]
    assert cell["reason"].endswith(" --scenario=tls13-psk-ke --record=tapes")


def test_a_run_for_correctness_alone_says_so(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(BOARD_TEST)
    options = ("--measure=none", "--scenario=tls13-psk", "--report=out")
    result = pytester.runpytest_subprocess(*options, "--target=unix", "--peer=openssl")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["--measure=none: correctness alone; *"])
    report = json.loads((pytester.path / "out" / "report.json").read_text())
    assert report["run"]["mode"] == "correctness"
    said = (pytester.path / "out" / "report.md").read_text("utf-8")
    assert "for correctness alone" in said
