"""DTLS 1.2 with external keys and with certificates, the board in either role, over datagrams.

Unless it is said otherwise the network is `clean`; `--link-profile` puts another one in its place.
"""

from __future__ import annotations

from dataclasses import replace

from hil.tlsrig.scenario import BoardSide, PeerSide, Scenario, SharedKey, Success
from hil.tlsrig.scenarios import (
    CHAIN_SIGNATURES,
    DATAGRAM_ECHOES,
    DATAGRAM_FIGURES,
    ECDSA_P256,
)

_ONLY = ("DTLSv1.2",)
_LONG_ECHOES = (1, 500, 1150)

_CLIENT = BoardSide(versions=_ONLY)
_SERVER = BoardSide(role="server", versions=_ONLY, key_shares=())
# Whoever has nothing but a key agrees on no group.
_CLIENT_WITH_KEY, _SERVER_WITH_KEY = (
    replace(side, groups=(), key_shares=()) for side in (_CLIENT, _SERVER)
)
_PEER = PeerSide(versions=_ONLY, certificates=None, groups=("x25519",), max_record_bytes=None)

_KEY_SUITES = (
    ("psk-ccm8", "TLS_PSK_WITH_AES_128_CCM_8"),
    ("psk-gcm", "TLS_PSK_WITH_AES_128_GCM_SHA256"),
)
_CERTIFICATE_SUITES = (
    ("ecdsa-ccm8", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"),
    ("ecdsa-gcm", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
)


def _ended_in_silence(expect: Success) -> dict[str, Success]:
    """Return how it ends with gnutls-serv, which over datagrams says no close_notify."""
    return {"gnutls": replace(expect, peer_closes=False)}


def _with_key(name: str, suite: str) -> tuple[Scenario, ...]:
    """Return the scenarios of a suite of external keys: the board as client, and as server."""
    expect = Success(("DTLSv1.2", suite, None, None), 0, psk=True)
    client = Scenario(
        name=f"dtls12-{name}",
        summary=f"{suite} over datagrams, the board as client",
        psk=SharedKey(mode="psk_ke"),
        board=replace(_CLIENT_WITH_KEY, suites=(suite,)),
        peer=replace(_PEER, suites=(suite,)),
        expect=expect,
        expect_from=_ended_in_silence(expect),
        link_profile="clean",
        echo_bytes=DATAGRAM_ECHOES,
        measure=DATAGRAM_FIGURES,
    )
    server = replace(
        client,
        name=f"dtls12-server-{name}",
        summary=f"{suite} over datagrams, the board as server",
        board=replace(_SERVER_WITH_KEY, suites=(suite,)),
        expect_from={},
    )
    return client, server


def _with_certificates(name: str, suite: str) -> tuple[Scenario, ...]:
    """Return the scenarios of a suite of certificates: the board as client, and as server."""
    expect = Success(("DTLSv1.2", suite, "x25519", ECDSA_P256), CHAIN_SIGNATURES)
    client = Scenario(
        name=f"dtls12-{name}",
        summary=f"{suite} over datagrams, the board as client",
        board=replace(_CLIENT, suites=(suite,)),
        peer=replace(_PEER, suites=(suite,), certificates="valid"),
        expect=expect,
        expect_from=_ended_in_silence(expect),
        link_profile="clean",
        echo_bytes=DATAGRAM_ECHOES,
        measure=DATAGRAM_FIGURES,
    )
    server = replace(
        client,
        name=f"dtls12-server-{name}",
        summary=f"{suite} over datagrams, the board as server",
        board=replace(_SERVER, suites=(suite,), certificates="valid"),
        peer=replace(_PEER, suites=(suite,), groups=()),  # which would be for certificates, too
        expect=replace(expect, signatures_verified=0),
        expect_from={},
    )
    return client, server


_PLAIN = tuple(
    scenario
    for make, suites in ((_with_key, _KEY_SUITES), (_with_certificates, _CERTIFICATE_SUITES))
    for name, suite in suites
    for scenario in make(name, suite)
)

_LONG = tuple(
    replace(
        scenario,
        name=f"{scenario.name}-long",
        summary=f"{scenario.summary}, with datagrams as long as Ethernet has them",
        echo_bytes=_LONG_ECHOES,
    )
    for scenario in _with_key(*_KEY_SUITES[0])
)

# As long as the board's jobs take them then.
_SMALL_DATAGRAM_BYTES = 512
# What boards short of memory do: a handshake by a key with a cookie fits in these buffers.
_SMALL = tuple(
    replace(
        scenario,
        name=f"{scenario.name}-small",
        summary=f"{scenario.summary}, with small buffers",
        board=replace(scenario.board, small_buffers=True, datagram_bytes=_SMALL_DATAGRAM_BYTES),
        peer=replace(scenario.peer, datagram_bytes=_SMALL_DATAGRAM_BYTES),
    )
    for scenario in _with_key(*_KEY_SUITES[0])
)

# What is known to have broken handshakes in the field: (name, what it is, mishap).
_FAILURES_OF_BOTH = (
    ("lost-hello-verify-request", "the first HelloVerifyRequest is lost"),
    ("lost-server-hello-done", "of the server's flight the ServerHelloDone alone is lost"),
    ("change-cipher-spec-after-finished", "a change_cipher_spec is overtaken by the Finished"),
)


def _regression(role: str, name: str, what: str, mishap: str | None = None) -> Scenario:
    client, server = _with_key(*_KEY_SUITES[0])
    base = client if role == "client" else server
    infix = "" if role == "client" else "server-"
    return replace(
        base,
        name=f"dtls12-{infix}{name}",
        summary=f"{what}, the board as {role}",
        mishap=mishap or name,
        measure=(),
    )


# So that the ClientHello of a peer is long.
_LONG_NAMES = tuple(letter * 30 for letter in "abcdef")
_CERTIFICATE_PAIR = _with_certificates(*_CERTIFICATE_SUITES[0])
_FRAGMENTED = tuple(
    replace(
        scenario,
        name=scenario.name.replace(_CERTIFICATE_SUITES[0][0], "client-hello-fragmented"),
        summary=f"a ClientHello in fragments, the board as {scenario.role}",
        board=replace(scenario.board, datagram_bytes=128),
        peer=replace(
            scenario.peer, datagram_bytes=256, alpn=_LONG_NAMES if scenario.role == "server" else ()
        ),
        echo_bytes=(1, 80),
        mishap="client-hello-fragmented",
        measure=(),
    )
    for scenario in _CERTIFICATE_PAIR
)
_REGRESSIONS = (
    *(
        _regression(role, name, what)
        for role in ("client", "server")
        for name, what in _FAILURES_OF_BOTH
    ),
    _regression(
        "client",
        "lost-final-flight",
        "the last flight, which is the server's, is lost",
        "lost-final-flight-of-peer",
    ),
    _regression(
        "server",
        "lost-final-flight",
        "the last flight, which is the server's, is lost",
        "lost-final-flight-of-board",
    ),
    _regression(
        "server",
        "two-client-hellos",
        "before a ClientHello comes one with another random, as of a client that was reset",
    ),
    _regression(
        "server",
        "cookie-after-address-change",
        "a client returns the cookie from another address than it was sent to",
    ),
    _regression(
        "server",
        "peer-vanishes",
        "more clients than there are slots return a cookie and are never heard of again",
    ),
    *_FRAGMENTED,
)

SCENARIOS = (*_PLAIN, *_LONG, *_SMALL, *_REGRESSIONS)
