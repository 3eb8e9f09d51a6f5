"""The messages of a server as fields, encoded only after a test has changed them.

Independent of tlscore. What is encoded is right in its lengths whatever the fields say, unless a
test puts something behind it (`trailing`).
"""

import dataclasses
import hashlib

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
X25519, P256, P384 = 0x001D, 0x0017, 0x0018
RETRY_RANDOM = hashlib.sha256(b"HelloRetryRequest").digest()


def vector(length_bytes, content):
    return len(content).to_bytes(length_bytes, "big") + content


def extension_block(extensions):
    return vector(
        2, b"".join(kind.to_bytes(2, "big") + vector(2, body) for kind, body in extensions)
    )


def message(message_type, body):
    return bytes([message_type]) + vector(3, body)


def plain_record(content_type, content, version=0x0303):
    return bytes([content_type]) + version.to_bytes(2, "big") + vector(2, content)


@dataclasses.dataclass
class ServerHello:
    """ServerHello or HelloRetryRequest; without extensions if they are None."""

    random: bytes
    session_id: bytes
    suite: int
    extensions: "list | None"
    legacy_version: int = 0x0303
    compression: int = 0
    trailing: bytes = b""

    def encode(self):
        block = b"" if self.extensions is None else extension_block(self.extensions)
        return message(
            2,
            self.legacy_version.to_bytes(2, "big")
            + self.random
            + vector(1, self.session_id)
            + self.suite.to_bytes(2, "big")
            + bytes([self.compression])
            + block
            + self.trailing,
        )

    def replace(self, kind, body):
        """Put `body` as the content of extension `kind`, or remove it if None."""
        self.extensions = [pair for pair in self.extensions if pair[0] != kind]
        if body is not None:
            self.extensions.append((kind, body))


@dataclasses.dataclass
class EncryptedExtensions:
    extensions: list
    trailing: bytes = b""

    def encode(self):
        return message(8, extension_block(self.extensions) + self.trailing)


@dataclasses.dataclass
class CertificateRequest:
    extensions: list
    context: bytes = b""
    trailing: bytes = b""

    def encode(self):
        return message(
            13, vector(1, self.context) + extension_block(self.extensions) + self.trailing
        )


@dataclasses.dataclass
class Certificate:
    entries: list  # (DER, extensions)
    context: bytes = b""
    trailing: bytes = b""

    def encode(self):
        entries = b"".join(vector(3, der) + extension_block(exts) for der, exts in self.entries)
        return message(11, vector(1, self.context) + vector(3, entries) + self.trailing)


@dataclasses.dataclass
class CertificateVerify:
    scheme: int
    signature: bytes
    trailing: bytes = b""

    def encode(self):
        return message(
            15, self.scheme.to_bytes(2, "big") + vector(2, self.signature) + self.trailing
        )


@dataclasses.dataclass
class Finished:
    verify_data: bytes

    def encode(self):
        return message(20, self.verify_data)


@dataclasses.dataclass
class NewSessionTicket:
    lifetime: int = 7200
    age_add: int = 0x01020304
    nonce: bytes = b"\x00"
    ticket: bytes = bytes(range(200))
    extensions: list = dataclasses.field(default_factory=list)
    trailing: bytes = b""

    def encode(self):
        return message(
            4,
            self.lifetime.to_bytes(4, "big")
            + self.age_add.to_bytes(4, "big")
            + vector(1, self.nonce)
            + vector(2, self.ticket)
            + extension_block(self.extensions)
            + self.trailing,
        )


def key_update(request):
    return message(24, bytes([request]))
