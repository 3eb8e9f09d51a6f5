"""What `python -m tlscore client` answers to every offence of a server, over sockets.

The rows follow what the public test suites of TLS 1.3 are known to ask of a client. Offences in
messages are the tables of test_client_refusals.py, told to the program here as they are told to a
connection there; the others are about records and about the order of things.
"""

import socket
import threading

import pytest
from server_double import ServerDouble
from server_messages import NewSessionTicket, key_update, message, plain_record
from test_client_refusals import FLIGHT, RETRY, SERVER_HELLO
from test_main import Desk

from tlscore.__main__ import EXIT_TLS, main

WAIT_S = 20
FINISHED = 20
UNEXPECTED, BAD_RECORD_MAC, OVERFLOW, ILLEGAL, DECODE, DECRYPT = 10, 20, 22, 47, 50, 51
CCS = plain_record(20, b"\x01")


class Double(ServerDouble):
    """A server double that reads on with the application key behind the client's Finished."""

    def _take_handshake(self, content):
        ServerDouble._take_handshake(self, content)
        if content[0] == FINISHED:
            self.use_application_keys("receive")


class Host:
    """One connection of a server that says what a test wants, in a thread of its own.

    Args:
        script: function of (Host, ServerDouble) that talks; what follows it is listening.

    Attributes:
        alerts: codes of what the client sent, once it has closed.
    """

    def __init__(self, double, script):
        self.double = double
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{}".format(self._listener.getsockname()[1])
        self._script = script
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        with self._listener:
            self._socket, _ = self._listener.accept()
        with self._socket:
            self._socket.settimeout(WAIT_S)
            self.hear(lambda: self.double.client_messages)
            self._script(self, self.double)
            # Nothing more from us: a client that waits for more ends by that, without an alert.
            self._socket.shutdown(socket.SHUT_WR)
            self.hear()

    def say(self, data):
        self._socket.sendall(data)

    def hear(self, done=lambda: False):
        """Listen until `done` or the client has closed."""
        while not done():
            try:
                heard = self._socket.recv(65536)
            except ConnectionResetError:
                heard = b""
            if not heard:
                return
            self.double.take(heard)

    def end(self):
        """Wait for the end; return the codes of the alerts that came."""
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        return [code for _, code in self.double.alerts]


@pytest.fixture
def verdict(tmp_path, identity):
    """Function that runs the client against a script; returns the alerts it sent."""
    desk = Desk(tmp_path, identity)

    def run(script, *options, status=EXIT_TLS, **server):
        host = Host(Double(identity, **server), script)
        assert main(desk.arguments(host.address, "--idle", "1", *options)) == status
        return host.end()

    return run


# --- how far a script goes before the offence


def hello(host, double):
    if double.retry_group is not None:
        host.say(plain_record(22, double.hello_retry_request()))
        host.hear(lambda: len(double.client_messages) == 2)
    host.say(plain_record(22, double.server_hello()))


def protected(double, content, content_type=22, **options):
    return double.send_key.protect(content_type, content, **options)


def connect(host, double):
    hello(host, double)
    host.say(protected(double, b"".join(double.flight())))
    host.hear(lambda: double.client_messages[-1][0] == FINISHED)
    double.use_application_keys("send")


@pytest.mark.parametrize(
    ("edit", "alert"),
    [(row[1], row[3]) for row in SERVER_HELLO],
    ids=[row[0] for row in SERVER_HELLO],
)
def test_offence_in_server_hello(verdict, edit, alert):
    assert verdict(hello, edit={"server_hello": edit}) == [alert]


@pytest.mark.parametrize(
    ("edit", "alert"),
    # The program has room for long cookies.
    [(row[1], row[3]) for row in RETRY if row[0] != "endless cookie"],
    ids=[row[0] for row in RETRY if row[0] != "endless cookie"],
)
def test_offence_in_hello_retry_request(verdict, edit, alert):
    def script(host, double):
        host.say(plain_record(22, double.hello_retry_request()))

    assert verdict(script, retry_group=0x0017, edit={"hello_retry_request": edit}) == [alert]


@pytest.mark.parametrize(
    ("name", "edit", "alert"),
    [(row[1], row[2], row[4]) for row in FLIGHT],
    ids=[row[0] for row in FLIGHT],
)
def test_offence_in_the_flight(verdict, name, edit, alert):
    def script(host, double):
        hello(host, double)
        host.say(protected(double, b"".join(double.flight())))

    request = name == "certificate_request"
    assert verdict(script, request_certificate=request, edit={name: edit}) == [alert]


