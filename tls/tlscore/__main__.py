"""Try the core from a desk: `python -m tlscore client --connect HOST:PORT --ca FILE ...`.

CPython only, in no firmware image; it and server_command.py are the only modules of the package
that know sockets. What the peer sends goes to standard output as it is, everything else to
standard error.

Exit status: 0 the connection was made and closed properly; 1 TLS failed, on either side; 2 the
command line or one of its files is wrong; 3 the network failed.
"""

import argparse
import base64
import binascii
import contextlib
import re
import select
import socket
import sys

from tlscore import (
    certificate_files,
    codepoints,
    private_key_files,
    server_command,
    verify_command,
)
from tlscore.client import ClientConnection
from tlscore.clock import FixedClock, SystemClock
from tlscore.command_line import (
    EXIT_NETWORK,
    EXIT_TLS,
    EXIT_USAGE,
    RefusalError,
    codes,
    host_and_port,
    keylog,
    protocols,
    read_file,
    say,
    utc_seconds,
)
from tlscore.config import ClientConfig
from tlscore.config_checks import RECORD_BUFFER_BYTES_MAX
from tlscore.connection import EVENT_CONNECTED, READ, SEND, WRITE
from tlscore.entropy import SystemEntropy
from tlscore.errors import AlertReceived, PeerMisbehaved, TlsError, UsageError
from tlscore.record import RECORD_OVERHEAD_BYTES
from tlscore.trust import TrustAnchors, anchor_from_certificate

# What a refusal usually means to a client, beyond its name.
_ALERT_HINTS = {
    10: "the server did not expect what we sent; does it speak TLS on this port?",
    40: "the server accepts none of our suites, groups or signature algorithms",
    47: "the server takes one of our values for illegal",
    70: "the server does not speak TLS 1.3",
    80: "the server failed for reasons of its own; see its log",
    86: "the server takes us for a downgrade attack",
    112: "the server does not know this name; see --servername",
    116: "the server wants a client certificate",
    120: "the server accepts none of our protocols; see --alpn",
}


