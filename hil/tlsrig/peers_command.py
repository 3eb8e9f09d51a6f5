"""`hil peers`: which reference peers are installed, what each can do, how to get the others.

`hil peers --install` builds those that the farm builds itself from pinned source packages, and
`hil peers --install NAME...` also those that are there on request only: from source packages, or
from npm. What comes from Debian or PyPI is left to its own tools, and the command is named.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.text import Text

from hil import progress, tables
from hil.errors import BuildError, MissingTool

if TYPE_CHECKING:
    from hil.tlsrig.peers import PeerModule

_ROLES = ("server", "client")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `peers` to the command line of `hil`."""
    listing = commands.add_parser(
        "peers", help="list the reference peers and how to get what is missing, or build them"
    )
    listing.add_argument("names", nargs="*", metavar="NAME", help="names or globs (default: all)")
    how = listing.add_mutually_exclusive_group()
    how.add_argument(
        "--install", action="store_true", help="build or fetch them; on request only: those named"
    )
    how.add_argument(
        "--check", action="store_true", help="status 1 when one is missing; the same ones"
    )
    how.add_argument("-l", "--long", action="store_true", help="every ability, role by role")
    how_much = listing.add_mutually_exclusive_group()
    how_much.add_argument("-q", "--quiet", action="store_true", help="no progress")
    how_much.add_argument("-v", "--verbose", action="store_true", help="keep a line of every step")
    listing.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """`hil peers`: status 1 when a peer that was to be installed, or is asked for, is not."""
    # Other commands need not wait for all of the rig.
    from hil.tlsrig import peers, scenario  # noqa: PLC0415

    known = {name: peers.load(name) for name in peers.names()}
    names = scenario.select(peers.renamed(options.names or ["*"]), known, "peer")
    if not options.names and (options.install or options.check):
        names = [name for name in names if not peers.is_on_request(name)]
    chosen = {name: known[name] for name in names}
    if options.install:
        return install(chosen, options.verbose - options.quiet)
    if options.check:
        return int(any(_installed(module)[1] for module in chosen.values()))
    sys.stdout.write(abilities(chosen) if options.long else table(chosen, tables.stdout_columns()))
    sys.stdout.flush()
    return 0


def install(chosen: Mapping[str, PeerModule], verbosity: int = 0) -> int:
    """Build or fetch what is not in the cache yet; of the rest say how to get it.

    Returns:
        1 when one of them is still missing. One that fails keeps no other from being installed.
    """
    status = 0
    for name, module in chosen.items():
        build = getattr(module, "build", None)
        try:
            with progress.on_stderr(verbosity) as display:
                installed = build(display) if build is not None else module.program()
        except MissingTool as error:
            what = f"needs {error.what}" if build is not None else "missing"
            sys.stdout.write(f"{name}  {what}: {error.install}\n")
            status = 1
        except BuildError as error:
            sys.stdout.write(f"{name}  not installed: {error}\n")
            status = 1
        else:
            sys.stdout.write(f"{name}  {installed.version}  {installed.path}\n")
        sys.stdout.flush()
    return status


def table(chosen: Mapping[str, PeerModule], width: int) -> str:
    """Return one line for each peer: version, the main abilities, what is missing."""
    grid = tables.empty_table()
    for title in ("peer", "version", "TLS", "PSK", "raw keys", "limit"):
        grid.add_column(title, no_wrap=True)
    grid.add_column("install")
    for name, module in chosen.items():
        version, install_command = _installed(module)
        grid.add_row(name, version, *_main_abilities(module), Text(install_command))
    return tables.render([grid], width)


def abilities(chosen: Mapping[str, PeerModule]) -> str:
    """Return all that each peer declares, in each role."""
    lines = []
    for name, module in chosen.items():
        version, _ = _installed(module)
        lines.append(f"{name} {version}: {module.SUMMARY}")
        for role in _ROLES:
            lines.append(f"  {role}:")
            lines += [f"    {word}" for word in sorted(module.ABILITIES.of(role))]
    return "\n".join(lines) + "\n"


def _installed(module: PeerModule) -> tuple[str, str]:
    """Return a peer's version and "", or a dash and the command that installs it."""
    try:
        return module.program().version, ""
    except MissingTool as error:
        return tables.MISSING, error.install


def _main_abilities(module: PeerModule) -> tuple[str, str, str, str]:
    """Return versions, modes of external keys, raw public keys and record_size_limit."""
    from hil.tlsrig import abilities as words  # noqa: PLC0415

    server, client = module.ABILITIES.server, module.ABILITIES.client
    versions = sorted(word.removeprefix("TLSv") for word in server | client if "TLSv" in word)
    psk = []
    if words.TLS12_PSK & (server | client):
        psk.append("1.2")
    if "psk_dhe_ke" in server | client:
        psk.append("1.3")
    return (
        ", ".join(versions) or tables.MISSING,
        ", ".join(psk) or tables.MISSING,
        _roles(words.RAW_PUBLIC_KEYS in server, words.RAW_PUBLIC_KEYS in client),
        _roles(words.RECORD_SIZE_LIMIT in server, words.RECORD_SIZE_LIMIT in client),
    )


def _roles(server: bool, client: bool) -> str:
    return {(True, True): "both", (True, False): "server", (False, True): "client"}.get(
        (server, client), tables.MISSING
    )
