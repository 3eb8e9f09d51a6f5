"""Servers with a raw public key instead of a certificate, and our own (RFC 7250)."""

import hashlib

import pytest
import server_identity
from server_messages import P256, message, vector
from test_client_certificates import CONTEXT, types, verify

from tlscore.clock import FixedClock
from tlscore.codepoints import CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509
from tlscore.errors import UsageError
from tlscore.trust import PinnedKeys

RAW_ONLY = (CERTIFICATE_RAW_PUBLIC_KEY,)
EITHER = (CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509)


def pinned(identity):
    return PinnedKeys([hashlib.sha256(server_identity.public_key_info(identity.key)).digest()])


@pytest.mark.parametrize("scheme", server_identity.SCHEMES)
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


# --- a raw public key of our own


def own_key(identity, **more):
    return {
        "public_key_info": server_identity.public_key_info(identity.key),
        "private_key": server_identity.private_key(identity.key),
        "send_buffer_bytes": 2048,
        **more,
    }


def choosing(kind):
    """Return an edit that has the server choose the type of our certificate."""
    return {"encrypted_extensions": lambda said: said.extensions.append((19, bytes([kind])))}


@pytest.mark.parametrize("scheme", server_identity.SCHEMES)
@pytest.mark.parametrize("suite", [0x1301, 0x1302])
def test_a_client_proves_its_raw_public_key(identities, pair, scheme, suite):
    identity = identities(scheme)
    both = pair(
        config=own_key(identity), suite=suite, request_certificate=(scheme,), edit=choosing(2)
    )
    both.client_speaks()
    assert both.server.client_hello()[3][19] == b"\x01\x02"
    server = both.connect_from_hello().server
    assert types(server.client_messages) == [1, 11, 15, 20]
    entry = vector(3, server_identity.public_key_info(identity.key)) + b"\x00\x00"
    assert server.client_messages[1] == message(11, b"\x00" + vector(3, entry))
    signed = CONTEXT + server._digest(server.before_client_messages[2])
    verify(identity, server.client_messages[2][8:], signed)


@pytest.mark.parametrize(("chosen", "shown"), [(2, "key"), (0, "chain"), (None, "chain")])
def test_a_client_with_both_shows_what_the_server_chooses(identity, pair, chosen, shown):
    config = own_key(identity, certificates=identity.chain)
    edit = {} if chosen is None else choosing(chosen)
    both = pair(config=config, request_certificate=True, edit=edit)
    both.client_speaks()
    assert both.server.client_hello()[3][19] == b"\x02\x02\x00"
    both.connect_from_hello()
    der = identity.chain[0] if shown == "chain" else server_identity.public_key_info(identity.key)
    assert both.server.client_messages[1][8:] == vector(3, der) + b"\x00\x00"


def test_a_server_that_wants_a_certificate_gets_none_of_a_client_with_a_bare_key(identity, pair):
    # RFC 8446 §4.4.2: without the extension an entry is an X.509 certificate.
    server = pair(config=own_key(identity), request_certificate=True).connect().server
    assert server.client_messages[1:-1] == [bytes([11, 0, 0, 4, 0, 0, 0, 0])]


def test_a_raw_public_key_nobody_asks_for_is_not_shown(identity, pair):
    server = pair(config=own_key(identity)).connect().server
    assert types(server.client_messages) == [1, 20]


def test_a_retry_offers_the_same_types(identity, pair):
    both = pair(
        config=own_key(identity),
        request_certificate=True,
        retry_group=P256,
        edit=choosing(2),
    ).connect()
    assert types(both.server.client_messages) == [1, 1, 11, 15, 20]


@pytest.mark.parametrize("kind", [0, 1, 3])
def test_a_type_of_ours_that_was_not_offered_is_refused(identity, pair, kind):
    both = pair(config=own_key(identity), edit=choosing(kind))
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions.unoffered_own_certificate_type", 43)


def test_a_server_that_was_offered_none_must_not_choose_ours(pair):
    both = pair(edit=choosing(2))
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions.unsolicited_extension", 110)


@pytest.mark.parametrize("scheme", server_identity.SCHEMES)
def test_two_ends_need_no_certificate_at_all(loopback, identities, scheme):
    ours, theirs = identities(0x0403), identities(scheme)
    both = loopback(
        client=own_key(theirs, certificate_types=RAW_ONLY, trust=pinned(ours)),
        certificates=(),
        certificate_types=RAW_ONLY,
        public_key_info=server_identity.public_key_info(ours.key),
        clock=FixedClock(ours.utc_seconds),
        trust=pinned(theirs),
        client_certificate_types=RAW_ONLY,
    ).connect()
    assert both.client.signatures_verified == both.server.signatures_verified == 1
    assert both.client.export(b"x", b"", 32) == both.server.export(b"x", b"", 32)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"public_key_info": b""}, r"config\.no_public_key"),
        ({"private_key": None}, r"config\.private_key"),
        ({"send_buffer_bytes": 700}, r"config\.send_buffer_bytes"),
    ],
)
def test_what_cannot_work_is_refused(client_config, identities, changes, reason):
    with pytest.raises(UsageError, match=reason):
        client_config(**{**own_key(identities(0x0804)), **changes})
