"""Try the core from a desk: `python -m tlscore client --connect HOST:PORT --ca FILE ...`.

CPython only, in no firmware image, and the only module of the package that knows sockets. What the
peer sends goes to standard output as it is, everything else to standard error.

Exit status: 0 the connection was made and closed properly; 1 TLS failed, on either side; 2 the
command line or one of its files is wrong; 3 the network failed.
"""

import argparse
import base64
import binascii
import contextlib
import datetime
import re
import select
import socket
import sys

from tlscore import codepoints
from tlscore.client import ClientConnection
from tlscore.clock import FixedClock, SystemClock
from tlscore.config import RECORD_BUFFER_BYTES_MAX, ClientConfig
from tlscore.connection import EVENT_CONNECTED, READ, SEND, WRITE
from tlscore.entropy import SystemEntropy
from tlscore.errors import AlertReceived, PeerMisbehaved, TlsError, UsageError
from tlscore.trust import TrustAnchors, anchor_from_certificate

EXIT_TLS = 1
EXIT_USAGE = 2
EXIT_NETWORK = 3

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


class _RefusalError(Exception):
    """Something to tell the user, and the exit status to end with."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def main(arguments=None) -> int:
    """Run the command line and return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        _run_client(options)
    except _RefusalError as refusal:
        _say(str(refusal))
        return refusal.status
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    return 0


def _say(line):
    print(line, file=sys.stderr)


# --- the command line


def _parser():
    parser = argparse.ArgumentParser(
        prog="python -m tlscore", description="Try the TLS 1.3 core against a server."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    client = commands.add_parser("client", help="connect to a server", epilog=_EXIT_STATUS)
    add = client.add_argument
    add("--connect", required=True, type=_host_and_port, metavar="HOST:PORT")
    add("--ca", required=True, metavar="FILE", help="trust anchors: certificates, PEM or DER")
    add("--servername", required=True, metavar="NAME", help="whom the certificate must name")
    add("--alpn", default=(), type=_protocols, metavar="NAME,...", help="protocols to offer")
    add("--groups", default=None, type=_codes(codepoints.GROUP_NAMES), metavar="NAME,...")
    add("--suites", default=None, type=_codes(codepoints.SUITE_NAMES), metavar="NAME,...")
    add("--keylog", metavar="FILE", help="append the secrets, in the format Wireshark reads")
    add("--time", type=_utc_seconds, metavar="UTC", help="judge certificates by this time instead")
    add("--send", metavar="FILE", help="send this file once connected; - is standard input")
    add("--idle", default=2.0, type=float, metavar="SECONDS", help="close after so much silence")
    add("--timeout", default=30.0, type=float, metavar="SECONDS", help="for the handshake's steps")
    return parser


_EXIT_STATUS = "Exit status: 0 done, 1 TLS failed, 2 wrong command line or file, 3 network failed."


def _host_and_port(text):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(
            "{!r} is not HOST:PORT, e.g. localhost:4433 or [::1]:4433".format(text)
        )
    return host.strip("[]"), int(port)


def _protocols(text):
    return tuple(name.encode() for name in text.split(",") if name)


def _codes(table):
    def codes(text):
        found = []
        for name in text.split(","):
            code = codepoints.code_of(table, name)
            if code is None:
                known = ", ".join(row[1] for row in table)
                raise argparse.ArgumentTypeError("{!r} is none of {}".format(name, known))
            found.append(code)
        return tuple(found)

    return codes


def _utc_seconds(text):
    if text.isdigit():
        return int(text)
    try:
        moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            "{!r} is neither seconds since 1970 nor like 2026-01-31T12:00:00Z".format(text)
        )
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp())


# --- files

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)


def _read_file(path):
    try:
        if path == "-":
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise _RefusalError(EXIT_USAGE, "{}: {}".format(path, error.strerror))


def _trust(path):
    content = _read_file(path)
    certificates = _PEM.findall(content)
    try:
        if certificates:
            certificates = [
                base64.b64decode(b"".join(body.split()), validate=True) for body in certificates
            ]
        elif content[:1] == b"\x30":
            certificates = [content]
        else:
            raise _RefusalError(EXIT_USAGE, "{}: holds no certificate, PEM or DER".format(path))
        return TrustAnchors([anchor_from_certificate(der) for der in certificates])
    except binascii.Error as error:
        raise _RefusalError(EXIT_USAGE, "{}: bad base64: {}".format(path, error))
    except TlsError as error:
        raise _RefusalError(EXIT_USAGE, "{}: not usable as trust anchor: {}".format(path, error))


def _keylog(path):
    if path is None:
        return None

    def log(label, client_random, secret):
        with open(path, "a", encoding="ascii") as file:
            print(label, client_random.hex(), secret.hex(), file=file)

    try:
        with open(path, "a", encoding="ascii"):
            return log
    except OSError as error:
        raise _RefusalError(EXIT_USAGE, "{}: {}".format(path, error.strerror))


# --- the connection


def _config(options):
    chosen = {}
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
            record_buffer_bytes=RECORD_BUFFER_BYTES_MAX,
            send_buffer_bytes=16384,
            keylog=_keylog(options.keylog),
            **chosen,
        )
    except UsageError as error:
        raise _RefusalError(EXIT_USAGE, "cannot connect like this: {}".format(error))


def _run_client(options):
    config = _config(options)
    to_send = b"" if options.send is None else _read_file(options.send)
    try:
        with socket.create_connection(options.connect, timeout=options.timeout) as transport:
            _talk(ClientConnection(config), transport, to_send, options)
    except AlertReceived as error:
        hint = _ALERT_HINTS.get(error.alert, "")
        name = codepoints.alert_name(error.alert)
        _say("the server refused: alert {} ({}){}".format(error.alert, name, hint and ": " + hint))
        raise _RefusalError(EXIT_TLS, "failed: {}".format(error.reason))
    except PeerMisbehaved as error:
        if error.alert is not None:
            name = codepoints.alert_name(error.alert)
            _say("we refused: alert {} ({}) sent".format(error.alert, name))
        raise _RefusalError(EXIT_TLS, "failed: {}".format(error.reason))
    except TlsError as error:
        raise _RefusalError(EXIT_TLS, "failed: {}".format(error.reason))
    except OSError as error:
        where = "{}:{}".format(*options.connect)
        raise _RefusalError(EXIT_NETWORK, "{}: {}".format(where, error.strerror or error))


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
    _say("version: " + codepoints.name_of(codepoints.VERSION_NAMES, connection.version))
    _say("suite: " + codepoints.name_of(codepoints.SUITE_NAMES, connection.suite))
    _say("group: " + codepoints.name_of(codepoints.GROUP_NAMES, connection.group))
    _say(
        "signature: {} ({} signatures verified)".format(
            codepoints.name_of(codepoints.SIGNATURE_NAMES, connection.signature_scheme),
            connection.signatures_verified,
        )
    )
    _say("alpn: " + ("none" if alpn is None else alpn.decode("utf-8", "backslashreplace")))


if __name__ == "__main__":
    sys.exit(main())
