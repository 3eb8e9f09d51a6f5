"""Certificates and public keys as a grammar: X.509 in DER, down to the last byte (RFC 5280).

DER says of every element what it is and how long, so elements are walked without knowing them; a
`Shape` gives those of a certificate their names. What has no shape is shown by its ASN.1 type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from ipaddress import ip_address

from hil.tlsrig.dissect.grammar import (
    Cursor,
    Field,
    Kind,
    Truncated,
    bounded,
    counted_in,
    joined,
    text,
)

_SEQUENCE, _SET, _BIT_STRING, _OCTET_STRING, _OID, _BOOLEAN, _INTEGER = 48, 49, 3, 4, 6, 1, 2
_TYPES: Mapping[int, str] = {
    _BOOLEAN: "BOOLEAN",
    _INTEGER: "INTEGER",
    _BIT_STRING: "BIT STRING",
    _OCTET_STRING: "OCTET STRING",
    5: "NULL",
    _OID: "OBJECT IDENTIFIER",
    12: "UTF8String",
    19: "PrintableString",
    20: "TeletexString",
    22: "IA5String",
    23: "UTCTime",
    24: "GeneralizedTime",
    30: "BMPString",
    _SEQUENCE: "SEQUENCE",
    _SET: "SET",
}
_OIDS: Mapping[str, str] = {
    "1.2.840.10045.2.1": "id-ecPublicKey",
    "1.2.840.10045.3.1.7": "secp256r1 (P-256)",
    "1.3.132.0.34": "secp384r1 (P-384)",
    "1.3.132.0.35": "secp521r1 (P-521)",
    "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
    "1.2.840.10045.4.3.3": "ecdsa-with-SHA384",
    "1.2.840.10045.4.3.4": "ecdsa-with-SHA512",
    "1.2.840.113549.1.1.1": "rsaEncryption",
    "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
    "1.2.840.113549.1.1.12": "sha384WithRSAEncryption",
    "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
    "1.3.101.112": "Ed25519",
    "1.3.101.113": "Ed448",
    "2.5.4.3": "commonName",
    "2.5.4.6": "countryName",
    "2.5.4.7": "localityName",
    "2.5.4.8": "stateOrProvinceName",
    "2.5.4.10": "organizationName",
    "2.5.4.11": "organizationalUnitName",
    "2.5.29.14": "subjectKeyIdentifier",
    "2.5.29.15": "keyUsage",
    "2.5.29.17": "subjectAltName",
    "2.5.29.19": "basicConstraints",
    "2.5.29.30": "nameConstraints",
    "2.5.29.31": "cRLDistributionPoints",
    "2.5.29.32": "certificatePolicies",
    "2.5.29.35": "authorityKeyIdentifier",
    "2.5.29.37": "extKeyUsage",
    "1.3.6.1.5.5.7.1.1": "authorityInfoAccess",
    "1.3.6.1.5.5.7.3.1": "serverAuth",
    "1.3.6.1.5.5.7.3.2": "clientAuth",
}
_ALTERNATIVE_NAME, _KEY_USAGE = "2.5.29.17", "2.5.29.15"
_KINDS: Mapping[int, Kind] = {
    _OID: "code",
    12: "text",
    19: "text",
    20: "text",
    22: "text",
    23: "time",
    24: "time",
    0x82: "text",
}
_KEY_USES = (
    *("digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment"),
    *("keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"),
)


@dataclass(frozen=True)
class Shape:
    """What is known of one element of DER.

    Attributes:
        name, rfc, about, kind: as `Field` has them.
        parts: of the elements inside, in order; those with a `tag` may be missing.
        each: of every element inside, instead of `parts`.
        tag: the identifier octet it must have; None for any.
        show: what its contents mean.
        inside: chooses what a string's contents are by the object identifier read last (of the
            algorithm, of the extension).
        der: its contents are elements; otherwise a plain value.
    """

    name: str
    rfc: str = ""
    about: str = ""
    kind: Kind | None = None
    parts: tuple[Shape, ...] = ()
    each: Shape | None = None
    tag: int | None = None
    show: Callable[[bytes], str] | None = None
    inside: Callable[[str], Shape | None] | None = None
    der: bool = True


def certificate(cursor: Cursor) -> Field:
    """Name every byte of a certificate (RFC 5280 §4.1); the rest of the cursor is taken."""
    return _whole(cursor, _CERTIFICATE)


def public_key_info(cursor: Cursor) -> Field:
    """Name every byte of a SubjectPublicKeyInfo, which is all of a raw public key (RFC 7250)."""
    return _whole(cursor, _PUBLIC_KEY_INFO)


def _whole(cursor: Cursor, shape: Shape) -> Field:
    return _Walk().element(cursor, shape)


class _Walk:
    """Reads one structure; remembers the last algorithm or extension that was named in it."""

    def __init__(self) -> None:
        self._named = ""

    def element(self, cursor: Cursor, shape: Shape | None) -> Field:
        tag, header, content = _header(cursor)
        shape = shape or Shape(_TYPES.get(tag, f"[{tag & 31}]"))
        if shape is _GENERAL_NAME:
            shape = replace(shape, name=_GENERAL_NAME_TYPES.get(tag & 31, "generalName"))
        if tag == _OID:
            self._named = _oid(content)
        kind = _TYPES.get(tag, f"[{tag & 31}]")
        opening = Field("DER", header, "length", f"{kind}, {counted_in(len(content), 'bytes')}")
        inside = (
            self._elements(Cursor(content), shape)
            if tag & 0x20
            else self._string(tag, content, shape)
        )
        field = joined(shape.name, (opening, *inside), rfc=shape.rfc, about=shape.about)
        if shape.name in _SUMMARIES:
            return replace(field, value=_SUMMARIES[shape.name](field))
        return field if not tag & 0x20 else replace(field, value="")

    def _elements(self, content: Cursor, shape: Shape) -> tuple[Field, ...]:
        fields = []
        expected = list(shape.parts)
        while content.left:
            fields.append(self.element(content, shape.each or _next(content, expected)))
        return tuple(fields)

    def _string(self, tag: int, content: bytes, shape: Shape) -> tuple[Field, ...]:
        """Return the contents of a primitive element, looked into if they are known to be DER."""
        if not content:
            return ()
        fields = []
        if tag == _BIT_STRING:
            about = "how many bits of the last byte do not count"
            fields.append(Field("unused bits", content[:1], "length", str(content[0]), "", about))
            content = content[1:]
        inner = shape.inside(self._named) if shape.inside else None
        if inner is not None and inner.der:
            fields.append(bounded(lambda cursor: self.element(cursor, inner), content))
            return tuple(fields)
        known = inner or shape
        kind = known.kind or _KINDS.get(tag, "data")
        value = known.show(content) if known.show else _shown(tag, content, self._named)
        name = known.name if inner else "contents"
        rfc, about = (known.rfc, known.about) if inner else ("", "")
        return (*fields, Field(name, content, kind, value, rfc, about))


def _next(content: Cursor, expected: list[Shape]) -> Shape | None:
    tag = content.take(1)[0]
    content.position -= 1
    while expected:
        shape = expected.pop(0)
        if shape.tag in (None, tag):
            return shape
    return None


def _header(cursor: Cursor) -> tuple[int, bytes, bytes]:
    """Take an element: its tag, its identifier and length octets, its contents (X.690 §8.1)."""
    head = cursor.take(2)
    size = head[1]
    if size & 0x80:
        more = cursor.take(size & 0x7F)
        head += more
        size = int.from_bytes(more, "big")
    if head[0] & 0x1F == 0x1F:
        raise Truncated("a tag of several octets, which certificates do not have")
    return head[0], head, cursor.take(size)


def _oid(content: bytes) -> str:
    arcs, value = [], 0
    for octet in content:
        value = value << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2) if arcs else 0
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]])) if arcs else ""


def _shown(tag: int, data: bytes, named: str) -> str:
    if named == _ALTERNATIVE_NAME and tag in (0x82, 0x87):
        return text(data) if tag == 0x82 else _address(data)
    if named == _KEY_USAGE and tag == _BIT_STRING:
        return _key_usage(data)
    if tag == _OID:
        dotted = _oid(data)
        return f"{_OIDS[dotted]} ({dotted})" if dotted in _OIDS else dotted
    if tag in (12, 19, 20, 22):
        return data.decode("utf-8", "backslashreplace")
    if tag in (23, 24):
        return _time(data)
    if tag == _BOOLEAN:
        return "TRUE" if any(data) else "FALSE"
    if tag == _INTEGER and len(data) <= 8:
        return str(int.from_bytes(data, "big", signed=True))
    return ""


def _time(data: bytes) -> str:
    """Return a UTCTime or GeneralizedTime for people (RFC 5280 §4.1.2.5)."""
    digits = data.decode("ascii", "replace")
    if len(digits) == 13:  # YYMMDDhhmmssZ: years from 50 on are of the last century
        digits = ("19" if digits[:2] >= "50" else "20") + digits
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return text(data)
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _key_usage(data: bytes) -> str:
    bits = "".join(f"{octet:08b}" for octet in data)
    return ", ".join(name for name, bit in zip(_KEY_USES, bits, strict=False) if bit == "1")


def _address(data: bytes) -> str:
    return str(ip_address(data)) if len(data) in (4, 16) else data.hex()


def _name_text(field: Field) -> str:
    short = {"commonName": "CN", "organizationName": "O", "countryName": "C"}
    said = []
    for attribute in field.all("attribute"):
        kind, value = (part.value for part in attribute.parts[1:3])
        said.append(f"{short.get(kind.split(' ')[0], kind)}={value}")
    return ", ".join(said)


def _first_value(*names: str) -> Callable[[Field], str]:
    def summary(field: Field) -> str:
        found = (field.first(name) for name in names)
        return ", ".join(part.value for part in found if part is not None and part.value)

    return summary


_SUMMARIES: Mapping[str, Callable[[Field], str]] = {
    "issuer": _name_text,
    "subject": _name_text,
    "certificate": _first_value("subject"),
    "validity": lambda field: " to ".join(part.value for part in field.parts[1:]),
    "signature": _first_value("algorithm"),
    "signatureAlgorithm": _first_value("algorithm"),
    "algorithmIdentifier": _first_value("algorithm", "parameters"),
    "subjectPublicKeyInfo": _first_value("algorithm", "parameters"),
    "extension": _first_value("extnID"),
    "names": lambda field: ", ".join(part.value for part in field.parts[1:]),
}

_ALGORITHM = Shape("algorithm", "RFC 5280 §4.1.1.2", "an object identifier: a name as a path")
_PARAMETERS = Shape("parameters", "RFC 5480 §2.1.1", "for a curve its name, for RSA nothing (NULL)")
_ATTRIBUTE = Shape("attribute", parts=(Shape("type"), Shape("value")))
_RELATIVE_NAME = Shape("relativeName", each=_ATTRIBUTE)


def _algorithm(name: str, about: str) -> Shape:
    return Shape(name, "RFC 5280 §4.1.1.2", about, parts=(_ALGORITHM, _PARAMETERS))


def _key_inside(algorithm: str) -> Shape:
    if algorithm == "1.2.840.113549.1.1.1":
        numbers = (
            Shape("modulus", "RFC 8017 §A.1.1", "product of two secret primes", "key"),
            Shape("publicExponent", "RFC 8017 §A.1.1", "usually 65537", "key"),
        )
        return Shape("RSAPublicKey", "RFC 8017 §A.1.1", parts=numbers)
    about = "the public key; of a curve's point 04, then x, then y"
    return Shape("publicKey", "RFC 5480 §2.2, RFC 8410 §4", about, "key", der=False)


def _signature_inside(algorithm: str) -> Shape:
    if algorithm.startswith("1.2.840.10045.4.3."):
        halves = (
            Shape("r", "RFC 3279 §2.2.3", "from a number used only once", "proof"),
            Shape("s", "RFC 3279 §2.2.3", "from r, the hash and the private key", "proof"),
        )
        return Shape("ECDSA-Sig-Value", "RFC 3279 §2.2.3", parts=halves)
    about = "a number of the size of the key, or Ed25519's two halves"
    return Shape("signature bytes", "RFC 5280 §4.1.1.3", about, "proof", der=False)


_GENERAL_NAME = Shape("generalName", kind="text")
_GENERAL_NAME_TYPES: Mapping[int, str] = {
    1: "rfc822Name",
    2: "dNSName",
    4: "directoryName",
    6: "uniformResourceIdentifier",
    7: "iPAddress",
}
_GENERAL_NAMES = Shape(
    "names",
    "RFC 5280 §4.2.1.6",
    "what the certificate is good for; the subject's common name does not count any more",
    each=_GENERAL_NAME,
)
_EXTENSION_INSIDE: Mapping[str, Shape] = {
    "2.5.29.14": Shape(
        "keyIdentifier",
        "RFC 5280 §4.2.1.2",
        "a hash of the key, to find it by",
    ),
    _KEY_USAGE: Shape("keyUsage", "RFC 5280 §4.2.1.3", "what the key may be used for, a bit each"),
    _ALTERNATIVE_NAME: _GENERAL_NAMES,
    "2.5.29.19": Shape(
        "basicConstraints",
        "RFC 5280 §4.2.1.9",
        "whether this may issue certificates, and how many levels may follow",
        parts=(Shape("cA", tag=_BOOLEAN), Shape("pathLenConstraint", tag=_INTEGER)),
    ),
    "2.5.29.35": Shape(
        "authorityKeyIdentifier",
        "RFC 5280 §4.2.1.1",
        "which key signed this, to find the issuer by",
        parts=(Shape("keyIdentifier", kind="key", tag=0x80),),
    ),
    "2.5.29.37": Shape(
        "extKeyUsage",
        "RFC 5280 §4.2.1.12",
        "what the certificate may be used for",
        each=Shape("keyPurposeId"),
    ),
}
_EXTENSION = Shape(
    "extension",
    "RFC 5280 §4.2",
    parts=(
        Shape("extnID", "RFC 5280 §4.2", "which extension it is"),
        Shape(
            "critical",
            "RFC 5280 §4.2",
            "who does not know this extension must refuse the certificate",
            tag=_BOOLEAN,
        ),
        Shape("extnValue", inside=_EXTENSION_INSIDE.get, tag=_OCTET_STRING),
    ),
)
_PUBLIC_KEY_INFO = Shape(
    "subjectPublicKeyInfo",
    "RFC 5280 §4.1.2.7",
    "the owner's public key: the reason for having a certificate",
    parts=(
        _algorithm("algorithmIdentifier", "what kind of key it is"),
        Shape("subjectPublicKey", inside=_key_inside, tag=_BIT_STRING),
    ),
)
_VALIDITY = (Shape("notBefore", kind="time"), Shape("notAfter", kind="time"))
_SIGNED = (
    Shape(
        "version",
        "RFC 5280 §4.1.2.1",
        "2 means version 3, the one with extensions",
        tag=0xA0,
        each=Shape("number"),
    ),
    Shape("serialNumber", "RFC 5280 §4.1.2.2", "the issuer's number for it", "random"),
    _algorithm("signature", "how it is signed; must be the same as below"),
    Shape("issuer", "RFC 5280 §4.1.2.4", "who signed it", each=_RELATIVE_NAME),
    Shape("validity", "RFC 5280 §4.1.2.5", "not before and not after", parts=_VALIDITY),
    Shape("subject", "RFC 5280 §4.1.2.6", "whose it is", each=_RELATIVE_NAME),
    _PUBLIC_KEY_INFO,
    Shape(
        "extensions", "RFC 5280 §4.2", tag=0xA3, each=Shape("list of extensions", each=_EXTENSION)
    ),
)
_CERTIFICATE = Shape(
    "certificate",
    "RFC 5280 §4.1",
    "a statement, signed by the issuer: this key belongs to this name",
    parts=(
        Shape("tbsCertificate", "RFC 5280 §4.1.2", "what is signed", parts=_SIGNED),
        _algorithm("signatureAlgorithm", "how it is signed"),
        Shape(
            "signatureValue",
            "RFC 5280 §4.1.1.3",
            "the issuer's signature over tbsCertificate",
            inside=_signature_inside,
            tag=_BIT_STRING,
        ),
    ),
)
