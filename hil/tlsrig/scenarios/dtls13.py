"""DTLS 1.3 with external keys and with certificates, the board in either role, over datagrams.

Every server asks for a cookie first, with a HelloRetryRequest (RFC 9147 §5.1). Unless it is said
otherwise the network is `clean`; `--link-profile` puts another one in its place.
"""

from __future__ import annotations

from dataclasses import replace

from hil.tlsrig.scenario import BoardSide, PeerSide, Scenario, SharedKey, Success
from hil.tlsrig.scenarios import (
    AES_128_CCM,
    AES_128_GCM,
    CHACHA20,
    CHAIN_SIGNATURES,
    DATAGRAM_ECHOES,
    DATAGRAM_FIGURES,
    ECDSA_P256,
)

_ONLY = ("DTLSv1.3",)
_LONG_ECHOES = (1, 500, 1150)


def _both_roles(client: Scenario) -> tuple[Scenario, Scenario]:
    """Return a scenario of a client, and the same with the board as server."""
    assert isinstance(client.expect, Success)
    server = replace(
        client,
        name=client.name.replace("dtls13-", "dtls13-server-"),
        summary=client.summary.replace("as client", "as server"),
        board=replace(
            client.board, role="server", key_shares=(), certificates=client.peer.certificates
        ),
        peer=replace(client.peer, certificates=None),
        expect=replace(client.expect, signatures_verified=0),
    )
    return client, server


def _with_key(name: str, mode: SharedKey, group: str | None) -> tuple[Scenario, Scenario]:
    what = "an external key alone" if group is None else f"an external key and {group}"
    return _both_roles(
        Scenario(
            name=f"dtls13-{name}",
            summary=f"DTLS 1.3 by {what}, the board as client",
            psk=mode,
            board=BoardSide(versions=_ONLY),
            peer=PeerSide(
                versions=_ONLY, certificates=None, suites=(AES_128_GCM,), max_record_bytes=None
            ),
            expect=Success(("DTLSv1.3", AES_128_GCM, group, None), 0, hello_retries=1, psk=True),
            link_profile="clean",
            echo_bytes=DATAGRAM_ECHOES,
            measure=DATAGRAM_FIGURES,
        )
    )


def _with_certificates(name: str, suite: str) -> tuple[Scenario, Scenario]:
    return _both_roles(
        Scenario(
            name=f"dtls13-{name}",
            summary=f"DTLS 1.3 by certificates with {suite}, the board as client",
            board=BoardSide(versions=_ONLY, suites=(suite,)),
            peer=PeerSide(versions=_ONLY, suites=(suite,), max_record_bytes=None),
            expect=Success(
                ("DTLSv1.3", suite, "x25519", ECDSA_P256), CHAIN_SIGNATURES, hello_retries=1
            ),
            link_profile="clean",
            echo_bytes=DATAGRAM_ECHOES,
            measure=DATAGRAM_FIGURES,
        )
    )


_PSK = _with_key("psk", SharedKey(mode="psk_ke"), None)
_X509 = _with_certificates("x509-p256", AES_128_GCM)

_LONG = tuple(
    replace(
        scenario,
        name=f"{scenario.name}-long",
        summary=f"{scenario.summary}, with datagrams as long as Ethernet has them",
        echo_bytes=_LONG_ECHOES,
    )
    for scenario in _PSK
)
_KEY_UPDATES = tuple(
    replace(
        scenario,
        name=scenario.name.replace("psk", "key-update"),
        summary=f"{scenario.summary}, and two KeyUpdates that ask for another",
        board=replace(scenario.board, key_updates=2),
        measure=(),
    )
    for scenario in _PSK
)

SCENARIOS = (
    *_PSK,
    *_with_key("psk-dhe", SharedKey(), "x25519"),
    *_X509,
    *_with_certificates("x509-ccm", AES_128_CCM),
    *_with_certificates("x509-chacha", CHACHA20),
    *_LONG,
    *_KEY_UPDATES,
)
