"""What the tests of the protocol share: a client and the server double, driven from outside.

The modules it is made of lie next to this file, among the vectors and among what boards run;
pytest's importlib mode puts no directory on the path, so they are put there here.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "portable"))
sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "vectors"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import server_double as double
import server_identity
import server_messages as messages
from client_messages import Bench
from peer_programs import Desk, Peers

from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.connection import EVENT_CONNECTED
from tlscore.entropy import HmacDrbg
from tlscore.errors import PeerMisbehaved
from tlscore.server import ServerConnection
from tlscore.server_config import ServerConfig
from tlscore.trust import TrustAnchors, anchor_from_certificate


class Pair:
    """A client under test and the server double, both fresh."""

    def __init__(self, client, server):
        self.client = client
        self.server = server

    def client_speaks(self):
        """Carry to the server what the client has to send."""
        pending = bytes(self.client.to_send())
        self.client.sent(len(pending))
        self.server.take(pending)
        return pending

    def tell(self, data):
        """Let the client receive bytes; all of them must be taken."""
        assert self.client.receive(data) == len(data)

    def tell_plain(self, message, content_type=messages.HANDSHAKE):
        self.tell(messages.plain_record(content_type, message))

    def tell_protected(self, content, content_type=messages.HANDSHAKE, padding=0):
        self.tell(self.server.send_key.protect(content_type, content, padding))

    def hello(self):
        """Run up to and including ServerHello."""
        self.client_speaks()
        self.answer_hello()

    def answer_hello(self):
        """Answer the ClientHello, by way of a HelloRetryRequest if the server wants one."""
        if self.server.retry_group is not None or self.server.cookie is not None:
            self.tell_plain(self.server.hello_retry_request())
            self.client_speaks()
        self.tell_plain(self.server.server_hello())

    def tell_until(self, last):
        """Send the flight up to and including the message of type `last`, a record each."""
        for message in self.server.flight():
            self.tell_protected(message)
            if message[0] == last:
                return
        raise AssertionError("the flight has no message of type {}".format(last))

    def connect(self):
        """Run the whole handshake."""
        self.client_speaks()
        return self.connect_from_hello()

    def connect_from_hello(self):
        """Run the handshake after the ClientHello has been carried to the server."""
        self.answer_hello()
        return self.finish_handshake()

    def finish_handshake(self):
        """Run what follows the ServerHello."""
        self.tell_protected(b"".join(self.server.flight()))
        self.client_speaks()
        assert self.server.client_finished_is_right()
        self.server.use_application_keys()
        return self

    def events(self):
        """Return all events the client has, and take them."""
        found = []
        while (event := self.client.next_event()) is not None:
            found.append(event[0])
        return found

    def refusal(self, data):
        """Give the client bytes it must refuse; return (reason, alert it sent)."""
        with pytest.raises(PeerMisbehaved) as caught:
            self.client.receive(data)
        self.client_speaks()
        assert self.server.alerts[-1] == (2, caught.value.alert)
        assert self.client.wants == 0
        return caught.value.reason, caught.value.alert

    def refusal_plain(self, message, content_type=messages.HANDSHAKE):
        return self.refusal(messages.plain_record(content_type, message))

    def refusal_protected(self, content, content_type=messages.HANDSHAKE, padding=0):
        return self.refusal(self.server.send_key.protect(content_type, content, padding))


class Loopback:
    """Our client and our server in one process; bytes are carried in pieces of a given size."""

    def __init__(self, client_config, server_config):
        self.client = ClientConnection(client_config)
        self.server = ServerConnection(server_config)

    def carry(self, piece_bytes=1000):
        """Carry bytes both ways until neither side has any; return what each received."""
        heard = {self.client: b"", self.server: b""}
        ways = ((self.client, self.server), (self.server, self.client))
        while len(self.client.to_send()) or len(self.server.to_send()):
            for source, sink in ways:
                piece = bytes(source.to_send()[:piece_bytes])
                source.sent(len(piece))
                rest = memoryview(piece)
                while rest:
                    rest = rest[sink.receive(rest) :]
                    heard[sink] += sink.read()
        return heard[self.client], heard[self.server]

    def connect(self):
        self.carry()
        assert self.client.next_event() == self.server.next_event() == (EVENT_CONNECTED,)
        return self


@pytest.fixture(scope="session")
def identity(identities):
    """Return the server's certificate, key and root, made once."""
    return identities(0x0403)


@pytest.fixture(scope="session")
def identities():
    """Return a function from signature scheme to the identity with such a key, each made once."""
    made = {}

    def of(scheme):
        if scheme not in made:
            made[scheme] = server_identity.Identity(scheme=scheme)
        return made[scheme]

    return of


@pytest.fixture(scope="session")
def client_config(identity):
    """Return a maker of client configurations that trust the double; the seed is fixed."""

    def make(**changes):
        values = {
            "entropy": HmacDrbg(b"seed of the protocol tests......"),
            "clock": FixedClock(identity.utc_seconds),
            "trust": TrustAnchors([anchor_from_certificate(identity.root)]),
            "server_name": identity.name,
        }
        values.update(changes)
        return ClientConfig(**values)

    return make


@pytest.fixture(scope="session")
def pair(identity, client_config):
    """Return a maker of pairs: pair(config={...}, suite=..., edit=...)."""
    usual = identity

    def make(config=None, identity=usual, **server):
        values = {"trust": TrustAnchors([anchor_from_certificate(identity.root)])}
        values.update(config or {})
        client = ClientConnection(client_config(**values))
        return Pair(client, double.ServerDouble(identity, **server))

    return make


@pytest.fixture(scope="session")
def connected_pair(pair):
    """Return a maker of pairs that have done their handshake and told so."""

    def make():
        both = pair().connect()
        assert both.events() == [EVENT_CONNECTED]
        return both

    return make


@pytest.fixture(scope="session")
def server_config(identities):
    """Return a maker of server configurations: server_config(scheme=..., alpn=...)."""

    def make(scheme=0x0403, **changes):
        identity = identities(scheme)
        values = {
            "entropy": HmacDrbg(b"seed of the tests of the server."),
            "certificates": tuple(identity.chain),
            "private_key": server_identity.private_key(identity.key),
        }
        values.update(changes)
        return ServerConfig(**values)

    return make


@pytest.fixture(scope="session")
def bench(server_config):
    """Return a maker of benches for a server: bench(alpn=..., ...)."""

    def make(**changes):
        secrets = {}

        def log(label, _random, secret):
            secrets[label] = secret

        return Bench(server_config(keylog=log, **changes), secrets)

    return make


@pytest.fixture(scope="session")
def loopback(identities, client_config, server_config):
    """Return a maker of our client and our server, wired together: see Loopback."""

    def make(scheme=0x0403, client=None, **server):
        identity = identities(scheme)
        trust = TrustAnchors([anchor_from_certificate(identity.root)])
        values = {"trust": trust, "server_name": identity.name, **(client or {})}
        return Loopback(client_config(**values), server_config(scheme=scheme, **server))

    return make


@pytest.fixture
def peers(tmp_path):
    """Return a starter of other programs, which end with the test."""
    peers = Peers(tmp_path)
    yield peers
    for process in peers.running:
        process.close(force=True)


@pytest.fixture
def desk(tmp_path, identities):
    """Return a starter of our server's command line, whose servers end with the test."""
    desk = Desk(tmp_path, identities)
    yield desk
    for server in desk.servers:
        server.kill()
        server.communicate()
