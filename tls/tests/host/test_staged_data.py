"""Application data of records that do not fit the buffer, read before they are verified.

The policy is tls/LARGE_RECORDS.md. The peer is the server double, which keeps to no size.
"""

import random

import pytest
from server_messages import ALERT, APPLICATION_DATA, HANDSHAKE, NewSessionTicket

from tlscore import states
from tlscore.connection import EVENT_CONNECTED, READ, RECEIVE
from tlscore.errors import PeerMisbehaved
from tlscore.large_record import EVENT_VERIFIED, EVENT_WITHDRAWN

BAD_RECORD_MAC = 20
RANDOM = random.Random(8446)
TEXT = RANDOM.randbytes(5000)
# What trailing zeros and pieces could be confused by; the first bytes of a ticket as well.
DATA = {
    "text": TEXT,
    "16 KB": RANDOM.randbytes(16384),
    "zeros": bytes(5000),
    "zeros at the end": TEXT + bytes(700),
    "zeros at the beginning": bytes(700) + TEXT,
    "zeros in the middle": TEXT[:801] + bytes(1500) + TEXT[801:],
    "every other byte a zero": bytes(octet * (i & 1) for i, octet in enumerate(TEXT)),
    "one byte in each piece": (bytes(63) + b"\x01") * 60,
    "a ticket": NewSessionTicket(ticket=b"x" * 900).encode(),
    "the beginning of one": NewSessionTicket(ticket=b"x" * 5000).encode()[:2000],
    "a key update": b"\x18\x00\x00\x01\x00" + TEXT,
    "Finished": b"\x14\x00\x00\x20" + TEXT,
}


@pytest.fixture
def connected(pair):
    """Return a maker of pairs that are connected, the client reading what is not verified."""

    def make(buffer_bytes=512, **server):
        changes = {"record_buffer_bytes": buffer_bytes, "staged_data": True}
        if "suite" in server:
            changes["suites"] = (server["suite"],)
        both = pair(config=changes, **server).connect()
        assert both.events() == [EVENT_CONNECTED]
        return both

    return make


class Reader:
    """An application that keeps apart what is not verified, as the policy says."""

    def __init__(self, both, read_bytes=None):
        self._both = both
        self._read_bytes = read_bytes
        self.good = b""
        self.apart = b""
        self.events = []

    def take(self, record, step=1000):
        """Let the client receive bytes in pieces, and read what there is to read."""
        for at in range(0, len(record), step):
            rest = memoryview(record)[at : at + step]
            while rest:
                rest = rest[self._both.client.receive(rest) :]
                self._note()
                while self._both.client.wants & READ:
                    self._read()
        return self

    def _note(self):
        for event in self._both.events():
            self.events.append(event)
            if event == EVENT_VERIFIED:
                self.good += self.apart
            if event in (EVENT_VERIFIED, EVENT_WITHDRAWN):
                self.apart = b""

    def _read(self):
        client = self._both.client
        is_unverified = client.unverified
        if self._read_bytes is None:
            data = client.read()
        else:
            buffer = bytearray(self._read_bytes)
            data = bytes(buffer[: client.read_into(buffer)])
        assert data
        if is_unverified:
            self.apart += data
        else:
            assert not self.apart
            self.good += data


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("buffer_bytes", [160, 512, 2070])
def test_data_are_read_as_they_come_and_verified_at_the_end(connected, name, buffer_bytes):
    both = connected(buffer_bytes)
    record = both.server.send_key.protect(APPLICATION_DATA, DATA[name], 0)
    reader = Reader(both).take(record)
    assert reader.good == DATA[name]
    assert (reader.apart, both.client.unverified) == (b"", False)
    both.tell_protected(b"next", APPLICATION_DATA)
    assert both.client.read() == b"next"


@pytest.mark.parametrize("suite", [0x1301, 0x1302, 0x1303, 0x1304, 0x1305])
def test_data_under_every_cipher(connected, suite):
    both = connected(suite=suite)
    record = both.server.send_key.protect(APPLICATION_DATA, TEXT, 0)
    reader = Reader(both).take(record)
    assert reader.good == TEXT
    assert reader.events == [EVENT_VERIFIED]


