"""`tox -e nightly` on simulated boards, from the command in tox.ini to the report and exit status.

The boards are the same for all tests of a process, in this order: what a killed night left behind
would meet the next one.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hil.lab import lease

from .conftest import Lab

# One cell for each board; other peers are deselected, for `--peer=*` is part of the command.
SHORT = ("--scenario=tls13-psk", "-k", "openssl and not pyopenssl")
WAIT_S = 120
NIGHT_S = 360

BROKEN = """
[boards.taken]
target = "simulated-mbed"
port = "rfc2217://127.0.0.1:7"

[boards.unserved]
target = "simulated-mbed"
port = "rfc2217://127.0.0.1:8"
"""


def test_killing_a_night_leaves_no_process_and_no_lease(lab: Lab) -> None:
    night = lab.night(*SHORT)
    until(lambda: len(lease.holders(lab.leases)) == 2)
    started = list(descendants(night.pid))
    assert len(started) > 2
    assert {holder.pid for holder in lease.holders(lab.leases)} <= set(started)
    night.kill()
    night.communicate()
    until(lambda: not any(runs(pid) for pid in started))
    assert lease.holders(lab.leases) == []
    assert not list(lab.reports.glob("*/report.json"))


def test_without_a_lab_it_says_what_to_do(tmp_path: Path) -> None:
    nowhere = Lab(tmp_path / "lab.toml", tmp_path / "leases", tmp_path / "reports")
    nowhere.file.write_text("[boards]\n")
    night = nowhere.night(*SHORT)
    said, _ = night.communicate(timeout=WAIT_S)
    assert night.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no target matches 'lab:': there is no lab, or it has no boards; --lab=FILE" in said
    assert "`hil probe` prints what to write into it" in said


@pytest.fixture(scope="module")
def good_night(lab: Lab) -> tuple[str, Path, dict]:
    """A night in which the one that fails is tried again: what was said, folder and report."""
    night = lab.night(*SHORT, "-v")
    said, _ = night.communicate(timeout=NIGHT_S)
    assert night.returncode == 0, said
    return said, *newest(lab)


def test_a_night_ends_well_and_what_was_not_well_is_in_its_report(
    lab: Lab, good_night: tuple[str, Path, dict]
) -> None:
    said, folder, report = good_night
    assert "2 workers" in said
    assert "no baseline yet" in said
    assert report["run"]["passed"]
    found = {cell["target"].partition("@")[2]: cell for cell in report["cells"]}
    assert {name: cell["verdict"] for name, cell in found.items()} == {
        "weak": "flaky",
        "sound": "pass",
        "loose": "skip",
    }
    flaky = found["weak"]
    assert flaky["attempts"] == 2
    assert [attempt["verdict"] for attempt in flaky["failed_attempts"]] == ["error"]
    assert "it has started anew" in flaky["failed_attempts"][0]["reason"]
    assert flaky["measurements"]
    first = {name: folder / path for name, path in flaky["artefacts"].items() if "/" in name}
    assert bytes.fromhex("160303") in first["attempt-1/capture"].read_bytes()
    assert "it has started anew" in first["attempt-1/failure"].read_text()
    page = (folder / "report.html").read_text()
    assert "Flaky: passed only when tried again" in page
    assert "allowed by Kim until 9999-12-31: its supply gives way" in page
    assert "its USB plug is loose" in page
    (case,) = ElementTree.parse(folder / "junit.xml").iter("flakyError")
    assert case.get("type") == "error"
    assert lease.holders(lab.leases) == []


def test_boards_that_cannot_be_had_fail_a_night_and_take_no_other_with_them(
    lab: Lab, good_night: tuple[str, Path, dict]
) -> None:
    _, _, before = good_night
    leases = lease.Leases(lab.leases, "a person at the desk")
    leases.hold("simulated-mbed@taken", "127.0.0.1:7")
    try:
        night = lab.night(*SHORT, "--wait-for-board=0", add=BROKEN)
        said, _ = night.communicate(timeout=NIGHT_S)
    finally:
        leases.release_all()
    assert night.returncode == 1, said
    _, report = newest(lab)
    verdicts = {cell["target"].partition("@")[2]: cell["verdict"] for cell in report["cells"]}
    assert verdicts == {
        "weak": "pass",  # its trouble is over
        "sound": "pass",
        "loose": "skip",
        "taken": "locked",
        "unserved": "infra",
    }
    assert not report["run"]["passed"]
    problems = report["run"]["problems"]
    assert [problem.split(" ")[1] for problem in problems] == [
        "simulated-mbed@taken",
        "simulated-mbed@unserved",
    ]
    assert "a person at the desk" in problems[0]
    assert f"before: {before['run']['id']}" in said
    assert "0 regressions" in said


def newest(lab: Lab) -> tuple[Path, dict]:
    file = max(lab.reports.glob("*/report.json"), key=lambda file: file.stat().st_mtime_ns)
    return file.parent, json.loads(file.read_text())


def descendants(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from descendants(int(child))


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z" and os.path.exists(f"/proc/{pid}")


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)
