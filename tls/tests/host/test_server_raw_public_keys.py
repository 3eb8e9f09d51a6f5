"""Our server with a raw public key, and clients with one (RFC 7250, RFC 8446 §4.4.2)."""

import hashlib

import pytest
import server_identity
from client_messages import ClientHello
from server_messages import message, vector
from test_server import certificate_message, certificate_verify

from tlscore import states
from tlscore.clock import FixedClock
from tlscore.codepoints import CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509
from tlscore.crypto.signature import public_of
from tlscore.errors import UsageError
from tlscore.trust import PinnedKeys, TrustAnchors, anchor_from_certificate

X509, RAW = CERTIFICATE_X509, CERTIFICATE_RAW_PUBLIC_KEY
UNSUPPORTED = 43
CLIENT_TYPE, SERVER_TYPE = 19, 20


def pinned(identity):
    return PinnedKeys([hashlib.sha256(server_identity.public_key_info(identity.key)).digest()])


def raw_key(identity, *types):
    """Return what a server's configuration needs to show its raw public key."""
    return {
        "public_key_info": server_identity.public_key_info(identity.key),
        "certificate_types": types or (RAW,),
    }


def answered(one):
    """Return {extension: content} of EncryptedExtensions."""
    (said,) = [said for said in one.flight if said[0] == 8]
    block, found = said[6:], {}
    while block:
        size = int.from_bytes(block[2:4], "big")
        found[int.from_bytes(block[:2], "big")] = block[4 : 4 + size]
        block = block[4 + size :]
    return found


def shown(one):
    """Return the Certificate message of the server."""
    return next(said for said in one.flight if said[0] == 11)


def listing(kind, *types):
    return ClientHello().put(kind, vector(1, bytes(types)))


# --- the server's key


@pytest.mark.parametrize("scheme", server_identity.SCHEMES)
@pytest.mark.parametrize("types", [(RAW,), (RAW, X509), (X509, RAW)])
def test_our_client_takes_the_key_it_has_pinned(loopback, identities, scheme, types):
    identity = identities(scheme)
    client = {"certificate_types": types, "trust": pinned(identity)}
    server = raw_key(identity)
    both = loopback(scheme=scheme, client=client, certificates=(), **server).connect()
    assert both.client.signatures_verified == 1
    assert both.client.export(b"x", b"", 32) == both.server.export(b"x", b"", 32)


def test_the_key_is_sent_instead_of_the_chain_and_the_type_is_named(bench, identity):
    info = server_identity.public_key_info(identity.key)
    one = bench(**raw_key(identity, RAW, X509)).hello(listing(SERVER_TYPE, X509, RAW))
    assert answered(one) == {SERVER_TYPE: bytes([RAW])}
    assert shown(one) == message(11, b"\x00" + vector(3, vector(3, info) + b"\x00\x00"))
    one.send(one.finished())
    assert one.server.state == states.CONNECTED


@pytest.mark.parametrize(
    ("ours", "listed", "chosen"),
    [
        ((RAW, X509), (X509,), X509),
        ((RAW, X509), (1, X509), X509),
        ((X509, RAW), (RAW, X509), X509),
        ((X509, RAW), (RAW,), RAW),
        ((X509,), (RAW, X509), X509),
        ((RAW, X509), None, None),
    ],
)
def test_the_servers_order_decides(bench, identity, ours, listed, chosen):
    hello = ClientHello() if listed is None else listing(SERVER_TYPE, *listed)
    one = bench(**raw_key(identity, *ours)).hello(hello)
    assert answered(one) == ({} if chosen is None else {SERVER_TYPE: bytes([chosen])})
    chain = [server_identity.public_key_info(identity.key)] if chosen == RAW else identity.chain
    assert shown(one) == certificate_message(chain)


@pytest.mark.parametrize(
    ("ours", "listed"), [((RAW,), None), ((RAW,), (X509,)), ((X509,), (RAW,)), ((X509,), (1, 3))]
)
def test_without_a_type_in_common_the_client_is_refused(bench, identity, ours, listed):
    hello = ClientHello() if listed is None else listing(SERVER_TYPE, *listed)
    refused = bench(**raw_key(identity, *ours)).refusal_of(hello.encode())
    assert refused == ("client_hello.no_common_certificate_type", UNSUPPORTED)


