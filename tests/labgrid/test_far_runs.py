"""Whole runs on boards at labgrid places: a real coordinator and exporter, real firmware."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from hil import target
from hil.errors import InfraError
from hil.lab import inventory
from hil.lab.holdings import Holdings
from hil.lab.lease import holders

from .conftest import (
    DARK,
    PATIENCE_S,
    SIMBOARD,
    await_export,
    await_inside,
    cells,
    coordinator,
    dwelling,
    exporter,
    place,
    started,
)

# Places that are no good: the verdict of a cell, and what is said.
NO_GOOD = {
    "broken": ("infra", "port rfc2217://127.0.0.1:1?ign_set_control: nobody serves it"),
    "empty": ("infra", "has nothing: is its exporter connected?"),
    "dark": ("error", "has not one serial port, but NetworkPowerPort"),
    "bench-9": ("error", "has no place 'bench-9'; it has bench-"),
}
FLASH_FILES = {"lab": "lab.toml", "target-dir": "targets", "firmware": "firmware.bin"}
pytest.importorskip("labgrid", reason="pip install 'pytest-hil[labgrid]', for it alone (tox)")


def test_a_run_acquires_a_place_by_name_and_one_by_tags_and_releases_them(
    lab, pytester, shelf, monkeypatch
):
    boards = "--target=lab:first,lab:any"
    monkeypatch.setenv("PYTEST_ADDOPTS", os.environ["PYTEST_ADDOPTS"].replace("-p no:labgrid", ""))
    result = pytester.runpytest_subprocess(boards, "--report=out", "-v")
    result.assert_outcomes(passed=4)
    names = {cell["target"] for cell in cells(pytester, "out")}
    assert names == {"simulated-mbed@first", "simulated-mbed@any"}
    assert shelf.holders() == {}
    assert "Reservation" not in shelf.client("reservations")
    assert holders(pytester.path / "leases") == []


def test_workers_have_places_of_their_own(lab, pytester, shelf):
    parallel = ("-n", "2", "--dist", "loadgroup", "--target=lab:any,lab:other")
    result = pytester.runpytest_subprocess(*parallel)
    result.assert_outcomes(passed=4)
    assert shelf.holders() == {}


def test_a_place_is_acquired_in_the_users_name_for_all_to_see(lab, pytester, shelf):
    with dwelling(pytester, "first") as run:
        (holder,) = holders(pytester.path / "leases")
        assert (holder.board, holder.pid) == ("simulated-mbed@first", run.pid)
        assert holder.key == f"labgrid://{shelf.address}/bench-1"
        shelf.client("-p", "bench-1", "release", "--kick")  # nobody but that user has it
        assert "bench-1" not in shelf.holders()


def test_a_device_is_served_by_its_exporter_when_the_place_is_acquired(
    lab, pytester, tmp_path_factory
):
    if shutil.which("ser2net") is None and not Path("/usr/sbin/ser2net").is_file():
        pytest.skip("the exporter serves devices by ser2net: apt-get install ser2net")
    folder = tmp_path_factory.mktemp("device")
    (folder / "places.yaml").write_text(json.dumps({"own": place("own")}))
    board = [*(sys.executable, str(SIMBOARD / "pty_board.py"), str(folder / "dev"), "usb-1")]
    with subprocess.Popen(
        [*board, "--image", "simboard-modules"],
        stdin=subprocess.PIPE,  # the board ends with it
        stdout=subprocess.PIPE,
        text=True,
    ) as silicon:
        device = os.path.realpath(silicon.stdout.readline().strip())
        groups = {"own": {"RawSerialPort": {"port": device}}, **DARK}
        with coordinator(folder) as address, exporter(folder, address, groups):
            await_export(address)
            lab(far_board("own", place="own", coordinator=address, reset="none"))
            result = pytester.runpytest_subprocess("--target=lab:own")
        silicon.stdin.close()
    result.assert_outcomes(passed=2)


# ---- two who want one board


def test_a_place_that_another_run_has_is_locked_at_once_or_waited_for(lab, pytester, shelf):
    with dwelling(pytester, "first") as other:
        result = pytester.runpytest_subprocess("--target=lab:first", "--report=out")
        result.assert_outcomes(skipped=2)
        assert result.ret == pytest.ExitCode.TESTS_FAILED
        for cell in cells(pytester, "out"):
            assert cell["verdict"] == "locked"
            assert f"(pid {other.pid}: " in cell["reason"]
            assert f"place bench-1 of the coordinator at {shelf.address}" in cell["reason"]
        waits = ("--target=lab:first", "--wait-for-board=60", "-v")
        with started(pytester, *waits) as second:
            said = ""
            while "waiting up to 60 s" not in said:
                line = second.stdout.readline()
                assert line, said  # it ended without waiting
                said += line
            (pytester.path / "go").write_text("")
            said += second.stdout.read()
        assert other.wait(PATIENCE_S) == 0
    assert second.returncode == 0, said


def test_a_place_that_somebody_elsewhere_has_is_locked_and_says_who(lab, pytester, shelf):
    shelf.client("-p", "bench-1", "acquire")
    try:
        result = pytester.runpytest_subprocess("--target=lab:first,lab:any", "--report=out")
    finally:
        shelf.client("-p", "bench-1", "release")
    result.assert_outcomes(skipped=2, passed=2)  # the tags fit another one
    (reason,) = {cell["reason"] for cell in cells(pytester, "out") if cell["verdict"] == "locked"}
    where = f"place bench-1 of the coordinator at {shelf.address}"
    assert f"simulated-mbed@first: {where} is locked by another-host/ann since 2" in reason


def test_two_runs_by_tags_get_two_places_and_the_third_none(lab, pytester, shelf):
    shelf.client("-p", "bench-1", "acquire")
    try:
        with dwelling(pytester, "any"):
            result = pytester.runpytest_subprocess("--target=lab:other", "--report=out")
            assert set(shelf.holders()) == {"bench-1", "bench-2"}
    finally:
        shelf.client("-p", "bench-1", "release")
    result.assert_outcomes(skipped=2)
    reason = cells(pytester, "out")[0]["reason"]
    assert f"no place with the tags board=mbed of the coordinator at {shelf.address}" in reason
    assert "bench-1 is locked by another-host/ann" in reason
    assert "bench-2 is locked by " in reason


# ---- runs that are killed


def test_a_run_that_is_killed_gives_its_place_back_at_once(lab, pytester, shelf):
    with dwelling(pytester, "first") as run:
        run.kill()
        run.wait()
    # The next one does not even have to wait.
    pytester.runpytest_subprocess("--target=lab:first").assert_outcomes(passed=2)
    assert shelf.holders() == {}


def test_what_a_run_leaves_that_is_killed_with_its_keeper_the_next_one_releases(
    lab, pytester, shelf
):
    with dwelling(pytester, "any") as run:
        for pid in [*keepers_of(run.pid), run.pid]:
            os.kill(pid, signal.SIGKILL)
        run.wait()
    # The coordinator does not care: it stays acquired until somebody releases it.
    (left,) = shelf.holders()
    result = pytester.runpytest_subprocess("--target=lab:any", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"*place {left} was left by a run that was killed: released*"])
    assert shelf.holders() == {}


def test_what_a_person_has_acquired_since_is_left_alone(lab, pytester, shelf):
    with dwelling(pytester, "first") as run:
        for pid in [*keepers_of(run.pid), run.pid]:
            os.kill(pid, signal.SIGKILL)
        run.wait()
    (user,) = shelf.holders().values()
    shelf.client("-p", "bench-1", "release", user=user)
    shelf.client("-p", "bench-1", "acquire", user=user)
    try:
        result = pytester.runpytest_subprocess("--target=lab:first", "--report=out")
        assert shelf.holders() == {"bench-1": user}
    finally:
        shelf.client("-p", "bench-1", "release", user=user)
    result.assert_outcomes(skipped=2)
    assert "-p bench-1 release` frees it" in cells(pytester, "out")[0]["reason"]


def far_board(name: str, **facts: str) -> str:
    """Return what a lab says of one board more."""
    lines = [f'{key} = "{value}"\n' for key, value in facts.items()]
    return "".join([f'[boards.{name}]\ntarget = "simulated-mbed"\n', *lines])


def keepers_of(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    found = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    return [
        child for child in found if b"place_keeper" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


# ---- what is not the board's doing


def test_what_stands_between_run_and_board_is_told_apart_from_a_wrong_lab(lab, pytester, shelf):
    for name in NO_GOOD:
        lab(far_board(f"no-{name}", place=name))
    lab(far_board("no-coordinator", place="bench-1", coordinator="127.0.0.1:1"))
    result = pytester.runpytest_subprocess("--target=lab:no-*", "-k", "one", "--report=out")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    found = {cell["target"].partition("@no-")[2]: cell for cell in cells(pytester, "out")}
    gone = ("infra", "the labgrid coordinator at 127.0.0.1:1 does not answer: start it")
    for name, (verdict, reason) in {**NO_GOOD, "coordinator": gone}.items():
        assert found[name]["verdict"] == verdict
        assert reason in found[name]["reason"]
    assert shelf.address in found["empty"]["reason"]
    assert shelf.address in found["dark"]["reason"]
    assert shelf.holders() == {}


def test_a_place_that_is_taken_away_is_acquired_anew_for_the_next_test(lab, pytester, shelf):
    (pytester.path / "go").write_text("")
    pytester.makepyfile(
        test_kicked=f"""
        import subprocess, sys, time
        import pytest
        from hil.report import Cell

        @pytest.mark.parametrize("scenario", ["one", "two"])
        def test_board(dut, hil_target, hil_record, scenario):
            client = [sys.executable, "-m", "labgrid.remote.client", "-x", "{shelf.address}"]
            subprocess.run([*client, "-p", "bench-1", "release", "--kick"], check=True)
            time.sleep(1)  # its keeper looks five times a second
            hil_record(Cell(hil_target.name, None, None, scenario, verdict="pass"))
        """
    )
    result = pytester.runpytest_subprocess("--target=lab:first", "-v", "test_kicked.py")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*place bench-1 of * was taken away: free; acquiring it anew*"])


def test_a_coordinator_that_starts_anew_in_the_middle_costs_no_test(
    lab, pytester, groups, tmp_path_factory
):
    folder = tmp_path_factory.mktemp("restarted")
    (folder / "places.yaml").write_text(json.dumps({"own": place("bench-2")}))
    with ExitStack() as before:
        address = before.enter_context(coordinator(folder))
        lab(far_board("own", place="own", coordinator=address))
        before.enter_context(exporter(folder, address, groups))
        with dwelling(pytester, "own", "-v") as run:
            before.close()
            (pytester.path / "inside").unlink()
            with coordinator(folder, address), exporter(folder, address, groups):
                await_export(address)
                for _ in range(2):
                    (pytester.path / "go").write_text("")
                    await_inside(pytester, run)
                said, _ = run.communicate(timeout=PATIENCE_S)
    assert "2 passed" in said
    assert f"the labgrid coordinator at {address} has gone away; acquiring it anew" in said


# ---- power


def test_a_place_with_a_switch_lends_it_to_who_heals_the_board(lab, pytester, shelf):
    shelf.switched.clear()
    boards = inventory.load(
        pytester.path / "lab.toml",
        target.load_all(SIMBOARD / "targets"),
    ).boards
    holdings = Holdings(pytester.path / "leases", "healing")
    try:
        held = holdings.hold(boards["simulated-mbed@first"])
        assert held.power is not None
        held.power.cycle(0.01)
    finally:
        holdings.release_all()
    assert shelf.switched == ["/1/0", "/1/1"]


def test_a_switch_that_fails_is_infrastructure(lab, pytester, shelf):
    lab(far_board("bad", place="broken"))
    boards = inventory.load(
        pytester.path / "lab.toml", target.load_all(SIMBOARD / "targets")
    ).boards
    holdings = Holdings(pytester.path / "leases", "healing")
    try:
        held = holdings.hold(boards["simulated-mbed@bad"])
        assert held.power is not None
        with pytest.raises(InfraError, match="place broken: its power switch fails: "):
            held.power.cycle(0.01)
    finally:
        holdings.release_all()


# ---- firmware


def test_a_board_at_a_place_is_flashed_there(pytester, lab, shelf, tmp_path_factory):
    pytest.importorskip("esptool", reason="pip install 'pytest-hil[esp]'")
    folder = tmp_path_factory.mktemp("chip")
    chip = [sys.executable, str(SIMBOARD / "esp_chip.py"), str(folder / "flash.bin")]
    simulated = (SIMBOARD / "targets" / "simulated-esp32.toml").read_text()
    flash = '[flash]\nmethod = "esptool"\nchip = "esp32"\naddress = 0x1000\n'
    (folder / "targets").mkdir()
    (folder / "targets" / "chip.toml").write_text(
        simulated.replace("simulated-esp32", "chip") + flash
    )
    (folder / "firmware.bin").write_bytes(b"\xe9\x01\x02\x20" + bytes(range(256)) * 16)
    (folder / "places.yaml").write_text(json.dumps({"own": place("own")}))
    with subprocess.Popen(
        [*chip, "--plain", "--image=simboard-modules"], stdout=subprocess.PIPE, text=True
    ) as silicon:
        port = int(silicon.stdout.readline().rpartition(":")[2])
        serial = {"host": "127.0.0.1", "port": port, "protocol": "raw"}
        groups = {"own": {"NetworkSerialPort": serial}, **DARK}
        with coordinator(folder) as address, exporter(folder, address, groups):
            await_export(address)
            facts = {"target": "chip", "place": "own", "coordinator": address}
            lines = [f'{key} = "{value}"\n' for key, value in facts.items()]
            (folder / "lab.toml").write_text("".join(["[boards.one]\n", *lines]))
            done = subprocess.run(
                [sys.executable, "-m", "hil.cli", "flash", "chip@one", "--no-stub"]
                + [f"--{key}={folder / name}" for key, name in FLASH_FILES.items()],
                capture_output=True,
                text=True,
                check=False,
                timeout=60,
            )
        silicon.terminate()
    assert done.returncode == 0, done.stderr
    assert "verify" in done.stdout
    assert "MicroPython 1.25.0" in done.stdout
