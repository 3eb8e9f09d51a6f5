"""Certificates made field by field, so that a test can change exactly one of them.

`forge` encodes certificates from DER fields it is given (defaults make a good one) and signs what
it encoded; so a wrong field sits in an otherwise genuine certificate. `judge` feeds a chain to the
verifier in pieces of 1 byte, 7 bytes and whole, requires the three to agree and returns the
verdict.
"""

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tlscore.clock import FixedClock
from tlscore.crypto.signature import KEY_EC_P256
from tlscore.errors import PeerMisbehaved
from tlscore.trust import TrustAnchors
from tlscore.x509.chain import ChainVerifier

NOW = 1_768_478_400  # 2026-01-15T12:00:00Z
SERVER = "server.example"

ECDSA_SHA256 = "1.2.840.10045.4.3.2"
BASIC_CONSTRAINTS = "2.5.29.19"
KEY_USAGE = "2.5.29.15"
PURPOSES = "2.5.29.37"
NAMES = "2.5.29.17"
NAME_CONSTRAINTS = "2.5.29.30"
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"


class Der:
    """Encoders of the few DER types certificates are made of."""

    @staticmethod
    def tlv(tag, *parts):
        """Return one element with its contents in parts."""
        contents = b"".join(parts)
        count = len(contents)
        if count < 0x80:
            return bytes([tag, count]) + contents
        octets = count.to_bytes((count.bit_length() + 7) // 8, "big")
        return bytes([tag, 0x80 | len(octets)]) + octets + contents

    @classmethod
    def sequence(cls, *parts):
        return cls.tlv(0x30, *parts)

    @classmethod
    def integer(cls, number):
        return cls.tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))

    @classmethod
    def oid(cls, dotted):
        first, second, *rest = (int(arc) for arc in dotted.split("."))
        octets = bytearray([first * 40 + second])
        for arc in rest:
            groups = [arc & 0x7F]
            while arc := arc >> 7:
                groups.insert(0, arc & 0x7F | 0x80)
            octets += bytes(groups)
        return cls.tlv(0x06, bytes(octets))

    @classmethod
    def name(cls, common_name):
        """Return a Name with one common name, or an empty Name."""
        if common_name is None:
            return cls.sequence()
        attribute = cls.sequence(cls.oid("2.5.4.3"), cls.tlv(0x0C, common_name.encode()))
        return cls.sequence(cls.tlv(0x31, attribute))

    @classmethod
    def time(cls, text):
        """Return a UTCTime or GeneralizedTime, by the length of its text."""
        return cls.tlv(0x17 if len(text) == 13 else 0x18, text.encode())

    @classmethod
    def validity(cls, not_before="250101000000Z", not_after="270101000000Z"):
        return cls.sequence(cls.time(not_before), cls.time(not_after))

    @classmethod
    def extension(cls, identifier, *value, critical=False):
        flag = cls.tlv(0x01, b"\xff") if critical else b""
        return cls.sequence(cls.oid(identifier), flag, cls.tlv(0x04, *value))

    @classmethod
    def basic_constraints(cls, *fields, is_ca=True, path_length=None, critical=True):
        """Return the extension with given fields, or the usual ones."""
        if not fields:
            fields = (cls.tlv(0x01, b"\xff"),) if is_ca else ()
            if path_length is not None:
                fields += (cls.integer(path_length),)
        return cls.extension(BASIC_CONSTRAINTS, cls.sequence(*fields), critical=critical)

    @classmethod
    def key_usage(cls, bits):
        """Return the extension with a BIT STRING of the given contents."""
        return cls.extension(KEY_USAGE, cls.tlv(0x03, bits), critical=True)

    @classmethod
    def purposes(cls, *identifiers):
        return cls.extension(PURPOSES, cls.sequence(*(cls.oid(each) for each in identifiers)))

    @classmethod
    def general_names(cls, *names):
        """Return GeneralNames of str (dNSName), bytes (iPAddress) or (tag, contents)."""
        encoded = []
        for name in names:
            if isinstance(name, str):
                encoded.append(cls.tlv(0x82, name.encode()))
            elif isinstance(name, bytes):
                encoded.append(cls.tlv(0x87, name))
            else:
                encoded.append(cls.tlv(*name))
        return encoded

    @classmethod
    def names(cls, *names, critical=False):
        value = cls.sequence(*cls.general_names(*names))
        return cls.extension(NAMES, value, critical=critical)

    @classmethod
    def name_constraints(cls, permitted=(), excluded=()):
        fields = [
            cls.tlv(tag, *(cls.sequence(base) for base in cls.general_names(*bases)))
            for tag, bases in ((0xA0, permitted), (0xA1, excluded))
            if bases
        ]
        return cls.extension(NAME_CONSTRAINTS, cls.sequence(*fields), critical=True)