def test_a_retry_keeps_the_type(bench, identity):
    first = listing(SERVER_TYPE, RAW).put(51, vector(2, b""))
    one = bench(**raw_key(identity)).hello(first)
    one.hello(listing(SERVER_TYPE, RAW))
    assert answered(one) == {SERVER_TYPE: bytes([RAW])}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"certificate_types": ()}, "certificate_types"),
        ({"certificate_types": (1,)}, "certificate_types"),
        ({"client_certificate_types": (0, 9)}, "certificate_types"),
        ({"certificate_types": (RAW,)}, "no_public_key"),
        ({"certificate_types": (X509, RAW), "public_key_info": b""}, "no_public_key"),
        ({"certificates": ()}, "no_certificate"),
    ],
)
def test_what_is_missing_is_named(server_config, changes, reason):
    with pytest.raises(UsageError, match=r"config\." + reason):
        server_config(**changes)


# --- the client's key


def asking(identity, *types, **more):
    return {
        "clock": FixedClock(identity.utc_seconds),
        "trust": pinned(identity),
        "client_certificate_types": types or (RAW,),
        **more,
    }


def test_a_client_with_a_pinned_key_is_known(bench, identity):
    one = bench(**asking(identity)).hello(listing(CLIENT_TYPE, RAW))
    assert answered(one) == {CLIENT_TYPE: bytes([RAW])}
    assert [said[0] for said in one.flight] == [2, 8, 13, 11, 15, 20]
    one.send(certificate_message([server_identity.public_key_info(identity.key)]))
    one.send(certificate_verify(identity, one))
    one.send(one.finished())
    assert one.server.state == states.CONNECTED
    assert one.server.client_key == public_of(server_identity.private_key(identity.key))
    assert one.server.signatures_verified == 1


def test_a_client_with_another_key_is_refused(bench, identities):
    one = bench(**asking(identities(0x0403))).hello(listing(CLIENT_TYPE, RAW))
    other = server_identity.public_key_info(identities(0x0503).key)
    refused = one.refusal_of(certificate_message([other]))
    assert refused == ("certificate.not_pinned", 46)


def test_two_keys_are_refused(bench, identity):
    # RFC 8446 §4.4.2: "the certificate_list MUST contain no more than one CertificateEntry".
    one = bench(**asking(identity)).hello(listing(CLIENT_TYPE, RAW))
    info = server_identity.public_key_info(identity.key)
    reason, _ = one.refusal_of(certificate_message([info, info]))
    assert reason == "certificate.chain_too_long"


def test_the_key_must_be_the_clients_own(bench, identity):
    one = bench(**asking(identity)).hello(listing(CLIENT_TYPE, RAW))
    one.send(certificate_message([server_identity.public_key_info(identity.key)]))
    wrong = certificate_verify(identity, one, by=b"server")
    assert one.refusal_of(wrong) == ("certificate_verify.bad_signature", 51)


def test_a_certificate_is_asked_for_where_the_server_prefers_it(bench, identity):
    trust = TrustAnchors([anchor_from_certificate(identity.root)])
    one = bench(**asking(identity, X509, RAW, trust=trust)).hello(listing(CLIENT_TYPE, RAW, X509))
    assert answered(one) == {CLIENT_TYPE: bytes([X509])}
    one.send(certificate_message(identity.chain))
    assert one.server.signatures_verified == 1


@pytest.mark.parametrize("listed", [None, (X509,), (1,)])
def test_a_client_that_has_no_raw_key_is_refused_or_not_asked(bench, identity, listed):
    hello = ClientHello() if listed is None else listing(CLIENT_TYPE, *listed)
    refused = bench(**asking(identity)).refusal_of(hello.encode())
    assert refused == ("client_hello.no_common_client_certificate_type", UNSUPPORTED)
    one = bench(**asking(identity, certificate_required=False)).hello(hello)
    # RFC 7250 §4.2: without a certificate_request the extension "MUST be omitted".
    assert answered(one) == {}
    assert [said[0] for said in one.flight] == [2, 8, 11, 15, 20]
    one.send(one.finished())
    assert one.server.state == states.CONNECTED


def test_types_of_clients_that_are_not_asked_are_not_answered(bench):
    assert answered(bench().hello(listing(CLIENT_TYPE, RAW, X509))) == {}
