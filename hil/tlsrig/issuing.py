"""Certificates that people keep: authorities, servers, clients and devices, and who signs them.

A `Wanted` says what is asked for, `issue` makes key and certificate. Authorities are found again in
the folder they were written to (certificate_folder.py), so that a certificate made next year is
below the same root. Everything is what RFC 5280 asks for and boards check: a name, alternative
names, key usages, an extended key usage, identifiers of keys.

Names of authorities are made unique by default: two authorities of one name and different keys make
every refusal hard to understand. What it does not do: revoke, renew by itself, or encrypt keys.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hil.errors import HilError
from hil.tlsrig import certificate_forms as forms
from hil.tlsrig import keys
from hil.tlsrig.keys import PrivateKey

AUTHORITIES = ("ca", "intermediate")
_DAYS = {"ca": 3650, "intermediate": 1825, "server": 365, "client": 365, "device": 3650}
_USAGES = {
    "server": [ExtendedKeyUsageOID.SERVER_AUTH],
    "client": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "device": [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH],
}
# Valid a little before it was made: clocks of boards and servers differ.
_BACKDATED = timedelta(hours=1)
# ITU-T X.520 ub-common-name, RFC 5280 appendix A.1
_NAME_CHARACTERS_MAX = 64
_DOMAIN_NAME = re.compile(
    r"(?=.{1,253}\Z)(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*"
    r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Wanted:
    """What is asked for.

    Attributes:
        role: "ca", "intermediate", "server", "client" or "device" (client and server).
        name: its common name; None: an authority gets a unique one.
        key: kind of its key, see keys.py.
        days: how long it is valid from now on; None: as is usual, but not longer than its issuer.
        dns: domain names it may present.
        addresses: IP addresses it may present.
    """

    role: str
    name: str | None
    key: str = "p256"
    days: int | None = None
    dns: Sequence[str] = ()
    addresses: Sequence[str] = ()


@dataclass(frozen=True)
class Issued:
    """A certificate with its key and what is above it.

    Attributes:
        certificate: its own.
        key: what it certifies.
        above: its issuer first, the root last; none above a root.
    """

    certificate: x509.Certificate
    key: PrivateKey
    above: tuple[x509.Certificate, ...]

    @property
    def name(self) -> str:
        """Its common name."""
        (attribute,) = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(attribute.value)

    @property
    def root(self) -> x509.Certificate:
        """Whom one has to trust."""
        return self.above[-1] if self.above else self.certificate

    @property
    def sent(self) -> tuple[x509.Certificate, ...]:
        """What its owner sends in a handshake: its own first, each certified by the next."""
        return (self.certificate, *self.above[:-1])


def issue(wanted: Wanted, issuer: Issued | None, now: datetime) -> Issued:
    """Make a key and a certificate.

    Args:
        wanted: what is asked for.
        issuer: who signs it; None for a "ca", which signs itself.
        now: the moment validity is counted from, with its time zone.

    Raises:
        HilError: it cannot be made like that; the message names the option.
    """
    moment = now.replace(microsecond=0)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _common_name(wanted))])
    validity = _validity(wanted, issuer, moment)
    names = _alternative_names(wanted)
    key = keys.make(wanted.key)
    issuer_name = subject if issuer is None else issuer.certificate.subject
    issuer_key = key if issuer is None else issuer.key
    builder = forms.builder(subject, issuer_name, key, validity)
    if wanted.role in AUTHORITIES:
        builder = forms.as_authority(builder, key, issuer_key, _path_length(issuer))
    else:
        builder = _as_leaf(forms.identified(builder, key, issuer_key), wanted.role)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    certificate = builder.sign(issuer_key, **keys.signing_options(issuer_key))
    above = () if issuer is None else (issuer.certificate, *issuer.above)
    return Issued(certificate, key, above)


def is_authority(certificate: x509.Certificate) -> bool:
    """Say whether a certificate may certify others."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def der(certificate: x509.Certificate) -> bytes:
    """Return a certificate in DER."""
    return certificate.public_bytes(serialization.Encoding.DER)


def _as_leaf(builder: x509.CertificateBuilder, role: str) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(forms.key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(_USAGES[role]), critical=False)
    )


def _path_length(issuer: Issued | None) -> int | None:
    """Return how many authorities may be below: under an issuer with a limit one less."""
    if issuer is None:
        return None
    found = issuer.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    if found.path_length == 0:
        raise HilError(f"{issuer.name!r} may not certify other authorities (pathlen 0)")
    return None if found.path_length is None else found.path_length - 1


def _common_name(wanted: Wanted) -> str:
    name = wanted.name
    if name is None and wanted.role in AUTHORITIES:
        kind = "CA" if wanted.role == "ca" else "intermediate CA"
        return f"hil {kind} {secrets.token_hex(4)}"
    if not name or not name.isprintable():
        raise HilError(f"--name {name!r}: must be printable and not empty")
    if len(name) > _NAME_CHARACTERS_MAX:
        raise HilError(
            f"--name {name!r}: has {len(name)} characters, {_NAME_CHARACTERS_MAX} are possible; "
            "give a longer domain name by --dns"
        )
    return name


def _alternative_names(wanted: Wanted) -> list[x509.GeneralName]:
    """Return the names that peers look for; a name that is a domain name or address is one."""
    if wanted.role in AUTHORITIES:
        return []
    texts = []
    own = wanted.name or ""
    if wanted.role != "client" and (_is_address(own) or _DOMAIN_NAME.fullmatch(own)):
        texts.append(own)
    for name in wanted.dns:
        if not _DOMAIN_NAME.fullmatch(name) or _is_address(name):
            raise HilError(
                f"--dns {name!r}: is no domain name (ASCII letters, digits and hyphens; others in "
                "their xn-- form; an address goes with --ip)"
            )
        texts.append(name)
    for address in wanted.addresses:
        if not _is_address(address):
            raise HilError(f"--ip {address!r}: is no address; a domain name goes with --dns")
        texts.append(address)
    if not texts and wanted.role == "server":
        raise HilError(
            f"--name {own!r}: is neither a domain name nor an address, which is what clients look "
            "for; add --dns or --ip"
        )
    return [forms.general_name(text) for text in dict.fromkeys(texts)]


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _validity(wanted: Wanted, issuer: Issued | None, moment: datetime) -> tuple[datetime, datetime]:
    begin = moment - _BACKDATED
    days = _DAYS[wanted.role] if wanted.days is None else wanted.days
    if days < 1:
        raise HilError(f"--days {days}: must be 1 or more")
    try:
        end = moment + timedelta(days=days)
    except OverflowError:
        raise HilError(f"--days {days}: ends after the year 9999") from None
    if issuer is None:
        return begin, end
    latest = issuer.certificate.not_valid_after_utc
    if latest <= moment:
        raise HilError(
            f"{issuer.name!r} has expired on {latest:%Y-%m-%d}; make another with `hil certs ca`"
        )
    if end > latest and wanted.days is not None:
        left = (latest - moment).days
        raise HilError(
            f"--days {days}: {issuer.name!r} itself ends on {latest:%Y-%m-%d}; "
            f"at most {left} days are left"
        )
    return max(begin, issuer.certificate.not_valid_before_utc), min(end, latest)
