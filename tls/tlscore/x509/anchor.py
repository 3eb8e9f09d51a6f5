"""A trust anchor made of a certificate: its name, its key, and what limits it.

Trusting an anchor is its owner's decision, so signature, serial number and validity are not
judged, a key usage may have the trailing zero bits that DER forbids (public roots of 2017 do), and
a certificate of version 1 is taken as the authority it must be. What a certificate of
version 3 says of itself is kept where it limits the anchor: no cA, a path length, a key usage,
purposes, name constraints (RFC 5937).
"""

from tlscore.x509.certificate import CertificateParser
from tlscore.x509.der import SEQUENCE, named_bits
from tlscore.x509.extensions import KEY_CERT_SIGN
from tlscore.x509.refusal import refuse

# subjectAltName, policies and the identifiers of a root say nothing about the chain below it.
_LIMITING = (b"\x55\x1d\x13", b"\x55\x1d\x0f", b"\x55\x1d\x25", b"\x55\x1d\x1e")


class AnchorParser(CertificateParser):
    """Reader of certificates that are trusted as they are.

    Attributes:
        name: DER of the subject's Name, after `parse`.
    """

    def __init__(self):
        super().__init__(None, 0)
        self._der = b""
        self._name_start = 0
        self.name = b""
        self._limits = b""
        self._limits_are_der = True
        self._extension_start = 0

    def parse(self, der: bytes):
        """Return `(name_hash, key)` of a whole certificate, as `TrustAnchors` takes it."""
        self._der = der
        self._limits = b""
        self._limits_are_der = True
        self.begin(len(der))
        self.push(der)
        self.end()
        self._der = b""
        if self.key is None:
            refuse("unsupported_key")
        if self._is_plain_authority():
            return (self.subject, self.key)
        if not self._limits_are_der:
            refuse("der.bit_string")  # the chain would be, which reads them again
        return (self.subject, (self.key[0], self.key[1], _sequence(self._limits)))

    def _is_plain_authority(self):
        """Tell whether the certificate puts no limit on what it may issue."""
        if self.version != 3:
            return True
        return (
            self.is_ca
            and self.path_length is None
            and (self.key_usage is None or self.key_usage & KEY_CERT_SIGN)
            and self.purposes is None
            and not self.constrains_names
        )

    def enter_name(self, reader):
        super().enter_name(reader)
        self._name_start = reader.offset + reader.position - reader.header_bytes

    def leave_subject(self, reader):
        super().leave_subject(reader)
        self.name = self._der[self._name_start : reader.offset + reader.position]

    def leave_tbs(self, _reader):
        pass

    def leave_version(self, _reader):
        self.version = 3

    def leave_serial(self, _reader):
        pass

    def leave_not_before(self, _reader):
        pass

    def leave_not_after(self, _reader):
        pass

    def leave_key_usage(self, reader):
        if named_bits(reader.value, reader.value_bytes) >= 0:
            super().leave_key_usage(reader)
            return
        if reader.value_bytes < 2 or reader.value[0] > 7:
            refuse("der.bit_string")
        self._limits_are_der = False
        self.key_usage = reader.value[1] << 8

    def enter_extension(self, reader):
        super().enter_extension(reader)
        self._extension_start = reader.offset + reader.position - reader.header_bytes

    def enter_extension_value(self, reader):
        if self._row is not None and self._row[0] in _LIMITING:
            end = reader.offset + reader.position + reader.length
            self._limits += self._der[self._extension_start : end]
        return super().enter_extension_value(reader)


def _sequence(contents):
    """Return a DER SEQUENCE of contents that fit into a length of two octets."""
    count = len(contents)
    if count < 0x80:
        return bytes((SEQUENCE, count)) + contents
    if count < 0x100:
        return bytes((SEQUENCE, 0x81, count)) + contents
    return bytes((SEQUENCE, 0x82, count >> 8, count & 0xFF)) + contents
