"""The extensions of one certificate, judged as they stream by (RFC 5280 §4.2).

`ExtensionsParser` is the half of the certificate parser that reads `Extensions`; it also reads
them alone, as the constraints of a trust anchor. Names are matched against the reference name at
once; of everything else a few numbers stay.

Names are also kept until an authority above constrains them (RFC 5280 §4.2.1.10), those of all
certificates of the chain so far: the dNSName, iPAddress and rfc822Name entries in a store, as
`form, marked, length, name` one after the other, up to a limit; beyond it names are dropped, and
any later constraint on their form refuses the chain, which is strict and bounded. Of the other
forms only their presence is kept.
"""

from tlscore.compat import const
from tlscore.x509.der import DerReader, named_bits, true, unsigned
from tlscore.x509.grammar import ANCHOR_EXTENSIONS, EXTENSIONS, NAME_BYTES_MAX, VALUE_BYTES
from tlscore.x509.names import matches
from tlscore.x509.refusal import refuse

# KeyUsage bits (RFC 5280 §4.2.1.3), bit 0 the most significant of 16
DIGITAL_SIGNATURE = 0x8000
KEY_CERT_SIGN = 0x0400

# GeneralName alternatives (RFC 5280 §4.2.1.6) by their context tag, of which names are kept
_MAILBOX = const(1)
_DNS = const(2)
_ADDRESS = const(7)

# The tag of excludedSubtrees (RFC 5280 §4.2.1.10)
_EXCLUDED = const(0xA1)

# Purposes of an extended key usage, as bits; others are not told apart
SERVER_AUTH = 1
CLIENT_AUTH = 2
ANY_PURPOSE = 4
_PURPOSES = const(
    (
        (b"\x2b\x06\x01\x05\x05\x07\x03\x01", 1),
        (b"\x2b\x06\x01\x05\x05\x07\x03\x02", 2),
        (b"\x55\x1d\x25\x00", 4),
    )
)

# Room for the object identifiers of unknown extensions, kept to find duplicates. Certificates of
# public authorities have at most one or two extensions that grammar.py does not list.
_UNKNOWN_BYTES_MAX = const(128)


