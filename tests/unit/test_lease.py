"""hil.lab.lease: one holder per board, told by name, gone with its process however that ends."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from hil import cli
from hil.errors import BoardLocked, HilError
from hil.lab import lease
from hil.lab.lease import Leases, holders, key_of

KEY = "rfc2217.example:4000"

HOLDER = """
import sys
from pathlib import Path
from hil.lab.lease import Leases
leases = Leases(Path(sys.argv[1]), "pytest --target=desk")
leases.hold("esp32", sys.argv[2])
print("held", flush=True)
sys.stdin.readline()
leases.release_all()
print("released", flush=True)
sys.stdin.readline()
"""

# Takes and gives back as fast as it can; two in a lease at once would find the other's file.
CONTENDER = """
import os, sys
from pathlib import Path
from hil.lab.lease import Leases
folder = Path(sys.argv[1])
for number in range(int(sys.argv[3])):
    leases = Leases(folder, "contending", wait_s=60)
    leases.hold("esp32", sys.argv[2])
    os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
    os.unlink(folder / "inside")
    leases.release_all()
"""


@contextmanager
def held(folder: Path):
    """Let another process hold the lease."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_a_board_that_somebody_has_is_refused_with_who_and_since_when(tmp_path):
    with held(tmp_path) as other, pytest.raises(BoardLocked) as refused:
        Leases(tmp_path, "a second job").hold("esp32@desk", KEY)
    told = str(refused.value)
    assert told.startswith("esp32@desk is locked by ")
    assert f"pid {other.pid}: pytest --target=desk) since 20" in told
    assert "--wait-for-board=SECONDS" in told


def test_another_board_is_free(tmp_path):
    with held(tmp_path):
        mine = Leases(tmp_path, "a second job")
        mine.hold("other", KEY + "1")
        assert {holder.board for holder in holders(tmp_path)} == {"esp32", "other"}
        mine.release_all()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_lease_ends_with_its_process_however_that_ends(tmp_path, number):
    with held(tmp_path) as other:
        other.send_signal(number)
        other.wait(10)
        (left,) = tmp_path.glob("*.json")
        assert json.loads(left.read_text())["pid"] == other.pid  # it had no time to tidy up
        assert holders(tmp_path) == []
        mine = Leases(tmp_path, "the next job")
        mine.hold("esp32", KEY)
        (holder,) = holders(tmp_path)
        assert holder.pid == os.getpid()
        mine.release_all()


def test_a_board_given_back_is_had_by_who_waits(tmp_path):
    told: list[str] = []
    with held(tmp_path) as other:

        def waiting(line: str) -> None:
            told.append(line)
            other.stdin.write("release\n")
            other.stdin.flush()

        mine = Leases(tmp_path, "a second job", wait_s=60)
        mine.hold("esp32", KEY, waiting)
        mine.release_all()
    assert len(told) == 1
    assert told[0].startswith("esp32: waiting up to 60 s for ")


def test_a_wait_ends_and_is_not_repeated_for_every_test_of_the_board(tmp_path):
    with held(tmp_path):
        mine = Leases(tmp_path, "a second job", wait_s=0.2)
        with pytest.raises(BoardLocked, match=r"was not free within 0\.2 s"):
            mine.hold("esp32", KEY)
        told: list[str] = []
        with pytest.raises(BoardLocked):
            mine.hold("esp32", KEY, told.append)
        assert told == []


def test_what_a_process_has_it_may_hold_again(tmp_path):
    mine = Leases(tmp_path, "job")
    mine.hold("esp32", KEY)
    mine.hold("esp32", KEY)
    mine.release(KEY)
    assert holders(tmp_path) == []
    mine.release(KEY)


def test_a_child_that_outlives_the_holder_does_not_keep_the_lease(tmp_path):
    mine = Leases(tmp_path, "job")
    mine.hold("esp32", KEY)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        mine.release_all()
        other = Leases(tmp_path, "the next job")
        other.hold("esp32", KEY)
        other.release_all()
        child.kill()


def test_never_two_at_once_and_never_refused_because_somebody_looks(tmp_path):
    argv = [sys.executable, "-c", CONTENDER, str(tmp_path), KEY, "150"]
    contenders = [subprocess.Popen(argv) for _ in range(3)]
    while any(contender.poll() is None for contender in contenders):
        assert len(holders(tmp_path)) <= 1
    assert [contender.returncode for contender in contenders] == [0, 0, 0]


def test_looking_takes_nothing_from_a_process_that_does_not_wait(tmp_path):
    looker = "import sys\nfrom pathlib import Path\nfrom hil.lab.lease import holders\nprint()\n"
    looker += "sys.stdout.flush()\nwhile True: holders(Path(sys.argv[1]))\n"
    argv = [sys.executable, "-c", looker, str(tmp_path)]
    warm = Leases(tmp_path, "job")
    warm.hold("warm", KEY)
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as looking:
        looking.stdout.readline()
        for _ in range(300):
            mine = Leases(tmp_path, "job")
            mine.hold("esp32", "desk:1")
            mine.release_all()
        looking.kill()
    warm.release_all()


def test_waiting_opens_no_more_files_the_longer_it_lasts(tmp_path):
    with held(tmp_path):
        before = len(os.listdir("/proc/self/fd"))
        with pytest.raises(BoardLocked):
            Leases(tmp_path, "a second job", wait_s=0.5).hold("esp32", KEY)
        assert len(os.listdir("/proc/self/fd")) == before


