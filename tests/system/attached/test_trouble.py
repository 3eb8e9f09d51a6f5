"""What can be wrong with a board on a cable, and what the farm says of it.

Most of the time of these tests is waiting, so the boards wait side by side: all are started when
the first outcome is asked for.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from hil import boot, build
from hil.errors import BoardDied, BootError, HilError

from .conftest import BootAt, Simulate, target_at

QUICK_S = 1.0
PAYLOAD = bytes(range(256)) * 40

# What becomes of each board: what its work returned or raised.
Outcomes = dict[str, Future[object]]


def boots(url: str, folder: Path, **arguments: object) -> object:
    facts = target_at("mbed", url, boot_s=QUICK_S, **arguments)
    with boot.boot(facts, build.ensure(facts.image), log_dir=folder) as board:
        return board.heap_bytes


def waits_for_the_link(url: str, folder: Path) -> object:
    facts = target_at("mbed", url)
    with boot.boot(facts, build.ensure(facts.image), log_dir=folder) as board:
        return board.call("hil_agent:echo", 10, timeout_s=60)


def waits_twice(url: str, folder: Path) -> object:
    with pytest.raises(BoardDied, match=r"died in hil_agent:echo: .*it has started anew"):
        waits_for_the_link(url, folder)
    facts = target_at("mbed", url)
    with boot.boot(facts, build.ensure(facts.image), log_dir=folder) as board:
        return board.call("hil_agent:echo", 0, timeout_s=5)


def echoes(url: str, folder: Path) -> object:
    facts = target_at("mbed", url)
    with boot.boot(facts, build.ensure(facts.image), log_dir=folder) as board:
        board.start("hil_agent:echo", len(PAYLOAD))
        board.link.sendall(PAYLOAD, 60)
        assert board.link.receive_exactly(len(PAYLOAD), 60) == PAYLOAD
        assert board.wait(5) == len(PAYLOAD)
        return board._quoted_tail()  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def outcomes(simulate: Simulate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcomes]:
    works: dict[str, tuple[list[str], Callable[..., object], dict[str, object]]] = {
        "silent": (["--silent"], boots, {}),
        "other-program": (["--babble", "temperature 21.5"], boots, {}),
        "boot-loader": (["--circuit", "esp", "--boot-held"], boots, {"reset": "esp"}),
        "brown-out": (["--restart", "0.1"], boots, {}),
        "noise-only": (["--noise", "0.3"], boots, {}),
        "noise": (["--noise", "0.0005", "--lost", "0.0005", "--seed", "7"], echoes, {}),
        "vanishes": (["--vanish", "8"], waits_for_the_link, {}),
        "restarts": (["--restart", "8"], waits_twice, {}),
    }
    with ThreadPoolExecutor(len(works)) as executor:
        yield {
            name: executor.submit(
                work, simulate("mbed", *options), tmp_path_factory.mktemp(name), **arguments
            )
            for name, (options, work, arguments) in works.items()
        }


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("silent", r"is silent: nothing came over its port after Ctrl-C and its reset line; check"),
        ("other-program", r"is no MicroPython that answers: wrong port, wrong boot\.baud"),
        ("boot-loader", r"is in its boot loader and waits for firmware: release the boot button"),
        ("brown-out", r"starts again and again: its supply may be too weak \(brown-out\)"),
    ],
)
def test_a_board_that_does_not_come_up_is_told_by_its_trouble(
    outcomes: Outcomes, name: str, said: str
) -> None:
    with pytest.raises(BootError, match=said):
        outcomes[name].result(60)


def test_a_line_of_nothing_but_noise_fails_within_its_time(outcomes: Outcomes) -> None:
    with pytest.raises(HilError):
        outcomes["noise-only"].result(60)


def test_noise_costs_time_and_no_byte(outcomes: Outcomes) -> None:
    said = str(outcomes["noise"].result(120))
    assert "frames over the console" in said
    assert " 0 came damaged, 0 were sent again" not in said


def test_a_port_that_vanishes_in_mid_job_is_noticed_at_once(outcomes: Outcomes) -> None:
    with pytest.raises(BoardDied, match=r"died in hil_agent:echo: its port closed"):
        outcomes["vanishes"].result(60)


def test_a_board_that_restarts_in_mid_job_is_noticed_at_once_and_boots_again(
    outcomes: Outcomes,
) -> None:
    assert outcomes["restarts"].result(60) == 0


def test_a_port_that_nobody_serves(boot_at: BootAt) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with pytest.raises(BootError, match=r"nobody serves it .*; start the server, or correct"):
        boot_at("mbed", f"socket://127.0.0.1:{address[1]}")
    with pytest.raises(BootError, match=r"/dev/ttyNONE: does not exist; plug the board in"):
        boot_at("mbed", "/dev/ttyNONE")
    with pytest.raises(BootError, match=r"environment has no HIL_NO_SUCH_PORT; it names the port"):
        boot_at("mbed", "$HIL_NO_SUCH_PORT")


def test_a_second_user_is_told_so_and_the_first_goes_on(
    boot_at: BootAt, simulate: Simulate
) -> None:
    url = simulate("mbed")
    first = boot_at("mbed", url)
    with pytest.raises(BootError, match=r"it may serve another user"):
        boot_at("mbed", url)
    assert first.call("hil_agent:echo", 0, timeout_s=5) == 0
