"""The key schedule, against the values in the text of RFC 8448 §3, and the transcript hash."""

import hashlib

import pytest

from tlscore.crypto import hkdf
from tlscore.crypto.hashes import SHA256, SHA384
from tlscore.crypto.hmac import hmac
from tlscore.errors import UsageError
from tlscore.schedule import (
    KeySchedule,
    expand_label,
    exported_keying_material,
    finished_verify_data,
    hash_of_nothing,
    next_traffic_secret,
    traffic_key,
)
from tlscore.transcript import Transcript, message_hash

EMPTY_HASH = hashlib.sha256().digest()
# RFC 8448 §3: the shared secret of the example, and secrets derived from it.
SHARED = "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"
HELLOS = "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8"
CLIENT_HANDSHAKE = "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"
SERVER_HANDSHAKE = "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"
SERVER_KEY, SERVER_IV = "3fce516009c21727d0f2e4e86ee403bc", "5d313eb2671276ee13000b30"


@pytest.fixture
def handshake_schedule():
    schedule = KeySchedule(SHA256)
    schedule.mix(bytes.fromhex(SHARED))
    return schedule


def test_handshake_secrets_are_those_of_the_rfc(handshake_schedule):
    labels = b"c hs traffic", b"s hs traffic"
    secrets = handshake_schedule.derive(bytes.fromhex(HELLOS), *labels)
    assert [secret.hex() for secret in secrets] == [CLIENT_HANDSHAKE, SERVER_HANDSHAKE]


def test_traffic_keys_are_those_of_the_rfc():
    secret = bytes.fromhex(SERVER_HANDSHAKE)
    assert expand_label(SHA256, secret, b"key", b"", 16).hex() == SERVER_KEY
    assert expand_label(SHA256, secret, b"iv", b"", 12).hex() == SERVER_IV
    assert [part.hex() for part in traffic_key(SHA256, secret, 16)] == [SERVER_KEY, SERVER_IV]


@pytest.mark.parametrize("hash_", [SHA256, SHA384])
def test_what_is_derived_is_expanded_from_its_label(hash_):
    secret, nothing = bytes(range(hash_.size)), hash_.new().digest()
    assert hash_of_nothing(hash_) == nothing
    key, iv = traffic_key(hash_, secret, 32)
    assert key == expand_label(hash_, secret, b"key", b"", 32)
    assert iv == expand_label(hash_, secret, b"iv", b"", 12)
    finished_key = expand_label(hash_, secret, b"finished", b"", hash_.size)
    assert finished_verify_data(hash_, secret, nothing) == hmac(hash_, finished_key, nothing)
    early = hkdf.extract(hash_, bytes(hash_.size), secret)
    derived = KeySchedule(hash_, secret).derive(nothing, b"one", b"another")
    assert derived == [
        expand_label(hash_, early, label, nothing, hash_.size) for label in (b"one", b"another")
    ]


def test_no_psk_is_a_psk_of_zeros():
    without, zeros = KeySchedule(SHA256), KeySchedule(SHA256, bytes(32))
    other = KeySchedule(SHA256, b"\x01" * 32)
    derived = [schedule.derive(EMPTY_HASH, b"x") for schedule in (without, zeros, other)]
    assert derived[0] == derived[1] != derived[2]


def test_each_traffic_secret_differs_from_the_last():
    secret = bytes(32)
    seen = set()
    for _ in range(5):
        secret = next_traffic_secret(SHA256, secret)
        seen.add(secret)
    assert len(seen) == 5


def test_finished_depends_on_key_and_transcript():
    values = {
        finished_verify_data(SHA256, key * 32, transcript * 32)
        for key in (b"a", b"b")
        for transcript in (b"c", b"d")
    }
    assert len(values) == 4


def test_exports_differ_by_label_context_and_length():
    values = {
        exported_keying_material(SHA256, bytes(32), label, context, length)[:16]
        for label in (b"one", b"two")
        for context in (b"", b"x")
        for length in (16, 32)
    }
    assert len(values) == 8


@pytest.mark.parametrize(
    ("label", "context", "length"),
    [(b"", b"", 1), (b"x" * 250, b"", 1), (b"x", bytes(256), 1), (b"x", b"", 8161)],
)
def test_what_does_not_fit_an_hkdf_label_is_refused(label, context, length):
    with pytest.raises(UsageError, match=r"schedule\.label_out_of_range"):
        expand_label(SHA256, bytes(32), label, context, length)


def test_the_largest_labels_fit():
    assert len(expand_label(SHA256, bytes(32), b"x" * 249, bytes(255), 255 * 32)) == 8160


def test_every_digest_is_of_what_came_before_it():
    transcript = Transcript(SHA256, 3)
    transcript.update(b"one")
    first = transcript.digest()
    transcript.update(memoryview(b"two"))
    second = transcript.digest()
    transcript.drop()
    assert first == hashlib.sha256(b"one").digest()
    assert second == hashlib.sha256(b"onetwo").digest()
    with pytest.raises(IndexError):
        transcript.digest()


def test_the_first_hello_becomes_a_message_hash():
    # RFC 8446 §4.4.1
    expected = b"\xfe\x00\x00\x20" + hashlib.sha256(b"hello").digest()
    assert message_hash(SHA256, b"hello") == expected
