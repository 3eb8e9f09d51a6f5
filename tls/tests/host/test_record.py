"""The record layer: what it refuses, and that it holds no more than its one buffer."""

import pytest
from server_messages import ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, plain_record

from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.moving import wipe
from tlscore.outbox import RecordSender
from tlscore.record import RecordProtection, RecordReceiver
from tlscore.suites import find

UNEXPECTED_MESSAGE, BAD_RECORD_MAC, RECORD_OVERFLOW = 10, 20, 22


@pytest.fixture
def greeted(pair):
    """Return a pair whose client waits for a ServerHello."""
    both = pair()
    both.client_speaks()
    return both


@pytest.fixture
def keyed(pair):
    """Return a pair that has handshake keys; its client receives records up to 2^14 bytes."""
    both = pair(config={"record_buffer_bytes": 16645})
    both.hello()
    return both


# --- in the clear


@pytest.mark.parametrize("content_type", [0, 1, 19, 24, 72, 128, 255])
def test_an_unknown_content_type_is_refused(greeted, content_type):
    refusal = greeted.refusal(bytes([content_type, 3, 3, 0, 1]))
    assert refusal == ("record.unknown_type", UNEXPECTED_MESSAGE)


def test_an_answer_in_http_is_refused_at_its_first_bytes(greeted):
    refusal = greeted.refusal(b"HTTP/1.1 400 Bad Request\r\n")
    assert refusal == ("record.unknown_type", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("version", [0x0000, 0x0300, 0x0301, 0x0304, 0xFFFF])
def test_the_version_of_a_record_is_ignored(greeted, version):
    # RFC 8446 §5.1: legacy_record_version "MUST be ignored for all purposes".
    hello = greeted.server.server_hello()
    greeted.tell(plain_record(HANDSHAKE, hello, version))
    assert greeted.client.version == 0x0304


def test_protected_data_before_there_are_keys_is_refused(greeted):
    refusal = greeted.refusal(plain_record(APPLICATION_DATA, bytes(32)))
    assert refusal == ("record.protected_before_keys", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("content_type", [HANDSHAKE, ALERT])
def test_an_empty_record_is_refused(greeted, content_type):
    refusal = greeted.refusal(plain_record(content_type, b""))
    assert refusal == ("record.empty", UNEXPECTED_MESSAGE)


def test_a_plain_record_over_the_limit_is_refused_by_its_header(greeted):
    refusal = greeted.refusal(bytes([HANDSHAKE, 3, 3]) + (2**14 + 1).to_bytes(2, "big"))
    assert refusal == ("record.overflow", RECORD_OVERFLOW)


@pytest.mark.parametrize("content_type", [20, ALERT])
def test_what_cannot_be_longer_than_the_buffer_is_refused_by_its_header(greeted, content_type):
    refusal = greeted.refusal(bytes([content_type, 3, 3]) + (4096 + 18).to_bytes(2, "big"))
    assert refusal == ("record.exceeds_buffer", RECORD_OVERFLOW)


# --- protected


@pytest.mark.parametrize("content_type", [HANDSHAKE, ALERT])
def test_a_plain_record_once_there_are_keys_is_refused(keyed, content_type):
    refusal = keyed.refusal(plain_record(content_type, b"\x02\x28"))
    assert refusal == ("record.unprotected", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("flip", [0, 5, 20, -17, -1])
def test_a_flipped_bit_is_noticed(keyed, flip):
    record = bytearray(keyed.server.send_key.protect(HANDSHAKE, keyed.server.flight()[0]))
    record[flip] ^= 4 if flip == 0 else 1
    # Bit 2 of the first byte turns application_data (23) into 19: not even a record.
    expected = ("record.unknown_type", 10) if flip == 0 else ("record.bad_record_mac", 20)
    assert keyed.refusal(bytes(record)) == expected


def test_a_record_out_of_order_is_noticed(keyed):
    keyed.server.send_key.protect(HANDSHAKE, b"lost")
    refusal = keyed.refusal_protected(keyed.server.flight()[0])
    assert refusal == ("record.bad_record_mac", BAD_RECORD_MAC)


def test_a_repeated_record_is_noticed(keyed):
    record = keyed.server.send_key.protect(HANDSHAKE, keyed.server.flight()[0])
    keyed.tell(record)
    assert keyed.refusal(record) == ("record.bad_record_mac", BAD_RECORD_MAC)


@pytest.mark.parametrize("size", [0, 1, 15])
def test_a_record_shorter_than_its_tag_is_refused(keyed, size):
    refusal = keyed.refusal(plain_record(APPLICATION_DATA, bytes(size)))
    assert refusal == ("record.bad_record_mac", BAD_RECORD_MAC)


@pytest.mark.parametrize("padding", [0, 1, 100])
def test_a_record_of_padding_only_is_refused(keyed, padding):
    # RFC 8446 §5.4
    record = keyed.server.send_key.protect(None, b"", padding)
    assert keyed.refusal(record) == ("record.no_content_type", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("content_type", [CHANGE_CIPHER_SPEC, 1, 24, 255])
def test_an_unexpected_inner_type_is_refused(keyed, content_type):
    refusal = keyed.refusal_protected(b"\x01", content_type)
    assert refusal == ("record.unexpected_inner_type", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("content_type", [HANDSHAKE, ALERT])
@pytest.mark.parametrize("padding", [0, 50])
def test_a_protected_record_without_content_is_refused(keyed, content_type, padding):
    refusal = keyed.refusal_protected(b"", content_type, padding)
    assert refusal == ("record.empty", UNEXPECTED_MESSAGE)


def test_a_protected_record_over_the_limit_is_refused_by_its_header(keyed):
    refusal = keyed.refusal(bytes([APPLICATION_DATA, 3, 3]) + (2**14 + 257).to_bytes(2, "big"))
    assert refusal == ("record.overflow", RECORD_OVERFLOW)


@pytest.mark.parametrize("padding", [0, 1])
def test_a_plaintext_over_the_limit_is_refused(keyed, padding):
    # RFC 8446 §5.4: the inner plaintext, padding and type included, is at most 2^14 + 1 bytes.
    content = bytes(2**14 + 1 - padding)
    refusal = keyed.refusal_protected(content, HANDSHAKE, padding)
    assert refusal == ("record.plaintext_overflow", RECORD_OVERFLOW)


def test_the_largest_record_is_accepted(pair):
    both = pair(config={"record_buffer_bytes": 16645}).connect()
    both.tell_protected(b"x" * 2**14, APPLICATION_DATA)
    assert both.client.read() == b"x" * 2**14
    both.tell_protected(b"x" * 100, APPLICATION_DATA, 2**14 - 100)
    assert both.client.read() == b"x" * 100


def test_a_buffer_takes_exactly_what_it_was_made_for(pair):
    both = pair(config={"record_buffer_bytes": 2048 + 22}).connect()
    both.tell_protected(b"x" * 2048, APPLICATION_DATA)
    assert both.client.read() == b"x" * 2048
    refusal = both.refusal_protected(b"x" * 2049, APPLICATION_DATA)
    assert refusal == ("record.exceeds_buffer", RECORD_OVERFLOW)


# --- the parts


@pytest.mark.parametrize("step", [1, 2, 4, 5, 6, 100])
def test_a_receiver_takes_one_record_and_no_more(step):
    receiver = RecordReceiver(64)
    data = plain_record(HANDSHAKE, b"content") + b"\x16\x03"
    taken = 0
    while not receiver.complete:
        taken += receiver.feed(memoryview(data)[taken : taken + step])
    assert taken == len(data) - 2
    assert receiver.feed(memoryview(data)[taken:]) == 0
    assert receiver.open() == HANDSHAKE
    assert bytes(receiver.content()) == b"content"


def test_a_sender_moves_nothing_before_it_needs_room():
    sender = RecordSender(100)
    for content in (b"a" * 40, b"b" * 20):
        writer = sender.writer()
        writer.raw(content)
        sender.commit(HANDSHAKE, writer)
    sender.sent(45)
    assert bytes(sender.pending()) == plain_record(HANDSHAKE, b"b" * 20)
    assert sender._start == 45
    assert sender.room() == 100 - 25 - 22
    writer = sender.writer()
    writer.raw(b"c" * sender.room())
    sender.commit(HANDSHAKE, writer)
    assert bytes(sender.pending()[25:]) == plain_record(HANDSHAKE, b"c" * 53)


def test_a_sender_has_no_room_for_more_than_its_buffer():
    sender = RecordSender(64)
    writer = sender.writer()
    with pytest.raises(Exception, match=r"send_buffer\.too_small"):
        writer.raw(bytes(43))


def test_more_than_pending_cannot_be_sent():
    with pytest.raises(UsageError, match=r"sent\.more_than_pending"):
        RecordSender(64).sent(1)


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 200])
def test_wiping_leaves_zeros_only(size):
    buffer = bytearray(b"\xff" * size)
    wipe(buffer)
    assert buffer == bytes(size)


def test_the_receiver_refuses_before_it_decrypts(keyed):
    receiver = keyed.client._receiver
    header = bytes([APPLICATION_DATA, 3, 3, 0xFF, 0xFF])
    with pytest.raises(PeerMisbehaved):
        receiver.feed(memoryview(header))
    assert receiver.protection.sequence == 0


# --- the room of a key


class _Tables:
    """An AEAD whose room can be had for another key, as machine code's can."""

    tag_size = 16

    def rekey(self, key):
        """Take another key."""

    def count_records(self, iv):
        """Take another IV."""


class _SuiteWithRoom:
    """A suite that makes such AEADs, or takes the spare one."""

    def __init__(self):
        suite = find(0x1301)
        self.hash, self.key_bytes, self.record_limit = suite.hash, suite.key_bytes, 1 << 24
        self.made = 0

    def new_aead(self, _key, spare=None):
        self.made += spare is None
        return spare or _Tables()


def test_a_direction_without_a_key_takes_the_room_of_one_that_is_done():
    suite = _SuiteWithRoom()
    receiving = RecordProtection(suite, bytearray(32))
    sending = RecordProtection(suite, bytearray(32))
    tables = receiving.aead
    receiving.give_room(sending)
    assert sending.aead is tables
    assert suite.made == 1


def test_a_direction_that_gave_its_room_away_makes_room_for_its_next_key():
    suite = _SuiteWithRoom()
    receiving = RecordProtection(suite, bytearray(32))
    sending = RecordProtection(suite, bytearray(32))
    tables = receiving.aead
    receiving.give_room(sending)
    receiving.renew()
    assert receiving.aead is not tables
    assert suite.made == 2


def test_a_key_without_such_room_stays_where_it_is():
    receiving = RecordProtection(find(0x1301), bytearray(32))
    sending = RecordProtection(receiving.suite, bytearray(32))
    cipher = receiving.aead
    receiving.give_room(sending)
    assert receiving.cipher is cipher
    assert sending.aead is not cipher
