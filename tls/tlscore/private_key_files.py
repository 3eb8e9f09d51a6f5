"""Private keys in files on a PC: PKCS #8, SEC 1 and PKCS #1, PEM or DER, not encrypted.

And the SubjectPublicKeyInfo that belongs to one, which is what a raw public key is (RFC 7250).

CPython only, in no firmware image. What comes out is the tuple (kind, bytes) that
crypto/signature.py describes; whether it is a key at all is found out when it is used.
"""

import base64
import binascii
import re

from tlscore.certificate_files import FileError, read
from tlscore.crypto import signature
from tlscore.crypto.signature import KEY_EC_P256, KEY_EC_P384, KEY_ED25519, KEY_RSA

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----(.*?)-----END \1-----", re.DOTALL)
_SEQUENCE, _INTEGER, _BIT_STRING, _OCTET_STRING = 0x30, 0x02, 0x03, 0x04
_NULL, _OBJECT_IDENTIFIER = 0x05, 0x06
_PARAMETERS = 0xA0  # [0] of an ECPrivateKey

_RSA = bytes.fromhex("2a864886f70d010101")  # rsaEncryption, RFC 8017 appendix C
_EC = bytes.fromhex("2a8648ce3d0201")  # id-ecPublicKey, RFC 5480 §2.1.1
_ED25519 = bytes.fromhex("2b6570")  # id-Ed25519, RFC 8410 §3
# Curves of RFC 5480 §2.1.1.1: kind and size of the scalar.
_CURVES = {
    bytes.fromhex("2a8648ce3d030107"): (KEY_EC_P256, 32),
    bytes.fromhex("2b81040022"): (KEY_EC_P384, 48),
}


def private_key(path) -> tuple:
    """Return the first private key of a file as (kind, bytes).

    Raises:
        FileError: it cannot be read or holds no key of a kind that is known, in the clear.
    """
    content = read(path)
    label = b"PRIVATE KEY" if content[:1] == b"\x30" else None
    found = _PEM.search(content)
    try:
        if found is not None:
            label = found.group(1)
            content = base64.b64decode(b"".join(found.group(2).split()), validate=True)
        key = _decoded(label, content)
    except (binascii.Error, IndexError) as error:
        raise FileError("{}: damaged private key: {}".format(path, error))
    if key is None:
        raise FileError(
            "{}: holds no unencrypted private key for P-256, P-384, Ed25519 or RSA".format(path)
        )
    return key


def public_key_info(key) -> bytes:
    """Return the SubjectPublicKeyInfo (RFC 5280 §4.1) of a private key (kind, bytes), in DER.

    Raises:
        ValueError: the private key is none.
    """
    kind, public = signature.public_of(key)
    if kind == KEY_RSA:
        algorithm = _element(_OBJECT_IDENTIFIER, _RSA) + _element(_NULL, b"")
    elif kind == KEY_ED25519:
        algorithm = _element(_OBJECT_IDENTIFIER, _ED25519)
    else:
        (curve,) = [name for name, (curve_kind, _) in _CURVES.items() if curve_kind == kind]
        algorithm = _element(_OBJECT_IDENTIFIER, _EC) + _element(_OBJECT_IDENTIFIER, curve)
    bits = _element(_BIT_STRING, b"\x00" + public)
    return _element(_SEQUENCE, _element(_SEQUENCE, algorithm) + bits)


def _element(tag, content):
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = (size.bit_length() + 7) // 8
    return bytes((tag, 0x80 | octets)) + size.to_bytes(octets, "big") + content


def _decoded(label, der):
    if label == b"RSA PRIVATE KEY":
        return KEY_RSA, der
    if label == b"EC PRIVATE KEY":
        return _ec_private_key(der, None)
    if label != b"PRIVATE KEY":
        return None
    return _pkcs8(der)


def _pkcs8(der):
    """Read a PrivateKeyInfo (RFC 5208 §5)."""
    fields = _elements(_content(der, _SEQUENCE))
    if len(fields) < 3 or [tag for tag, _ in fields[:3]] != [_INTEGER, _SEQUENCE, _OCTET_STRING]:
        return None
    algorithm = _elements(fields[1][1])
    inner = fields[2][1]
    identifier = algorithm[0][1]
    if identifier == _RSA:
        return KEY_RSA, inner
    if identifier == _ED25519:
        return KEY_ED25519, _content(inner, _OCTET_STRING)
    if identifier == _EC:
        return _ec_private_key(inner, algorithm[1][1])
    return None


def _ec_private_key(der, curve):
    """Read an ECPrivateKey (RFC 5915 §3); `curve` is its identifier if it stands outside."""
    fields = _elements(_content(der, _SEQUENCE))
    for tag, content in fields:
        if tag == _PARAMETERS and curve is None:
            curve = _content(content, _OBJECT_IDENTIFIER)
    if curve not in _CURVES or len(fields) < 2:
        return None
    kind, size = _CURVES[curve]
    return kind, fields[1][1].rjust(size, b"\x00")


def _content(der, tag):
    """Return the content of the one element `der` is, which must have this tag."""
    (found, content), *more = _elements(der) or [(None, b"")]
    if found != tag or more:
        raise binascii.Error("not the DER of a private key")
    return content


def _elements(der) -> list:
    """Return the DER elements that `der` consists of, as (tag, content)."""
    found = []
    position = 0
    while position < len(der):
        tag, length = der[position], der[position + 1]
        position += 2
        if length & 0x80:
            octets = length & 0x7F
            length = int.from_bytes(der[position : position + octets], "big")
            position += octets
        if position + length > len(der):
            raise binascii.Error("truncated")
        found.append((tag, der[position : position + length]))
        position += length
    return found
