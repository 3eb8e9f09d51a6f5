"""Certificate authorities and chains made afresh for one run: root, intermediates, leaf.

Nothing here is kept between runs and nothing is secret for longer than one: private keys are made
by `cryptography`, live in the run's directory and are worthless to anybody else. A `Plan` says how
a chain shall look; `VARIANTS` names the plans that scenarios ask for, each differing from a valid
chain in exactly one thing, so that a refusal has one possible reason.

What a board trusts leaves here as plain literals: the SHA-256 of the root's Name and its key.
Out of scope: deployment certificates, revocation, and verifying anything.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from hil.errors import HilError
from tlscore.crypto.signature import KEY_EC_P256

# (SHA-256 of the DER Name, (key kind of tlscore, uncompressed point)), as boards are told
Anchor = tuple[bytes, tuple[int, bytes]]

_DAY_S = 24 * 3600
_ORGANIZATION = "pytest-hil, one run only"


@dataclass(frozen=True)
class Plan:
    """What a chain shall look like; times count from the moment the scenario takes for now.

    Attributes:
        server_names: domain names and IP addresses of the leaf's subjectAltName, the first one
            also as its common name.
        intermediates: authorities between root and leaf.
        starts_s, ends_s: validity of root and intermediates, in seconds from now.
        leaf_starts_s, leaf_ends_s: validity of the leaf.
        trusted: the board trusts the root of this chain; otherwise it trusts another one.
        namesake: that other root bears the same name.
        tampered: one bit of the leaf's signature is flipped.
    """

    server_names: tuple[str, ...] = ("localhost",)
    intermediates: int = 1
    starts_s: int = -30 * _DAY_S
    ends_s: int = 365 * _DAY_S
    leaf_starts_s: int = -_DAY_S
    leaf_ends_s: int = 30 * _DAY_S
    trusted: bool = True
    namesake: bool = False
    tampered: bool = False


VARIANTS: Mapping[str, Mapping[str, Any]] = {
    "valid": {},
    "wrong-name": {"server_names": ("elsewhere.invalid",)},
    "expired": {"leaf_ends_s": -3600},
    "not-yet-valid": {"leaf_starts_s": 3600},
    "expired-intermediate": {"ends_s": -3600},
    "untrusted-ca": {"trusted": False},
    "namesake-ca": {"trusted": False, "namesake": True},
    "bad-signature": {"tampered": True},
}


@dataclass(frozen=True)
class Authority:
    """A certificate with the key that signs below it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def anchor(self) -> Anchor:
        """The authority as a trust anchor for `tlscore.trust.TrustAnchors`, plain literals."""
        name = self.certificate.subject.public_bytes()
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return hashlib.sha256(name).digest(), (KEY_EC_P256, point)


@dataclass(frozen=True)
class ChainFiles:
    """A chain on disk, PEM.

    Attributes:
        certificate: the leaf.
        intermediates: the authorities below the root, leaf's issuer first; None without any.
        chain: leaf and intermediates in one file.
        private_key: the leaf's key, PKCS #8, not encrypted.
        root: the root that the board trusts.
    """

    certificate: Path
    intermediates: Path | None
    chain: Path
    private_key: Path
    root: Path


@dataclass(frozen=True)
class Chain:
    """A leaf with its key and the authorities above it.

    Attributes:
        leaf: as the server sends it, DER.
        leaf_key: the key it certifies.
        authorities: from the leaf's issuer up to the root, at least the root.
        trusted_root: what the board trusts; the chain's own root unless the plan says otherwise.
        utc_seconds: the moment that is now for whoever judges the chain.
    """

    leaf: bytes
    leaf_key: ec.EllipticCurvePrivateKey
    authorities: tuple[Authority, ...]
    trusted_root: Authority
    utc_seconds: int

    @property
    def anchors(self) -> list[Anchor]:
        """The board's trust anchors."""
        return [self.trusted_root.anchor]

    @property
    def sent(self) -> tuple[bytes, ...]:
        """The certificates a server sends, DER, leaf first, without the root."""
        return (self.leaf, *(_der(authority) for authority in self.authorities[:-1]))

    def write(self, directory: Path) -> ChainFiles:
        """Write the chain into an existing directory; the private key is readable by us only."""
        leaf, *above = (_pem(der) for der in self.sent)
        key = self.leaf_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        files = ChainFiles(
            certificate=directory / "leaf.pem",
            intermediates=directory / "intermediates.pem" if above else None,
            chain=directory / "chain.pem",
            private_key=directory / "key.pem",
            root=directory / "root.pem",
        )
        files.certificate.write_bytes(leaf)
        if files.intermediates is not None:
            files.intermediates.write_bytes(b"".join(above))
        files.chain.write_bytes(leaf + b"".join(above))
        files.private_key.touch(mode=0o600)
        files.private_key.write_bytes(key)
        files.root.write_bytes(_pem(_der(self.trusted_root)))
        return files


