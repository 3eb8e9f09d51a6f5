"""The reference peer `deno`: rustls, inside of the JavaScript run-time Deno from npm.

Installed on request. Deno's sockets take no choice of versions, suites or groups, ask no client
for a certificate and resume no session of their own; rustls has neither external keys nor CCM.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hil import paths
from hil.peer import Program
from hil.tlsrig import abilities, engine_npm
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.peers import ClientSetup, ServerSetup
from hil.tlsrig.script_peer import ScriptPeer

SUMMARY = "rustls inside of Deno, from npm on request"
INSTALL = "hil peers --install deno"
ON_REQUEST = True
KNOWS_TIME = False

_RUNTIME = engine_npm.Runtime(
    "deno",
    {"x86_64": "@deno/linux-x64-glibc", "aarch64": "@deno/linux-arm64-glibc"},
    "deno",
)

_BOTH = Abilities.both(
    {name for name in abilities.TLS13_ALL if "CCM" not in name},
    {name for name in abilities.TLS12_CERTIFICATES if "CCM" not in name},
    abilities.CERTIFICATES,
    {"secp256r1", "secp384r1", "x25519"},
    {abilities.KEY_UPDATE, abilities.EXTENDED_MASTER},
)
ABILITIES = Abilities(
    server=_BOTH.server | {abilities.RESUMPTION, abilities.RESUMPTION_BY_ID},
    client=_BOTH.client
    | {abilities.COOKIE, abilities.VALIDATION, abilities.CLIENT_CERTIFICATES}
    | {abilities.EXPORTER_BESIDE_THEM},
)
_PERMISSIONS = ("--allow-net", "--allow-read", "--allow-write", "--allow-env")


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
    script = str(engine_npm.SCRIPTS / "deno.mjs")
    alone = ["--quiet", "--no-config", "--no-lock", "--no-remote", "--no-npm"]
    return ScriptPeer(
        "deno",
        program(),
        setup,
        log_dir,
        arguments=["run", *alone, *_PERMISSIONS, script],
        environment={
            "DENO_DIR": str(paths.cache_dir() / "peers" / "deno-compiled"),
            "DENO_NO_UPDATE_CHECK": "1",
            "NO_COLOR": "1",
        },
    )
