"""What the tests of sockets share: credentials, stacks, and a server of ours in a thread."""

import functools
import socket
import threading

import pytest
import server_identity

from tlscore.clock import FixedClock
from tlscore.codepoints import TLS_1_3
from tlscore.entropy import SystemEntropy
from tlscore.errors import TlsError
from tlscore.sockets import credentials, secure_sock
from tlscore.sockets.dtls_stack import DtlsStack
from tlscore.sockets.tls_stack import TlsStack
from tlscore.sockets.transports import Acceptor, DatagramTransport, StreamTransport
from tlscore.tickets import TicketKeys

KEY_NAME, KEY = b"device 1", bytes(range(16))
WAIT_MS = 20_000
PSK_CCM_8 = 0xC0A8
# What both ends of DTLS are told where there are keys alone.
BY_KEY = {"psk_modes": (0,), "suites": (PSK_CCM_8,)}
BY_KEY13 = {"psk_modes": (0,), "suites": (0x1304,)}
# Kinds of stacks.
KINDS = {
    "tls": TlsStack,
    "dtls": DtlsStack,
    "dtls13": functools.partial(DtlsStack, version=TLS_1_3),
}


def credentials_of(identity):
    """Return the store of a client and a server with certificates, and of both with a key."""
    made = credentials.Credentials()
    made.add("client", credentials.ROOTS, (identity.root,))
    key = server_identity.private_key(identity.key)
    made.add("server", credentials.CERTIFICATE, (tuple(identity.chain), key))
    made.add("key", credentials.PSK, (KEY_NAME, KEY))
    return made


class Maker:
    """Makes SecureSocks of either kind of stack."""

    def __init__(self, identity):
        self.identity, self.store = identity, credentials_of(identity)
        self.made = []

    def socks(self, kind, slots=2, evicts=True, **options):
        """Return SecureSocks; `kind` is one of KINDS."""
        clock = FixedClock(self.identity.utc_seconds)
        stack = KINDS[kind](SystemEntropy(), clock, **options)
        self.made.append(secure_sock.init(stack, self.store, slots, evicts=evicts))
        return self.made[-1]

    def close(self):
        """Stop what still has a slot."""
        for socks in self.made:
            for sock in socks.slots.owners():
                sock.stop()

    def tickets(self):
        return TicketKeys(SystemEntropy(), FixedClock(self.identity.utc_seconds))


def tcp_listener():
    """Return a listening socket and its port."""
    made = socket.create_server(("127.0.0.1", 0))
    return made, made.getsockname()[1]


def tcp(port):
    """Return a transport to a server of this machine."""
    return StreamTransport(socket.create_connection(("127.0.0.1", port), timeout=20))


def udp(port=0):
    """Return a transport of datagrams bound to a port, and the port."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", port))
    return DatagramTransport(made), made.getsockname()[1]


class Echo:
    """A server of ours in a thread: says back what every client says, by callbacks alone.

    Attributes:
        errors: of sessions that failed.
        accepted: how many there were.
    """

    def __init__(self, socks, tag, is_datagram, **options):
        self.socks = socks
        self.errors, self.accepted, self.ended = [], 0, 0
        self.facts = []
        if is_datagram:
            transport, self.port = udp()
        else:
            listener, self.port = tcp_listener()
            transport = Acceptor(listener)
        self._buffer = bytearray(2000)
        self._sock = socks.create(tag, **options)
        self._sock.on_connect = self._on_connect
        self._sock.on_receive = self._on_receive
        self._sock.on_disconnect = self._on_disconnect
        self._sock.on_error = lambda _sock, error: self.errors.append(error)
        self._sock.listen(transport)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        """Begin to serve."""
        self._thread.start()
        return self

    def _run(self):
        while not self._stopped.is_set():
            self.socks.poll(20)

    def _on_connect(self, _sock):
        self.accepted += 1

    def _on_receive(self, sock):
        count = sock.recv(self._buffer, 0)
        self.facts.append(sock.facts())
        sock.send(memoryview(self._buffer)[:count], WAIT_MS)

    def _on_disconnect(self, sock):
        self.ended += 1
        sock.stop()

    def close(self):
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join(20)
        self._sock.stop()
        for sock in self.socks.slots.owners():
            sock.stop()


def hear(sock, size):
    """Return so many bytes that a sock brings."""
    heard, buffer = b"", bytearray(2000)
    while len(heard) < size:
        count = sock.recv(buffer, WAIT_MS)
        if not count:
            break
        heard += bytes(buffer[:count])
    return heard


def refusal(call, *arguments):
    """Return the reason of the TlsError a call raises."""
    with pytest.raises(TlsError) as caught:
        call(*arguments)
    return caught.value.reason
