"""A ClientHello as fields, and a bench that holds a server against it; independent of tlscore.

What is encoded is right in its lengths whatever the fields say. Keys come from the server's key
log, records are protected by the `cryptography` package (server_double.TrafficKey).
"""

import dataclasses
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric import x25519
from server_messages import extension_block, message, plain_record, vector
from traffic_keys import TrafficKey, expand_label

from tlscore.errors import PeerMisbehaved
from tlscore.server import ServerConnection


def codes(*values):
    return vector(2, b"".join(value.to_bytes(2, "big") for value in values))


def share(group=0x001D, key=None):
    return group.to_bytes(2, "big") + vector(2, SHARE if key is None else key)


SHARE = x25519.X25519PrivateKey.from_private_bytes(bytes(range(32))).public_key().public_bytes_raw()
EXTENSIONS = (
    (0, vector(2, b"\x00" + vector(2, b"server.example"))),
    (0x0A0A, b""),
    (10, codes(0x001D, 0x0017)),
    (13, codes(0x0403, 0x0804, 0x0807)),
    (43, vector(1, b"\x03\x04")),
    (45, b"\x01\x01"),
    (51, vector(2, share())),
)


@dataclasses.dataclass
class ClientHello:
    """A ClientHello for TLS 1.3 unless changed; without extensions if they are None."""

    random: bytes = bytes(range(32))
    session_id: bytes = b"s" * 32
    suites: bytes = codes(0x1301, 0x1303)
    extensions: "list | None" = dataclasses.field(default_factory=lambda: list(EXTENSIONS))
    legacy_version: int = 0x0303
    compression: bytes = b"\x01\x00"
    trailing: bytes = b""

    def encode(self):
        block = b"" if self.extensions is None else extension_block(self.extensions)
        return message(
            1,
            self.legacy_version.to_bytes(2, "big")
            + self.random
            + vector(1, self.session_id)
            + self.suites
            + self.compression
            + block
            + self.trailing,
        )

    def put(self, kind, body):
        """Put `body` as the content of extension `kind`, or remove it if None; return self."""
        kinds = [pair[0] for pair in self.extensions]
        if body is None:
            self.extensions = [pair for pair in self.extensions if pair[0] != kind]
        elif kind in kinds:
            self.extensions[kinds.index(kind)] = (kind, body)
        else:
            self.extensions.append((kind, body))
        return self


class Bench:
    """A server under test, driven by hand from the client's side.

    Attributes:
        secrets: label -> secret, out of the key log.
        flight: handshake messages of the server so far.
        alerts: (level, code) it has sent.
        key: TrafficKey for what the client sends, once there are keys.
    """

    def __init__(self, config, secrets):
        self.server = ServerConnection(config)
        self.secrets = secrets
        self.flight = []
        self.alerts = []
        self.content_types = []
        self.data = b""
        self.sent_messages = b""
        self.key = None
        self._their_key = None
        self._in = b""
        self._partial = b""

    def tell(self, data):
        assert self.server.receive(data) == len(data)
        self.listen()

    def hello(self, hello=None):
        encoded = (ClientHello() if hello is None else hello).encode()
        self.sent_messages += encoded
        self.tell(plain_record(22, encoded, 0x0301))
        return self

    def send(self, content, content_type=22):
        if content_type == 22:
            self.sent_messages += content
        self.tell(self.key.protect(content_type, content))

    def refusal(self, data):
        """Give the server bytes it must refuse; return (reason, alert it sent)."""
        with pytest.raises(PeerMisbehaved) as caught:
            self.server.receive(data)
        self.listen()
        assert self.alerts[-1] == (2, caught.value.alert)
        assert self.server.wants == 0
        return caught.value.reason, caught.value.alert

    def refusal_of(self, content, content_type=22):
        """As `refusal`, of content in one record, protected as soon as there are keys."""
        if self.key is None:
            return self.refusal(plain_record(content_type, content))
        return self.refusal(self.key.protect(content_type, content))

    def listen(self):
        """Take all the server has to send."""
        while len(self.server.to_send()):
            pending = bytes(self.server.to_send())
            self.server.sent(len(pending))
            self._in += pending
            while len(self._in) >= 5:
                size = 5 + int.from_bytes(self._in[3:5], "big")
                if len(self._in) < size:
                    break
                record, self._in = self._in[:size], self._in[size:]
                self._take(record)

    def _take(self, record):
        content_type, content = record[0], record[5:]
        if content_type == 23:
            if self._their_key is None:
                self._their_key = self._key("SERVER_HANDSHAKE_TRAFFIC_SECRET")
                self.key = self._key("CLIENT_HANDSHAKE_TRAFFIC_SECRET")
            content_type, content = self._their_key.open(record)
        self.content_types.append(content_type)
        if content_type == 21:
            self.alerts.append(tuple(content))
        elif content_type == 23:
            self.data += content
        elif content_type == 22:
            self._partial += content
            while len(self._partial) >= 4:
                size = 4 + int.from_bytes(self._partial[1:4], "big")
                if len(self._partial) < size:
                    break
                received, self._partial = self._partial[:size], self._partial[size:]
                self.flight.append(received)
                self.sent_messages += received
                if received[0] == 20:
                    self._their_key = self._key("SERVER_TRAFFIC_SECRET_0")

    def _key(self, label):
        return TrafficKey(self.server.suite, self.secrets[label])

    def finished(self):
        """Return the client's right Finished (for suites with SHA-256, without retry)."""
        secret = self.secrets["CLIENT_HANDSHAKE_TRAFFIC_SECRET"]
        key = expand_label("sha256", secret, b"finished", b"", 32)
        digest = hashlib.sha256(self.sent_messages).digest()
        return message(20, hmac.digest(key, digest, "sha256"))

    def connect(self):
        self.hello()
        self.send(self.finished())
        self.key = self._key("CLIENT_TRAFFIC_SECRET_0")
        return self