# --- instead of a ServerHello


def told(data):
    return lambda host, double: host.say(data)


def beside_hello(*, before=b"", after=b"", cut=None):
    """Say a ServerHello with something before, behind it, or inside it."""

    def script(host, double):
        encoded = double.server_hello()
        if cut is None:
            host.say(before + plain_record(22, encoded + after))
        else:
            host.say(plain_record(22, encoded[:50]) + cut + plain_record(22, encoded[50:]))

    return script


FIRST = [
    ("empty record", told(plain_record(22, b"")), UNEXPECTED),
    ("application data", told(plain_record(23, b"x")), UNEXPECTED),
    ("type 24", told(plain_record(24, b"x")), UNEXPECTED),
    ("16385 bytes", told(b"\x16\x03\x03\x40\x01"), OVERFLOW),
    ("half an alert", told(plain_record(21, b"\x02")), DECODE),
    ("no alert", told(plain_record(21, b"")), UNEXPECTED),
    ("ccs of 2", told(plain_record(20, b"\x02")), UNEXPECTED),
    ("ccs flood", told(CCS * 40), UNEXPECTED),
    ("http", told(b"HTTP/1.1 400 Bad Request\r\n\r\n"), UNEXPECTED),
    ("hello request", beside_hello(before=plain_record(22, message(0, b""))), UNEXPECTED),
    ("a message behind", beside_hello(after=message(8, b"\0\0")), UNEXPECTED),
    ("an octet behind", beside_hello(after=b"\x08"), UNEXPECTED),
    ("ccs inside", beside_hello(cut=CCS), UNEXPECTED),
    ("alert inside", beside_hello(cut=plain_record(21, b"\x01\x00")), UNEXPECTED),
    ("empty record inside", beside_hello(cut=plain_record(22, b"")), UNEXPECTED),
] + [
    ("message {}".format(kind), told(plain_record(22, message(kind, bytes(40)))), UNEXPECTED)
    for kind in (1, 3, 4, 5, 6, 8, 11, 12, 13, 14, 15, 16, 20, 22, 24, 67, 254, 255)
]


@pytest.mark.parametrize(("script", "alert"), [row[1:] for row in FIRST], ids=[r[0] for r in FIRST])
def test_offence_instead_of_server_hello(verdict, script, alert):
    assert verdict(script) == [alert]


@pytest.mark.parametrize("before", [b"", CCS])
def test_a_second_retry_is_refused(verdict, before):
    def script(host, double):
        host.say(plain_record(22, double.hello_retry_request()) + before)
        host.hear(lambda: len(double.client_messages) == 2)
        host.say(plain_record(22, double.hello_retry_request()))

    assert verdict(script, retry_group=0x0017) == [UNEXPECTED]


# --- instead of the flight


def sealed(content, content_type=22, **options):
    return lambda double: protected(double, content, content_type, **options)


def damaged(double):
    record = bytearray(protected(double, double.encrypted_extensions()))
    record[-1] ^= 1
    return bytes(record)


def without(kind):
    """Return the flight without its messages of one type, in one record."""
    return lambda double: protected(
        double, b"".join(each for each in double.flight() if each[0] != kind)
    )


def swapped(double):
    first, second, *rest = double.flight()
    return protected(double, b"".join([second, first, *rest]))


def behind_flight(content):
    return lambda double: protected(double, b"".join(double.flight()) + content)


