"""Certificate authorities and chains made afresh for one run: root, intermediates, leaf.

Nothing here is kept between runs and nothing is secret for longer than one: private keys are made
by `cryptography`, live in the run's directory and are worthless to anybody else. A `Plan` says how
a chain shall look (plan.py).

Servers' and clients' chains are made alike: a client's is one whose leaf is for clients, below an
authority of its own. What a board trusts or proves itself with leaves here as plain literals: the
SHA-256 of a root's Name and its key, certificates in DER, a private key's numbers.
Out of scope: deployment certificates, revocation, and verifying anything.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from hil.tlsrig import certificate_forms as forms
from hil.tlsrig import keys
from hil.tlsrig.keys import PrivateKey
from hil.tlsrig.plan import DAY_S, VARIANTS, Plan, plan_of

__all__ = (
    "VARIANTS",
    "Anchor",
    "Authority",
    "Chain",
    "ChainFiles",
    "Plan",
    "make_chain",
    "make_root",
    "plan_of",
)

# (SHA-256 of the DER Name, (key kind of tlscore, its bytes)), as boards are told
Anchor = tuple[bytes, tuple[int, bytes]]

# In the arc of examples and documentation (ITU-T X.660 joint-iso-itu-t, "Example"): an extension
# that no implementation reads.
_PADDING = ObjectIdentifier("2.999.1")

_ORGANIZATION = "pytest-hil, one run only"


@dataclass(frozen=True)
class Authority:
    """A certificate with the key that signs below it."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def anchor(self) -> Anchor:
        """The authority as a trust anchor for `tlscore.trust.TrustAnchors`, plain literals."""
        name = self.certificate.subject.public_bytes()
        return hashlib.sha256(name).digest(), keys.public_tuple(self.key)


@dataclass(frozen=True)
class ChainFiles:
    """A chain on disk, PEM.

    Attributes:
        certificate: the leaf.
        intermediates: the authorities below the root, leaf's issuer first; None without any.
        chain: leaf and intermediates in one file.
        private_key: the leaf's key, PKCS #8, not encrypted.
        public_key: the leaf's raw public key (RFC 7250), a SubjectPublicKeyInfo.
        root: the root that is trusted.
    """

    certificate: Path
    intermediates: Path | None
    chain: Path
    private_key: Path
    public_key: Path
    root: Path


@dataclass(frozen=True)
class Chain:
    """A leaf with its key and the authorities above it.

    Attributes:
        leaf: as the server sends it, DER.
        leaf_key: the key it certifies.
        authorities: from the leaf's issuer up to the root; none above a self-signed leaf.
        trusted_root: what the board trusts; the chain's own root unless the plan says otherwise.
        utc_seconds: the moment that is now for whoever judges the chain.
    """

    leaf: bytes
    leaf_key: PrivateKey
    authorities: tuple[Authority, ...]
    trusted_root: Authority
    utc_seconds: int

    @property
    def anchors(self) -> list[Anchor]:
        """The board's trust anchors."""
        return [self.trusted_root.anchor]

    @property
    def private_key(self) -> tuple[int, bytes]:
        """The leaf's private key as boards are told, plain literals."""
        return keys.private_tuple(self.leaf_key)

    @property
    def raw_public_key(self) -> bytes:
        """The leaf's SubjectPublicKeyInfo, DER, sent where RFC 7250 is agreed on."""
        return keys.public_info(self.leaf_key)

    @property
    def pin(self) -> bytes:
        """The SHA-256 of the raw public key, which pins the leaf's key in any certificate."""
        return hashlib.sha256(self.raw_public_key).digest()

    @property
    def sent(self) -> tuple[bytes, ...]:
        """The certificates its owner sends, DER, leaf first, without the root."""
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
            public_key=directory / "public.pem",
            root=directory / "root.pem",
        )
        files.certificate.write_bytes(leaf)
        if files.intermediates is not None:
            files.intermediates.write_bytes(b"".join(above))
        files.chain.write_bytes(leaf + b"".join(above))
        files.private_key.touch(mode=0o600)
        files.private_key.write_bytes(key)
        files.public_key.write_bytes(
            self.leaf_key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        )
        files.root.write_bytes(_pem(_der(self.trusted_root)))
        return files


