"""Certificates in files on a PC: PEM bundles, DER, and the binary trust store. CPython only.

Nothing here judges a certificate; what is read is the core's to judge. In no firmware image.
"""

import base64
import binascii
import re

from tlscore.errors import PeerMisbehaved
from tlscore.trust import TrustAnchors, anchor_from_certificate, name_from_certificate
from tlscore.trust_store import MAGIC, TrustStore

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATE_LABELS = (b"CERTIFICATE", b"X509 CERTIFICATE")


class FileError(Exception):
    """A file that cannot be used; the message names it and, if need be, the certificate in it."""


def read(path) -> bytes:
    """Return the content of a file.

    Raises:
        FileError: it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise FileError("{}: {}".format(path, error.strerror))


def certificates(path, content=None) -> list:
    """Return the certificates of a PEM bundle or of a file with one in DER, in their order.

    Raises:
        FileError: it cannot be read, or holds no certificate, or one in broken base64.
    """
    if content is None:
        content = read(path)
    if content[:1] == b"\x30":
        return [content]
    found = []
    for label, body in _PEM.findall(content):
        if label not in _CERTIFICATE_LABELS:
            continue
        try:
            found.append(base64.b64decode(b"".join(body.split()), validate=True))
        except binascii.Error as error:
            number = len(found) + 1
            raise FileError("{}: certificate {}: bad base64: {}".format(path, number, error))
    if not found:
        raise FileError("{}: holds no certificate, PEM or DER".format(path))
    return found


def trust(path, pins=None) -> tuple:
    """Return a trust store made of a PEM bundle, a DER certificate or a binary store.

    Returns:
        (store or None, complaints): a certificate that cannot be an anchor is left out, with a
        line that says which and why; None when none is left.

    Raises:
        FileError: it cannot be read or holds no certificate.
        UsageError: `trust_store.*`: a binary store that is damaged; `trust.malformed_pin`.
    """
    content = read(path)
    if content[: len(MAGIC)] == MAGIC:
        return TrustStore(content, pins), []
    rows = []
    names = []
    complaints = []
    for number, der in enumerate(certificates(path, content), 1):
        try:
            rows.append(anchor_from_certificate(der))
            names.append(name_from_certificate(der))
        except PeerMisbehaved as error:
            complaints.append(
                "{}: certificate {} is left out: {}".format(path, number, error.reason)
            )
    return TrustAnchors(rows, pins, names) if rows else None, complaints