def main(arguments=None) -> int:
    """Run the command line and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except RefusalError as refusal:
        say(str(refusal))
        return refusal.status
    except KeyboardInterrupt:
        say("interrupted")
        return 130


# --- the command line


def _parser():
    parser = argparse.ArgumentParser(prog="python -m tlscore", description="Try the TLS 1.3 core.")
    commands = parser.add_subparsers(dest="command", required=True)
    verify_command.add_parser(commands)
    server_command.add_parser(commands)
    client = commands.add_parser("client", help="connect to a server", epilog=_EXIT_STATUS)
    client.set_defaults(run=_run_client)
    add = client.add_argument
    add("--connect", required=True, type=host_and_port, metavar="HOST:PORT")
    add("--ca", required=True, metavar="FILE", help="trust anchors: certificates, PEM or DER")
    add("--servername", required=True, metavar="NAME", help="whom the certificate must name")
    add("--alpn", default=(), type=protocols, metavar="NAME,...", help="protocols to offer")
    add("--groups", default=None, type=codes(codepoints.GROUP_NAMES), metavar="NAME,...")
    add("--suites", default=None, type=codes(codepoints.SUITE_NAMES), metavar="NAME,...")
    add("--sigalgs", default=None, type=codes(codepoints.SIGNATURE_NAMES), metavar="NAME,...")
    add("--cert", metavar="FILE", help="our own chain, leaf first, if the server asks for one")
    add("--key", metavar="FILE", help="the private key of its leaf, PEM or DER, not encrypted")
    add("--record-bytes", default=16384, type=int, metavar="N", help="content we take in a record")
    add("--keylog", metavar="FILE", help="append the secrets, in the format Wireshark reads")
    add("--time", type=utc_seconds, metavar="UTC", help="judge certificates by this time instead")
    add("--send", metavar="FILE", help="send this file once connected; - is standard input")
    add("--idle", default=2.0, type=float, metavar="SECONDS", help="close after so much silence")
    add("--timeout", default=30.0, type=float, metavar="SECONDS", help="for the handshake's steps")
    return parser


_EXIT_STATUS = "Exit status: 0 done, 1 TLS failed, 2 wrong command line or file, 3 network failed."


# --- files

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def _trust(path):
    content = read_file(path)
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
        return TrustAnchors([anchor_from_certificate(der) for der in certificates])
    except binascii.Error as error:
        raise RefusalError(EXIT_USAGE, "{}: bad base64: {}".format(path, error))
    except TlsError as error:
        raise RefusalError(EXIT_USAGE, "{}: not usable as trust anchor: {}".format(path, error))


# --- the connection


def _own_certificate(options):
    """Return the arguments of a configuration with a certificate of our own, if there is one."""
    if (options.cert is None) != (options.key is None):
        raise RefusalError(EXIT_USAGE, "--cert and --key belong together")
    if options.cert is None:
        return {}
    try:
        return {
            "certificates": certificate_files.certificates(options.cert),
            "private_key": private_key_files.private_key(options.key),
        }
    except certificate_files.FileError as error:
        raise RefusalError(EXIT_USAGE, str(error))


def _record_buffer_bytes(content_bytes):
    # A buffer for full records has room for whatever a peer may put around their content.
    if content_bytes == 16384:
        return RECORD_BUFFER_BYTES_MAX
    return content_bytes + RECORD_OVERHEAD_BYTES


def _config(options):
    chosen = _own_certificate(options)
    if options.sigalgs is not None:
        chosen["signature_schemes"] = options.sigalgs
    if options.groups is not None:
        chosen["groups"] = options.groups
    if options.suites is not None:
        chosen["suites"] = options.suites
    try:
        return ClientConfig(
            entropy=SystemEntropy(),
            clock=SystemClock() if options.time is None else FixedClock(options.time),
            trust=_trust(options.ca),
            server_name=options.servername,
            alpn=options.alpn,
            record_buffer_bytes=_record_buffer_bytes(options.record_bytes),
            send_buffer_bytes=16384,
            keylog=keylog(options.keylog),
            **chosen,
        )
    except UsageError as error:
        raise RefusalError(EXIT_USAGE, "cannot connect like this: {}".format(error))


def _run_client(options):
    config = _config(options)
    to_send = b"" if options.send is None else read_file(options.send)
    try:
        with socket.create_connection(options.connect, timeout=options.timeout) as transport:
            _talk(ClientConnection(config), transport, to_send, options)
    except AlertReceived as error:
        hint = _ALERT_HINTS.get(error.alert, "")
        name = codepoints.alert_name(error.alert)
        say("the server refused: alert {} ({}){}".format(error.alert, name, hint and ": " + hint))
        raise RefusalError(EXIT_TLS, "failed: {}".format(error.reason))
    except PeerMisbehaved as error:
        if error.alert is not None:
            name = codepoints.alert_name(error.alert)
            say("we refused: alert {} ({}) sent".format(error.alert, name))
        raise RefusalError(EXIT_TLS, "failed: {}".format(error.reason))
    except TlsError as error:
        raise RefusalError(EXIT_TLS, "failed: {}".format(error.reason))
    except OSError as error:
        where = "{}:{}".format(*options.connect)
        raise RefusalError(EXIT_NETWORK, "{}: {}".format(where, error.strerror or error))
    return 0


def _talk(connection, transport, to_send, options):
    """Handshake, send everything, print what comes back until the peer closes or is silent."""
    waiting = memoryview(to_send)
    silence_s = options.timeout
    connected = False
    while not connection.peer_closed:
        if waiting and connection.wants & WRITE:
            waiting = waiting[connection.write(waiting) :]
        sending = [transport] if connection.wants & SEND else []
        readable, writable, _ = select.select([transport], sending, [], silence_s)
        if writable:
            connection.sent(transport.send(connection.to_send()))
        elif not readable:
            if connected and not waiting:
                break
            raise TimeoutError("the server is silent")
        if readable:
            data = transport.recv(16384)
            if not data:
                connection.receive_eof()
            _take(connection, transport, data)
        if not connected and connection.next_event() == (EVENT_CONNECTED,):
            connected = True
            silence_s = options.idle
            _report(connection)
    connection.close()
    _flush(connection, transport)


def _take(connection, transport, data):
    """Feed what came in and print the application data in it; send the alert if it is refused."""
    data = memoryview(data)
    try:
        while data:
            data = data[connection.receive(data) :]
            if connection.wants & READ:
                sys.stdout.buffer.write(connection.read())
        sys.stdout.buffer.flush()
    except TlsError:
        # The offence is worth more to the user than a network too broken for the alert.
        with contextlib.suppress(OSError):
            _flush(connection, transport)
        raise


def _flush(connection, transport):
    while connection.wants & SEND:
        connection.sent(transport.send(connection.to_send()))


def _report(connection):
    alpn = connection.alpn
    say("version: " + codepoints.name_of(codepoints.VERSION_NAMES, connection.version))
    say("suite: " + codepoints.name_of(codepoints.SUITE_NAMES, connection.suite))
    say("group: " + codepoints.name_of(codepoints.GROUP_NAMES, connection.group))
    say(
        "signature: {} ({} signatures verified)".format(
            codepoints.name_of(codepoints.SIGNATURE_NAMES, connection.signature_scheme),
            connection.signatures_verified,
        )
    )
    say("alpn: " + ("none" if alpn is None else alpn.decode("utf-8", "backslashreplace")))


if __name__ == "__main__":
    sys.exit(main())
