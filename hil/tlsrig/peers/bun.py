"""The reference peer `bun`: BoringSSL, inside of the JavaScript run-time Bun from npm.

Installed on request. What BoringSSL does not have at all is external keys through its sockets,
CCM, and an order among the suites of TLS 1.3.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hil.peer import Program
from hil.tlsrig import abilities, engine_npm
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.peers import ClientSetup, ServerSetup
from hil.tlsrig.script_peer import ScriptPeer

SUMMARY = "BoringSSL inside of Bun, from npm on request"
INSTALL = "hil peers --install bun"
ON_REQUEST = True
KNOWS_TIME = False

_RUNTIME = engine_npm.Runtime(
    "bun",
    {"x86_64": "@oven/bun-linux-x64", "aarch64": "@oven/bun-linux-aarch64"},
    "bin/bun",
)

# A chain that does not please it closes its connection, without an alert.
_BOTH = Abilities.both(
    {name for name in abilities.TLS13_ALL if "CCM" not in name},
    {name for name in abilities.TLS12_CERTIFICATES if "CCM" not in name},
    abilities.CERTIFICATES - {"ed25519"},
    {"secp256r1", "secp384r1", "secp521r1", "x25519"},
    {abilities.CHOICE_OF_VERSIONS, abilities.CHOICE_OF_GROUPS, abilities.ANY_RECORD_SIZE},
    {abilities.RESUMPTION, abilities.RESUMPTION_BY_TICKET, abilities.EXTENDED_MASTER},
    {abilities.KEY_UPDATE, abilities.CLIENT_CERTIFICATES, abilities.EXPORTER_BESIDE_THEM},
)
ABILITIES = Abilities(
    server=_BOTH.server | {abilities.INSISTENCE},
    client=_BOTH.client | {abilities.COOKIE},
)


def build(progress: Callable[[str], None]) -> Program:
    """Install what is not in the cache yet; `progress` is told of each step."""
    return engine_npm.ensure(_RUNTIME, progress)


def program() -> Program:
    """Return the installed run-time; `MissingTool` names the command that installs it."""
    return engine_npm.installed(_RUNTIME, INSTALL)


def serve(setup: ServerSetup, log_dir: Path) -> ScriptPeer:
    """Return a server, not started yet."""
    return _peer(setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> ScriptPeer:
    """Return a client, not started yet."""
    return _peer(setup, log_dir)


def _peer(setup: ServerSetup | ClientSetup, log_dir: Path) -> ScriptPeer:
    script = ["run", "--no-install", str(engine_npm.SCRIPTS / "bun.mjs")]
    return ScriptPeer("bun", program(), setup, log_dir, arguments=script)
