"""Servers with a raw public key instead of a certificate (RFC 7250)."""

import hashlib

import pytest
import server_double as double

from tlscore.codepoints import CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509
from tlscore.trust import PinnedKeys

RAW_ONLY = (CERTIFICATE_RAW_PUBLIC_KEY,)
EITHER = (CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509)


def pinned(identity):
    return PinnedKeys([hashlib.sha256(double.public_key_info(identity.key)).digest()])


@pytest.mark.parametrize("scheme", double.SCHEMES)
@pytest.mark.parametrize("kinds", [RAW_ONLY, EITHER, EITHER[::-1]])
def test_a_pinned_key_is_enough(identities, pair, scheme, kinds):
    identity = identities(scheme)
    config = {"certificate_types": kinds, "trust": pinned(identity)}
    both = pair(config=config, identity=identity, certificate_type=2)
    both.client_speaks()
    assert both.server.client_hello()[3][20] == bytes([len(kinds), *kinds])
    both.connect_from_hello()
    assert both.client.signature_scheme == scheme
    assert both.client.signatures_verified == 1


def test_another_key_is_refused(identities, pair):
    config = {"certificate_types": RAW_ONLY, "trust": pinned(identities(0x0503))}
    both = pair(config=config, certificate_type=2)
    both.hello()
    reason, alert = both.refusal_protected(b"".join(both.server.flight()))
    assert (reason, alert) == ("certificate.not_pinned", 46)


@pytest.mark.parametrize("chosen", [0, None])
def test_a_certificate_is_taken_where_either_was_offered(identity, pair, chosen):
    both = pair(config={"certificate_types": EITHER[::-1]}, certificate_type=chosen).connect()
    assert both.client.signatures_verified == 2


@pytest.mark.parametrize("chosen", [0, None, 1, 255])
def test_a_type_that_was_not_offered_is_refused(identity, pair, chosen):
    config = {"certificate_types": RAW_ONLY, "trust": pinned(identity)}
    both = pair(config=config, certificate_type=chosen)
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions.unoffered_certificate_type", 43)


def test_a_server_that_was_not_asked_must_not_choose(pair):
    both = pair(certificate_type=2)
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions.unsolicited_extension", 110)


@pytest.mark.parametrize("kinds", [(), (1,), (0, 7)])
def test_types_that_do_not_exist_are_refused(client_config, kinds):
    with pytest.raises(Exception, match=r"config\.certificate_types"):
        client_config(certificate_types=kinds)
