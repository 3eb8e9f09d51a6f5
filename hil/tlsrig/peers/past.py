"""The peer `past`: devices of the past, played from descriptions of them (`hil.tlsrig.past`).

It needs nothing installed. It is each of its devices in the scenarios that name it, and nobody in
any other: what it declares is their names.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hil.peer import Program
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.engine_peer import EnginePeer
from hil.tlsrig.past.devices import DEVICES
from hil.tlsrig.peers import ClientSetup, ServerSetup

SUMMARY = "devices of the past, played by the farm itself"
INSTALL = "pip install pytest-hil"  # it comes with the farm
# Its devices never look at the time.
KNOWS_TIME = True
# Years of what it plays.
VERSION = "2015-2018"

ABILITIES = Abilities(
    server=frozenset(name for role, name in DEVICES if role == "server"),
    client=frozenset(name for role, name in DEVICES if role == "client"),
)


def program() -> Program:
    """Return this Python, which runs the engine."""
    return Program(sys.executable, VERSION)


def serve(setup: ServerSetup, log_dir: Path) -> EnginePeer:
    """Return a server, not started yet."""
    return _peer(setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> EnginePeer:
    """Return a client, not started yet."""
    return _peer(setup, log_dir)


def _peer(setup: ServerSetup | ClientSetup, log_dir: Path) -> EnginePeer:
    engine = ["-m", "hil.tlsrig.engines.past", f"device={setup.device}"]
    return EnginePeer("past", program(), setup, log_dir, arguments=engine)
