"""`hil certs`: make certificates and keys for a lab: an authority, servers, clients, devices.

    hil certs all -o pki                                     everything the HTTPS example needs
    hil certs ca -o pki --name "Workshop"
    hil certs server -o pki --name www.example --ip 192.0.2.7
    hil certs device -o pki --name sensor-7 --key ed25519

What is made is issuing.py's business, what is written certificate_folder.py's. `hil` finds this
command by its entry point (group `hil.commands`), because the farm knows nothing of TLS.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path

from hil.tlsrig import certificate_folder, keys
from hil.tlsrig.issuing import AUTHORITIES, Issued, Wanted, issue

_ROLES = {
    "ca": "a root that boards and servers trust",
    "intermediate": "an authority below another",
    "server": "for a server of these names",
    "client": "for a client",
    "device": "for a board, which may be client and server",
}
_EPILOG = "Private keys are not encrypted: what is made is for tests."


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `certs` and its own subcommands to the command line of `hil`."""
    certs = commands.add_parser(
        "certs", help="make certificates and keys: PEM, DER, Python modules to freeze"
    )
    actions = certs.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for role, what in _ROLES.items():
        _add_role(actions, role, what)
    everything = actions.add_parser(
        "all", help="an authority, a server and a device at once", epilog=_EPILOG
    )
    _add_common(everything)
    everything.add_argument("--server-name", default="localhost", metavar="NAME")
    everything.add_argument("--device-name", default="device", metavar="NAME")
    _add_names(everything, "for the server; default 127.0.0.1 and ::1 for localhost")
    everything.set_defaults(run=make_all)


def _add_role(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], role: str, what: str
) -> None:
    parser = actions.add_parser(role, help=what, epilog=_EPILOG)
    _add_common(parser)
    authority = role in AUTHORITIES
    unique = " (default: a unique one)" if authority else ""
    parser.add_argument("--name", required=not authority, help=f"common name{unique}")
    parser.add_argument("--file", metavar="STEM", help="name of its files without their endings")
    if role != "ca":
        parser.add_argument(
            "--issuer", default="ca", metavar="STEM", help="authority in DIR (default: ca)"
        )
    if not authority:
        _add_names(parser, "may be repeated")
    parser.set_defaults(run=make_one, role=role)


def _add_common(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("-o", "--output", required=True, type=Path, metavar="DIR", help="folder of all files")
    add("--key", choices=keys.KINDS, default="p256", help="kind of key (default: p256)")
    add("--days", type=int, metavar="N", help="how long it is valid")
    add("--force", action="store_true", help="replace files that are there")
    add("-q", "--quiet", action="store_true", help="do not list the files")


def _add_names(parser: argparse.ArgumentParser, note: str) -> None:
    add = parser.add_argument
    add("--dns", action="append", default=[], metavar="NAME", help=f"domain name; {note}")
    add("--ip", action="append", default=[], metavar="ADDRESS", help=f"address; {note}")


def make_one(options: argparse.Namespace) -> int:
    """`hil certs ca|intermediate|server|client|device`: make one certificate."""
    role: str = options.role
    authority = role in AUTHORITIES
    wanted = Wanted(
        role,
        options.name,
        options.key,
        options.days,
        () if authority else options.dns,
        () if authority else options.ip,
    )
    stem = options.file or (role if authority else certificate_folder.stem_of(options.name))
    issuer = None if role == "ca" else certificate_folder.load(options.output, options.issuer)
    _make(options, stem, wanted, issuer, datetime.now(timezone.utc))
    return 0


def make_all(options: argparse.Namespace) -> int:
    """`hil certs all`: make an authority, a server and a device."""
    folder, key, days = options.output, options.key, options.days
    server, device = options.server_name, options.device_name
    addresses = options.ip or (["127.0.0.1", "::1"] if server == "localhost" else [])
    stems = [certificate_folder.stem_of(name) for name in (server, device)]
    for stem, authority in (("ca", True), (stems[0], False), (stems[1], False)):
        certificate_folder.check_free(folder, stem, authority=authority, force=options.force)
    now = datetime.now(timezone.utc)
    ca = _make(options, "ca", Wanted("ca", None, key, days), None, now)
    _make(options, stems[0], Wanted("server", server, key, days, options.dns, addresses), ca, now)
    _make(options, stems[1], Wanted("device", device, key, days), ca, now)
    return 0


def _make(
    options: argparse.Namespace, stem: str, wanted: Wanted, issuer: Issued | None, now: datetime
) -> Issued:
    authority = wanted.role in AUTHORITIES
    # Before a key is made, which takes its time for RSA.
    certificate_folder.check_free(options.output, stem, authority=authority, force=options.force)
    issued = issue(wanted, issuer, now)
    written = certificate_folder.write(options.output, stem, issued, force=options.force)
    if not options.quiet:
        end = issued.certificate.not_valid_after_utc
        sys.stdout.write(f"{wanted.role} {issued.name!r}, {wanted.key}, until {end:%Y-%m-%d}\n")
        width = max(len(str(path)) for path in written)
        sys.stdout.writelines(f"  {path!s:{width}}  {what}\n" for path, what in written.items())
    return issued
