"""The reference peer `mbedtls`: Mbed TLS 3.6, built from the pinned Debian source package.

Its own example programs neither echo nor export keying material, so an engine of ours
(`engines/native/mbedtls.c`) drives the library. The package `python-mbedtls` has wheels of Mbed
TLS 2.28 for some versions of Python only, without TLS 1.3: it is not used.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hil.peer import Program
from hil.tlsrig import abilities, engine_build
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.engine_peer import EnginePeer
from hil.tlsrig.peers import ClientSetup, ServerSetup

SUMMARY = "Mbed TLS, built from its pinned source"
INSTALL = "hil peers --install mbedtls"
# Its clock is the engine's.
KNOWS_TIME = True

# It has no Ed25519 and no KeyUpdate. It obeys a record_size_limit for data, but not for its chain,
# and refuses a HelloRetryRequest with a cookie as an extension it had not offered. A client without
# certificate it refuses under keys that it has told the client it would leave.
ABILITIES = Abilities.both(
    {
        *abilities.TLS13_ALL,
        *abilities.TLS12_ALL,
        *(abilities.DTLS12 | abilities.OF_DATAGRAMS),
        *(abilities.CERTIFICATES - {"ed25519"}),
        *("secp256r1", "secp384r1", "secp521r1", "x25519", "x448"),
        *(abilities.RESUMES | abilities.CHOICES | {abilities.KEY_REFUSAL}),
        *("psk_dhe_ke", "psk_ke", abilities.CLIENT_CERTIFICATES, abilities.VALIDATION),
        *(abilities.EXPORTER_BESIDE_THEM, abilities.RECORD_SIZE_LIMIT_FOR_DATA),
        *(abilities.EXTENDED_MASTER, abilities.NO_EXTENDED_MASTER, abilities.FRAGMENT_LENGTH),
    }
)


def build(progress: Callable[[str], None]) -> Program:
    """Build what is not in the cache yet; `progress` is told of each step."""
    return engine_build.ensure("mbedtls", progress)


def program() -> Program:
    """Return the built engine; `MissingTool` names the command that builds it."""
    return engine_build.built("mbedtls", INSTALL)


def serve(setup: ServerSetup, log_dir: Path) -> EnginePeer:
    """Return a server, not started yet."""
    return EnginePeer("mbedtls", program(), setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> EnginePeer:
    """Return a client, not started yet."""
    return EnginePeer("mbedtls", program(), setup, log_dir)
