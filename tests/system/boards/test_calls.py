"""What a board is told and answers: calls, arguments, results, errors, and noise between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hil.boot.agent_board import AgentBoard
from hil.errors import JobFailed

Boot = Callable[..., Any]

# What only one kind of board can do.
process = pytest.mark.parametrize("board_name", ["unix"])


def test_the_code_that_is_measured_comes_from_the_firmware(board: AgentBoard) -> None:
    # Our own ports have modules as objects in flash; upstream's unix port executes frozen ones.
    firmware = "frozen" if board.target.name == "unix" else "rom"
    assert board.origins("hil_agent", "hil_marks", "sys", "jobs") == {
        "hil_agent": firmware,
        "hil_marks": firmware,
        "sys": "builtin",
        "jobs": "installed",
    }


def test_console_noise_does_not_corrupt_a_result(board: AgentBoard) -> None:
    assert board.call("jobs:noise", 300, timeout_s=30) == "quiet"
    assert "x" * 100 in board.console_tail()


def test_a_job_may_print_a_lot_before_anyone_waits_for_it(board: AgentBoard) -> None:
    board.install("loud", "def loud(link):\n    print('x' * 20000)\n    link.write(b'!')")
    board.start("loud:loud")
    assert board.link.receive_exactly(1, 30) == b"!"
    assert board.wait(30) is None


def test_a_result_of_several_kilobytes_is_exact(board: AgentBoard) -> None:
    expected = bytes(i & 255 for i in range(6000))
    assert board.call("jobs:big", 6000, timeout_s=30) == expected


def test_arguments_of_several_kilobytes_are_exact(board: AgentBoard) -> None:
    board.install("same", "def same(link, value): return value")
    value = {"data": bytes(range(256)) * 8, "text": "Grüße\n", "numbers": [0, -1, 2**70]}
    assert board.call("same:same", value, timeout_s=30) == value


def test_arguments_that_do_not_fit_fail_the_call_and_not_the_board(boot_board: Boot) -> None:
    board = boot_board(heap_bytes=20_000)
    with pytest.raises(JobFailed, match="MemoryError"):
        board.call("jobs:big", b"\xff" * 30_000, timeout_s=30)
    assert board.call("jobs:big", 3, timeout_s=30) == b"\x00\x01\x02"


def test_a_result_that_does_not_fit_fails_the_job_and_not_the_board(boot_board: Boot) -> None:
    board = boot_board(heap_bytes=20_000)
    with pytest.raises(JobFailed, match="MemoryError"):
        board.call("jobs:big", 30_000, timeout_s=30)
    assert board.call("jobs:big", 3, timeout_s=30) == b"\x00\x01\x02"


def test_a_job_that_raises_fails_with_the_boards_traceback(board: AgentBoard) -> None:
    with pytest.raises(JobFailed) as caught:
        board.call("jobs:bad", timeout_s=30)
    assert caught.value.kind == "ValueError"
    assert caught.value.detail == "planted fault"
    assert "in bad" in caught.value.board_traceback
    assert board.call("jobs:big", 1, timeout_s=30) == b"\x00"


def test_two_boards_at_once_do_not_disturb_each_other(boot_board: Boot) -> None:
    boards = [boot_board(), boot_board()]
    messages = [b"first board" * 500, b"other board" * 500]
    for board, message in zip(boards, messages, strict=True):
        board.start("hil_agent:echo", len(message))
    for board, message in zip(boards, messages, strict=True):
        board.link.sendall(message)
    for board, message in zip(boards, messages, strict=True):
        assert board.link.receive_exactly(len(message), 30) == message
        assert board.wait(30) == len(message)
    boards[0].close()
    assert boards[1].call("jobs:big", 2, timeout_s=30) == b"\x00\x01"


@process
def test_a_file_in_the_current_directory_does_not_shadow_frozen_code(
    boot_board: Boot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hil_marks.py").write_text("raise SystemExit('shadow')")
    (tmp_path / "hil_agent.py").write_text("raise SystemExit('shadow')")
    monkeypatch.chdir(tmp_path)
    assert boot_board().origins("hil_marks") == {"hil_marks": "frozen"}
