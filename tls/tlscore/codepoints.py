"""Numbers that TLS and IANA assign, under the names the RFCs give them.

Plain integers, because on a board an enumeration class costs RAM and a frozen tuple does not.
Only what the core sends, checks or explains is listed; the name tables are for messages to people.
This module decides nothing: which code points are *offered* is the business of config.py and of
the tables in suites.py, key_exchange.py and crypto/signature.py.
"""

# Protocol versions (RFC 8446 §4.1.2, §4.2.1)
TLS_1_0 = 0x0301
TLS_1_2 = 0x0303
TLS_1_3 = 0x0304

# ContentType (RFC 8446 §5.1)
CONTENT_CHANGE_CIPHER_SPEC = 20
CONTENT_ALERT = 21
CONTENT_HANDSHAKE = 22
CONTENT_APPLICATION_DATA = 23

# HandshakeType (RFC 8446 §4)
CLIENT_HELLO = 1
SERVER_HELLO = 2
NEW_SESSION_TICKET = 4
ENCRYPTED_EXTENSIONS = 8
CERTIFICATE = 11
CERTIFICATE_REQUEST = 13
CERTIFICATE_VERIFY = 15
FINISHED = 20
KEY_UPDATE = 24
MESSAGE_HASH = 254

# KeyUpdateRequest (RFC 8446 §4.6.3)
UPDATE_NOT_REQUESTED = 0
UPDATE_REQUESTED = 1

# ExtensionType (RFC 8446 §4.2)
EXT_SERVER_NAME = 0
EXT_MAX_FRAGMENT_LENGTH = 1
EXT_SUPPORTED_GROUPS = 10
EXT_SIGNATURE_ALGORITHMS = 13
EXT_APPLICATION_LAYER_PROTOCOL_NEGOTIATION = 16
EXT_CLIENT_CERTIFICATE_TYPE = 19
EXT_SERVER_CERTIFICATE_TYPE = 20
EXT_RECORD_SIZE_LIMIT = 28
EXT_PRE_SHARED_KEY = 41
EXT_SUPPORTED_VERSIONS = 43
EXT_COOKIE = 44
EXT_PSK_KEY_EXCHANGE_MODES = 45
EXT_CERTIFICATE_AUTHORITIES = 47
EXT_SIGNATURE_ALGORITHMS_CERT = 50
EXT_KEY_SHARE = 51

# PskKeyExchangeMode (RFC 8446 §4.2.9)
PSK_KE = 0
PSK_DHE_KE = 1

# CipherSuite (RFC 8446 §B.4)
TLS_AES_128_GCM_SHA256 = 0x1301
TLS_CHACHA20_POLY1305_SHA256 = 0x1303

# CertificateType (RFC 7250 §3, RFC 6091)
CERTIFICATE_X509 = 0
CERTIFICATE_RAW_PUBLIC_KEY = 2

# NamedGroup (RFC 8446 §4.2.7)
SECP256R1 = 0x0017
SECP384R1 = 0x0018
X25519 = 0x001D

# SignatureScheme (RFC 8446 §4.2.3)
ECDSA_SECP256R1_SHA256 = 0x0403

# AlertDescription (RFC 8446 §6) of the alerts that are sent; x509/refusal.py has its own
ALERT_CLOSE_NOTIFY = 0
ALERT_UNEXPECTED_MESSAGE = 10
ALERT_BAD_RECORD_MAC = 20
ALERT_RECORD_OVERFLOW = 22
ALERT_BAD_CERTIFICATE = 42
ALERT_UNSUPPORTED_CERTIFICATE = 43
ALERT_ILLEGAL_PARAMETER = 47
ALERT_DECODE_ERROR = 50
ALERT_DECRYPT_ERROR = 51
ALERT_PROTOCOL_VERSION = 70
ALERT_INTERNAL_ERROR = 80
ALERT_USER_CANCELED = 90
ALERT_MISSING_EXTENSION = 109
ALERT_UNSUPPORTED_EXTENSION = 110

# Every alert a peer may send, those of older versions too, so that a refusal can be explained.
ALERT_NAMES = (
    (0, "close_notify"),
    (10, "unexpected_message"),
    (20, "bad_record_mac"),
    (21, "decryption_failed"),
    (22, "record_overflow"),
    (30, "decompression_failure"),
    (40, "handshake_failure"),
    (41, "no_certificate"),
    (42, "bad_certificate"),
    (43, "unsupported_certificate"),
    (44, "certificate_revoked"),
    (45, "certificate_expired"),
    (46, "certificate_unknown"),
    (47, "illegal_parameter"),
    (48, "unknown_ca"),
    (49, "access_denied"),
    (50, "decode_error"),
    (51, "decrypt_error"),
    (60, "export_restriction"),
    (70, "protocol_version"),
    (71, "insufficient_security"),
    (80, "internal_error"),
    (86, "inappropriate_fallback"),
    (90, "user_canceled"),
    (100, "no_renegotiation"),
    (109, "missing_extension"),
    (110, "unsupported_extension"),
    (111, "certificate_unobtainable"),
    (112, "unrecognized_name"),
    (113, "bad_certificate_status_response"),
    (114, "bad_certificate_hash_value"),
    (115, "unknown_psk_identity"),
    (116, "certificate_required"),
    (120, "no_application_protocol"),
    (121, "ech_required"),
)

SUITE_NAMES = (
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0x1304, "TLS_AES_128_CCM_SHA256"),
    (0x1305, "TLS_AES_128_CCM_8_SHA256"),
)

GROUP_NAMES = (
    (0x0017, "secp256r1"),
    (0x0018, "secp384r1"),
    (0x001D, "x25519"),
)

SIGNATURE_NAMES = (
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0805, "rsa_pss_rsae_sha384"),
    (0x0806, "rsa_pss_rsae_sha512"),
    (0x0807, "ed25519"),
)

VERSION_NAMES = (
    (0x0300, "SSLv3"),
    (0x0301, "TLSv1.0"),
    (0x0302, "TLSv1.1"),
    (0x0303, "TLSv1.2"),
    (0x0304, "TLSv1.3"),
)


def name_of(table, code):
    """Return the name of `code` in one of the name tables, or "unknown_<code>"."""
    for row in table:
        if row[0] == code:
            return row[1]
    return "unknown_{}".format(code)


def code_of(table, name):
    """Return the code of `name` in one of the name tables, or None; case does not matter."""
    for row in table:
        if row[1].lower() == name.lower():
            return row[0]
    return None


def alert_name(code):
    """Return the RFC's name of an alert code."""
    return name_of(ALERT_NAMES, code)
