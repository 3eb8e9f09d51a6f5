"""What the ends prove themselves with: certificates and raw public keys, under loss too."""

import hashlib

import pytest
import server_identity
from dtls_network import Fate

from tlscore.clock import FixedClock
from tlscore.trust import PinnedKeys, TrustAnchors, anchor_from_certificate

X509, RAW = 0, 2


def pinned(identity):
    info = server_identity.public_key_info(identity.key)
    return PinnedKeys([hashlib.sha256(info).digest()])


def raw(identity):
    return {
        "public_key_info": server_identity.public_key_info(identity.key),
        "private_key": server_identity.private_key(identity.key),
    }


def certified(identity):
    return {
        "certificates": tuple(identity.chain),
        "private_key": server_identity.private_key(identity.key),
        "send_buffer_bytes": 2048,
    }


def meets(network, client, server, fate=None):
    """Return (client's host, the server's connection) after their handshake."""
    made = network(fate, by_key=False, **server)
    host = made.join(made.ends.client(**client))
    made.run(60000, made.connected)
    (session,) = [session for session in made.listener.sessions if session is not None]
    return host, session.connection


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_client_shows_its_certificate(network, identity, seed):
    trust = TrustAnchors([anchor_from_certificate(identity.root)])
    server = {"trust": trust, "clock": FixedClock(identity.utc_seconds), "datagram_bytes": 300}
    fate = None if seed is None else Fate(seed, loss=0.2)
    client = {**certified(identity), "datagram_bytes": 400}
    host, connection = meets(network, client, server, fate)
    assert host.error is None
    assert host.connected_ms is not None
    assert connection.client_key is not None
    assert connection.signatures_verified >= 2


def test_a_client_without_the_certificate_asked_for_is_refused(network, identity):
    trust = TrustAnchors([anchor_from_certificate(identity.root)])
    server = {"trust": trust, "clock": FixedClock(identity.utc_seconds)}
    made = network(by_key=False, **server)
    host = made.join(made.ends.client())
    made.run(5000)
    assert host.error.reason == "alert_received.certificate_required"
    assert made.listener.sessions == [None] * 4


@pytest.mark.parametrize("of_client", [True, False])
def test_raw_public_keys(network, identity, identities, of_client):
    mine = identities(0x0503)
    client = {"certificate_types": (RAW,), "trust": pinned(identity)}
    server = {**raw(identity), "certificates": (), "certificate_types": (RAW,)}
    if of_client:
        client.update(raw(mine))
        clock = FixedClock(identity.utc_seconds)
        server.update(trust=pinned(mine), clock=clock, client_certificate_types=(RAW,))
    host, connection = meets(network, client, server)
    assert host.connected_ms is not None
    assert host.connection.signatures_verified == 1
    assert (connection.client_key is not None) == of_client


def test_a_server_with_another_key_is_refused(network, identity, identities):
    client = {"certificate_types": (RAW,), "trust": pinned(identities(0x0503))}
    server = {**raw(identity), "certificates": (), "certificate_types": (RAW,)}
    made = network(by_key=False, **server)
    host = made.join(made.ends.client(**client))
    made.run(5000)
    assert host.error.reason.endswith("not_pinned")
    assert made.listener.sessions == [None] * 4