def test_a_process_that_is_stopped_while_it_takes_one_board_holds_up_no_other(tmp_path):
    guard = lease.file_of(tmp_path, KEY, ".guard")
    guard.touch()
    with guard.open() as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        mine = Leases(tmp_path, "job")
        mine.hold("other", KEY + "1")
        (holder,) = holders(tmp_path)
        assert holder.board == "other"
        mine.release_all()


def test_what_else_is_noted_of_a_board_is_no_lease_and_stays(tmp_path):
    mark = lease.file_of(tmp_path, KEY, ".wedged.json")
    mark.write_text("{}")
    mine = Leases(tmp_path, "job")
    mine.hold("esp32", KEY)
    assert [holder.board for holder in holders(tmp_path)] == ["esp32"]
    mine.release_all()
    assert holders(tmp_path) == []
    assert mark.read_text() == "{}"
    assert not lease.file_of(tmp_path, KEY, ".wedged.lock").exists()


def test_files_are_for_all_who_may_use_the_folder_whatever_the_umask(tmp_path):
    folder = tmp_path / "leases"
    folder.mkdir()
    folder.chmod(0o2775)
    mask = os.umask(0o077)
    try:
        mine = Leases(folder, "job")
        mine.hold("esp32", KEY)
        modes = {path.suffix: path.stat().st_mode & 0o777 for path in folder.iterdir()}
        assert modes == {".guard": 0o664, ".json": 0o664, ".lock": 0o664}
    finally:
        os.umask(mask)
    mine.release_all()


def test_a_filesystem_that_locks_nothing_is_told(tmp_path, monkeypatch):
    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lease.fcntl, "flock", refuse)
    with pytest.raises(HilError, match="cannot be locked, so that no lease is safe: No locks"):
        Leases(tmp_path, "job").hold("esp32", KEY)


def test_a_lock_without_a_readable_record_is_still_a_lock(tmp_path):
    with held(tmp_path):
        (record,) = tmp_path.glob("*.json")
        record.write_text("{")
        with pytest.raises(BoardLocked, match="by a program that left no record"):
            Leases(tmp_path, "job").hold("esp32", KEY)


def test_a_folder_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(HilError, match="no folder for leases"):
        Leases(tmp_path / "file" / "leases", "job").hold("esp32", KEY)


# ---- which board a port is


def test_one_network_port_is_one_board_whatever_speaks_to_it():
    keys = {
        key_of("rfc2217://localhost:4000?ign_set_control"),
        key_of("rfc2217://127.0.0.1:4000"),
        key_of("socket://127.0.0.1:4000"),
    }
    assert keys == {"127.0.0.1:4000"}
    assert key_of("rfc2217://127.0.0.1:4001") not in keys


def test_a_device_is_where_it_is_plugged_in_under_all_its_names(tmp_path):
    by_path = tmp_path / "by-path"
    by_path.mkdir()
    first, second = tmp_path / "ttyUSB0", tmp_path / "ttyUSB1"
    first.touch()
    second.touch()
    (by_path / "usb-0:1.2").symlink_to(first)
    before = key_of(str(first), by_path)
    assert before == key_of(str(by_path / "usb-0:1.2"), by_path)
    assert before.endswith(":usb-0:1.2")
    assert key_of(str(second), by_path) != before
    (by_path / "usbv2-0:1.2").symlink_to(first)
    assert key_of(str(by_path / "usbv2-0:1.2"), by_path) == before
    (by_path / "usbv2-0:1.2").unlink()
    # It vanishes and comes back under another name.
    (by_path / "usb-0:1.2").unlink()
    assert key_of(str(by_path / "usb-0:1.2"), by_path) == before
    (by_path / "usb-0:1.2").symlink_to(second)
    assert key_of(str(second), by_path) == before


# ---- where leases are, and who looks


def test_runs_of_one_user_meet_whatever_their_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("HIL_LEASES", raising=False)
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "one"))
    one = lease.folder()
    monkeypatch.setenv("HIL_CACHE", str(tmp_path / "two"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    assert lease.folder() == one
    monkeypatch.setenv("HIL_LEASES", str(tmp_path / "shared"))
    assert lease.folder(tmp_path / "of-the-lab") == tmp_path / "shared"
    monkeypatch.delenv("HIL_LEASES")
    assert lease.folder(tmp_path / "of-the-lab") == tmp_path / "of-the-lab"


def test_hil_locks_lists_who_has_what(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HIL_LEASES", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "140")
    assert cli.main(["locks"]) == 0
    assert capsys.readouterr().out == "no board is locked\n"
    with held(tmp_path) as other:
        assert cli.main(["locks"]) == 0
        heading, _, row = capsys.readouterr().out.splitlines()
        assert heading.split() == ["board", "user", "host", "pid", "since", "(UTC)", "job"]
        assert row.split()[0] == "esp32"
        assert row.endswith("pytest --target=desk")
        assert cli.main(["locks", "--format", "json", "--leases", str(tmp_path)]) == 0
        (listed,) = json.loads(capsys.readouterr().out)["locked"]
    assert listed["pid"] == other.pid
    assert set(listed) == {"board", "key", "pid", "user", "host", "job", "since_utc"}
