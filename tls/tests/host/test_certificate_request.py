"""What our server asks of clients' certificates (RFC 8446 §4.3.2, §4.2.3, §4.2.4)."""

import pytest
from client_messages import codes
from cryptography import x509
from server_identity import private_key
from server_messages import message, vector

from tlscore.clock import FixedClock
from tlscore.errors import UsageError
from tlscore.trust import TrustAnchors, anchor_from_certificate, name_from_certificate


def asking(identity, authorities=()):
    return {
        "clock": FixedClock(identity.utc_seconds),
        "trust": TrustAnchors([anchor_from_certificate(identity.root)], authorities=authorities),
    }


def requested(one):
    """Return {extension: content} of the CertificateRequest of a bench's server."""
    (request,) = [said for said in one.flight if said[0] == 13]
    assert request[4:5] == b"\x00", "context"
    assert request == message(13, b"\x00" + vector(2, request[7:]))
    block, found = request[7:], {}
    while block:
        size = int.from_bytes(block[2:4], "big")
        found[int.from_bytes(block[:2], "big")] = block[4 : 4 + size]
        block = block[4 + size :]
    return found


def test_pkcs1_v1_5_is_asked_for_in_certificates_only(bench, identity):
    one = bench(**asking(identity), signature_schemes=(0x0403, 0x0401, 0x0804)).hello()
    assert requested(one) == {13: codes(0x0403, 0x0804), 50: codes(0x0403, 0x0401, 0x0804)}


def test_one_list_is_enough_where_both_are_the_same(bench, identity):
    one = bench(**asking(identity), signature_schemes=(0x0804, 0x0403)).hello()
    assert requested(one) == {13: codes(0x0804, 0x0403)}


def test_schemes_for_certificates_alone_are_refused(server_config):
    with pytest.raises(UsageError, match=r"config\.no_signature_schemes"):
        server_config(signature_schemes=(0x0401, 0x0501))


def test_the_authorities_of_the_trust_store_are_named(bench, identities):
    names = [name_from_certificate(identities(scheme).root) for scheme in (0x0403, 0x0503)]
    names.append(name_from_certificate(identities(0x0403).chain[0]))
    one = bench(**asking(identities(0x0403), names)).hello()
    assert requested(one)[47] == vector(2, b"".join(vector(2, name) for name in names))


def test_a_name_is_that_of_the_subject(identity):
    for der in (identity.root, identity.chain[0]):
        expected = x509.load_der_x509_certificate(der).subject.public_bytes()
        assert name_from_certificate(der) == expected


def test_more_names_than_the_send_buffer_holds_are_refused_at_once(server_config, identity):
    names = [name_from_certificate(identity.root)] * 50
    with pytest.raises(UsageError, match=r"config\.send_buffer_bytes"):
        server_config(**asking(identity, names))
    server_config(**asking(identity, names), send_buffer_bytes=2048)


@pytest.mark.parametrize("named", ["root", "other"])
def test_our_client_shows_its_certificate_whoever_is_named(loopback, identities, named):
    # RFC 8446 §4.4.2.3: a certificate of the chain "SHOULD be issued by one of the listed CAs".
    # A client with one identity leaves the verdict to the server: names may differ where paths
    # do (cross-signed authorities), and a refusal says more than an empty Certificate.
    theirs = identities(0x0403)
    other = identities(0x0503).chain[0]
    names = [name_from_certificate(theirs.root if named == "root" else other)]
    both = loopback(
        client={
            "certificates": tuple(theirs.chain),
            "private_key": private_key(theirs.key),
            "send_buffer_bytes": 2048,
        },
        **asking(theirs, names),
    ).connect()
    assert both.server.client_key is not None
