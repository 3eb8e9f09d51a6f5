"""The grammar of a certificate (RFC 5280 §4.1 and §4.2), as rows for DerReader.

Rules stand before the rules that use them, so the file is read from the bottom up. Names of
methods are those of CertificateParser. Constant tuples cost a board no RAM.
"""

from tlscore.compat import const

# The flags of der.py again: MicroPython folds only constants of the same file into a tuple.
_OPTIONAL = const(1)
_REPEAT = const(2)

# Longest contents that are kept. Times are the 15 bytes of GeneralizedTime. 21 bytes of serial
# number are 20 octets of value and the zero that keeps it positive (RFC 5280 §4.1.2.2). The longest
# AlgorithmIdentifier in use is RSASSA-PSS at 65 bytes. A domain name has at most 253 characters
# (RFC 1035 §3.1), a mailbox 254 (RFC 5321 §4.5.3.1.3). A key is at most an RSAPublicKey of 4096
# bits with an exponent of 32, and the octet that counts unused bits; a signature as many octets as
# that modulus, and that octet.
_ALGORITHM_MAX = const(80)
_OID_MAX = const(63)
_KEY_MAX = const(529)
_SIGNATURE_MAX = const(513)

VALUE_BYTES = 80  # what a certificate with keys on a curve of 256 bits keeps at once
NAME_BYTES_MAX = 254

# Name ::= SEQUENCE OF SET OF SEQUENCE { type, value }. Values are strings of the types of
# DirectoryString and those the standard attributes use; their text is not read.
_ATTRIBUTE = const(
    (
        (b"\x06", 0, _OID_MAX, None, "leave_attribute_type"),
        (b"\x0c\x13\x16\x14\x1e\x1c\x12\x18\x03", 0, 0, None, None),
    )
)
_RELATIVE_NAME = const(((b"\x30", _REPEAT, _ATTRIBUTE, None, None),))
_NAME = const(((b"\x31", _OPTIONAL | _REPEAT, _RELATIVE_NAME, None, None),))

_VERSION = const(((b"\x02", 0, 1, None, "leave_version"),))
_VALIDITY = const(
    (
        (b"\x17\x18", 0, 15, None, "leave_not_before"),
        (b"\x17\x18", 0, 15, None, "leave_not_after"),
    )
)
_PUBLIC_KEY_FIELDS = const(
    (
        (b"\x30", 0, _ALGORITHM_MAX, None, "leave_key_algorithm"),
        (b"\x03", 0, _KEY_MAX, "enter_public_key", "leave_public_key"),
    )
)

# Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }; what
# stands inside extnValue is chosen by enter_extension_value.
_EXTENSION = const(
    (
        (b"\x06", 0, _OID_MAX, None, "leave_extension_id"),
        (b"\x01", _OPTIONAL, 1, None, "leave_critical"),
        (b"\x04", 0, 0, "enter_extension_value", None),
    )
)
_EXTENSION_LIST = const(((b"\x30", _REPEAT, _EXTENSION, "enter_extension", None),))
_EXTENSIONS = const(((b"\x30", 0, _EXTENSION_LIST, None, None),))

_TBS_CERTIFICATE = const(
    (
        (b"\xa0", _OPTIONAL, _VERSION, None, None),
        (b"\x02", 0, 21, None, "leave_serial"),
        (b"\x30", 0, _ALGORITHM_MAX, None, "leave_inner_algorithm"),
        (b"\x30", 0, _NAME, "enter_name", "leave_issuer"),
        (b"\x30", 0, _VALIDITY, None, None),
        (b"\x30", 0, _NAME, "enter_name", "leave_subject"),
        (b"\x30", 0, _PUBLIC_KEY_FIELDS, "enter_public_key_info", "leave_public_key_info"),
        (b"\x81", _OPTIONAL, 0, None, None),
        (b"\x82", _OPTIONAL, 0, None, None),
        (b"\xa3", _OPTIONAL, _EXTENSIONS, None, None),
    )
)
_CERTIFICATE_FIELDS = const(
    (
        (b"\x30", 0, _TBS_CERTIFICATE, "enter_tbs", "leave_tbs"),
        (b"\x30", 0, _ALGORITHM_MAX, None, "leave_outer_algorithm"),
        (b"\x03", 0, _SIGNATURE_MAX, "enter_signature", "leave_signature"),
    )
)