DIGITAL_SIGNATURE = b"\x07\x80"
CERT_SIGN = b"\x02\x04"


class Forge:
    """Maker of certificates; keys belong to names and are made once."""

    def __init__(self):
        self._keys = {}

    def key(self, name):
        """Return the private key that goes with a common name."""
        if name not in self._keys:
            self._keys[name] = ec.generate_private_key(ec.SECP256R1())
        return self._keys[name]

    def point(self, name):
        """Return the public key of a common name, uncompressed."""
        return (
            self.key(name)
            .public_key()
            .public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        )

    def anchor(self, name, *limits):
        """Return the trust anchor of a common name."""
        return (hashlib.sha256(Der.name(name)).digest(), (KEY_EC_P256, self.point(name), *limits))

    def certificate(self, subject, issuer, extensions, **fields):
        """Return a certificate in DER.

        Args:
            subject, issuer: common names; the issuer's key signs.
            extensions: encoded extensions by any names; None leaves one out.
            fields: encoded fields that replace the usual ones, by the names used below;
                `signature` may be a function of the TBSCertificate, `signer` another name.
        """
        public_key = Der.sequence(
            Der.sequence(Der.oid("1.2.840.10045.2.1"), Der.oid("1.2.840.10045.3.1.7")),
            Der.tlv(0x03, b"\x00", self.point(subject)),
        )
        algorithm = Der.sequence(Der.oid(ECDSA_SHA256))
        present = [value for value in extensions.values() if value is not None]
        usual = {
            "version": Der.tlv(0xA0, Der.integer(2)),
            "serial": Der.integer(0x1234),
            "inner_algorithm": algorithm,
            "issuer_name": Der.name(issuer),
            "validity": Der.validity(),
            "subject_name": Der.name(subject),
            "public_key": public_key,
            "unique_identifiers": b"",
            "extension_list": Der.tlv(0xA3, Der.sequence(*present)) if present else b"",
        }
        tbs = Der.sequence(*(fields.get(name, value) for name, value in usual.items()))
        sign = fields.get("signature") or self.key(fields.get("signer", issuer)).sign
        signature = sign(tbs, ec.ECDSA(hashes.SHA256()))
        outer = fields.get("outer_algorithm", algorithm)
        unused_bits = fields.get("unused_bits", b"\x00")
        return Der.sequence(tbs, outer, Der.tlv(0x03, unused_bits, signature))

    def leaf(self, issuer="root", subject=SERVER, extensions=None, **fields):
        """Return a server certificate; `extensions` replaces or adds to the usual ones."""
        usual = {
            "key_usage": Der.key_usage(DIGITAL_SIGNATURE),
            "purposes": Der.purposes(SERVER_AUTH),
            "names": Der.names(SERVER),
        }
        return self.certificate(subject, issuer, {**usual, **(extensions or {})}, **fields)

    def authority(self, subject="intermediate", issuer="root", extensions=None, **fields):
        """Return an authority's certificate."""
        usual = {
            "basic_constraints": Der.basic_constraints(),
            "key_usage": Der.key_usage(CERT_SIGN),
        }
        return self.certificate(subject, issuer, {**usual, **(extensions or {})}, **fields)


@pytest.fixture(scope="session")
def der():
    """Encoders of DER."""
    return Der


@pytest.fixture(scope="session")
def forge():
    """Maker of certificates."""
    return Forge()


@pytest.fixture(scope="session")
def judge(forge):
    """Function that verifies a chain and returns its verdict.

    `judge(certificate, ..., anchors=, name=, now=, **options)` returns the number of signatures
    verified, or `(reason, alert)` with the reason's common prefix taken off.
    """

    def verdict(certificates, piece_bytes, anchors, name, now, options):
        verifier = ChainVerifier(TrustAnchors(anchors), FixedClock(now), name, **options)
        try:
            for certificate in certificates:
                verifier.begin(len(certificate))
                for start in range(0, len(certificate), piece_bytes):
                    verifier.push(memoryview(certificate)[start : start + piece_bytes])
                verifier.end()
            kind, public = verifier.finish()
        except PeerMisbehaved as refused:
            return refused.reason.replace("certificate.", "", 1), refused.alert
        assert (kind, len(public)) == (KEY_EC_P256, 65)
        return verifier.signatures_verified

    def run(*certificates, anchors=None, name=SERVER, now=NOW, **options):
        anchors = [forge.anchor("root")] if anchors is None else anchors
        verdicts = {
            piece_bytes: verdict(certificates, piece_bytes, anchors, name, now, options)
            for piece_bytes in (1 << 20, 7, 1)
        }
        assert len(set(verdicts.values())) == 1, verdicts
        return verdicts[1]

    return run
