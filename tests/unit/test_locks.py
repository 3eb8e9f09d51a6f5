"""hil.locks: one holder at a time, and the waiting one is told."""

import subprocess
import sys
import threading

from hil import locks

HOLDER = """
import sys
from pathlib import Path
from hil import locks
with locks.exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_waits_for_the_first_and_is_told_so(tmp_path):
    order: list[str] = []
    told = threading.Event()

    def second():
        with locks.exclusive(tmp_path / "lock", told.set):
            order.append("second")

    with locks.exclusive(tmp_path / "lock"):
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(10)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_nobody_is_told_to_wait_for_a_free_lock(tmp_path):
    told: list[str] = []
    for _ in range(2):
        with locks.exclusive(tmp_path / "new" / "lock", lambda: told.append("waiting")):
            pass
    assert told == []


def test_a_lock_whose_holder_was_killed_is_free(tmp_path):
    argv = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        holder.kill()
        with locks.exclusive(tmp_path / "lock"):
            pass
