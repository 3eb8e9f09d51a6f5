"""What the core is given and told depends on the peer's records, or on `reads` if there are any.

How the bytes come and go does not matter.
"""

from __future__ import annotations

import importlib
import random
from types import ModuleType
from typing import Any

import pytest

from hil import paths
from hil.tlsrig import briefing, scenario

OPTIONS = {
    **briefing.declared_options(scenario.load_all()["tls13-x509-p256"]),
    "reads": None,
    "clock": None,
    "timeout_ms": 100,
}
INPUT = bytes(i * 7 & 255 for i in range(2003))
# After 700, 900 and 2000 bytes the peer waits; then it says three more that nobody expected.
READS = (700, 900, 2000)
PIECES = [512, 188, 200, 512, 512, 76, 1, 1, 1]


@pytest.fixture
def conversation_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    package = paths.package_dir()
    monkeypatch.syspath_prepend(package / "ontarget")
    monkeypatch.syspath_prepend(package / "tlsrig" / "ontarget")
    return importlib.import_module("tls_conversation")


class Link:
    """Brings bytes in bursts with silence between them, and takes few at a time."""

    def __init__(self, seed: int, data: bytes = INPUT, *, ends: bool = False) -> None:
        self._chance = random.Random(seed)
        self._data = data
        self._ends = ends
        self.there = 0
        self.written = bytearray()

    def wait(self, timeout_ms: int) -> bool:
        if self.there == 0 and timeout_ms:
            self.there = min(len(self._data), self._chance.choice([0, 1, 5, 600]))
            return bool(self._data)
        return self.there > 0

    def readinto(self, buffer: memoryview) -> int | None:
        size = min(len(buffer), self.there)
        if not size:
            return 0 if self._ends and not self._data else None
        buffer[:size] = self._data[:size]
        self._data = self._data[size:]
        self.there -= size
        return size

    def write(self, data: memoryview) -> int:
        size = min(len(data), self._chance.choice([0, 1, 30]))
        self.written += data[:size]
        return size


class Connection:
    """Notes what it is given, and connects when it has had enough."""

    version = 0x0304

    def __init__(self, wanted: int) -> None:
        self.pieces: list[int] = []
        self.received = bytearray()
        self.sent_sizes: list[int] = []
        self._left = wanted
        self._out = memoryview(bytes(range(100)))

    @property
    def wants(self) -> int:
        return 8 if self._left <= 0 else 1

    def receive(self, piece: memoryview) -> int:
        self.pieces.append(len(piece))
        self.received += piece
        self._left -= len(piece)
        return len(piece)

    def to_send(self) -> memoryview:
        return self._out

    def sent(self, size: int) -> None:
        self.sent_sizes.append(size)
        self._out = self._out[size:]

    def export(self, *_: object) -> bytes:
        return b""


def talk(
    module: ModuleType, link: Link, reads: tuple[int, ...] | None, wanted: int = len(INPUT)
) -> Connection:
    talking: Any = module.Conversation(link, {**OPTIONS, "reads": reads})
    connection = Connection(wanted)
    talking.handshake(lambda _conversation, _marks: connection)
    return connection


@pytest.mark.parametrize("seed", range(20))
def test_pieces_follow_from_the_reads_however_the_bytes_come(
    conversation_module: ModuleType, seed: int
) -> None:
    link = Link(seed)
    connection = talk(conversation_module, link, READS)
    assert connection.received == INPUT
    assert connection.pieces == PIECES
    assert connection.sent_sizes == [100]
    assert link.written == bytes(range(100))


def record(size: int) -> bytes:
    return b"\x17\x03\x03" + size.to_bytes(2, "big") + bytes(size)


@pytest.mark.parametrize("seed", range(20))
def test_without_reads_pieces_are_the_peers_records_however_the_bytes_come(
    conversation_module: ModuleType, seed: int
) -> None:
    stream = record(700) + record(0) + record(60) + record(1)
    link = Link(seed, stream)
    connection = talk(conversation_module, link, None, len(stream))
    assert connection.received == stream
    assert connection.pieces == [512, 193, 5, 65, 6]
    # Told once, however often a link that is full took some of it.
    assert connection.sent_sizes == [100]
    assert link.written == bytes(range(100))


def test_a_record_that_stays_unfinished_is_handed_on(conversation_module: ModuleType) -> None:
    stream = record(700) + record(300)[:100]
    connection = talk(conversation_module, Link(1, stream), None, len(stream))
    assert connection.received == stream
    assert connection.pieces[:2] == [512, 193]


@pytest.mark.parametrize(("ends", "reason"), [(True, "link.ended"), (False, "link.silent")])
def test_a_link_that_gives_less_than_is_to_come_is_told(
    conversation_module: ModuleType, ends: bool, reason: str
) -> None:
    with pytest.raises(conversation_module.GaveUpError) as caught:
        talk(conversation_module, Ended(3, INPUT[:600]) if ends else Link(3, INPUT[:600]), READS)
    assert caught.value.reason == reason


class Ended(Link):
    """Has ended behind its bytes, which makes it readable, as sockets are then."""

    def __init__(self, seed: int, data: bytes) -> None:
        super().__init__(seed, data, ends=True)

    def wait(self, timeout_ms: int) -> bool:
        return super().wait(timeout_ms) or True


def test_a_method_stands_for_the_message_it_deals_with(conversation_module: ModuleType) -> None:
    counts = {"record": 1, "finished": 20, "_on_finished": 300, "_queue_certificate_verify": 4000}
    assert conversation_module.by_message(counts) == {
        "record": 1,
        "finished": 320,
        "certificate_verify": 4000,
    }
    assert conversation_module.by_message(None) is None
