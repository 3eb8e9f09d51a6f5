"""What both TLS stacks of `bench.desk` prove themselves with: the same certificates and key."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization

from hil.tlsrig.pki import Chain, make_chain, plan_of

IDENTITY, KEY = b"bench", bytes(range(32))


@dataclass(frozen=True)
class Material:
    """A server's chain: leaf, intermediate, and the root that is trusted.

    Attributes:
        chain: as the core is told.
        server_name: that the leaf is for.
        certificates: leaf and intermediate, PEM.
        private_key: of the leaf, PEM.
    """

    chain: Chain
    server_name: str
    certificates: tuple[str, ...]
    private_key: str


def material(variant: str) -> Material:
    """Make a chain of a variant of `hil.tlsrig.plan`."""
    plan = plan_of(variant)
    chain = make_chain(int(time.time()), plan)
    pem = chain.leaf_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return Material(
        chain,
        plan.server_names[0],
        tuple(ssl.DER_cert_to_PEM_cert(bytes(one)) for one in chain.sent),
        pem.decode("ascii"),
    )
