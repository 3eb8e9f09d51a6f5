"""The files of `hil certs`: PEM, DER and a Python module for each certificate, in one folder.

For a stem such as `sensor-7` there are

    sensor-7.pem, sensor-7.der            the certificate
    sensor-7-chain.pem                    it and the intermediates, in the order they are sent in
    sensor-7-key.pem, sensor-7-key.der    the private key, PKCS #8, not encrypted, mode 0600
    sensor_7_credentials.py               the same and the anchor as constants, to freeze: mode 0600

and for an authority, instead of chain and credentials, `ca_trust.py` and `ca.trust`: its anchor as
constants and as a trust store (see `hil trust`). Constants of a frozen module stay in flash.

Files appear whole or not at all, and are never replaced unless that is asked for. Whom a stem was
issued by is found by its names and signatures, whatever the files are called.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from hil.errors import HilError
from hil.tlsrig import keys
from hil.tlsrig.issuing import Issued, der, is_authority
from hil.tlsrig.keys import PrivateKey
from tlscore.trust import anchor_from_certificate
from tlscore.trust_store import encode

_OTHERS_MODE = 0o644
_SECRET_MODE = 0o600
_BYTES_A_LINE = 16
_KEY_SUFFIX, _CHAIN_SUFFIX = "-key", "-chain"


def stem_of(name: str) -> str:
    """Return the name of files for a certificate's name.

    Raises:
        HilError: nothing of the name can be part of one.
    """
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", name.replace("*", "any")).strip("-.")
    if not stem:
        raise HilError(f"--name {name!r}: makes no file name; choose one by --file")
    return stem


def write(folder: Path, stem: str, issued: Issued, *, force: bool) -> dict[Path, str]:
    """Write all files of a certificate.

    Args:
        folder: made if need be.
        stem: of their names.
        issued: what they are of.
        force: replace files that are there.

    Returns:
        the files, each with what it is.

    Raises:
        HilError: a file is there already, or cannot be written.
    """
    authority = is_authority(issued.certificate)
    files = _authority_files(stem, issued) if authority else _leaf_files(stem, issued)
    check_free(folder, stem, authority=authority, force=force)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (content, mode, _) in files.items():
            _write(folder / name, content, mode)
    except OSError as error:
        raise HilError(f"{error.filename or folder}: {error.strerror}") from None
    return {folder / name: what for name, (_, _, what) in files.items()}


def check_free(folder: Path, stem: str, *, authority: bool, force: bool) -> None:
    """Check that writing a certificate under a stem loses nothing.

    Raises:
        HilError: there are files already and `force` is not set, or they are an authority's and
            what is to replace them is not; or the stem is none.
    """
    if stem != stem_of(stem) or stem.endswith((_KEY_SUFFIX, _CHAIN_SUFFIX)):
        raise HilError(
            f"{stem!r} cannot be the name of the files: letters, digits, '.', '_' and '-', and "
            "neither -key nor -chain at the end; choose one by --file"
        )
    taken = [path for path in _own_paths(folder, stem) if path.exists()]
    if not taken:
        return
    if not force:
        raise HilError(
            f"{taken[0]} is there already; --force replaces it, --file chooses another name"
        )
    certificate = folder / f"{stem}.pem"
    if not authority and certificate.exists() and is_authority(_certificate(certificate)):
        raise HilError(
            f"{certificate} is an authority's and is not replaced; choose another name by --file"
        )


def load(folder: Path, stem: str) -> Issued:
    """Return an authority that was written to a folder, with everything above it.

    Raises:
        HilError: it is not there, is no authority, has another key, or what is above it is missing.
    """
    path = folder / f"{stem}.pem"
    if not path.exists():
        made_by = "ca" if stem == "ca" else "intermediate"
        raise HilError(
            f"{path} is not there: make it first with `hil certs {made_by} -o {folder}`, or name "
            "another authority of that folder by --issuer"
        )
    certificate = _certificate(path)
    if not is_authority(certificate):
        raise HilError(f"{path} is no authority: it cannot certify others")
    key = _private_key(folder / f"{stem}{_KEY_SUFFIX}.pem")
    if keys.public_info(key) != _public_info(certificate):
        raise HilError(f"{folder / stem}{_KEY_SUFFIX}.pem is not the private key of {path}")
    return Issued(certificate, key, tuple(_above(certificate, path)))


def _above(certificate: x509.Certificate, path: Path) -> list[x509.Certificate]:
    """Return the issuers of a certificate up to the root, found beside it."""
    beside = []
    for candidate in sorted(path.parent.glob("*.pem")):
        with suppress(HilError):  # a key, or somebody else's file
            beside.append(_certificate(candidate))
    found: list[x509.Certificate] = []
    while certificate.issuer != certificate.subject:
        issuers = [each for each in beside if _has_issued(each, certificate)]
        if not issuers or issuers[0] in found:
            issuer = certificate.issuer.rfc4514_string()
            raise HilError(f"{path.parent}: the certificate of {issuer} is missing, above {path}")
        certificate = issuers[0]
        found.append(certificate)
    return found


def _has_issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    if not is_authority(authority):
        return False
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


# Content, mode, and what it is.
_Files = dict[str, tuple[bytes, int, str]]


def _leaf_files(stem: str, issued: Issued) -> _Files:
    files = _certificate_files(stem, issued)
    chain = b"".join(_pem(certificate) for certificate in issued.sent)
    others = len(issued.sent) - 1
    what = f"certificate and {others} above it, as sent" if others else "the same, as sent"
    files[f"{stem}{_CHAIN_SUFFIX}.pem"] = (chain, _OTHERS_MODE, what)
    module = f"{_identifier(stem)}_credentials.py"
    text = _credentials_module(stem, issued)
    files[module] = (text.encode(), _SECRET_MODE, "all of it as constants, to freeze")
    return files


def _authority_files(stem: str, issued: Issued) -> _Files:
    files = _certificate_files(stem, issued)
    anchor = anchor_from_certificate(der(issued.certificate))
    text = _module_head(issued, "Whom to trust") + _anchors_constant(anchor)
    files[f"{_identifier(stem)}_trust.py"] = (
        text.encode(),
        _OTHERS_MODE,
        "its anchor as constants, to freeze",
    )
    files[f"{stem}.trust"] = (
        encode([anchor]),
        _OTHERS_MODE,
        "its anchor as a trust store",
    )
    return files


def _own_paths(folder: Path, stem: str) -> list[Path]:
    suffixes = (".pem", ".der", "-chain.pem", "-key.pem", "-key.der", ".trust")
    modules = (f"{_identifier(stem)}_trust.py", f"{_identifier(stem)}_credentials.py")
    return [*(folder / f"{stem}{suffix}" for suffix in suffixes), *(folder / m for m in modules)]


def _certificate_files(stem: str, issued: Issued) -> _Files:
    key = {
        encoding: issued.key.private_bytes(
            encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
    }
    return {
        f"{stem}.pem": (_pem(issued.certificate), _OTHERS_MODE, "certificate"),
        f"{stem}.der": (der(issued.certificate), _OTHERS_MODE, "the same, DER"),
        f"{stem}-key.pem": (key[serialization.Encoding.PEM], _SECRET_MODE, "private key"),
        f"{stem}-key.der": (key[serialization.Encoding.DER], _SECRET_MODE, "the same, DER"),
    }


def _credentials_module(stem: str, issued: Issued) -> str:
    kind, private = keys.private_tuple(issued.key)
    anchor = anchor_from_certificate(der(issued.root))
    certificates = "".join(f"    {_literal(der(each), 4)},\n" for each in issued.sent)
    return (
        _module_head(issued, f"What {stem} proves itself with, and whom it trusts")
        + _anchors_constant(anchor)
        + "\n# Its certificates in DER, its own first: ClientConfig(certificates=CERTIFICATES)\n"
        + f"CERTIFICATES = (\n{certificates})\n\n"
        + "# SECRET. Kind of the key (tlscore.crypto.signature) and the key itself:\n"
        + "# ClientConfig(private_key=PRIVATE_KEY)\n"
        + f"PRIVATE_KEY = (\n    {kind},\n    {_literal(private, 4)},\n)\n"
    )


def _module_head(issued: Issued, what: str) -> str:
    certificate = issued.certificate
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    name = issued.name.encode("unicode_escape").decode().replace('"', '\\"')
    return (
        f'"""{what}.\n\nMade by `hil certs` to be frozen: constants stay in flash.\n\n'
        f'Name: {name}\nValid: {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC\n"""\n\n'
        f"# Unix time of the end.\nNOT_AFTER = {int(end.timestamp())}\n\n"
    )