SECOND = [
    ("plain handshake", lambda _: plain_record(22, message(8, b"\0\0")), UNEXPECTED),
    ("bad tag", damaged, BAD_RECORD_MAC),
    ("fewer bytes than a tag", lambda _: plain_record(23, bytes(15)), BAD_RECORD_MAC),
    ("16641 bytes", lambda _: b"\x17\x03\x03\x41\x01", OVERFLOW),
    ("16385 bytes of content", sealed(bytes(16385)), OVERFLOW),
    ("nothing but padding", sealed(b"", None, padding=20), UNEXPECTED),
    ("no handshake", sealed(b""), UNEXPECTED),
    ("no alert", sealed(b"", 21), UNEXPECTED),
    ("protected change_cipher_spec", sealed(b"\x01", 20), UNEXPECTED),
    ("data", sealed(b"data", 23), UNEXPECTED),
    ("no certificate", without(11), UNEXPECTED),
    ("no certificate_verify", without(15), UNEXPECTED),
    ("no encrypted_extensions", without(8), UNEXPECTED),
    ("no proof at all", lambda double: protected(double, double.encrypted_extensions()
                                                 + double.finished()), UNEXPECTED),
    ("out of order", swapped, UNEXPECTED),
    ("ticket", sealed(NewSessionTicket().encode()), UNEXPECTED),
    ("key update", sealed(key_update(0)), UNEXPECTED),
    ("server hello again", sealed(message(2, bytes(40))), UNEXPECTED),
    ("ticket behind finished", behind_flight(NewSessionTicket().encode()), UNEXPECTED),
    ("an octet behind finished", behind_flight(b"\x04"), UNEXPECTED),
]  # fmt: skip


@pytest.mark.parametrize(
    ("offence", "alert"), [row[1:] for row in SECOND], ids=[row[0] for row in SECOND]
)
def test_offence_instead_of_the_flight(verdict, offence, alert):
    def script(host, double):
        hello(host, double)
        host.say(offence(double))

    assert verdict(script) == [alert]


# --- connected

LATER = [
    ("change_cipher_spec", lambda _: CCS, UNEXPECTED),
    ("plain alert", lambda _: plain_record(21, b"\x02\x28"), UNEXPECTED),
    ("hello request", sealed(message(0, b"")), UNEXPECTED),
    ("certificate request", sealed(message(13, b"\x00\x00\x08\0\x0d\0\4\0\2\4\3")), UNEXPECTED),
    ("finished", sealed(message(20, bytes(32))), UNEXPECTED),
    ("key update of 2", sealed(key_update(2)), ILLEGAL),
    ("empty key update", sealed(message(24, b"")), DECODE),
    ("long key update", sealed(message(24, bytes(2))), DECODE),
    ("key update and more", sealed(key_update(0) * 2), UNEXPECTED),
    ("ticket of 8 days", sealed(NewSessionTicket(lifetime=691200).encode()), ILLEGAL),
    ("empty ticket", sealed(NewSessionTicket(ticket=b"").encode()), DECODE),
    ("short ticket", sealed(message(4, bytes(12))), DECODE),
    ("16385 bytes", sealed(bytes(16385), 23), OVERFLOW),
    ("no handshake", sealed(b""), UNEXPECTED),
    ("nothing but padding", sealed(b"", None, padding=9), UNEXPECTED),
    ("cut off", lambda _: b"", None),
]


@pytest.mark.parametrize(
    ("offence", "alert"), [row[1:] for row in LATER], ids=[row[0] for row in LATER]
)
def test_offence_when_connected(verdict, offence, alert):
    def script(host, double):
        connect(host, double)
        host.say(offence(double))

    assert verdict(script) == ([] if alert is None else [alert])


@pytest.mark.parametrize("piece_bytes", [1, 7, 100])
def test_a_server_that_splits_and_pads_is_understood(verdict, piece_bytes):
    def script(host, double):
        encoded = double.server_hello()
        pieces = [encoded[at : at + piece_bytes] for at in range(0, len(encoded), piece_bytes)]
        host.say(b"".join(plain_record(22, piece) for piece in pieces) + CCS)
        flight = b"".join(double.flight())
        for at in range(0, len(flight), piece_bytes):
            host.say(protected(double, flight[at : at + piece_bytes], padding=at % 3))
        host.hear(lambda: double.client_messages[-1][0] == FINISHED)
        double.use_application_keys("send")
        host.say(protected(double, b"good bye", 23) + protected(double, b"\x01\x00", 21))

    # Everything it received is said and it closes as it was closed to.
    assert verdict(script, status=0) == [0]


def test_a_large_certificate_request_in_pieces_is_understood(verdict):
    def script(host, double):
        hello(host, double)
        flight = b"".join(double.flight())
        for at in range(0, len(flight), 700):
            host.say(protected(double, flight[at : at + 700]))
        host.hear(lambda: double.client_messages[-1][0] == FINISHED)
        double.use_application_keys("send")
        host.say(protected(double, b"\x01\x00", 21))

    many = (*range(0x3A00, 0x3A00 + 2000), 0x0403)
    assert verdict(script, status=0, request_certificate=many) == [0]
