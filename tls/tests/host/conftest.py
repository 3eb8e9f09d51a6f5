"""What the tests of the protocol share: a client and the server double, driven from outside.

`server_double` is a plain module next to this file; pytest's importlib mode puts no directory on
the path, so it is put there here.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import server_double as double

from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.config import ClientConfig
from tlscore.entropy import HmacDrbg
from tlscore.errors import PeerMisbehaved
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

    def tell_plain(self, message, content_type=double.HANDSHAKE):
        self.tell(double.plain_record(content_type, message))

    def tell_protected(self, content, content_type=double.HANDSHAKE, padding=0):
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

    def refusal(self, data):
        """Give the client bytes it must refuse; return (reason, alert it sent)."""
        with pytest.raises(PeerMisbehaved) as caught:
            self.client.receive(data)
        self.client_speaks()
        assert self.server.alerts[-1] == (2, caught.value.alert)
        assert self.client.wants == 0
        return caught.value.reason, caught.value.alert

    def refusal_plain(self, message, content_type=double.HANDSHAKE):
        return self.refusal(double.plain_record(content_type, message))

    def refusal_protected(self, content, content_type=double.HANDSHAKE, padding=0):
        return self.refusal(self.server.send_key.protect(content_type, content, padding))


@pytest.fixture(scope="session")
def identity():
    """Return the server's certificate, key and root, made once."""
    return double.Identity()


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

    def make(config=None, **server):
        client = ClientConnection(client_config(**(config or {})))
        return Pair(client, double.ServerDouble(identity, **server))

    return make