def make_chain(utc_seconds: int, plan: Plan | None = None) -> Chain:
    """Make new keys and certificates according to a plan.

    Args:
        utc_seconds: the moment the plan's times count from, Unix time.
        plan: a valid chain's by default.
    """
    plan = plan or Plan()
    leaf_key = keys.make(plan.leaf_key)
    if plan.self_signed:
        leaf = _issue_leaf(plan, utc_seconds, leaf_key, _name(plan.server_names[0]), leaf_key)
        trusted = Authority(leaf, leaf_key)
        return Chain(_tampered(leaf, plan), leaf_key, (), trusted, utc_seconds)
    authorities = [make_root(_root_name(plan), utc_seconds, plan.root_key, pss=plan.pss)]
    for number in range(plan.intermediates, 0, -1):
        authorities.insert(0, _issue_authority(plan, utc_seconds, authorities[0], number))
    issuer = authorities[0]
    leaf = _issue_leaf(plan, utc_seconds, leaf_key, issuer.certificate.subject, issuer.key)
    trusted = authorities[-1]
    if not plan.trusted:
        name = _root_name(plan) if plan.namesake else "another root"
        trusted = make_root(name, utc_seconds, plan.root_key)
    return Chain(_tampered(leaf, plan), leaf_key, tuple(authorities), trusted, utc_seconds)


def make_root(
    name: str, utc_seconds: int, key_kind: str = "p256", *, pss: bool = False
) -> Authority:
    """Make a self-signed authority, valid for ten years around a moment."""
    key = keys.make(key_kind)
    subject = _name(name)
    validity = _validity(utc_seconds, -5 * 365 * DAY_S, 5 * 365 * DAY_S)
    builder = forms.as_authority(forms.builder(subject, subject, key, validity), key, key, None)
    return Authority(builder.sign(key, **keys.signing_options(key, pss=pss)), key)


def _issue_authority(plan: Plan, utc_seconds: int, issuer: Authority, number: int) -> Authority:
    key = keys.make(plan.intermediate_key)
    validity = _validity(utc_seconds, plan.starts_s, plan.ends_s)
    name = _name(f"intermediate {number}")
    builder = forms.builder(name, issuer.certificate.subject, key, validity)
    builder = forms.as_authority(builder, key, issuer.key, number - 1)
    if plan.padding_bytes:
        # No zeros: those at the end of a record would be padding.
        content = bytes(i % 255 + 1 for i in range(plan.padding_bytes))
        padding = x509.UnrecognizedExtension(_PADDING, content)
        builder = builder.add_extension(padding, critical=False)
    options = keys.signing_options(issuer.key, pss=plan.pss)
    return Authority(builder.sign(issuer.key, **options), key)


def _issue_leaf(
    plan: Plan, utc_seconds: int, key: PrivateKey, issuer: x509.Name, issuer_key: PrivateKey
) -> x509.Certificate:
    usage = (
        ExtendedKeyUsageOID.SERVER_AUTH
        if plan.purpose == "server"
        else ExtendedKeyUsageOID.CLIENT_AUTH
    )
    validity = _validity(utc_seconds, plan.leaf_starts_s, plan.leaf_ends_s)
    builder = forms.builder(_name(plan.server_names[0]), issuer, key, validity)
    return (
        forms.identified(builder, key, issuer_key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(forms.key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([forms.general_name(name) for name in plan.server_names]),
            critical=False,
        )
        .sign(issuer_key, **keys.signing_options(issuer_key, pss=plan.pss))
    )


def _tampered(leaf: x509.Certificate, plan: Plan) -> bytes:
    der = leaf.public_bytes(serialization.Encoding.DER)
    return der[:-1] + bytes([der[-1] ^ 1]) if plan.tampered else der


def _root_name(plan: Plan) -> str:
    return "root" if plan.purpose == "server" else "client root"


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
