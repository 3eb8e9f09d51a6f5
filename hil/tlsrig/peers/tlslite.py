"""The reference peer `tlslite`: tlslite-ng, TLS in Python by other people than us.

It verifies signatures but validates no chains: whom to trust is left to its callers, so it is
never asked to refuse a certificate.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import sys
from pathlib import Path

from hil.errors import MissingTool
from hil.peer import Program
from hil.tlsrig import abilities
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.engine_peer import EnginePeer
from hil.tlsrig.peers import ClientSetup, ServerSetup

SUMMARY = "tlslite-ng, TLS in Python"
INSTALL = "pip install 'pytest-hil[peers]'"
# It never looks at the time.
KNOWS_TIME = True

# Its exporter goes over the client's Certificate, if there is one: so it agrees with nobody's.
_BOTH = Abilities.both(
    abilities.TLS13_ALL | abilities.CHOICES | {abilities.KEY_REFUSAL},
    abilities.TLS12_CERTIFICATES,
    {abilities.EXTENDED_MASTER, abilities.NO_EXTENDED_MASTER},
    {"TLSv1.1", *abilities.CERTIFICATES, *abilities.GROUPS, *abilities.RESUMES},
    {"psk_dhe_ke", "psk_ke", abilities.KEY_UPDATE, abilities.CLIENT_CERTIFICATES},
    {abilities.RECORD_SIZE_LIMIT, abilities.FALLBACK},
)
# As a server of TLS 1.2 it sends its Certificate before it heeds a record_size_limit.
_AS_CLIENT = {abilities.COOKIE, abilities.RECORD_SIZE_LIMIT_OF_TLS12}
ABILITIES = Abilities(server=_BOTH.server, client=_BOTH.client | _AS_CLIENT)


@functools.cache
def program() -> Program:
    """Return this Python with tlslite-ng; `MissingTool` names the command that installs it."""
    if importlib.util.find_spec("tlslite") is None:
        raise MissingTool("tlslite-ng", INSTALL)
    return Program(sys.executable, importlib.metadata.version("tlslite-ng"))


def serve(setup: ServerSetup, log_dir: Path) -> EnginePeer:
    """Return a server, not started yet."""
    return _peer(setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> EnginePeer:
    """Return a client, not started yet."""
    return _peer(setup, log_dir)


def _peer(setup: ServerSetup | ClientSetup, log_dir: Path) -> EnginePeer:
    engine = ["-W", "ignore", "-m", "hil.tlsrig.engines.tlslite"]
    return EnginePeer("tlslite", program(), setup, log_dir, arguments=engine)
