"""The reference peer `bearssl`: BearSSL 0.6, built from the pinned Debian source package.

TLS 1.2 only, and without extended master secret. Its program `brssl` tells neither alerts nor
keying material, so an engine of ours (`engines/native/bearssl.c`) drives the same library.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hil.peer import Program
from hil.tlsrig import abilities, engine_build
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.engine_peer import EnginePeer
from hil.tlsrig.peers import ClientSetup, ServerSetup

SUMMARY = "BearSSL, built from its pinned source"
INSTALL = "hil peers --install bearssl"
# Its clock is the engine's.
KNOWS_TIME = True

ABILITIES = Abilities.both(
    abilities.TLS12_CERTIFICATES | abilities.CHOICES,
    {"p256", "p384", "rsa2048", "secp256r1", "secp384r1", "secp521r1", "x25519"},
    {abilities.CLIENT_CERTIFICATES, abilities.VALIDATION, abilities.RESUMPTION_BY_ID},
    {abilities.NO_EXTENDED_MASTER, abilities.FRAGMENT_LENGTH},
    # It is what scenarios of devices of the past mean by the present BearSSL.
    {"bearssl-0.6"},
)


def build(progress: Callable[[str], None]) -> Program:
    """Build what is not in the cache yet; `progress` is told of each step."""
    return engine_build.ensure("bearssl", progress)


def program() -> Program:
    """Return the built engine; `MissingTool` names the command that builds it."""
    return engine_build.built("bearssl", INSTALL)


def serve(setup: ServerSetup, log_dir: Path) -> EnginePeer:
    """Return a server, not started yet."""
    return EnginePeer("bearssl", program(), setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> EnginePeer:
    """Return a client, not started yet."""
    return EnginePeer("bearssl", program(), setup, log_dir)