# What a reader is begun with: a certificate, a public key without one (RFC 7250), and the
# extensions a trust anchor is held to, which may be none at all.
PUBLIC_KEY_INFO = const(
    ((b"\x30", 0, _PUBLIC_KEY_FIELDS, "enter_public_key_info", "leave_public_key_info"),)
)
CERTIFICATE = const(((b"\x30", 0, _CERTIFICATE_FIELDS, None, None),))
_ANCHOR_LIST = const(((b"\x30", _OPTIONAL | _REPEAT, _EXTENSION, "enter_extension", None),))
ANCHOR_EXTENSIONS = const(((b"\x30", 0, _ANCHOR_LIST, None, None),))

# Inside extnValue (RFC 5280 §4.2.1.9, §4.2.1.3, §4.2.1.12, §4.2.1.6, §4.2.1.10).
_BASIC_CONSTRAINTS_FIELDS = const(
    (
        (b"\x01", _OPTIONAL, 1, None, "leave_is_ca"),
        (b"\x02", _OPTIONAL, 8, None, "leave_path_length"),
    )
)
_BASIC_CONSTRAINTS = const(((b"\x30", 0, _BASIC_CONSTRAINTS_FIELDS, None, None),))
_KEY_USAGE = const(((b"\x03", 0, 8, None, "leave_key_usage"),))
_PURPOSES = const(((b"\x06", _REPEAT, _OID_MAX, None, "leave_purpose"),))
_EXTENDED_KEY_USAGE = const(((b"\x30", 0, _PURPOSES, "enter_purposes", None),))

# GeneralName is a CHOICE of nine; what becomes of each is chosen by enter_general_name.
_GENERAL_NAMES = const(
    (
        (
            b"\xa0\x81\x82\xa3\xa4\xa5\x86\x87\x88",
            _REPEAT,
            0,
            "enter_general_name",
            "leave_general_name",
        ),
    )
)
_SUBJECT_ALT_NAME = const(((b"\x30", 0, _GENERAL_NAMES, "enter_names", None),))

# "Within this profile, the minimum and maximum fields are not used with any name forms": a
# GeneralSubtree is its base alone (RFC 5280 §4.2.1.10).
_SUBTREE = const(
    ((b"\xa0\x81\x82\xa3\xa4\xa5\x86\x87\x88", 0, 0, "enter_general_name", "leave_subtree_base"),)
)
_SUBTREES = const(((b"\x30", _REPEAT, _SUBTREE, None, None),))
_NAME_CONSTRAINTS_FIELDS = const(
    (
        (b"\xa0", _OPTIONAL, _SUBTREES, "enter_subtrees", None),
        (b"\xa1", _OPTIONAL, _SUBTREES, "enter_subtrees", None),
    )
)
_NAME_CONSTRAINTS = const(
    ((b"\x30", 0, _NAME_CONSTRAINTS_FIELDS, "enter_name_constraints", "leave_name_constraints"),)
)

# The extensions the parser knows: object identifier and the rule inside extnValue; 0 for one that
# needs no reading, None for those that path validation does not use, listed so that a duplicate is
# found cheaply. The last kind is refused when critical ("MUST reject the certificate if it
# encounters a critical extension it does not recognize or a critical extension that contains
# information that it cannot process", RFC 5280 §4.2). certificatePolicies needs no reading: every
# policy is acceptable here (any-policy in §6.1.1 (c)), so what it says cannot matter until a
# policyConstraints extension makes it matter, and that one is always critical and refused.
EXTENSIONS = const(
    (
        (b"\x55\x1d\x13", _BASIC_CONSTRAINTS),
        (b"\x55\x1d\x0f", _KEY_USAGE),
        (b"\x55\x1d\x25", _EXTENDED_KEY_USAGE),
        (b"\x55\x1d\x11", _SUBJECT_ALT_NAME),
        (b"\x55\x1d\x1e", _NAME_CONSTRAINTS),
        (b"\x55\x1d\x20", 0),  # certificatePolicies
        (b"\x55\x1d\x0e", None),  # subjectKeyIdentifier
        (b"\x55\x1d\x23", None),  # authorityKeyIdentifier
        (b"\x55\x1d\x1f", None),  # cRLDistributionPoints
        (b"\x2b\x06\x01\x05\x05\x07\x01\x01", None),  # authorityInfoAccess
        (b"\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02", None),  # RFC 6962 timestamps
    )
)
