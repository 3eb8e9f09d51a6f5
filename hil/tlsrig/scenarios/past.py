"""Devices of the past on one end of the line, a board on the other.

Those of TLS 1.1 must be refused by their version, whether the board speaks TLS 1.3 alone or TLS 1.2
too. BearSSL speaks TLS 1.2 without extended master secret: a board that demands it refuses, one
that was told to bear with it completes the handshake, with the BearSSL of 2018 as with the present
one. `docs/past-devices.md` says what each proves.
"""

from __future__ import annotations

from dataclasses import replace

from hil.tlsrig.past.devices import AXTLS, BEARSSL, ESP8266, GROUP, SCHEME, SUITE
from hil.tlsrig.scenario import BoardSide, PeerSide, Refusal, Scenario, Success
from hil.tlsrig.scenarios import AES_128_GCM, CHAIN_SIGNATURES

# Declared by the peer that is the library itself.
BEARSSL_NOW = "bearssl-0.6"
_BOTH = ("TLSv1.3", "TLSv1.2")
_CLIENT = BoardSide(versions=_BOTH, suites=(AES_128_GCM, SUITE))
_SERVER = replace(_CLIENT, role="server", key_shares=(), certificates="rsa2048")
_OLD_CLIENT = PeerSide(versions=("TLSv1.1",), certificates=None, device=ESP8266)
_OLD_SERVER = PeerSide(versions=("TLSv1.1",), device=AXTLS)
_BEARSSL_SERVER = PeerSide(
    versions=("TLSv1.2",), certificates="rsa2048", extended_master_secret=False, device=BEARSSL
)
_BEARSSL_CLIENT = replace(_BEARSSL_SERVER, certificates=None)
_AGREED = ("TLSv1.2", SUITE, GROUP, SCHEME)


def _too_old(name: str, summary: str, board: BoardSide, peer: PeerSide) -> tuple[Scenario, ...]:
    """Return the refusal of a device by its version: by a board of both versions, and of one."""
    message = "client_hello" if board.role == "server" else "server_hello"
    refusal = Refusal("board", "protocol_version", f"{message}.version_not_supported")
    alone = replace(board, versions=("TLSv1.3",), suites=(AES_128_GCM,))
    return (
        Scenario(name, summary, refusal, board, peer),
        Scenario(f"{name}-tls13", f"{summary}; the board has TLS 1.3 alone", refusal, alone, peer),
    )


def _bearssl(name: str, what: str, board: BoardSide, peer: PeerSide) -> tuple[Scenario, ...]:
    """Return a handshake with BearSSL, and its refusal by a board that demands more."""
    message = "client_hello" if board.role == "server" else "server_hello"
    lax = replace(board, extended_master_secret=False)
    signatures = 0 if board.role == "server" else CHAIN_SIGNATURES
    return (
        Scenario(name, what, Success(_AGREED, signatures), lax, peer),
        Scenario(
            f"{name}-refused",
            f"{what}, and a board that demands extended master secret (RFC 7627)",
            Refusal("board", "handshake_failure", f"{message}.no_extended_master_secret"),
            board,
            peer,
        ),
    )


SCENARIOS = (
    *_too_old(
        "past-esp8266-client",
        "the SSL client of the ESP8266's SDK 1.3.0: TLS 1.1, static RSA with CBC or RC4",
        _SERVER,
        _OLD_CLIENT,
    ),
    *_too_old(
        "past-axtls-server",
        "the recorded answer of an axTLS server: TLS 1.1, RSA of 1024 bits",
        _CLIENT,
        _OLD_SERVER,
    ),
    *_bearssl(
        "past-bearssl-2018-client",
        "a BearSSL client of March 2018, its first flight byte for byte",
        _SERVER,
        _BEARSSL_CLIENT,
    ),
    *_bearssl(
        "past-bearssl-2018-server",
        "a BearSSL server of March 2018: its flight in one record, in segments of 536 bytes",
        _CLIENT,
        _BEARSSL_SERVER,
    ),
    *_bearssl(
        "past-bearssl-now-client",
        "a client of the real BearSSL of today",
        _SERVER,
        replace(_BEARSSL_CLIENT, device=BEARSSL_NOW, suites=(SUITE,), groups=(GROUP,)),
    ),
    *_bearssl(
        "past-bearssl-now-server",
        "a server of the real BearSSL of today, with all its messages in one record",
        _CLIENT,
        replace(_BEARSSL_SERVER, device=BEARSSL_NOW, suites=(SUITE,), groups=(GROUP,)),
    ),
)
