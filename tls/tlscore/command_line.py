"""What the subcommands of `python -m tlscore` share: types of options, exit statuses, complaints.

CPython only, in no firmware image.
"""

import argparse
import datetime
import sys
import time

from tlscore import codepoints

EXIT_TLS = 1
EXIT_USAGE = 2
EXIT_NETWORK = 3

_SHUT_WR = 1  # as in the module socket, which is not for this one
# How long a peer that has been refused may take to notice; Apache's linger takes two seconds.
_LINGER_S = 2.0
_LINGER_BYTES = 65536


class RefusalError(Exception):
    """Something to tell the user, and the exit status to end with."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def say(line):
    """Print a line for people: on standard error."""
    print(line, file=sys.stderr)


def host_and_port(text, lowest_port=1):
    """Return what HOST:PORT says as (host, port)."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not lowest_port <= int(port) < 65536:
        raise argparse.ArgumentTypeError(
            "{!r} is not HOST:PORT, e.g. localhost:4433 or [::1]:4433".format(text)
        )
    return host.strip("[]"), int(port)


def listen_address(text):
    """As `host_and_port`; port 0 has the system choose one."""
    return host_and_port(text, lowest_port=0)


def protocols(text):
    """Return the ALPN protocols of a list with commas."""
    return tuple(name.encode() for name in text.split(",") if name)


def codes(table):
    """Return a function from a list of names with commas to their codes in a table."""

    def parse(text):
        found = []
        for name in text.split(","):
            code = codepoints.code_of(table, name)
            if code is None:
                known = ", ".join(row[1] for row in table)
                raise argparse.ArgumentTypeError("{!r} is none of {}".format(name, known))
            found.append(code)
        return tuple(found)

    return parse


def pin(text):
    """Return the SHA-256 of a public key, given in hexadecimal."""
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != 32:
        raise argparse.ArgumentTypeError(
            "{!r} is not the SHA-256 of a SubjectPublicKeyInfo in hexadecimal".format(text)
        )
    return digest


def utc_seconds(text):
    """Return a moment, given in seconds since 1970 or as ISO 8601, in seconds since 1970."""
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


def read_file(path):
    """Return the content of a file, of standard input for "-"."""
    try:
        if path == "-":
            return sys.stdin.buffer.read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise RefusalError(EXIT_USAGE, "{}: {}".format(path, error.strerror))


def linger(transport):
    """Say no more on a socket and listen for a moment, so that what was said arrives.

    To close on bytes that nobody has read is a reset, which can overtake an alert on its way.
    """
    transport.shutdown(_SHUT_WR)
    ends = time.monotonic() + _LINGER_S
    left = _LINGER_S
    while left > 0:
        transport.settimeout(left)
        if not transport.recv(_LINGER_BYTES):
            return
        left = ends - time.monotonic()


def keylog(path):
    """Return a function for a configuration's `keylog` that appends to a file, or None."""
    if path is None:
        return None

    def log(label, client_random, secret):
        with open(path, "a", encoding="ascii") as file:
            print(label, client_random.hex(), secret.hex(), file=file)

    try:
        with open(path, "a", encoding="ascii"):
            return log
    except OSError as error:
        raise RefusalError(EXIT_USAGE, "{}: {}".format(path, error.strerror))
