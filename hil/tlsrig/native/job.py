"""The board's job where its firmware's TLS is tried: what it is told, and what it says of itself.

Everything is given as the stack takes it: suites by Mbed TLS's names, certificates as PEM (one call
loads a chain only so) and DER. The stack has no seed to be given, and judges certificates by the
board's clock: so they are made around the present, and boards with a clock that can be set are told
the time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import serialization

from hil.tlsrig import names
from hil.tlsrig.credentials import Credentials
from hil.tlsrig.native import abilities
from hil.tlsrig.peers import TlsPeer
from hil.tlsrig.scenario import Scenario

MODULE = "native_jobs"
# What must come out of the firmware, for the figures to be the firmware's: nothing of tlscore.
MODULES = ("hil_marks", MODULE)


def options(scenario: Scenario, proofs: Credentials, peer: TlsPeer) -> dict[str, object]:
    """Return the options of the board's job, as plain literals, without its circumstances.

    Args:
        scenario: what is tried.
        proofs: what the ends prove themselves with.
        peer: whose manners the board has to know.
    """
    side = scenario.board
    own = proofs.board if proofs.board is not None and not side.withholds else None
    chain = own and b"".join(_pem(der) for der in own.sent)
    key = own and own.leaf_key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    root = proofs.peer and proofs.peer.trusted_root.certificate
    return {
        "utc_seconds": proofs.utc_seconds,
        "root": root and root.public_bytes(serialization.Encoding.DER),
        "chain": chain,
        "private_key": key,
        "demand": proofs.peer is not None,
        "server_name": side.server_name,
        "suites": [abilities.its_name(suite) for suite in side.suites],
        "echo": scenario.echo_bytes,
        "close_first": not peer.closes_first,
    }


def negotiated(result: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return version and suite as the board's stack says, by registered names."""
    if result["cipher"] is None:
        return None, None
    its_suite, version = result["cipher"]
    suite = abilities.registered_name(its_suite)
    known = {**names.SUITES, **names.ALL_SUITES}.values()
    return version, suite if suite in known else its_suite


def _pem(der: bytes) -> bytes:
    from cryptography import x509  # noqa: PLC0415

    certificate = x509.load_der_x509_certificate(der)
    return certificate.public_bytes(serialization.Encoding.PEM)
