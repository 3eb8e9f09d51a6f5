"""Ephemeral keys: checked, forgotten, and refused when the source gives no key."""

import pytest

from tlscore.codepoints import SECP256R1, SECP384R1, X25519
from tlscore.entropy import HmacDrbg
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.key_exchange import KeyShare, codes, share_bytes


@pytest.fixture
def entropy():
    return HmacDrbg(bytes(range(32)))


@pytest.mark.parametrize("group", codes())
def test_both_ends_get_the_same_secret(entropy, group):
    ours, theirs = KeyShare(group, entropy), KeyShare(group, entropy)
    assert len(ours.public_key()) == share_bytes(group)
    secret = ours.shared_secret(theirs.public_key())
    assert secret == theirs.shared_secret(ours.public_key())
    assert len(secret) == (48 if group == SECP384R1 else 32)


@pytest.mark.parametrize("group", codes())
@pytest.mark.parametrize("error", [-1, 1])
def test_a_share_of_another_size_is_refused(entropy, group, error):
    share = KeyShare(group, entropy)
    with pytest.raises(PeerMisbehaved) as caught:
        share.shared_secret(bytes(share_bytes(group) + error))
    assert (caught.value.reason, caught.value.alert) == ("key_share.bad_length", 47)


@pytest.mark.parametrize("point", [0, 1])
def test_the_all_zero_secret_is_refused(entropy, point):
    # RFC 7748 §6.1: points of small order
    with pytest.raises(PeerMisbehaved) as caught:
        KeyShare(X25519, entropy).shared_secret(bytes([point]) + bytes(31))
    assert (caught.value.reason, caught.value.alert) == ("key_share.invalid", 47)


def test_a_forgotten_key_is_zero(entropy):
    share = KeyShare(X25519, entropy)
    share.forget()
    assert share._private == bytes(32)


class Constant:
    def __init__(self, *values):
        self.values = list(values)

    def fill(self, buffer):
        value = self.values.pop(0) if len(self.values) > 1 else self.values[0]
        buffer[:] = bytes([value]) * len(buffer)


def test_a_number_that_is_no_key_is_drawn_again():
    assert KeyShare(SECP256R1, Constant(0xFF, 0x00, 0x11))._private == b"\x11" * 32


@pytest.mark.parametrize("value", [0x00, 0xFF])
def test_a_source_that_never_gives_a_key_is_refused(value):
    with pytest.raises(UsageError, match=r"entropy\.no_valid_private_key"):
        KeyShare(SECP256R1, Constant(value))
