"""The reference peer `pyopenssl`: OpenSSL 4, as it is inside of the package `cryptography`.

It is newer than any Debian's and needs no sockets of its own; the engine drives it through memory
BIOs in a process of its own.
"""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path

from hil.errors import MissingTool
from hil.peer import Program
from hil.tlsrig import abilities
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.engine_peer import EnginePeer
from hil.tlsrig.peers import ClientSetup, ServerSetup

SUMMARY = "OpenSSL inside of Python's cryptography, through memory BIOs"
INSTALL = "pip install 'pytest-hil[peers]'"
# Certificates are judged at the time its store is told.
KNOWS_TIME = True

# No call for raw public keys, record_size_limit or a stateless cookie reaches Python.
_BOTH = Abilities.both(
    abilities.TLS13_ALL | abilities.CHOICES | {abilities.KEY_REFUSAL},
    abilities.TLS12_ALL,
    {abilities.EXTENDED_MASTER, abilities.NO_EXTENDED_MASTER},
    {abilities.FRAGMENT_LENGTH, abilities.FALLBACK, abilities.ANY_RECORD_SIZE},
    {"TLSv1.1", *abilities.CERTIFICATES, *abilities.GROUPS, *abilities.RESUMES},
    {"psk_dhe_ke", "psk_ke", abilities.KEY_UPDATE, abilities.CLIENT_CERTIFICATES},
    {abilities.VALIDATION, abilities.INSISTENCE, abilities.EXPORTER_BESIDE_THEM},
)
ABILITIES = Abilities(server=_BOTH.server, client=_BOTH.client | {abilities.COOKIE})


@functools.cache
def program() -> Program:
    """Return this Python with pyOpenSSL; `MissingTool` names the command that installs it."""
    if importlib.util.find_spec("OpenSSL") is None:
        raise MissingTool("pyOpenSSL", INSTALL)
    from cryptography.hazmat.backends.openssl import backend  # noqa: PLC0415  (only this peer)

    return Program(sys.executable, backend.openssl_version_text().split()[1])


def serve(setup: ServerSetup, log_dir: Path) -> EnginePeer:
    """Return a server, not started yet."""
    return _peer(setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> EnginePeer:
    """Return a client, not started yet."""
    return _peer(setup, log_dir)


def _peer(setup: ServerSetup | ClientSetup, log_dir: Path) -> EnginePeer:
    engine = ["-m", "hil.tlsrig.engines.pyopenssl"]
    return EnginePeer("pyopenssl", program(), setup, log_dir, arguments=engine)
