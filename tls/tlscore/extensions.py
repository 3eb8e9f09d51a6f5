"""Extension blocks: which extension may stand in which message, and the rules for all of them.

The table is that of RFC 8446 §4.2 (with RFC 8449, RFC 7250 and RFC 8879), including extensions
that are not implemented: "If an implementation receives an extension which it recognizes and which
is not specified for the message in which it appears, it MUST abort the handshake with an
"illegal_parameter" alert." Contents are read with the message they are in, but for those that both
roles receive: they are read here.
"""

from tlscore.compat import const
from tlscore.errors import PeerMisbehaved, illegal
from tlscore.wire import Reader

# See codepoints.py: copies that cost nothing on a board.
_EXT_COOKIE = const(44)
_ALERT_UNSUPPORTED_EXTENSION = const(110)

# Messages that carry extensions, as bits.
IN_CLIENT_HELLO = 1
IN_SERVER_HELLO = 2
IN_ENCRYPTED_EXTENSIONS = 4
IN_CERTIFICATE = 8
IN_CERTIFICATE_REQUEST = 16
IN_NEW_SESSION_TICKET = 32
IN_HELLO_RETRY_REQUEST = 64

# (extension type, messages it is specified for)
PERMITTED = (
    (0, 1 | 4),  # server_name
    (1, 1 | 4),  # max_fragment_length
    (5, 1 | 8 | 16),  # status_request
    (10, 1 | 4),  # supported_groups
    (13, 1 | 16),  # signature_algorithms
    (14, 1 | 4),  # use_srtp
    (15, 1 | 4),  # heartbeat
    (16, 1 | 4),  # application_layer_protocol_negotiation
    (18, 1 | 8 | 16),  # signed_certificate_timestamp
    (19, 1 | 4),  # client_certificate_type
    (20, 1 | 4),  # server_certificate_type
    (21, 1),  # padding
    (27, 1 | 16),  # compress_certificate
    (28, 1 | 4),  # record_size_limit
    (41, 1 | 2),  # pre_shared_key
    (42, 1 | 4 | 32),  # early_data
    (43, 1 | 2 | 64),  # supported_versions
    (44, 1 | 64),  # cookie
    (45, 1),  # psk_key_exchange_modes
    (47, 1 | 16),  # certificate_authorities
    (48, 16),  # oid_filters
    (49, 1),  # post_handshake_auth
    (50, 1 | 16),  # signature_algorithms_cert
    (51, 1 | 2 | 64),  # key_share
)

# Extensions in one block. The widest that is defined has ten; RFC 8701 adds two meaningless ones.
_MAX_EXTENSIONS = const(32)


def permitted(extension, message) -> bool:
    """Tell whether an extension may stand in a message; one we do not know may."""
    for row in PERMITTED:
        if row[0] == extension:
            return bool(row[1] & message)
    return True


def known(extension) -> bool:
    """Tell whether an extension is one of the table's."""
    for row in PERMITTED:
        if row[0] == extension:
            return True
    return False


def admit(subject, extension, message, offered, seen):
    """Check the type of one extension of a block.

    Args:
        subject: name of the message, the first part of the reason.
        extension: its type.
        message: one of the IN_ bits.
        offered: the extension types we sent, where the message may only answer those;
            None where the peer may send what it likes and the unknown is ignored.
        seen: container of the types that came before it in the block.

    Raises:
        PeerMisbehaved: RFC 8446 §4.2: "There MUST NOT be more than one extension of the same type
            in a given extension block"; a misplaced extension; "Implementations MUST NOT send
            extension responses if the remote endpoint did not send the corresponding extension
            requests, with the exception of the "cookie" extension in the HelloRetryRequest".
    """
    if extension in seen:
        raise illegal(subject + ".duplicate_extension")
    if not permitted(extension, message):
        raise illegal(subject + ".misplaced_extension")
    if offered is not None and extension not in offered:
        if extension != _EXT_COOKIE or message != IN_HELLO_RETRY_REQUEST:
            raise PeerMisbehaved(subject + ".unsolicited_extension", _ALERT_UNSUPPORTED_EXTENSION)
    if len(seen) == _MAX_EXTENSIONS:
        raise illegal(subject + ".too_many_extensions")


def parse(block, message, offered=None):
    """Check an extension block and return a dict from extension type to a Reader of its content.

    Args:
        block: Reader over the content of the block.
        message, offered: as for `admit`.
    """
    found = {}
    while block.remaining():
        extension = block.u16()
        content = block.vector16()
        admit(block.subject, extension, message, offered, found)
        found[extension] = content
    return found


def find(block, wanted):
    """Return a Reader over the first extension of type `wanted`, or None; nothing is checked.

    For the one extension that decides how the others are to be read, supported_versions
    (RFC 8446 §4.2.1: it is checked "prior to processing the rest of the ServerHello").
    """
    ahead = Reader(block.data, block.subject, block.position, block.end)
    while ahead.remaining():
        extension = ahead.u16()
        content = ahead.vector16()
        if extension == wanted:
            return content
    return None


# --- contents that both roles receive; each reader takes all of a Reader over one


def read_record_size_limit(content) -> int:
    """Read the content of record_size_limit (RFC 8449 §4)."""
    limit = content.u16()
    content.finish()
    # "Endpoints MUST NOT send a "record_size_limit" extension with a value smaller than 64. An
    # endpoint MUST treat receipt of a smaller value as a fatal error and generate an
    # "illegal_parameter" alert."
    if limit < 64:
        raise illegal(content.subject + ".record_size_limit")
    return limit


def read_max_fragment_length(content) -> int:
    """Read the content of max_fragment_length (RFC 6066 §4); return its code.

    Code n stands for 2^(8 + n) bytes.
    """
    code = content.u8()
    content.finish()
    # "a value other than the allowed values ... MUST abort the handshake with an
    # "illegal_parameter" alert."
    if not 1 <= code <= 4:
        raise illegal(content.subject + ".max_fragment_length")
    return code


def check_authorities(content):
    """Check the form of certificate_authorities (RFC 8446 §4.2.4).

    There are one or more names, none of them empty.
    """
    names = content.vector16(3)
    content.finish()
    while names.remaining():
        names.vector16(1)
