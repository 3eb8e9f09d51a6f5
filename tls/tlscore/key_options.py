"""Pre-shared keys and sessions on the command line: options of both roles, and the session file.

CPython only, in no firmware image. Keys given here are for SHA-256, as OpenSSL takes them.
"""

import argparse
import contextlib
import os
import tempfile

from tlscore import codepoints
from tlscore.codepoints import PSK_DHE_KE, PSK_KE, TLS_1_2
from tlscore.command_line import EXIT_USAGE, RefusalError
from tlscore.errors import UsageError
from tlscore.tls12 import session

_DIGEST_BYTES = 32
_MODES = {"dhe": (PSK_DHE_KE,), "plain": (PSK_KE,)}
# The longest ticket there can be: at a desk there is room.
_TICKET_BYTES_MAX = 0xFFFF


def add_options(parser):
    """Add the options of a pre-shared key."""
    add = parser.add_argument
    add("--psk-identity", metavar="ID", help="name of the pre-shared key")
    add("--psk", type=_key, metavar="HEX", help="the key itself, at least 16 bytes, for SHA-256")
    add("--psk-mode", choices=sorted(_MODES), default="dhe", help="plain: without key exchange")


def _key(text):
    try:
        return bytes.fromhex(text)
    except ValueError:
        # What was given is a secret: it is not repeated.
        raise argparse.ArgumentTypeError("the key is not an even number of hexadecimal digits")


def external_key(options):
    """Return (identity, key, digest size) of the options, or None.

    Raises:
        RefusalError: one of the two is missing.
    """
    if (options.psk is None) != (options.psk_identity is None):
        raise RefusalError(EXIT_USAGE, "--psk-identity and --psk belong together")
    if options.psk is None:
        return None
    return options.psk_identity.encode(), options.psk, _DIGEST_BYTES


def modes(options) -> tuple:
    """Return the psk_modes of the options."""
    return _MODES[options.psk_mode]


def client_arguments(options) -> dict:
    """Return what the options say of keys and sessions as arguments of a ClientConfig.

    Raises:
        RefusalError: the options or the session file cannot be used.
    """
    key = external_key(options)
    arguments = {"psk_modes": modes(options)}
    if key is not None:
        arguments["psks"] = (key,)
    if options.session_file is not None:
        arguments["ticket_bytes_max"] = _TICKET_BYTES_MAX
        kept = load_session(options.session_file, options.servername)
        if isinstance(kept, session.Session) and TLS_1_2 not in options.versions:
            what = "{}: holds a session of TLS 1.2; see --versions".format(options.session_file)
            raise RefusalError(EXIT_USAGE, what)
        arguments["session"] = kept
    return arguments


def load_session(path, server_name):
    """Return the session of a file, None if the file does not exist.

    Raises:
        RefusalError: it cannot be read, holds no session, or one with another server.
    """
    try:
        with open(path, "rb") as file:
            kept = session.from_bytes(file.read())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise RefusalError(EXIT_USAGE, "{}: {}".format(path, error.strerror))
    except UsageError as error:
        raise RefusalError(
            EXIT_USAGE, "{}: holds no session ({}); remove it to begin anew".format(path, error)
        )
    if kept.server_name != server_name:
        what = "holds a session with {!r}, not with {!r}".format(kept.server_name, server_name)
        raise RefusalError(EXIT_USAGE, "{}: {}".format(path, what))
    return kept


def store_session(path, kept):
    """Put a session in place of what the file held, readable by its owner only.

    Raises:
        RefusalError: it cannot be written; what was there stays.
    """
    try:
        # mkstemp makes files of mode 0600.
        handle, new = tempfile.mkstemp(dir=os.path.dirname(path) or ".", prefix=".session-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(kept.to_bytes())
            os.replace(new, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(new)
            raise
    except OSError as error:
        raise RefusalError(EXIT_USAGE, "{}: {}".format(path, error.strerror))


def group_name(connection):
    """Return the name of the group of the key exchange, "none" if there was no exchange."""
    group = connection.group
    return "none" if group is None else codepoints.name_of(codepoints.GROUP_NAMES, group)


def proof_name(connection):
    """Return by what the server proved itself: a signature scheme, or a pre-shared key."""
    if connection.resumed:
        return "resumed"
    if connection.signature_scheme is None:
        return "psk"
    return codepoints.name_of(codepoints.SIGNATURE_NAMES, connection.signature_scheme)
