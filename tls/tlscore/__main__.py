"""Try the core from a desk: `python -m tlscore client --connect HOST:PORT --ca FILE ...`.

CPython only, in no firmware image; it and server_command.py are the only modules of the package
that know sockets. What the peer sends goes to standard output as it is, everything else to
standard error.

Exit status: 0 the connection was made and closed properly; 1 TLS failed, on either side; 2 the
command line or one of its files is wrong; 3 the network failed.
"""

import argparse
import contextlib
import select
import socket
import sys

from tlscore import (
    client_options,
    codepoints,
    key_options,
    server_command,
    verify_command,
    version_options,
)
from tlscore.command_line import (
    EXIT_NETWORK,
    EXIT_TLS,
    EXIT_USAGE,
    RefusalError,
    host_and_port,
    linger,
    read_file,
    say,
)
from tlscore.connection import EVENT_CONNECTED, READ, SEND, WRITE
from tlscore.errors import AlertReceived, PeerMisbehaved, TlsError, UsageError

# What a refusal usually means to a client, beyond its name.
_ALERT_HINTS = {
    10: "the server did not expect what we sent; does it speak TLS on this port?",
    40: "the server accepts none of our suites, groups or signature algorithms",
    47: "the server takes one of our values for illegal",
    70: "the server speaks no version of TLS that we offer; see --versions",
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
    parser = argparse.ArgumentParser(prog="python -m tlscore", description="Try the TLS core.")
    commands = parser.add_subparsers(dest="command", required=True)
    verify_command.add_parser(commands)
    server_command.add_parser(commands)
    client = commands.add_parser("client", help="connect to a server", epilog=_EXIT_STATUS)
    client.set_defaults(run=_run_client)
    add = client.add_argument
    add("--connect", required=True, type=host_and_port, metavar="HOST:PORT")
    client_options.add_to(client)
    add("--send", metavar="FILE", help="send this file once connected; - is standard input")
    add("--idle", default=2.0, type=float, metavar="SECONDS", help="close after so much silence")
    add("--timeout", default=30.0, type=float, metavar="SECONDS", help="for the handshake's steps")
    return parser


_EXIT_STATUS = "Exit status: 0 done, 1 TLS failed, 2 wrong command line or file, 3 network failed."


# --- the connection


def _run_client(options):
    config = client_options.config(options)
    to_send = b"" if options.send is None else read_file(options.send)
    try:
        connection = version_options.client_connection(config)
    except UsageError as error:  # a session that is over, and nothing else to offer
        raise RefusalError(EXIT_USAGE, "cannot connect like this: {}".format(error))
    try:
        with socket.create_connection(options.connect, timeout=options.timeout) as transport:
            _talk(connection, transport, to_send, options)
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
    session = connection.take_session()
    if session is not None:
        key_options.store_session(options.session_file, session)
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
            linger(transport)
        raise


def _flush(connection, transport):
    while connection.wants & SEND:
        connection.sent(transport.send(connection.to_send()))


def _report(connection):
    alpn = connection.alpn
    say("version: " + codepoints.name_of(codepoints.VERSION_NAMES, connection.version))
    say("suite: " + version_options.suite_name(connection.suite))
    say("group: " + key_options.group_name(connection))
    say(_proof(connection))
    say("alpn: " + ("none" if alpn is None else alpn.decode("utf-8", "backslashreplace")))


def _proof(connection):
    """Return the line that says what the server proved itself with."""
    if connection.resumed:
        return "resumed: the session of an earlier connection"
    if connection.psk_identity is not None:
        return "pre-shared key: " + connection.psk_identity.decode("utf-8", "backslashreplace")
    return "signature: {} ({} signatures verified)".format(
        codepoints.name_of(codepoints.SIGNATURE_NAMES, connection.signature_scheme),
        connection.signatures_verified,
    )


if __name__ == "__main__":
    sys.exit(main())
