"""One certificate, read as it arrives: what stays is what verification needs (RFC 5280 §4.1).

`CertificateParser` is the target of a DerReader over the grammar of a certificate. While bytes go
by it keeps up to two running hashes: one over the TBSCertificate, which the issuer signed, and one
over the part being read: a Name, so that names are compared as 32 bytes, or the public key, where
keys are pinned. The algorithm that says which hash the signature is over comes third inside the
TBSCertificate; what stands before it (at most 32 bytes) waits with it in a prefix. Ed25519 signs
the TBSCertificate itself, not a hash, and reads it together with the signature that comes after it
(RFC 8032 §5.1.7): only then the prefix grows on to the end of it, up to a limit.

A certificate whose subject is not the wanted one is `foreign`: a peer may send certificates that
the chain does not need (RFC 8446 §4.4.2), so from there on it is passed over. Offences that depend
on the certificate's place in the chain are chain.py's.
"""

from tlscore.compat import const
from tlscore.crypto.hashes import SHA256
from tlscore.crypto.signature import hash_of
from tlscore.x509.algorithms import key_algorithm, public_key, signature_scheme
from tlscore.x509.der import unsigned
from tlscore.x509.extensions import ExtensionsParser
from tlscore.x509.grammar import CERTIFICATE
from tlscore.x509.refusal import refuse
from tlscore.x509.times import parse_time

# The longest TBSCertificate that is held because Ed25519 signed it. Those of devices and their
# authorities have 300 to 700 bytes.
_HELD_TBS_BYTES_MAX = const(4096)

