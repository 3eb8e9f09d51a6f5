"""TLS 1.2: sessions by id, stores of keys, protocols, sizes, fallback, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from hil.tlsrig.scenario import (
    AGREED,
    BoardSide,
    PeerSide,
    Refusal,
    Resumption,
    Scenario,
    SharedKey,
    Success,
)
from hil.tlsrig.scenarios import AES_128_GCM, CHAIN_SIGNATURES, FOOTPRINT

_ONLY = ("TLSv1.2",)
_BOTH = ("TLSv1.3", "TLSv1.2")
_ECDSA_GCM = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
_RSA_GCM = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
_PSK_GCM = "TLS_PSK_WITH_AES_128_GCM_SHA256"
_ALPN = ("hil/2", "hil/1")

_CLIENT = BoardSide(versions=_ONLY, suites=(_ECDSA_GCM,))
_SERVER = BoardSide(
    role="server", versions=_ONLY, suites=(_ECDSA_GCM,), key_shares=(), certificates="valid"
)
_PEER_SERVER = PeerSide(versions=_ONLY, groups=("x25519",))
_PEER_CLIENT = PeerSide(versions=_ONLY, certificates=None)
_KEY_CLIENT = replace(_CLIENT, suites=(_PSK_GCM,))
_KEY_SERVER = replace(_SERVER, suites=(_PSK_GCM,), certificates=None)
_KEY_PEER = PeerSide(versions=_ONLY, certificates=None, suites=(_PSK_GCM,), groups=("x25519",))

_FULL = Success(("TLSv1.2", _ECDSA_GCM, "x25519", AGREED), CHAIN_SIGNATURES)
_SERVED = replace(_FULL, signatures_verified=0)
_RESUMED = Success(("TLSv1.2", _ECDSA_GCM, None, None), 0, resumed=True)
_BY_KEY = Success(("TLSv1.2", _PSK_GCM, None, None), 0, psk=True)
_BY_RSA = replace(_FULL, negotiated=("TLSv1.2", _RSA_GCM, "x25519", AGREED))


def _refused_key(wrong: Literal["identity", "key"], summary: str) -> Scenario:
    """Return a scenario of the board as server; what is wrong makes no difference to the client."""
    return Scenario(
        name=f"tls12-server-psk-wrong-{wrong}",
        summary=summary,
        psk=SharedKey(mode="psk_ke", wrong=wrong),
        board=_KEY_SERVER,
        peer=_KEY_PEER,
        # RFC 4279 §2: a server that will not tell which identities it knows sends decrypt_error.
        expect=Refusal("board", "decrypt_error", "record.bad_record_mac"),
    )


_SESSIONS = (
    Scenario(
        name="tls12-resumption-id",
        summary="the server gives no ticket; the second connection resumes the first by its id",
        resumption=Resumption(_FULL, by="session_id"),
        board=_CLIENT,
        peer=_PEER_SERVER,
        expect=_RESUMED,
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls12-server-resumption-id",
        summary="the board gives no ticket and remembers the session by its id",
        resumption=Resumption(
            _SERVED, {"gnutls": replace(_SERVED, answered=False)}, by="session_id"
        ),
        board=_SERVER,
        peer=_PEER_CLIENT,
        expect=_RESUMED,
        measure=FOOTPRINT,
    ),
)
_KEYS = (
    Scenario(
        name="tls12-psk-store",
        summary="the board's store has three keys for others and one for this server",
        psk=SharedKey(mode="psk_ke", others=3),
        board=_KEY_CLIENT,
        peer=_KEY_PEER,
        expect=_BY_KEY,
    ),
    Scenario(
        name="tls12-server-psk-store",
        summary="the board's store has four keys, and this client's is found by its identity",
        psk=SharedKey(mode="psk_ke", others=3),
        board=_KEY_SERVER,
        peer=_KEY_PEER,
        expect=_BY_KEY,
    ),
    Scenario(
        name="tls12-psk-wrong-key",
        summary="the server knows another key by that identity",
        psk=SharedKey(mode="psk_ke", wrong="key"),
        board=_KEY_CLIENT,
        peer=_KEY_PEER,
        expect=Refusal("peer", "bad_record_mac", "alert_received.bad_record_mac"),
    ),
    _refused_key("identity", "the board knows no such identity and goes on with a random key"),
    _refused_key("key", "the board knows another key by that identity: the same answer"),
)
_CERTIFICATES = (
    Scenario(
        name="tls12-mutual-rsa2048",
        summary="the board shows an RSA chain and signs with it",
        board=replace(_CLIENT, suites=(_RSA_GCM,), certificates="client-rsa2048"),
        peer=replace(_PEER_SERVER, certificates="rsa2048"),
        expect=_BY_RSA,
    ),
    Scenario(
        name="tls12-server-mutual-rsa2048",
        summary="the board verifies the client's RSA chain and signature",
        board=replace(_SERVER, suites=(_RSA_GCM,), certificates="rsa2048"),
        peer=replace(_PEER_CLIENT, certificates="client-rsa2048"),
        expect=_BY_RSA,
    ),
    Scenario(
        name="tls12-server-client-without-certificate",
        summary="the board demands a certificate and the client shows none",
        board=_SERVER,
        peer=replace(_PEER_CLIENT, certificates="client", withholds=True),
        # RFC 5246 §7.4.6: TLS 1.2 has no alert of its own for it.
        expect=Refusal("board", "handshake_failure", "certificate_message.required"),
    ),
)
_EXTENSIONS = (
    Scenario(
        name="tls12-alpn",
        summary="the board offers two protocols, the server prefers the other one",
        board=replace(_CLIENT, alpn=_ALPN),
        peer=replace(_PEER_SERVER, alpn=_ALPN[1:]),
        expect=replace(_FULL, alpn="hil/1"),
    ),
    Scenario(
        name="tls12-server-alpn",
        summary="the client offers two protocols, of which the board has the second",
        board=replace(_SERVER, alpn=_ALPN[1:]),
        peer=replace(_PEER_CLIENT, alpn=_ALPN),
        expect=replace(_SERVED, alpn="hil/1"),
    ),
    Scenario(
        name="tls12-record-size-limit",
        summary="the board takes records of 512 bytes, the chain is twelve times as long",
        board=replace(_CLIENT, max_record_bytes=512),
        peer=replace(_PEER_SERVER, certificates="large", max_record_bytes=None),
        expect=_FULL,
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls12-server-record-size-limit",
        summary="the client takes records of 512 bytes, the board's chain is twelve times as long",
        board=replace(_SERVER, certificates="large", max_record_bytes=512),
        peer=replace(_PEER_CLIENT, max_record_bytes=512),
        expect=_SERVED,
        measure=FOOTPRINT,
    ),
    Scenario(
        name="tls12-max-fragment",
        summary="the board takes records of 1024 bytes and says so by max_fragment_length",
        board=replace(_CLIENT, max_record_bytes=1024, max_fragment_bytes=1024),
        peer=replace(_PEER_SERVER, max_record_bytes=None),
        expect=_FULL,
        measure=FOOTPRINT,
    ),
)
_VERSIONS = (
    Scenario(
        name="tls12-server-both-newer",
        summary="both speak both versions: TLS 1.3",
        board=replace(_SERVER, versions=_BOTH, suites=(AES_128_GCM, _ECDSA_GCM)),
        peer=replace(_PEER_CLIENT, versions=_BOTH, groups=("x25519", "secp256r1")),
        expect=Success(("TLSv1.3", AES_128_GCM, "x25519", AGREED), 0),
    ),
    Scenario(
        name="tls12-fallback-refused",
        summary="the board says that TLS 1.3 has failed, and the server knows better (RFC 7507)",
        board=replace(_CLIENT, fallback=True),
        peer=replace(_PEER_SERVER, versions=_BOTH),
        expect=Refusal("peer", "inappropriate_fallback", "alert_received.inappropriate_fallback"),
    ),
    Scenario(
        name="tls12-server-fallback-refused",
        summary="the client says that TLS 1.3 has failed, and the board knows better (RFC 7507)",
        board=replace(_SERVER, versions=_BOTH, suites=(AES_128_GCM, _ECDSA_GCM)),
        peer=replace(_PEER_CLIENT, fallback=True),
        expect=Refusal("board", "inappropriate_fallback", "client_hello.inappropriate_fallback"),
    ),
    Scenario(
        name="tls12-server-no-ems-refused",
        summary="the client has no extended master secret, which the board demands",
        board=_SERVER,
        peer=replace(_PEER_CLIENT, extended_master_secret=False),
        expect=Refusal("board", "handshake_failure", "client_hello.no_extended_master_secret"),
    ),
)

SCENARIOS = (*_SESSIONS, *_KEYS, *_CERTIFICATES, *_EXTENSIONS, *_VERSIONS)
