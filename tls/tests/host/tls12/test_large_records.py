"""Records that do not fit the buffer in TLS 1.2 (tls/LARGE_RECORDS.md)."""

import pytest
import tls12_wire as wire
from server_identity import Identity, private_key
from server_messages import message

from tlscore import states
from tlscore.connection import READ
from tlscore.errors import PeerMisbehaved
from tlscore.large_record import EVENT_VERIFIED
from tlscore.trust import TrustAnchors, anchor_from_certificate

UNEXPECTED_MESSAGE, BAD_RECORD_MAC, RECORD_OVERFLOW = 10, 20, 22
SUITES = (0xC02B, 0xC02C, 0xCCA9, 0xC0AC, 0xC0AE)  # GCM, ChaCha20, CCM, CCM_8 with ECDSA
HELLO_DONE = 14


@pytest.fixture(scope="module")
def large_identity():
    return Identity(padding_bytes=10_000)


@pytest.fixture
def greeted(pair12, large_identity):
    """Return a maker of (pair, the server's flight as messages); the client's buffer is small."""

    def make(**client):
        trust = TrustAnchors([anchor_from_certificate(large_identity.root)])
        pair = pair12(
            client={"trust": trust, "record_buffer_bytes": 600, **client},
            certificates=tuple(large_identity.chain),
            private_key=private_key(large_identity.key),
            clock=None,
        )
        # The server keeps to no size, as one does that knows no record_size_limit.
        hello = pair.hello()
        hello.drop(28)
        pair.tell(pair.server, wire.record(22, message(1, hello.body())))
        parts = wire.messages(pair.say(pair.server))
        return pair, parts

    return make


@pytest.fixture
def connected(pair12):
    """Return a maker of pairs that are connected; the client's buffer is small."""

    def make(server=None, **client):
        options = {"send_buffer_bytes": 2048, **(server or {})}
        pair = pair12(client={"record_buffer_bytes": 600, **client}, **options).connect()
        pair.client._receiver.plaintext_limit = 16384  # as if the server knew no limit
        pair.server._outbox.content_limit = 16384
        return pair

    return make


def flight_of(parts):
    return b"".join(message(*part) for part in parts)


@pytest.mark.parametrize("piece_bytes", [1, 50, 20_000])
def test_the_whole_flight_in_one_record_in_the_clear(greeted, piece_bytes):
    pair, parts = greeted()
    flight = flight_of(parts)
    assert len(flight) > 10_000
    pair.tell(pair.client, wire.record(22, flight), piece_bytes)
    assert pair.client.signatures_verified == 2
    assert len(pair.client.to_send())


@pytest.mark.parametrize("more", [b"\x00\x00\x00\x00", b"\x0e"])
def test_hello_done_has_to_end_its_record(greeted, more):
    pair, parts = greeted()
    assert parts[-1][0] == HELLO_DONE
    refusal = pair.refusal(pair.client, wire.record(22, flight_of(parts) + more))
    assert refusal == ("handshake.not_at_record_end", UNEXPECTED_MESSAGE)


def test_a_message_that_ends_a_piece_does_not_end_its_record(greeted):
    """The end of a piece is where ServerHelloDone ends, and more follows in the record."""
    for size in range(64, 704, 64):
        pair, parts = greeted(record_buffer_bytes=size + 5 + 64 + 40)
        flight = flight_of(parts)
        refusal = pair.refusal(pair.client, wire.record(22, flight + bytes(200)))
        assert refusal == ("handshake.not_at_record_end", UNEXPECTED_MESSAGE)


def test_what_is_wrong_in_the_clear_is_told_at_once(greeted):
    pair, parts = greeted(server_name="another.example")
    record = wire.record(22, flight_of(parts) + bytes(1000))
    assert pair.refusal(pair.client, record[:-1]) == ("certificate.name_mismatch", 42)


def test_data_that_were_not_asked_for_are_refused_by_the_header(connected):
    pair = connected()
    pair.server.write(bytes(900))
    record = pair.say(pair.server)
    assert pair.refusal(pair.client, record[:5]) == ("record.exceeds_buffer", RECORD_OVERFLOW)


@pytest.mark.parametrize("suite", SUITES)
def test_data_are_read_as_they_come_and_verified_at_the_end(connected, suite):
    suites = {"suites": (suite,)}
    pair = connected(suites, staged_data=True, **suites)
    for text in (bytes(900), bytes(i & 0xFF for i in range(995))):
        assert pair.server.write(text) == len(text)
        record = pair.say(pair.server)
        heard, apart = b"", b""
        for at in range(0, len(record), 100):
            rest = record[at : at + 100]
            while rest:
                rest = rest[pair.client.receive(rest) :]
                if EVENT_VERIFIED in pair.events(pair.client):
                    heard, apart = heard + apart, b""
                while pair.client.wants & READ:
                    if pair.client.unverified:
                        apart += pair.client.read()
                    else:
                        heard += pair.client.read()
        assert (heard, apart) == (text, b"")
    assert pair.client.write(b"answer")
    assert pair.carry()[1] == b"answer"


@pytest.mark.parametrize("at", [5, 13, 100, -1])
def test_a_forged_record_is_never_verified(connected, at):
    pair = connected(staged_data=True)
    pair.server.write(bytes(range(250)) * 4)
    record = bytearray(pair.say(pair.server))
    record[at] ^= 1
    with pytest.raises(PeerMisbehaved) as caught:
        pair.tell(pair.client, record)
    assert (caught.value.reason, caught.value.alert) == ("record.bad_record_mac", BAD_RECORD_MAC)
    assert EVENT_VERIFIED not in pair.events(pair.client)
    assert pair.client.state == states.FAILED


def test_a_large_record_of_messages_under_keys_waits_for_its_tag(connected):
    """A HelloRequest may come then; what else may not is told when the tag is right."""
    for forged, reason in ((0, "handshake.unexpected_message"), (1, "record.bad_record_mac")):
        pair = connected()
        pair.server._busy = False
        outbox = pair.server._outbox
        writer = outbox.writer()
        writer.raw(message(11, bytes(900)))
        outbox.commit(22, writer)
        record = bytearray(pair.say(pair.server))
        record[-1] ^= forged
        pair.tell(pair.client, record[:-1])
        assert pair.client.state == states.CONNECTED
        assert pair.refusal(pair.client, record[-1:])[0] == reason