_EMAIL_ADDRESS = const(b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01")

# Forms of names that constraints may be about: a subject is a directoryName, and holds what is no
# GeneralName, but treated as an rfc822Name (RFC 5280 §4.2.1.10).
_DIRECTORY = const(4)
_SUBJECT_MAILBOX = const(9)


class CertificateParser(ExtensionsParser):
    """Reader of one certificate after the other.

    Attributes (of the certificate last read, beside those of its extensions):
        foreign: its subject was not the wanted one; nothing else is known of it.
        issuer, subject: SHA-256 of the whole DER of each Name.
        self_issued: the two are the same name.
        not_before, not_after: Unix time, both inclusive.
        key: `(kind, public)`, or None when the kind is not supported.
        algorithm: contents of the signature's AlgorithmIdentifier.
        key_hash: SHA-256 of the SubjectPublicKeyInfo, or None unless keys are hashed.
        scheme: signature scheme of tlscore.crypto.signature, or None when not supported.
        signed: what the scheme signs: hash of the TBSCertificate, or for Ed25519 itself; or None.
        signature: its signature, or None when the scheme is not supported.
    """

    hashes_keys = False
    # See ExtensionsParser.
    foreign = False
    subject_empty = False
    self_issued = False
    key_hash = None
    _email_in_name = False

    def begin(
        self, length: int, wanted_subject=None, keeps_names: bool = True, rule=CERTIFICATE
    ) -> None:
        """Start a certificate of `length` bytes.

        Args:
            wanted_subject: SHA-256 of the subject's Name it must have not to be foreign.
            keeps_names: its names are kept, unless it is self-issued, for constraints from above.
            rule: PUBLIC_KEY_INFO for a public key that comes without a certificate.
        """
        self.begin_extensions()
        self._reader.begin(rule, length)
        self.keeps_names = keeps_names
        self._piece = b""
        self._hashed = 0  # how much of the piece the running hashes have seen
        self._tbs = None  # a bytearray: what has been read of it; or a running hash of that
        self._part_hash = None
        self.algorithm = b""
        self.issuer = None
        self.subject = wanted_subject  # until it has been read
        self.not_before = 0
        self.not_after = 0
        self.key = None  # until it has been read, the row of its algorithm
        self.scheme = None
        self.signed = None  # until the TBSCertificate has ended, how long it is
        self.signature = None
        self.version = 1
        if self.foreign:
            self.foreign = False
        if self.subject_empty:
            self.subject_empty = False
        if self.self_issued:
            self.self_issued = False
        if self.key_hash is not None:
            self.key_hash = None

    def push(self, data) -> None:
        """Read the next piece."""
        if self.foreign:
            return
        self._piece = memoryview(data)
        self._hashed = 0
        self._reader.push(data)
        self._hash_up_to(len(data))
        self._piece = b""

    def end(self) -> None:
        """Say that the certificate is complete, and judge it by itself."""
        if self.foreign:
            return
        self._reader.end()
        self.check_extensions()
        # "If subject naming information is present only in the subjectAltName extension ... then
        # the subject name MUST be an empty sequence and the subjectAltName extension MUST be
        # critical." (RFC 5280 §4.1.2.6)
        if self.subject_empty and not self.names_critical:
            refuse("empty_subject")

    def _hash_up_to(self, position):
        """Give the running hashes the piece up to `position`."""
        if position <= self._hashed:
            return
        fresh = self._piece[self._hashed : position]
        if self._tbs is not None:
            if isinstance(self._tbs, bytearray):
                self._tbs.extend(fresh)
            else:
                self._tbs.update(fresh)
        if self._part_hash is not None:
            self._part_hash.update(fresh)
        self._hashed = position

    # Certificate

    def enter_tbs(self, reader):
        self.signed = reader.length
        self._tbs = bytearray(memoryview(reader.header)[: reader.header_bytes])
        self._hashed = reader.position

    def leave_tbs(self, reader):
        self._hash_up_to(reader.position)
        # "When extensions are used, as expected in this profile, version MUST be 3 (value is 2)."
        # (RFC 5280 §4.1.2.1)
        if self.version != 3:
            refuse("version")
        if self.scheme is None:
            self.signed = None
        else:
            self.signed = self._tbs if hash_of(self.scheme) is None else self._tbs.digest()
        self._tbs = None

    def leave_outer_algorithm(self, reader):
        # signatureAlgorithm "MUST contain the same algorithm identifier as the signature field in
        # the sequence tbsCertificate" (RFC 5280 §4.1.1.2)
        if bytes(memoryview(reader.value)[: reader.value_bytes]) != self.algorithm:
            refuse("algorithm_mismatch")

    def enter_signature(self, _reader):
        return 0 if self.scheme is None else None

    def leave_signature(self, reader):
        if self.scheme is not None:
            self.signature = _octets(reader)

    # TBSCertificate

    def leave_version(self, reader):
        self.version = unsigned(reader.value, reader.value_bytes) + 1

    def leave_serial(self, reader):
        # "The serial number MUST be a positive integer ... CAs MUST NOT use serialNumber values
        # longer than 20 octets." (RFC 5280 §4.1.2.2)
        serial = unsigned(reader.value, reader.value_bytes)
        if serial <= 0 or (reader.value_bytes == 21 and reader.value[0]):
            refuse("serial")

    def leave_inner_algorithm(self, reader):
        self.algorithm = bytes(memoryview(reader.value)[: reader.value_bytes])
        self.scheme = signature_scheme(self.algorithm)
        self._hash_up_to(reader.position)
        if self.scheme is not None:
            tbs_hash = hash_of(self.scheme)
            if tbs_hash is None:
                if self.signed > _HELD_TBS_BYTES_MAX:
                    refuse("too_long")
                return
            self._tbs = tbs_hash.new(self._tbs)
        else:
            self._tbs = None

    def enter_name(self, reader):
        self._begin_part(reader)
        if self.subject_empty != (reader.length == 0):
            self.subject_empty = not self.subject_empty
        if self._email_in_name:
            self._email_in_name = False

    def leave_attribute_type(self, reader):
        if memoryview(reader.value)[: reader.value_bytes] == _EMAIL_ADDRESS:
            self._email_in_name = True

    def leave_issuer(self, reader):
        self.issuer = self._end_part(reader)
        # "The issuer field MUST contain a non-empty distinguished name (DN)." (§4.1.2.4)
        if self.subject_empty:
            refuse("empty_issuer")

    def leave_subject(self, reader):
        subject = self._end_part(reader)
        if self.subject is None:
            self.subject = subject
        elif self.subject != subject:
            self.foreign = True
            reader.stop()
            return
        # "[Name constraints] are not applied to self-issued certificates (unless the certificate
        # is the final certificate in the path)." (§4.2.1.10)
        if self.subject == self.issuer:
            self.self_issued = True
            if not self.keeps_names:
                return
        self.keeps_names = True
        if not self.subject_empty:
            self._forms |= 1 << _DIRECTORY
            if self._email_in_name:
                self._forms |= 1 << _SUBJECT_MAILBOX

    def _begin_part(self, reader):
        """Start hashing the element whose header has just been read."""
        self._hash_up_to(reader.position)
        self._part_hash = SHA256.new(memoryview(reader.header)[: reader.header_bytes])

    def _end_part(self, reader):
        """Return the hash of the element that ends here."""
        self._hash_up_to(reader.position)
        digest = self._part_hash.digest()
        self._part_hash = None
        return digest

    def leave_not_before(self, reader):
        self.not_before = _time(reader)

    def leave_not_after(self, reader):
        self.not_after = _time(reader)

    # SubjectPublicKeyInfo

    def enter_public_key_info(self, reader):
        if self.hashes_keys:
            self._begin_part(reader)

    def leave_public_key_info(self, reader):
        if self.hashes_keys:
            self.key_hash = self._end_part(reader)

    def leave_key_algorithm(self, reader):
        self.key = key_algorithm(bytes(memoryview(reader.value)[: reader.value_bytes]))

    def enter_public_key(self, _reader):
        return 0 if self.key is None else None

    def leave_public_key(self, reader):
        if self.key is not None:
            self.key = public_key(self.key, _octets(reader))


def _octets(reader):
    """Return the contents of a BIT STRING of whole octets."""
    if reader.value_bytes < 2 or reader.value[0]:
        refuse("der.bit_string")
    return bytes(memoryview(reader.value)[1 : reader.value_bytes])


def _time(reader):
    seconds = parse_time(reader.value, reader.value_bytes)
    if seconds is None:
        refuse("der.time")
    return seconds