@pytest.mark.parametrize("step", [1, 5, 64, 20_000])
@pytest.mark.parametrize("read_bytes", [None, 1, 7, 600])
@pytest.mark.parametrize("padding", [0, 1, 2000])
def test_any_split_and_any_size_of_reading_will_do(connected, step, read_bytes, padding):
    both = connected()
    data = DATA["zeros in the middle"]
    record = both.server.send_key.protect(APPLICATION_DATA, data, padding)
    assert Reader(both, read_bytes).take(record, step).good == data


def test_several_records_one_after_the_other(connected):
    both = connected()
    records, data = b"", b""
    for size in (400, 5000, 1, 600, 16384, 20):
        content = RANDOM.randbytes(size)
        records += both.server.send_key.protect(APPLICATION_DATA, content, 0)
        data += content
    assert Reader(both).take(records, 20_000).good == data


def test_a_piece_waits_until_it_has_been_read(connected):
    both = connected()
    record = both.server.send_key.protect(APPLICATION_DATA, TEXT, 0)
    taken = both.client.receive(record)
    assert taken < len(record)
    assert both.client.unverified
    assert both.client.wants & (READ | RECEIVE) == READ
    assert both.client.receive(record[taken:]) == 0
    buffer = bytearray(10)
    assert both.client.read_into(buffer) == 10
    assert both.client.receive(record[taken:]) == 0
    both.client.read()
    assert both.client.wants & (READ | RECEIVE) == RECEIVE
    assert both.client.read_into(buffer) == 0
    assert both.client.receive(record[taken:]) > 0


def test_reading_when_half_a_piece_is_there_loses_nothing(connected):
    both = connected()
    record = both.server.send_key.protect(APPLICATION_DATA, TEXT, 0)
    heard = b""
    for at in range(0, len(record), 100):
        rest = record[at : at + 100]
        while rest:
            assert both.client.read_into(bytearray(5)) == 0
            rest = rest[both.client.receive(rest) :]
            heard += both.client.read()
    assert heard == TEXT


@pytest.mark.parametrize("at", [5, 100, 2000, -17, -1])
def test_a_forged_record_is_never_verified(connected, at):
    both = connected()
    record = bytearray(both.server.send_key.protect(APPLICATION_DATA, TEXT, 0))
    record[at] ^= 1
    reader = Reader(both)
    with pytest.raises(PeerMisbehaved) as caught:
        reader.take(record)
    assert (caught.value.reason, caught.value.alert) == ("record.bad_record_mac", BAD_RECORD_MAC)
    assert (reader.good, reader.events) == (b"", [])
    assert len(reader.apart) <= len(TEXT)
    both.client_speaks()
    assert both.server.alerts == [(2, BAD_RECORD_MAC)]
    assert (both.client.state, both.client.read()) == (states.FAILED, b"")


def test_data_that_stop_in_the_middle_are_never_verified(connected):
    both = connected()
    reader = Reader(both).take(both.server.send_key.protect(APPLICATION_DATA, TEXT, 0)[:3000])
    assert reader.apart
    with pytest.raises(PeerMisbehaved, match=r"connection\.truncated"):
        both.client.receive_eof()
    assert reader.good == b""


@pytest.mark.parametrize("content", [b"\x01\x5a", NewSessionTicket(ticket=b"x" * 900).encode()])
def test_what_is_no_data_is_withdrawn(connected, content):
    both = connected()
    content_type = ALERT if len(content) == 2 else HANDSHAKE
    reader = Reader(both).take(both.server.send_key.protect(content_type, content, 1000))
    assert EVENT_WITHDRAWN in reader.events
    assert EVENT_VERIFIED not in reader.events
    assert (reader.good, reader.apart, both.client.unverified) == (b"", b"", False)
    both.tell_protected(b"next", APPLICATION_DATA)
    assert both.client.read() == b"next"


def test_writing_goes_on_meanwhile(connected):
    both = connected()
    record = both.server.send_key.protect(APPLICATION_DATA, TEXT, 0)
    both.client.receive(record[:3000])
    assert both.client.write(b"answer") == 6
    both.client_speaks()
    assert both.server.data == b"answer"


def test_a_record_that_fits_needs_no_event(connected):
    both = connected()
    reader = Reader(both).take(both.server.send_key.protect(APPLICATION_DATA, b"short", 0))
    assert (reader.good, reader.events) == (b"short", [])