def _anchors_constant(anchor: tuple[bytes, tuple[Any, ...]]) -> str:
    name_hash, (kind, public, *limits) = anchor
    more = "".join(f"            {_literal(each, 12)},\n" for each in limits)
    return (
        "# Whom to trust: tlscore.trust.TrustAnchors(ANCHORS). Name's SHA-256, kind of key, key.\n"
        f"ANCHORS = (\n    (\n        {_literal(name_hash, 8)},\n        (\n            {kind},\n"
        f"            {_literal(public, 12)},\n{more}        ),\n    ),\n)\n"
    )


def _literal(data: bytes, indent: int) -> str:
    """Return bytes as a literal that goes over several lines."""
    lines = [
        'b"' + "".join(f"\\x{byte:02x}" for byte in data[start : start + _BYTES_A_LINE]) + '"'
        for start in range(0, len(data), _BYTES_A_LINE)
    ]
    return f"\n{' ' * indent}".join(lines)


def _identifier(stem: str) -> str:
    name = re.sub(r"\W", "_", stem)
    return f"_{name}" if name[0].isdigit() else name


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _public_info(certificate: x509.Certificate) -> bytes:
    return certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        raise HilError(f"{path}: {error.strerror}") from None
    except ValueError:
        raise HilError(f"{path}: holds no certificate in PEM") from None


def _private_key(path: Path) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise HilError(f"{path}: {error.strerror}") from None
    except TypeError:
        raise HilError(
            f"{path}: is encrypted; decrypt it with `openssl pkey -in {path} -out ...`"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise HilError(f"{path}: holds no private key in PEM") from None
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in ("secp256r1", "secp384r1"):
        return key
    if isinstance(key, ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey):
        return key
    raise HilError(f"{path}: its kind of key is not among {', '.join(keys.KINDS)}")


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file in one step; nobody else can ever read a secret one."""
    new = path.with_name(f".new-{os.getpid()}-{path.name}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)
        raise
