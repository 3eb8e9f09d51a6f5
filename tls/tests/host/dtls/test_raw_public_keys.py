"""Raw public keys in DTLS 1.2 (RFC 7250): of the server, of both, and where the ends differ."""

import hashlib

import pytest
import server_identity

from tlscore.clock import FixedClock
from tlscore.trust import PinnedKeys

ECDSA_CCM_8 = 0xC0AE
X509, RAW = 0, 2


def pinned(identity):
    info = server_identity.public_key_info(identity.key)
    return PinnedKeys([hashlib.sha256(info).digest()])


def raw(identity):
    return {
        "public_key_info": server_identity.public_key_info(identity.key),
        "private_key": server_identity.private_key(identity.key),
    }


def server_of(identity, **changes):
    return {**raw(identity), "certificates": (), "certificate_types": (RAW,), **changes}


def meets(network, client, server, datagram_bytes=1200, limit_ms=20000):
    """Return (client's host, the server's connection) after their handshake."""
    sizes = {"datagram_bytes": datagram_bytes}
    made = network(suite=ECDSA_CCM_8, **server, **sizes)
    host = made.join(made.ends.client(**client, **sizes))
    made.run(limit_ms, made.connected)
    session = made.listener.sessions[0]
    return host, None if session is None else session.connection


@pytest.mark.parametrize("datagram_bytes", [1200, 140])
def test_a_server_with_a_bare_key_is_known_by_its_pin(network, identity, datagram_bytes):
    client = {"certificate_types": (RAW,), "trust": pinned(identity)}
    host, _ = meets(network, client, server_of(identity), datagram_bytes)
    assert host.connected_ms is not None
    assert host.connection.signatures_verified == 1
    # No list around the key: 4 bytes of header, 3 of length.
    info = server_identity.public_key_info(identity.key)
    if datagram_bytes == 1200:
        flight = b"".join(row[2] for row in host.network.log if not row[1])
        assert len(info).to_bytes(3, "big") + info in flight


def test_a_server_with_another_key_is_refused(network, identity, identities):
    other = identities(0x0503)
    client = {"certificate_types": (RAW,), "trust": pinned(other)}
    host, _ = meets(network, client, server_of(identity))
    assert host.error.reason.endswith("not_pinned")


def test_both_show_bare_keys(network, identity, identities):
    mine = identities(0x0503)
    client = {"certificate_types": (RAW,), "trust": pinned(identity), **raw(mine)}
    server = server_of(
        identity,
        trust=pinned(mine),
        clock=FixedClock(identity.utc_seconds),
        client_certificate_types=(RAW,),
    )
    host, connection = meets(network, client, server)
    assert host.connected_ms is not None
    assert connection.client_key is not None
    assert connection.signatures_verified == 1


@pytest.mark.parametrize("wanted", [(X509,), (X509, RAW), (RAW, X509)])
def test_a_server_with_both_shows_what_it_prefers_of_what_is_wanted(network, identity, wanted):
    trust = None if RAW not in wanted else pinned(identity)
    client = {"certificate_types": wanted, **({} if trust is None else {"trust": trust})}
    server = server_of(identity, certificates=tuple(identity.chain), certificate_types=(RAW, X509))
    host, _ = meets(network, client, server)
    assert host.connection._server_type == (RAW if RAW in wanted else X509)
    assert host.connected_ms is not None


def test_without_a_type_in_common_there_is_no_handshake(network, identity):
    host, _ = meets(network, {}, server_of(identity), limit_ms=3000)
    assert (host.connected_ms, host.connection.heard_alert) == (None, 43)
    client = {"certificate_types": (RAW,), "trust": pinned(identity)}
    host, _ = meets(network, client, {}, limit_ms=3000)
    assert (host.connected_ms, host.connection.heard_alert) == (None, 43)
