"""The board's conversation over datagrams, on a virtual clock: what it says of a peer that goes."""

from __future__ import annotations

import heapq
import importlib
from types import ModuleType
from typing import Any

import pytest

from hil import paths, target
from hil.datagram_frames import BEGIN, CONNECTED, CONTROL, Deframer, Frame
from hil.tlsrig import briefing, scenario
from tlscore.dtls.client import ClientConnection
from tlscore.dtls.config import ClientConfig
from tlscore.entropy import HmacDrbg

TRIED = scenario.load_all()["dtls12-server-psk-ccm8"]
UNIX = target.load(paths.targets_dir() / "unix.toml")
HANDSHAKE_MS = 300_000
# How long the host waits for the job (hil.tlsrig.datagram_encounter).
HOST_MS = HANDSHAKE_MS + UNIX.timeouts.job_s * 1000
KEY_NAME, KEY = b"device", bytes(range(16))
DELAY_MS = 20
FOR_EVER = 10**9


class Clock:
    """Milliseconds that pass when somebody waits."""

    now = 0

    def __call__(self) -> int:
        return self.now


class Link:
    """The board's link, with a client at its other end that begins late and goes.

    Args:
        clock: both ends'.
        begins_ms: when the client sends its first datagram.
        datagrams: of the board's that reach the client; then it is gone.
        host_begins: the host says that both are connected once the board has said so.
    """

    def __init__(self, clock: Clock, begins_ms: int, datagrams: int, *, host_begins: bool) -> None:
        self._clock, self._left, self._host_begins = clock, datagrams, host_begins
        self._deframer = Deframer()
        self._due: list[tuple[int, int, bytes]] = []
        self._there = b""
        self._order = 0
        self._client = ClientConnection(
            ClientConfig(
                HmacDrbg(bytes(48)),
                None,
                None,
                None,
                psks=((KEY_NAME, KEY, 32),),
                psk_modes=(0,),
                suites=(0xC0A8,),
                now_ms=clock,
            )
        )
        self.board_connected_ms: int | None = None
        self._speak(begins_ms)

    def wait(self, timeout_ms: int) -> bool:
        now = self._clock.now
        if not self._there and self._due and self._due[0][0] <= now + timeout_ms:
            due_ms, _, self._there = heapq.heappop(self._due)
            self._clock.now = max(now, due_ms)
        elif not self._there:
            self._clock.now = now + timeout_ms
        return bool(self._there)

    def readinto(self, buffer: memoryview) -> int | None:
        size = min(len(buffer), len(self._there))
        buffer[:size] = self._there[:size]
        self._there = self._there[size:]
        return size or None

    def write(self, data: memoryview) -> int:
        for frame in self._deframer.push(bytes(data)):
            if frame.address == CONTROL:
                assert frame.datagram == CONNECTED
                self.board_connected_ms = self._clock.now
                if self._host_begins:
                    self._put(self._clock.now, Frame(CONTROL, BEGIN))
            elif self._left:
                self._left -= 1
                self._client.receive_datagram(bytearray(frame.datagram))
                self._speak(self._clock.now + DELAY_MS)
        return len(data)

    def _speak(self, due_ms: int) -> None:
        buffer = bytearray(1500)
        while size := self._client.datagram_into(buffer):
            self._put(due_ms, Frame(0, bytes(buffer[:size])))

    def _put(self, due_ms: int, frame: Frame) -> None:
        self._order += 1
        heapq.heappush(self._due, (due_ms, self._order, frame.encode()))


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    package = paths.package_dir()
    for folder in ("ontarget", "tlsrig/ontarget", "tlsrig/ontarget/datagrams"):
        monkeypatch.syspath_prepend(package / folder)
    return importlib.import_module("dtls_jobs")


def serve(
    jobs: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    *,
    begins_ms: int,
    datagrams: int,
    host_begins: bool = False,
) -> tuple[dict[str, Any], Link, int]:
    """Return the result of a server's job, its link, and when it was over."""
    clock = Clock()
    conversation = importlib.import_module("dtls_conversation")
    monkeypatch.setattr(conversation, "Ticks", lambda: clock)
    link = Link(clock, begins_ms, datagrams, host_begins=host_begins)
    options = briefing.spoken(
        {
            **briefing.declared_options(TRIED),
            **briefing.circumstances(UNIX, measured=False),
            "seed": bytes(range(48)),
            "utc_seconds": 0,
            "cookie_key": bytes(32),
            "psk": (KEY_NAME, KEY, 32),
            "handshake_ms": HANDSHAKE_MS,
        }
    )
    return jobs.server(link, {**options, "echo": ()}), link, clock.now


# It begins when half of the time is over. Of the board's datagrams HelloVerifyRequest is the first,
# ServerHello to ServerHelloDone the second, change_cipher_spec with Finished the third.
@pytest.mark.parametrize(
    ("begins_ms", "datagrams", "reason"),
    [
        pytest.param(FOR_EVER, 0, "link.silent", id="before-its-hello"),
        pytest.param(HANDSHAKE_MS // 2, 0, "link.silent", id="without-its-cookie"),
        pytest.param(HANDSHAKE_MS // 2, 1, "connection.timed_out", id="after-its-cookie"),
        pytest.param(HANDSHAKE_MS // 2, 2, "peer.not_connected", id="after-its-finished"),
        pytest.param(HANDSHAKE_MS - 5000, 2, "peer.not_connected", id="at-the-last-moment"),
    ],
)
def test_a_server_whose_client_goes_says_so_before_the_host_gives_it_up(
    jobs: ModuleType, monkeypatch: pytest.MonkeyPatch, begins_ms: int, datagrams: int, reason: str
) -> None:
    result, link, over_ms = serve(jobs, monkeypatch, begins_ms=begins_ms, datagrams=datagrams)
    assert result["reason"] == reason
    assert (link.board_connected_ms is not None) == (reason == "peer.not_connected")
    assert HANDSHAKE_MS <= over_ms < HOST_MS


def test_a_client_that_stays_is_served_to_the_end_of_its_handshake(
    jobs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, link, _ = serve(
        jobs, monkeypatch, begins_ms=HANDSHAKE_MS // 2, datagrams=FOR_EVER, host_begins=True
    )
    assert result["connected"]
    assert link.board_connected_ms is not None
    assert result["reason"] == "link.silent"  # it says no close_notify
