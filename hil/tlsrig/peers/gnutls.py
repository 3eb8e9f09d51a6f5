"""The reference peer `gnutls`: `gnutls-serv` and `gnutls-cli`, 3.7 and 3.8.

Its verdict comes from what it prints of a connection that stands, with the exported keying
material, and from its own debug log (`hil.tlsrig.gnutls`).
"""

from __future__ import annotations

from pathlib import Path

from hil.peer import Program, find_program
from hil.tlsrig import abilities
from hil.tlsrig.abilities import Abilities
from hil.tlsrig.gnutls.over_tcp import GnuTlsClient, GnuTlsServer
from hil.tlsrig.gnutls.over_udp import GnuTlsUdpServer
from hil.tlsrig.peers import ClientSetup, ServerSetup

SUMMARY = "GnuTLS gnutls-serv and gnutls-cli"
INSTALL = "apt-get install gnutls-bin"
# Neither program can be told what time it is: certificates are made for the present.
KNOWS_TIME = False

# gnutls-serv sends no cookie.
_BOTH = Abilities.both(
    abilities.TLS13_ALL,
    abilities.TLS12_ALL,
    abilities.DTLS12 | {abilities.DATAGRAM_LIMIT},
    {"TLSv1.1", "psk_dhe_ke", "psk_ke"},
    abilities.CERTIFICATES,
    abilities.GROUPS,
    abilities.RESUMES | abilities.CHOICES | {abilities.KEY_REFUSAL},
    {abilities.RAW_PUBLIC_KEYS, abilities.RECORD_SIZE_LIMIT, abilities.KEY_UPDATE},
    {abilities.RECORD_SIZE_LIMIT_OF_TLS12},
    {abilities.CLIENT_CERTIFICATES, abilities.VALIDATION},
    {abilities.INSISTENCE, abilities.EXPORTER_BESIDE_THEM},
    {abilities.EXTENDED_MASTER, abilities.NO_EXTENDED_MASTER, abilities.FALLBACK},
)
# Of a long datagram gnutls-serv shows the beginning.
_OF_CLIENT = frozenset({abilities.COOKIE, abilities.LONG_DATAGRAMS, abilities.SECOND_COOKIE})
# gnutls-cli 3.7 crashes when it prints what it agreed on with ECDHE_PSK, with any server.
_CRASHES = frozenset({"TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"})
ABILITIES = Abilities(server=_BOTH.server, client=(_BOTH.client | _OF_CLIENT) - _CRASHES)


def program() -> Program:
    """Return the installed `gnutls-serv`; `MissingTool` names the command that installs it."""
    return find_program("gnutls-serv", ["--version"], r"^gnutls-serv (\S+)", INSTALL)


def serve(setup: ServerSetup, log_dir: Path) -> GnuTlsServer:
    """Return a `gnutls-serv`, not started yet."""
    if "DTLSv1.2" in setup.versions:
        return GnuTlsUdpServer(program(), setup, log_dir)
    return GnuTlsServer(program(), setup, log_dir)


def connect(setup: ClientSetup, log_dir: Path) -> GnuTlsClient:
    """Return a `gnutls-cli` for one connection, not started yet."""
    path = find_program("gnutls-cli", ["--version"], r"^gnutls-cli (\S+)", INSTALL)
    return GnuTlsClient(path, setup, log_dir)
