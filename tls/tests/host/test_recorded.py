"""Recorded handshakes between other stacks, replayed by tests/portable/recorded_checks.py."""

import hashlib

import board_checks
import pytest
import trace_files
from traffic_keys import expand_label

from tlscore.errors import PeerMisbehaved

HELLO, SERVER_HELLO, TICKET, EXTENSIONS, CERTIFICATE = 1, 2, 4, 8, 11
REQUEST, VERIFY, FINISHED = 13, 15, 20
WITH_CERTIFICATE = [SERVER_HELLO, EXTENSIONS, CERTIFICATE, VERIFY, FINISHED, TICKET, TICKET]
# name -> (records, signatures verified, messages of the client, messages of the server)
FOUND = {
    "tls13-hrr": (16, 2, [HELLO, HELLO, FINISHED], [SERVER_HELLO, *WITH_CERTIFICATE]),
    "tls13-mutual": (
        17,
        4,
        [HELLO, CERTIFICATE, VERIFY, FINISHED],
        [*WITH_CERTIFICATE[:2], REQUEST, *WITH_CERTIFICATE[2:]],
    ),
    "tls13-psk": (13, 0, [HELLO, FINISHED], [*WITH_CERTIFICATE[:2], FINISHED, TICKET, TICKET]),
    "tls13-rpk": (14, 1, [HELLO, FINISHED], WITH_CERTIFICATE),
    "tls13-x509": (14, 2, [HELLO, FINISHED], WITH_CERTIFICATE),
}
# Hello messages of older versions: whose, and what a server of TLS 1.3 and a client make of them.
OLDER = ("axtls149_esp8266_tls11", "bearssl_2018-03")


TRACES = trace_files.read("recorded.traces")


@pytest.fixture(scope="module")
def checks():
    return board_checks.load("recorded_checks")


def test_every_trace_is_replayed():
    assert TRACES.keys() == {*FOUND, *OLDER}


@pytest.mark.parametrize("name", FOUND)
def test_a_recording_is_decrypted_read_and_verified(checks, name):
    found = checks.job(None, TRACES[name])
    assert tuple(found[:4]) == FOUND[name]
    assert found[4] == b"hello\n"
    assert found[5] in (b"", b"hello\n")
    assert found[6]


@pytest.mark.parametrize("name", FOUND)
def test_the_exporter_agrees_with_another_implementation(checks, name):
    # RFC 8446 §7.5: a secret for the label, and of that one for the context.
    secret = TRACES[name]["secret_exporter_secret"]
    nothing = hashlib.sha256(b"").digest()
    secret = expand_label("sha256", secret, b"EXPORTER-hil", nothing, 32)
    expected = expand_label("sha256", secret, b"exporter", nothing, 32)
    assert checks.job(None, TRACES[name])[7] == expected


def flipped(trace, field, at):
    octets = bytearray(trace[field])
    octets[at] ^= 1
    return {**trace, field: bytes(octets)}


@pytest.mark.parametrize(
    ("name", "field", "at", "reason"),
    [
        ("tls13-x509", "secret_client_traffic_secret_0", 0, "record.bad_record_mac"),
        ("tls13-mutual", "flight_03_server", -1, "record.bad_record_mac"),
        # A bit of a random: the transcript is another, so every proof over it fails.
        ("tls13-hrr", "flight_03_server", 20, "certificate_verify.bad_signature"),
        ("tls13-rpk", "raw_key", -1, "certificate.not_pinned"),
        ("tls13-x509", "authority", 200, "certificate.bad_signature"),
    ],
)
def test_one_bit_changed_is_noticed(checks, name, field, at, reason):
    with pytest.raises(PeerMisbehaved) as caught:
        checks.job(None, flipped(TRACES[name], field, at))
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("field", "at"),
    [("psk", 0), ("flight_00_client", 20), ("flight_00_client", -1), ("flight_01_server", 20)],
)
def test_a_wrong_key_binder_or_finished_is_noticed(checks, field, at):
    with pytest.raises(AssertionError):
        checks.job(None, flipped(TRACES["tls13-psk"], field, at))


# --- older versions, as they were on the wire

PROTOCOL_VERSION = 70


@pytest.mark.parametrize("name", OLDER)
def test_an_old_clients_hello_is_refused_by_its_version(bench, name):
    refusal = bench().refusal(TRACES[name]["flight_00_client"])
    assert refusal == ("client_hello.version_not_supported", PROTOCOL_VERSION)


@pytest.mark.parametrize("name", OLDER)
def test_an_old_servers_answer_is_refused_by_its_version(pair, name):
    # BearSSL's ServerHello does not end its record: Certificate and more follow in it.
    both = pair()
    both.client_speaks()
    refusal = both.refusal(TRACES[name]["flight_01_server"])
    assert refusal == ("server_hello.version_not_supported", PROTOCOL_VERSION)
