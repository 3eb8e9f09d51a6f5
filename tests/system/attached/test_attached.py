"""An attached board from open to close, over a simulated serial line with nothing wrong."""

from __future__ import annotations

import time

import pytest

from hil.console import Console
from hil.errors import BoardHang, BootError
from hil.serial_port import open_port

from .conftest import BootAt, Simulate

JOBS = """
import time
def prints(link, text):
    print(text)
    link.write(text.encode())
    return len(text)
def spins(link):
    while True:
        pass
def rests(link, seconds):
    time.sleep(seconds)
"""


@pytest.fixture(scope="module")
def url(simulate: Simulate) -> str:
    return simulate("mbed")


def test_calls_link_and_console_share_one_line(boot_at: BootAt, url: str) -> None:
    board = boot_at("mbed", url)
    assert set(board.origins("tlscore", "tls_jobs").values()) == {"rom"}
    board.install("jobs", JOBS)
    assert board.call("jobs:prints", "grüße", timeout_s=10) == 5
    assert board.link.receive_exactly(7, 5) == "grüße".encode()
    assert "gr" in board.console_tail()
    payload = bytes(range(256)) * 20
    board.start("hil_agent:echo", len(payload))
    board.link.sendall(payload)
    assert board.link.receive_exactly(len(payload), 20) == payload
    board.wait(5)
    board.link.sendall(b"nobody reads this")
    board.reset_link()


def test_closing_leaves_a_board_for_people_and_a_free_port(boot_at: BootAt, url: str) -> None:
    boot_at("mbed", url).close()
    port = open_port(url, 115_200)
    port.write(b"\rprint(6*7)\r")
    said = Console(port).expect(rb"\r\n42\r\n>>> ", "answer and prompt", 5)
    port.close()
    assert said


def test_a_board_that_computes_for_ever_is_reset_by_its_line(boot_at: BootAt, url: str) -> None:
    board = boot_at("mbed", url)
    board.install("jobs", JOBS)
    with pytest.raises(BoardHang, match=r"hangs in jobs:spins.*frames over the console"):
        board.call("jobs:spins", timeout_s=1)
    board.close()
    assert boot_at("mbed", url).call("hil_agent:echo", 0, timeout_s=5) == 0


def test_a_session_somebody_left_behind_is_ended(boot_at: BootAt, url: str) -> None:
    board = boot_at("mbed", url)
    board._port.close()  # as when the farm is killed
    deadline = time.monotonic() + 10
    while True:  # the server notices the end of a connection when it can
        try:
            second = boot_at("mbed", url, reset=None)
        except BootError:
            assert time.monotonic() < deadline
            continue
        break
    assert second.call("hil_agent:echo", 0, timeout_s=5) == 0


def test_other_firmware_than_the_target_file_names_is_refused(boot_at: BootAt, url: str) -> None:
    with pytest.raises(BootError, match=r"runs MicroPython 1\.25\.0 .*, not 1\.24\.1; flash the"):
        boot_at("mbed", url, micropython="1.24.1")
