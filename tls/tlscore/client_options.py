"""What the command line says of a client, made into its configuration. CPython only.

Not here: the connection (__main__.py), pre-shared keys and sessions (key_options.py).
"""

import base64
import binascii
import re

from tlscore import (
    certificate_files,
    codepoints,
    command_line,
    key_options,
    private_key_files,
    version_options,
)
from tlscore.clock import FixedClock, SystemClock
from tlscore.codepoints import CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509
from tlscore.command_line import EXIT_USAGE, RefusalError
from tlscore.config_checks import RECORD_BUFFER_BYTES_MAX
from tlscore.entropy import SystemEntropy
from tlscore.errors import TlsError, UsageError
from tlscore.record import RECORD_OVERHEAD_BYTES
from tlscore.trust import PinnedKeys, TrustAnchors, anchor_from_certificate

_SEND_BUFFER_BYTES = 16384
# RFC 8446 §4.3.2: the longest message that is held, a CertificateRequest full of names.
_HANDSHAKE_BUFFER_BYTES = 65_800

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def add_to(client):
    """Add the options of a configuration to an argparse parser."""
    add = client.add_argument
    add("--ca", metavar="FILE", help="trust anchors: certificates, PEM or DER")
    pin = {"type": command_line.pin, "action": "append", "metavar": "HEX"}
    add("--pin", help="SHA-256 of a public key the server must have; may be repeated", **pin)
    add("--servername", required=True, metavar="NAME", help="whom the certificate must name")
    add("--alpn", default=(), type=command_line.protocols, metavar="NAME,...")
    groups = command_line.codes(codepoints.GROUP_NAMES)
    add("--groups", default=None, type=groups, metavar="NAME,...", help="most wanted first")
    version_options.add_options(client)
    suites = command_line.codes(version_options.SUITE_NAMES)
    add("--suites", default=None, type=suites, metavar="NAME,...", help="most wanted first")
    schemes = command_line.codes(codepoints.SIGNATURE_NAMES)
    add("--sigalgs", default=None, type=schemes, metavar="NAME,...", help="most wanted first")
    add("--cert", metavar="FILE", help="our own chain, leaf first, if the server asks for one")
    add("--key", metavar="FILE", help="the private key of its leaf, PEM or DER, not encrypted")
    raw = "show the bare public key of --key to a server that takes it (RFC 7250)"
    add("--raw-public-key", action="store_true", help=raw)
    key_options.add_options(client)
    add("--session-file", metavar="FILE", help="resume what it holds, keep the newest session")
    add("--record-bytes", default=16384, type=int, metavar="N", help="content we take in a record")
    lengths = {"type": int, "choices": (512, 1024, 2048, 4096), "default": None}
    add("--max-fragment", help="ask for records of so many bytes (RFC 6066)", **lengths)
    add("--padding", default=0, type=int, metavar="N", help="pad data to multiples of N bytes")
    add("--keylog", metavar="FILE", help="append the secrets, in the format Wireshark reads")
    utc = command_line.utc_seconds
    add("--time", type=utc, metavar="UTC", help="judge certificates by this time instead")


def config(options):
    """Return the configuration.

    Raises:
        RefusalError: a file cannot be used, or the options cannot work.
    """
    chosen = _identity(options)
    chosen.update(key_options.client_arguments(options))
    chosen.update(_demands(options))
    if chosen["trust"] is None and not chosen.get("psks") and chosen.get("session") is None:
        what = "--ca, --pin or --psk: something has to prove who the server is"
        raise RefusalError(EXIT_USAGE, what)
    named = (("signature_schemes", "sigalgs"), ("groups", "groups"), ("suites", "suites"))
    for argument, option in named:
        if getattr(options, option) is not None:
            chosen[argument] = getattr(options, option)
    try:
        return version_options.client_config(
            options.versions,
            entropy=SystemEntropy(),
            clock=SystemClock() if options.time is None else FixedClock(options.time),
            server_name=options.servername,
            alpn=options.alpn,
            record_buffer_bytes=_record_buffer_bytes(options.record_bytes),
            max_fragment_bytes=options.max_fragment,
            send_buffer_bytes=_SEND_BUFFER_BYTES,
            handshake_buffer_bytes=_HANDSHAKE_BUFFER_BYTES,
            padding_bytes=options.padding,
            keylog=command_line.keylog(options.keylog),
            **chosen,
        )
    except UsageError as error:
        raise RefusalError(EXIT_USAGE, _explained(error, options))


def _identity(options):
    """Return what we can show a server that asks."""
    if options.raw_public_key and options.key is None:
        raise RefusalError(EXIT_USAGE, "--raw-public-key needs --key")
    if (options.cert is None) != (options.key is None) and not options.raw_public_key:
        raise RefusalError(EXIT_USAGE, "--cert and --key belong together")
    if options.key is None:
        return {}
    chosen = {"check_private_key": True}
    try:
        if options.cert is not None:
            chosen["certificates"] = certificate_files.certificates(options.cert)
        chosen["private_key"] = key = private_key_files.private_key(options.key)
        if options.raw_public_key:
            chosen["public_key_info"] = private_key_files.public_key_info(key)
    except certificate_files.FileError as error:
        raise RefusalError(EXIT_USAGE, str(error))
    except ValueError as error:
        raise RefusalError(EXIT_USAGE, "{}: not a usable key: {}".format(options.key, error))
    return chosen


def _demands(options):
    """Return what the server has to prove itself with."""
    if options.ca is not None:
        return {"trust": _anchors(options.ca, options.pin)}
    if options.pin is None:
        return {"trust": None}
    # A pinned key is enough by itself, bare or in a certificate.
    types = (CERTIFICATE_RAW_PUBLIC_KEY, CERTIFICATE_X509)
    return {"trust": PinnedKeys(options.pin), "certificate_types": types}


def _anchors(path, pins):
    content = command_line.read_file(path)
    certificates = _PEM.findall(content)
    try:
        if certificates:
            certificates = [
                base64.b64decode(b"".join(body.split()), validate=True) for body in certificates
            ]
        elif content[:1] == b"\x30":
            certificates = [content]
        else:
            raise RefusalError(EXIT_USAGE, "{}: holds no certificate, PEM or DER".format(path))
        return TrustAnchors([anchor_from_certificate(der) for der in certificates], pins)
    except binascii.Error as error:
        raise RefusalError(EXIT_USAGE, "{}: bad base64: {}".format(path, error))
    except TlsError as error:
        raise RefusalError(EXIT_USAGE, "{}: not usable as trust anchor: {}".format(path, error))


def _record_buffer_bytes(content_bytes):
    # A buffer for full records has room for whatever a peer may put around their content.
    if content_bytes == 16384:
        return RECORD_BUFFER_BYTES_MAX
    return content_bytes + RECORD_OVERHEAD_BYTES


def _explained(error, options):
    if error.reason == "identity.other_key":
        return "{}: not the private key of {}".format(options.key, options.cert)
    if error.reason == "identity.private_key":
        return "{}: not a usable key".format(options.key)
    return "cannot connect like this: {}".format(error)