class ExtensionsParser:
    """What the extensions of a certificate say.

    Args:
        reference: the name a leaf must present (names.py), or None when none is required.
        names_bytes: most bytes the store of names may grow to; a name costs 3 and itself.

    Attributes:
        is_ca: basicConstraints says cA.
        path_length: its pathLenConstraint, or None.
        key_usage: KeyUsage bits, or None when absent.
        purposes: bits of the extended key usage, or None when absent.
        constrains_names: nameConstraints is present.
        name_matched: a presented name is the reference name.
        names_critical: subjectAltName is present and critical.
    """

    # What few certificates say takes room in the object only when one has said it.
    constrains_names = False
    names_critical = False
    _excluding = False
    _constraints = None
    _dropped = 0  # bit per form of which names were not kept
    _names_bytes = 256  # about ten domain names
    _unknown = b""  # object identifiers that are no row of EXTENSIONS, each after its length

    def __init__(self, reference, names_bytes):
        self._reference = reference
        if names_bytes != self._names_bytes:
            self._names_bytes = names_bytes
        self._names = bytearray()
        self._forms = 0  # bit per form seen in any certificate so far
        self._reader = DerReader(self, VALUE_BYTES)
        self.begin_extensions()

    def begin_extensions(self) -> None:
        """Forget the extensions of the last certificate; the names of all stay."""
        # Constraints apply to the certificates below, not to a certificate's own names.
        self._names_end = len(self._names)
        self._forms_below = self._forms
        self.is_ca = False
        self.path_length = None
        self.key_usage = None
        self.purposes = None
        self.name_matched = False
        self.keeps_names = True
        self._critical = False
        self._seen = 0  # bit per row of EXTENSIONS
        self._row = None
        self._form = 0
        if self.constrains_names:
            self.constrains_names = False
        if self.names_critical:
            self.names_critical = False
        if self._unknown:
            self._unknown = b""

    def parse_extensions(self, der: bytes) -> None:
        """Read an encoded `Extensions` that stands alone."""
        self.begin_extensions()
        self._reader.begin(ANCHOR_EXTENSIONS, len(der))
        self._reader.push(der)
        self._reader.end()
        self.check_extensions()

    def check_extensions(self) -> None:
        """Refuse what the extensions must not say together."""
        signs = self.key_usage is None or self.key_usage & KEY_CERT_SIGN
        # "CAs MUST NOT include the pathLenConstraint field unless the cA boolean is asserted and
        # the key usage extension asserts the keyCertSign bit." (RFC 5280 §4.2.1.9)
        if self.path_length is not None and not (self.is_ca and signs):
            refuse("path_length_without_ca")
        # "If the keyCertSign bit is asserted, then the cA bit in the basic constraints extension
        # MUST also be asserted." (§4.2.1.3)
        if self.key_usage is not None and signs and not self.is_ca:
            refuse("key_cert_sign_without_ca")
        # nameConstraints "MUST be used only in a CA certificate" (§4.2.1.10)
        if self.constrains_names and not self.is_ca:
            refuse("name_constraints_without_ca")

    def refuse(self, reason) -> None:
        """Refuse the certificate for an offence against DER."""
        refuse(reason)

    # Extension

    def enter_extension(self, _reader):
        self._row = None
        self._critical = False

    def leave_extension_id(self, reader):
        identifier = bytes(memoryview(reader.value)[: reader.value_bytes])
        for index, row in enumerate(EXTENSIONS):
            if row[0] == identifier:
                # "A certificate MUST NOT include more than one instance of a particular
                # extension." (§4.2)
                if self._seen >> index & 1:
                    refuse("duplicate_extension")
                self._seen |= 1 << index
                self._row = row
                return
        self._remember_unknown(identifier)

    def _remember_unknown(self, identifier):
        unknown = self._unknown
        place = 0
        while place < len(unknown):
            end = place + 1 + unknown[place]
            if bytes(memoryview(unknown)[place + 1 : end]) == identifier:
                refuse("duplicate_extension")
            place = end
        if len(unknown) + 1 + len(identifier) > _UNKNOWN_BYTES_MAX:
            refuse("too_many_extensions")
        self._unknown = unknown + bytes((len(identifier),)) + identifier

    def leave_critical(self, reader):
        if not true(reader.value, reader.value_bytes):
            refuse("der.boolean")
        self._critical = True

    def enter_extension_value(self, _reader):
        rule = self._row[1] if self._row is not None else None
        if rule is None:
            if self._critical:
                refuse("unknown_critical_extension")
            return 0
        return rule

    # BasicConstraints, KeyUsage, ExtKeyUsageSyntax

    def leave_is_ca(self, reader):
        if not true(reader.value, reader.value_bytes):
            refuse("der.boolean")
        self.is_ca = True

    def leave_path_length(self, reader):
        self.path_length = unsigned(reader.value, reader.value_bytes)
        if self.path_length < 0:
            refuse("der.integer")

    def leave_key_usage(self, reader):
        self.key_usage = named_bits(reader.value, reader.value_bytes)
        # "When the keyUsage extension appears in a certificate, at least one of the bits MUST be
        # set to 1." (§4.2.1.3)
        if self.key_usage <= 0:
            refuse("der.bit_string")

    def enter_purposes(self, _reader):
        self.purposes = 0

    def leave_purpose(self, reader):
        purpose = bytes(memoryview(reader.value)[: reader.value_bytes])
        for row in _PURPOSES:
            if row[0] == purpose:
                self.purposes |= row[1]

    # SubjectAltName

    def enter_names(self, _reader):
        if self._critical:
            self.names_critical = True

    def enter_general_name(self, reader):
        self._form = reader.header[0] & 0x1F
        if self._form in (_DNS, _ADDRESS, _MAILBOX):
            return NAME_BYTES_MAX
        return 0

    def leave_general_name(self, reader):
        form = self._form
        name = bytes(memoryview(reader.value)[: reader.value_bytes])
        if form == _DNS:
            name = name.lower()
            if not is_ascii(name):
                refuse("der.ia5_string")
        elif form == _ADDRESS:
            if len(name) not in (4, 16):
                refuse("address_length")
        elif form == _MAILBOX:
            name = lower_domain(name)
        if self._reference is not None and matches(self._reference, form, name):
            self.name_matched = True
        if self.keeps_names:
            self._keep_name(form, name)

    def _keep_name(self, form, name):
        """Keep a name for constraints from above; of forms that are not read, the form."""
        self._forms |= 1 << form
        if form not in (_DNS, _ADDRESS, _MAILBOX):
            return
        store = self._names
        if len(store) + 3 + len(name) > self._names_bytes:
            self._dropped |= 1 << form
            return
        store.extend(bytes((form, 0, len(name))))
        store.extend(name)

    # NameConstraints

    def enter_name_constraints(self, reader):
        # "Conforming CAs MUST NOT issue certificates where name constraints is an empty sequence."
        if not reader.length:
            refuse("name_constraints_syntax")
        self.constrains_names = True
        # Few certificates have constraints: their judge is not in memory for the others.
        from tlscore.x509.constraints import NameConstraints  # noqa: PLC0415

        self._constraints = NameConstraints(
            self._names, self._names_end, self._forms_below, self._dropped
        )

    def enter_subtrees(self, reader):
        if self._excluding != (reader.header[0] == _EXCLUDED):
            self._excluding = not self._excluding

    def leave_subtree_base(self, reader):
        base = bytes(memoryview(reader.value)[: reader.value_bytes])
        self._constraints.subtree(self._form, base, self._excluding)

    def leave_name_constraints(self, _reader):
        self._constraints.end()
        self._constraints = None


def lower_domain(mailbox: bytes) -> bytes:
    """Return a mailbox, or a host or domain, with the domain in lower case.

    "... the local-part ... [is] case-sensitive; the host part is not" (RFC 5280 §7.5).
    """
    local_bytes = mailbox.rfind(b"@") + 1
    return mailbox[:local_bytes] + mailbox[local_bytes:].lower()


def is_ascii(name: bytes) -> bool:
    """Tell whether a name is all visible ASCII characters."""
    for byte in name:
        if not 0x20 < byte < 0x7F:
            return False
    return True
