"""`python -m tlscore server --listen HOST:PORT --cert FILE --key FILE`: a server to try against.

CPython only, in no firmware image. Every connection has a thread of its own, so any number is
served at once and one after the other. `listening on HOST:PORT` goes to standard output, with the
port the system chose if 0 was asked for; what a connection negotiated and how it ended goes to
standard error, a line each.

`--echo`, the default, returns what comes until the client closes; `--http` answers the head of one
request with a line of text and closes.

Exit status: 1 a `--count` was served and TLS failed in one of them; 2 the command line or one of
its files is wrong; 3 cannot listen; 130 interrupted.
"""

import contextlib
import socket
import sys
import threading

from tlscore import codepoints, command_line, key_options, server_options, version_options
from tlscore.command_line import EXIT_NETWORK, EXIT_TLS, RefusalError, say
from tlscore.connection import EVENT_CONNECTED, READ, SEND, WRITE
from tlscore.errors import TlsError

_PAGE = (
    b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhello from tlscore\n"
)
# Where a request for a page is given up; Apache's LimitRequestLine is the same.
_REQUEST_BYTES_MAX = 8190
_RECEIVE_BYTES = 16384

_EXIT_STATUS = "Exit status: 1 TLS failed (--count), 2 wrong command line or file, 3 cannot listen."


def add_parser(commands):
    """Add the subcommand to an argparse object of subparsers."""
    server = commands.add_parser("server", help="serve connections", epilog=_EXIT_STATUS)
    server.set_defaults(run=_run)
    add = server.add_argument
    listen = command_line.listen_address
    add("--listen", required=True, type=listen, metavar="HOST:PORT", help="port 0: any free one")
    server_options.add_to(server)
    answer = server.add_mutually_exclusive_group()
    answer.add_argument("--echo", action="store_true", help="return what comes (the default)")
    answer.add_argument("--http", action="store_true", help="answer a request with a small page")
    add("--count", default=None, type=int, metavar="N", help="end after so many connections")
    add("--timeout", default=30.0, type=float, metavar="SECONDS", help="longest silence")


def _run(options):
    config = server_options.config(options)
    family = socket.AF_INET6 if ":" in options.listen[0] else socket.AF_INET
    try:
        listener = socket.create_server(options.listen, family=family, backlog=128)
    except OSError as error:
        where = "{}:{}".format(*options.listen)
        raise RefusalError(EXIT_NETWORK, "{}: {}".format(where, error.strerror or error))
    with listener:
        host, port = listener.getsockname()[:2]
        print("listening on {}:{}".format("[" + host + "]" if ":" in host else host, port))
        sys.stdout.flush()
        return _serve(listener, config, options)


def _serve(listener, config, options):
    failed = []
    threads = []
    number = 0
    while options.count is None or number < options.count:
        transport, _ = listener.accept()
        number += 1
        visit = _Visit(number, transport, config, options, failed)
        thread = threading.Thread(target=visit.run, daemon=True)
        thread.start()
        threads = [other for other in threads if other.is_alive()] + [thread]
    for thread in threads:
        thread.join()
    return EXIT_TLS if failed else 0


class _Visit:
    """One connection, from accept to close; `run` is what its thread does."""

    def __init__(self, number, transport, config, options, failed):
        self._number = number
        self._transport = transport
        self._connection = version_options.server_connection(config)
        self._http = options.http
        self._failed = failed
        self._request = b""
        transport.settimeout(options.timeout)

    def run(self):
        how = "closed"
        with self._transport:
            try:
                self._talk()
            except TlsError as error:
                self._failed.append(self._number)
                how = "failed: {}".format(error.reason)
                # The offence is worth more than a network too broken for the alert.
                with contextlib.suppress(OSError):
                    self._flush()
                    command_line.linger(self._transport)
            except OSError as error:
                self._failed.append(self._number)
                how = "network: {}".format(error.strerror or error)
        self._say(how)

    def _say(self, what):
        say("{}: {}".format(self._number, what))

    def _talk(self):
        connection = self._connection
        while not connection.peer_closed:
            data = self._transport.recv(_RECEIVE_BYTES)
            if not data:
                connection.receive_eof()
                return
            view = memoryview(data)
            while view:
                view = view[connection.receive(view) :]
                if connection.next_event() == (EVENT_CONNECTED,):
                    self._report()
                if connection.wants & READ and self._answer(connection.read()):
                    return
            self._flush()
        connection.close()
        self._flush()

    def _answer(self, data):
        """Answer application data; return whether all is said."""
        if not self._http:
            self._write(data)
            return False
        self._request += data
        if b"\r\n\r\n" not in self._request and len(self._request) <= _REQUEST_BYTES_MAX:
            return False
        self._write(_PAGE)
        self._connection.close()
        self._flush()
        return True

    def _write(self, data):
        view = memoryview(data)
        while view:
            if self._connection.wants & WRITE:
                view = view[self._connection.write(view) :]
            self._flush()

    def _flush(self):
        connection = self._connection
        while connection.wants & SEND:
            connection.sent(self._transport.send(connection.to_send()))

    def _report(self):
        connection = self._connection
        alpn = connection.alpn
        names = (
            codepoints.name_of(codepoints.VERSION_NAMES, connection.version),
            version_options.suite_name(connection.suite),
            key_options.group_name(connection),
            key_options.proof_name(connection),
            "alpn " + ("none" if alpn is None else alpn.decode("utf-8", "backslashreplace")),
            "client " + _client_name(connection),
        )
        self._say(", ".join(names))


def _client_name(connection):
    """Return who the client is, as far as it proved anything."""
    if connection.psk_identity is not None:
        return connection.psk_identity.decode("utf-8", "backslashreplace")
    return "unknown" if connection.client_key is None else "certified"
