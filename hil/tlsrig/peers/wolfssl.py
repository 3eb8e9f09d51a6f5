"""The reference peer `wolfssl`: wolfSSL 5.7, built on request from the pinned source package.

Its example programs have one fixed external key and export no keying material, so an engine of
ours (`engines/native/wolfssl.c`) drives the library, built with DTLS as well.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hil.peer import Program
from hil.tlsrig import abilities, engine_build
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.engine_peer import EnginePeer
from hil.tlsrig.peers import ClientSetup, ServerSetup

SUMMARY = "wolfSSL, built from its pinned source on request"
INSTALL = "hil peers --install wolfssl"
ON_REQUEST = True
# Its clock is the engine's.
KNOWS_TIME = True

# It has no record_size_limit. As a server it has extended master secret whatever it was told, and a
# key that it does not know ends the connection without an alert.
_BOTH = Abilities.both(
    abilities.TLS13_ALL,
    abilities.TLS12_ALL,
    abilities.DTLS12 | abilities.DTLS13 | {abilities.LONG_DATAGRAMS},
    abilities.CERTIFICATES,
    {"secp256r1", "secp384r1", "secp521r1", "x25519", "x448"},
    abilities.RESUMES | abilities.CHOICES,
    {"psk_dhe_ke", "psk_ke", abilities.KEY_UPDATE, abilities.CLIENT_CERTIFICATES},
    {abilities.VALIDATION, abilities.INSISTENCE, abilities.EXPORTER_BESIDE_THEM},
    {abilities.EXTENDED_MASTER, abilities.ANY_RECORD_SIZE},
)
ABILITIES = Abilities(
    server=_BOTH.server | {abilities.FRAGMENT_LENGTH},
    client=_BOTH.client | {abilities.COOKIE, abilities.NO_EXTENDED_MASTER},
)


def build(progress: Callable[[str], None]) -> Program:
    """Build what is not in the cache yet; `progress` is told of each step."""
    return engine_build.ensure("wolfssl", progress)


def program() -> Program:
    """Return the built engine; `MissingTool` names the command that builds it."""
    return engine_build.built("wolfssl", INSTALL)


def serve(setup: ServerSetup, log_dir: Path) -> EnginePeer:
    """Return a server, not started yet."""
    return EnginePeer("wolfssl", program(), setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> EnginePeer:
    """Return a client, not started yet."""
    return EnginePeer("wolfssl", program(), setup, log_dir)