def plan_of(variant: str, plan: Plan | None = None) -> Plan:
    """Return `plan` (a valid chain's by default) with what the variant changes.

    Raises:
        HilError: there is no such variant.
    """
    if variant not in VARIANTS:
        raise HilError(
            f"no certificates are called {variant!r}; hil/tlsrig/pki.py knows {', '.join(VARIANTS)}"
        )
    return replace(plan or Plan(), **VARIANTS[variant])


def make_chain(utc_seconds: int, plan: Plan | None = None) -> Chain:
    """Make new keys and certificates according to a plan.

    Args:
        utc_seconds: the moment the plan's times count from, Unix time.
        plan: a valid chain's by default.
    """
    plan = plan or Plan()
    validity = _validity(utc_seconds, plan.starts_s, plan.ends_s)
    authorities = [make_root("root", utc_seconds)]
    for number in range(plan.intermediates, 0, -1):
        name = f"intermediate {number}"
        authorities.insert(0, _issue_authority(authorities[0], name, number - 1, validity))
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    leaf = _issue_leaf(
        authorities[0],
        leaf_key,
        plan.server_names,
        _validity(utc_seconds, plan.leaf_starts_s, plan.leaf_ends_s),
    )
    trusted = authorities[-1]
    if not plan.trusted:
        trusted = make_root("root" if plan.namesake else "another root", utc_seconds)
    der = leaf.public_bytes(serialization.Encoding.DER)
    if plan.tampered:
        der = der[:-1] + bytes([der[-1] ^ 1])
    return Chain(der, leaf_key, tuple(authorities), trusted, utc_seconds)


def make_root(name: str, utc_seconds: int) -> Authority:
    """Make a self-signed authority, valid for ten years around a moment."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    validity = _validity(utc_seconds, -5 * 365 * _DAY_S, 5 * 365 * _DAY_S)
    builder = _builder(subject, subject, key, validity)
    return Authority(_as_authority(builder, key, key, None).sign(key, hashes.SHA256()), key)


def _issue_authority(
    issuer: Authority, name: str, path_length: int, validity: tuple[datetime, datetime]
) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(name), issuer.certificate.subject, key, validity)
    builder = _as_authority(builder, key, issuer.key, path_length)
    return Authority(builder.sign(issuer.key, hashes.SHA256()), key)


def _issue_leaf(
    issuer: Authority,
    key: ec.EllipticCurvePrivateKey,
    server_names: tuple[str, ...],
    validity: tuple[datetime, datetime],
) -> x509.Certificate:
    usage = ExtendedKeyUsageOID.SERVER_AUTH
    builder = _builder(_name(server_names[0]), issuer.certificate.subject, key, validity)
    return (
        _identified(builder, key, issuer.key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_general_name(name) for name in server_names]),
            critical=False,
        )
        .sign(issuer.key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    validity: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
    )


def _as_authority(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    path_length: int | None,
) -> x509.CertificateBuilder:
    return (
        _identified(builder, key, issuer_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
    )


def _identified(
    builder: x509.CertificateBuilder,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    """Add the two key identifiers that RFC 5280 §4.2.1.1 and §4.2.1.2 ask for."""
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    ).add_extension(authority, critical=False)


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _validity(utc_seconds: int, starts_s: int, ends_s: int) -> tuple[datetime, datetime]:
    now = datetime.fromtimestamp(utc_seconds, timezone.utc)
    return now + timedelta(seconds=starts_s), now + timedelta(seconds=ends_s)


def _der(authority: Authority) -> bytes:
    return authority.certificate.public_bytes(serialization.Encoding.DER)


def _pem(der: bytes) -> bytes:
    certificate = x509.load_der_x509_certificate(der)
    return certificate.public_bytes(serialization.Encoding.PEM)
