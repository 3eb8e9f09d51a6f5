"""The traces of RFC 8448, replayed by tests/portable/rfc8448_checks.py, here on CPython."""

import board_checks
import pytest
import trace_files
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tlscore import client_hello_parser, psk, server_psk
from tlscore.crypto.hashes import SHA256
from tlscore.errors import PeerMisbehaved

TRACES = trace_files.read("rfc8448.traces")


@pytest.fixture(scope="module")
def checks():
    return board_checks.load("rfc8448_checks")


@pytest.mark.parametrize("name", TRACES)
def test_trace_is_replayed_to_the_octet(checks, name):
    assert len(checks.replay(TRACES[name])) == 5


def test_a_trace_with_one_bit_changed_is_noticed(checks):
    trace = dict(TRACES["simple_1rtt"])
    flight = bytearray(trace["record_server_flight"])
    flight[-1] ^= 1
    trace["record_server_flight"] = bytes(flight)
    with pytest.raises(Exception, match="bad_record_mac"):
        checks.replay(trace)


def test_the_binder_of_the_trace_is_right_to_our_server():
    trace = TRACES["resumed_0rtt"]
    message = memoryview(trace["record_client_hello"])[5:]
    hello = client_hello_parser.parse(message[4:])
    key = server_psk.AcceptedKey(0, trace["resumption_psk"], psk.RESUMPTION, None, None)
    digest = SHA256.new(message[: 4 + hello.binders_at]).digest()
    server_psk.check_binder(key, hello, SHA256, digest)
    key.label = psk.EXTERNAL
    with pytest.raises(PeerMisbehaved, match=r"client_hello\.wrong_binder"):
        server_psk.check_binder(key, hello, SHA256, digest)


def test_another_pre_shared_key_makes_another_binder(checks):
    trace = dict(TRACES["resumed_0rtt"], resumption_psk=bytes(32))
    with pytest.raises(AssertionError):
        checks.replay(trace)


RSA_TRACES = [name for name in TRACES if name not in ("client_authentication", "resumed_0rtt")]


@pytest.mark.parametrize("name", RSA_TRACES)
def test_the_rsa_signatures_compared_in_the_replay_are_genuine(name):
    trace = TRACES[name]
    certificate = x509.load_der_x509_certificate(trace["message_certificate"][11:-2])
    certificate.public_key().verify(
        trace["server_signature"],
        trace["server_signed_content"],
        padding.PSS(padding.MGF1(hashes.SHA256()), 32),
        hashes.SHA256(),
    )
