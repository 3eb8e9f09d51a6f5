"""Supervised dialogues: what a program says, and every way it can fail to say it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hil.errors import MissingTool, PeerError
from hil.peer import Dialogue, find_program

Start = Callable[[str], Dialogue]

ECHO = "import os\nwhile chunk := os.read(0, 99): os.write(1, chunk)"
SILENT = "import time; time.sleep(600)"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running = []

    def begin(script: str) -> Dialogue:
        dialogue = Dialogue([sys.executable, "-c", script], log_dir=tmp_path, stem="program")
        running.append(dialogue)
        return dialogue

    yield begin
    for dialogue in running:
        dialogue.close()


def test_every_byte_value_goes_there_and_back(start: Start) -> None:
    dialogue = start(ECHO)
    payload = bytes(range(256)) * 8
    dialogue.write(payload)
    assert dialogue.read(len(payload), "the echo", 10) == payload
    assert dialogue.output_log.read_bytes() == payload


def test_expect_returns_the_match_and_keeps_what_follows(start: Start) -> None:
    dialogue = start("print('port 4711'); print('data')")
    assert dialogue.expect(rb"port (\d+)\n", "the port", 10).group(1) == b"4711"
    assert dialogue.read(5, "the data", 10) == b"data\n"


def test_a_normal_end_can_be_expected(start: Start) -> None:
    assert start("pass").expect_or_end(b"never", "nothing", 10) is None


def test_finish_returns_the_exit_status_and_completes_the_log(start: Start) -> None:
    dialogue = start("print('late words'); raise SystemExit(3)")
    assert dialogue.finish(10) == 3
    assert dialogue.output_log.read_bytes() == b"late words\n"


def test_end_of_input_reaches_the_program(start: Start) -> None:
    dialogue = start(ECHO)
    dialogue.end_input()
    assert dialogue.finish(10) == 0


def test_a_program_that_ends_too_early_is_named_with_status_and_last_words(start: Start) -> None:
    dialogue = start("import sys; sys.exit('no such certificate')")
    with pytest.raises(PeerError, match=r"(?s)status 1 before a greeting.*no such certificate"):
        dialogue.expect(b"hello", "a greeting", 10)


@pytest.mark.parametrize("wait_for_it", ["expect", "expect_or_end", "read", "finish"])
def test_a_killed_program_is_an_error_that_names_the_signal(start: Start, wait_for_it: str) -> None:
    dialogue = start(SILENT)
    os.kill(dialogue.process.pid, signal.SIGKILL)
    waits: dict[str, Callable[[], object]] = {
        "expect": lambda: dialogue.expect(b"x", "a greeting", 10),
        "expect_or_end": lambda: dialogue.expect_or_end(b"x", "a greeting", 10),
        "read": lambda: dialogue.read(1, "a greeting", 10),
        "finish": lambda: dialogue.finish(10),
    }
    with pytest.raises(PeerError, match="was killed by SIGKILL"):
        waits[wait_for_it]()


def test_writing_to_a_killed_program_is_an_error_that_names_the_signal(start: Start) -> None:
    dialogue = start(SILENT)
    os.kill(dialogue.process.pid, signal.SIGKILL)
    dialogue.process.wait()
    with pytest.raises(PeerError, match="was killed by SIGKILL"):
        dialogue.write(b"anything")


@pytest.mark.parametrize("wait_for_it", ["expect", "finish"])
def test_a_silent_program_is_an_error_after_its_time(start: Start, wait_for_it: str) -> None:
    dialogue = start(SILENT)
    with pytest.raises(PeerError, match=r"kept the farm waiting 0\.2 s"):
        dialogue.expect(b"x", "y", 0.2) if wait_for_it == "expect" else dialogue.finish(0.2)


def test_a_program_that_does_not_read_is_an_error_after_its_time(start: Start) -> None:
    with pytest.raises(PeerError, match=r"kept the farm waiting 0\.2 s for it to read"):
        start(SILENT).write(bytes(10_000_000), timeout_s=0.2)


def test_close_ends_the_program_and_may_be_called_twice(start: Start) -> None:
    dialogue = start(SILENT)
    dialogue.close()
    dialogue.close()
    assert dialogue.process.poll() == -signal.SIGKILL


def test_a_missing_program_names_the_install_command() -> None:
    with pytest.raises(MissingTool, match="apt-get install nonesuch"):
        find_program("nonesuch-program", ["-v"], "(.*)", "apt-get install nonesuch")


def test_a_program_that_names_no_version_is_an_error() -> None:
    with pytest.raises(PeerError, match="names no version: 'hello'"):
        find_program("echo", ["hello"], r"(\d+)", "apt-get install coreutils")


def test_a_program_that_leaves_input_unread_ends_like_any_other(start: Start) -> None:
    dialogue = start("import os; os.read(0, 1)")
    dialogue.write(b"x" * 5000)
    assert dialogue.expect_or_end(b"never", "nothing", 10) is None


def test_joined_errors_are_part_of_the_output(tmp_path: Path) -> None:
    script = "import os; os.write(1, b'out '); os.write(2, b'err ' + os.environb[b'WORD'])"
    dialogue = Dialogue(
        [sys.executable, "-c", script],
        log_dir=tmp_path,
        stem="program",
        environment={"WORD": "given"},
        joined=True,
    )
    assert dialogue.finish(10) == 0
    assert dialogue.tail() == "out err given"
    dialogue.close()


def test_absorbing_completes_the_log_of_a_program_that_runs_on(start: Start) -> None:
    dialogue = start("import os, time; os.write(1, b'ab'); time.sleep(600)")
    dialogue.expect(b"a", "its first letter", 10)
    dialogue.absorb()
    assert dialogue.output_log.read_bytes() == b"ab"
