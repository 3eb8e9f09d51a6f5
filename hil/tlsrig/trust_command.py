"""`hil trust`: make the trust store of a board from certificates, and look into one.

The file's format and its reader on the board are tlscore.trust_store; what of a certificate makes
an anchor is tlscore.trust's to say, so a store never holds what a board could not use. `hil` finds
this command by its entry point (group `hil.commands`), because the farm knows nothing of TLS.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import os
import re
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

from hil.errors import HilError
from tlscore.crypto import rsa, signature
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.trust import anchor_from_certificate
from tlscore.trust_store import TrustStore, encode

# The end line is missing where a bundle was cut off, which must be noticed.
_PEM = re.compile(
    rb"-----BEGIN (?:X509 )?CERTIFICATE-----(.*?)"
    rb"(-----END (?:X509 )?CERTIFICATE-----|(?=-----BEGIN )|\Z)",
    re.DOTALL,
)

_KINDS = {
    signature.KEY_EC_P256: "P-256",
    signature.KEY_EC_P384: "P-384",
    signature.KEY_ED25519: "Ed25519",
}


@dataclass(frozen=True)
class Found:
    """One certificate of an input file; what `cryptography` cannot read is for the core to judge.

    Attributes:
        where: which certificate of which file.
        name: its subject, for people.
        name_hash: SHA-256 of the subject, None if unreadable.
        ended: when its validity ended or will end, None if unreadable.
    """

    where: str
    der: bytes
    name: str = "(unreadable)"
    name_hash: bytes | None = None
    ended: datetime | None = None


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `trust` and its own subcommands to the command line of `hil`."""
    trust = commands.add_parser("trust", help="make or list the trust store of a board")
    actions = trust.add_subparsers(title="commands", metavar="COMMAND", required=True)

    building = actions.add_parser("build", help="make a trust store from certificates")
    building.add_argument("inputs", nargs="+", type=Path, metavar="FILE", help="PEM bundle, or DER")
    building.add_argument("-o", "--output", required=True, type=Path, metavar="STORE")
    building.add_argument("--keep-expired", action="store_true", help="take expired roots too")
    building.add_argument("-q", "--quiet", action="store_true", help="only what is left out")
    building.set_defaults(run=build)

    listing = actions.add_parser("list", help="list the anchors of a trust store")
    listing.add_argument("store", type=Path, metavar="STORE")
    listing.add_argument(
        "inputs", nargs="*", type=Path, metavar="FILE", help="certificates, to tell anchors' names"
    )
    listing.set_defaults(run=show)


def build(options: argparse.Namespace) -> int:
    """`hil trust build`: write a store with every certificate that can be an anchor."""
    rows: dict[object, Found] = {}
    left_out = duplicates = 0
    for path in options.inputs:
        for found in certificates(path):
            reason = None if options.keep_expired else _expiry(found)
            if reason is None:
                try:
                    row = anchor_from_certificate(found.der)
                except PeerMisbehaved as refused:
                    reason = refused.reason
            if reason is not None:
                left_out += 1
                _say(f"left out   {found.where}: {found.name}: {reason}")
            elif row in rows:
                duplicates += 1
                if not options.quiet:
                    _say(f"duplicate  {found.where}: the same anchor as {rows[row].where}")
            else:
                rows[row] = found
                if not options.quiet:
                    _say(f"taken      {found.where}: {found.name} ({_key(row[1])})")
    if not rows:
        raise HilError("none of the certificates can be a trust anchor; no store was written")
    store = encode(rows)
    _write(options.output, store)
    sys.stdout.write(
        f"{options.output}: {len(rows)} anchors, {len(store)} bytes; "
        f"{duplicates} duplicates merged, {left_out} left out\n"
    )
    return 0


def show(options: argparse.Namespace) -> int:
    """`hil trust list`: check a store and print what is in it."""
    try:
        store = TrustStore(_read(options.store))
    except UsageError as refused:
        why = _EXPLAINED[refused.reason]
        raise HilError(f"{options.store}: {why} ({refused.reason})") from None
    names = {found.name_hash: found.name for path in options.inputs for found in certificates(path)}
    for number in range(store.count):
        name_hash, key = store.row(number)
        limits = f", {len(key[2])} bytes of limits" if len(key) > 2 else ""
        name = names.get(name_hash, "")
        sys.stdout.write(f"{name_hash.hex()[:16]}  {_key(key)}{limits}  {name}".rstrip() + "\n")
    sys.stdout.write(f"{store.count} anchors\n")
    return 0


_EXPLAINED = {
    "trust_store.not_a_store": "is no trust store; `hil trust build` makes one",
    "trust_store.version": "is a trust store of another version; build it again",
    "trust_store.truncated": "is cut off; build or copy it again",
    "trust_store.corrupt": "is damaged; build or copy it again",
    "trust_store.empty": "holds no anchor",
}


def certificates(path: Path) -> Iterator[Found]:
    """Read the certificates of a file, PEM (any number) or DER (one).

    Raises:
        HilError: it cannot be read, holds none, or is cut off or garbled; the message says where.
    """
    content = _read(path)
    if content.startswith(b"\x30"):
        yield _described(f"{path}: certificate 1", content)
        return
    bodies = _PEM.findall(content)
    if not bodies:
        raise HilError(f"{path}: holds no certificate, PEM or DER")
    for number, (body, end) in enumerate(bodies, 1):
        where = f"{path}: certificate {number}"
        if not end:
            raise HilError(f"{where} has no END line: the file is cut off")
        try:
            der = base64.b64decode(b"".join(body.split()), validate=True)
        except binascii.Error as error:
            raise HilError(f"{where}: bad base64: {error}") from None
        yield _described(where, der)


def _described(where: str, der: bytes) -> Found:
    with warnings.catch_warnings():
        # Serial numbers of roots that are zero or negative: a trust anchor's is not looked at.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        try:
            certificate = x509.load_der_x509_certificate(der)
            name = certificate.subject.rfc4514_string() or "(no name)"
            name_hash = hashlib.sha256(certificate.subject.public_bytes()).digest()
            return Found(where, der, name, name_hash, certificate.not_valid_after_utc)
        except ValueError:
            return Found(where, der)


def _expiry(found: Found) -> str | None:
    if found.ended is None or found.ended.timestamp() >= time.time():
        return None
    return f"expired on {found.ended:%Y-%m-%d} (--keep-expired takes it)"


def _key(key: tuple[int, bytes]) -> str:
    """Return the kind of a key for people, with the size of RSA keys."""
    if key[0] != signature.KEY_RSA:
        return _KINDS[key[0]]
    modulus, _exponent = rsa.public_numbers(key[1])
    return f"RSA {modulus.bit_length()}"


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise HilError(f"{path}: {error.strerror}") from None


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step, so that no half of a store is ever found."""
    new = path.with_name(f".new-{path.name}")
    try:
        new.write_bytes(content)
        os.replace(new, path)
    except OSError as error:
        raise HilError(f"{path}: {error.strerror}") from None


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
