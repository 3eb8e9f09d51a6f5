"""Tickets, change_cipher_spec and other things a peer may send: accepted, but not without end."""

import pytest
from server_messages import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    NewSessionTicket,
    key_update,
    plain_record,
)

from tlscore.connection import EVENT_TICKET

UNEXPECTED_MESSAGE = 10
USER_CANCELED = b"\x01\x5a"


@pytest.fixture
def connected(connected_pair):
    return connected_pair()


@pytest.mark.parametrize(
    "ticket",
    [
        NewSessionTicket(),
        NewSessionTicket(nonce=b"", ticket=b"t"),
        NewSessionTicket(nonce=bytes(255), ticket=bytes(3000), lifetime=604800),
        NewSessionTicket(extensions=[(42, b"\x00\x00\x40\x00"), (0xABCD, b"unknown")]),
    ],
)
def test_a_ticket_is_accepted_and_dropped(connected, ticket):
    connected.tell_protected(ticket.encode())
    assert connected.events() == [EVENT_TICKET]
    connected.tell_protected(b"data", APPLICATION_DATA)
    assert connected.client.read() == b"data"


def test_tickets_may_share_a_record(connected):
    connected.tell_protected(NewSessionTicket().encode() * 3)
    assert connected.events() == [EVENT_TICKET]


@pytest.mark.parametrize(
    ("ticket", "reason", "alert"),
    [
        (NewSessionTicket(lifetime=604801), "lifetime", 47),
        (NewSessionTicket(ticket=b""), "bad_length", 50),
        (NewSessionTicket(trailing=b"\x00"), "trailing_data", 50),
        (NewSessionTicket(extensions=[(42, b""), (42, b"")]), "duplicate_extension", 47),
        (NewSessionTicket(extensions=[(51, b"")]), "misplaced_extension", 47),
        (NewSessionTicket(extensions=[(n, b"") for n in range(500, 533)]),
         "too_many_extensions", 47),
    ],
)  # fmt: skip
def test_a_malformed_ticket_is_refused(connected, ticket, reason, alert):
    refusal = connected.refusal_protected(ticket.encode())
    assert refusal == ("new_session_ticket." + reason, alert)


# --- a peer that only makes us work


def test_empty_records_without_end_are_refused(connected):
    for _ in range(32):
        connected.tell_protected(b"", APPLICATION_DATA)
    refusal = connected.refusal_protected(b"", APPLICATION_DATA)
    assert refusal == ("record.too_many_empty", UNEXPECTED_MESSAGE)


def test_key_updates_without_end_are_refused(connected):
    for _ in range(32):
        connected.tell_protected(key_update(0))
        connected.server.send_key = connected.server.send_key.update()
    refusal = connected.refusal_protected(key_update(0))
    assert refusal == ("key_update.too_many", UNEXPECTED_MESSAGE)


def test_tickets_without_end_are_refused(connected):
    for _ in range(32):
        connected.tell_protected(NewSessionTicket().encode())
    refusal = connected.refusal_protected(NewSessionTicket().encode())
    assert refusal == ("new_session_ticket.too_many", UNEXPECTED_MESSAGE)


def test_warnings_without_end_are_refused(connected):
    for _ in range(4):
        connected.tell_protected(USER_CANCELED, ALERT)
    refusal = connected.refusal_protected(USER_CANCELED, ALERT)
    assert refusal == ("alert.too_many_warnings", UNEXPECTED_MESSAGE)


def test_data_renews_the_patience(connected):
    for _ in range(3):
        for _ in range(20):
            connected.tell_protected(b"", APPLICATION_DATA)
            connected.tell_protected(key_update(0))
            connected.server.send_key = connected.server.send_key.update()
            connected.tell_protected(NewSessionTicket().encode())
        connected.tell_protected(b"data", APPLICATION_DATA)
        assert connected.client.read() == b"data"


# --- change_cipher_spec

CCS = plain_record(CHANGE_CIPHER_SPEC, b"\x01")


def test_change_cipher_spec_is_dropped_until_finished(pair):
    both = pair()
    both.client_speaks()
    both.tell(CCS)
    both.answer_hello()
    both.tell(CCS)
    both.finish_handshake()
    assert both.refusal(CCS) == ("change_cipher_spec.unexpected", UNEXPECTED_MESSAGE)


@pytest.mark.parametrize("content", [b"\x00", b"\x02", b"\x01\x01"])
def test_another_change_cipher_spec_is_refused(pair, content):
    both = pair()
    both.hello()
    refusal = both.refusal(plain_record(CHANGE_CIPHER_SPEC, content))
    assert refusal == ("change_cipher_spec.unexpected", UNEXPECTED_MESSAGE)


def test_empty_change_cipher_spec_is_refused(pair):
    both = pair()
    both.hello()
    assert both.refusal(plain_record(20, b"")) == ("record.empty", UNEXPECTED_MESSAGE)


def test_change_cipher_specs_without_end_are_refused(pair):
    both = pair()
    both.client_speaks()
    both.tell(CCS + CCS)
    assert both.refusal(CCS) == ("change_cipher_spec.too_many", UNEXPECTED_MESSAGE)
