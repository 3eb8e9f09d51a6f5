"""What every certificate of the farm has in it, as RFC 5280 asks for: fields, identifiers, usages.

Used for chains that live as long as a run (pki.py) and for those that people keep (issuing.py).
What it does not do: choose names, keys or times, or sign.
"""

from __future__ import annotations

import ipaddress
from datetime import datetime

from cryptography import x509

from hil.tlsrig.keys import PrivateKey


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    validity: tuple[datetime, datetime],
) -> x509.CertificateBuilder:
    """Return a certificate without extensions, with a serial number of its own."""
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity[0])
        .not_valid_after(validity[1])
    )


def as_authority(
    builder: x509.CertificateBuilder,
    key: PrivateKey,
    issuer_key: PrivateKey,
    path_length: int | None,
) -> x509.CertificateBuilder:
    """Add what makes a certificate one of an authority.

    Args:
        builder: so far.
        key: what the authority signs with.
        issuer_key: what its own certificate is signed with.
        path_length: how many authorities may be below it; None for any number.
    """
    return (
        identified(builder, key, issuer_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(key_usage(signs_certificates=True), critical=True)
    )


def identified(
    builder: x509.CertificateBuilder,
    key: PrivateKey,
    issuer_key: PrivateKey,
) -> x509.CertificateBuilder:
    """Add the two key identifiers that RFC 5280 §4.2.1.1 and §4.2.1.2 ask for."""
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return builder.add_extension(
        x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
    ).add_extension(authority, critical=False)


def key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    """Return what the key is for: certificates, or signatures in handshakes."""
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


def general_name(text: str) -> x509.GeneralName:
    """Return a domain name or an address as a subject alternative name has it."""
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
