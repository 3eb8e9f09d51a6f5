"""A TLS 1.3 server for tests that can be made to say anything.

Independent of tlscore: messages are encoded here from fields, cryptography comes from the
`cryptography` package and `hashlib`. A test changes *fields* (`edit`) before they are encoded, so
that one thing is wrong and everything around it right: lengths, transcript, signature, Finished.
How messages are cut into records is up to the test as well.

It is not a server to use: it checks of the client only what tests want to know.
"""

import dataclasses
import datetime
import hashlib
import hmac

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, APPLICATION_DATA = 20, 21, 22, 23
X25519, P256 = 0x001D, 0x0017
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


class Identity:
    """A root and a server certificate for one name, made for the occasion."""

    def __init__(self, name="server.example", root_name="test root"):
        self.name = name
        self.utc_seconds = 1_800_000_000
        root_key = ec.generate_private_key(ec.SECP256R1())
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, root_name)])
        root = self._certificate(subject, root_key.public_key(), subject, root_key, is_ca=True)
        leaf_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test server")])
        leaf = self._certificate(leaf_name, self.key.public_key(), subject, root_key, is_ca=False)
        self.root = root.public_bytes(serialization.Encoding.DER)
        self.chain = [leaf.public_bytes(serialization.Encoding.DER)]

    def _certificate(self, subject, public_key, issuer, issuer_key, *, is_ca):
        now = datetime.datetime.fromtimestamp(self.utc_seconds, datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        unused = (
            "content_commitment key_encipherment data_encipherment key_agreement crl_sign "
            "encipher_only decipher_only"
        )
        usage = dict.fromkeys(unused.split(), False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, **usage),
                critical=True,
            )
        )
        if not is_ca:
            names = x509.SubjectAlternativeName([x509.DNSName(self.name)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(issuer_key, hashes.SHA256())


class TrafficKey:
    """One key of one direction."""

    def __init__(self, suite, secret):
        self.suite = suite
        self.secret = secret
        key_bytes, aead = {0x1301: (16, AESGCM), 0x1303: (32, ChaCha20Poly1305)}[suite]
        self.aead = aead(expand_label(secret, b"key", b"", key_bytes))
        self.iv = int.from_bytes(expand_label(secret, b"iv", b"", 12), "big")
        self.sequence = 0

    def _nonce(self):
        nonce = (self.iv ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return nonce

    def protect(self, content_type, content, padding=0, outer_type=APPLICATION_DATA):
        inner = content + (b"" if content_type is None else bytes([content_type])) + bytes(padding)
        header = bytes([outer_type, 3, 3]) + (len(inner) + 16).to_bytes(2, "big")
        return header + self.aead.encrypt(self._nonce(), inner, header)

    def open(self, record):
        inner = self.aead.decrypt(self._nonce(), record[5:], record[:5]).rstrip(b"\x00")
        return inner[-1], inner[:-1]

    def update(self):
        secret = expand_label(self.secret, b"traffic upd", b"", 32)
        return TrafficKey(self.suite, secret)


def expand_label(secret, label, context, length):
    info = length.to_bytes(2, "big") + vector(1, b"tls13 " + label) + vector(1, context)
    return HKDFExpand(hashes.SHA256(), length, info).derive(secret)


def extract(salt, input_key):
    return hmac.digest(salt, input_key, "sha256")


def digest(data):
    return hashlib.sha256(data).digest()


class ServerDouble:
    """One connection of the server.

    Args:
        identity: Identity.
        suite, group: what to choose.
        retry_group: send a HelloRetryRequest for this group first.
        cookie: send a HelloRetryRequest with this cookie first.
        request_certificate: ask the client for a certificate.
        alpn: protocol to choose, or None.
        edit: message name -> function that changes the fields of that message in place. Names:
            hello_retry_request, server_hello, encrypted_extensions, certificate_request,
            certificate, certificate_verify, finished.

    Attributes:
        client_messages: every handshake message of the client, in order.
        alerts: every alert of the client, as (level, code).
        data: application data of the client.
        send_key, receive_key: TrafficKey or None.
    """

    def __init__(
        self,
        identity,
        *,
        suite=0x1301,
        group=X25519,
        retry_group=None,
        cookie=None,
        request_certificate=False,
        alpn=None,
        edit=None,
    ):
        self.identity = identity
        self.suite = suite
        self.group = group
        self.retry_group = retry_group
        self.cookie = cookie
        self.request_certificate = request_certificate
        self.alpn = alpn
        self.edit = edit or {}
        self.transcript = b""
        self.client_messages = []
        self.client_records = []
        self.alerts = []
        self.data = b""
        self.send_key = None
        self.receive_key = None
        self._in = b""
        self._partial = b""
        self.after_server_finished = b""

    # --- from the client ---

    def take(self, data):
        """Take bytes of the client: records apart, decrypted, messages collected."""
        self._in += data
        while len(self._in) >= 5:
            size = 5 + int.from_bytes(self._in[3:5], "big")
            if len(self._in) < size:
                return
            record, self._in = self._in[:size], self._in[size:]
            self._take_record(record)

    def _take_record(self, record):
        content_type, content = record[0], record[5:]
        self.client_records.append(content_type)
        if content_type == CHANGE_CIPHER_SPEC:
            assert content == b"\x01"
            return
        if content_type == APPLICATION_DATA:
            content_type, content = self.receive_key.open(record)
        if content_type == HANDSHAKE:
            self._take_handshake(content)
        elif content_type == ALERT:
            self.alerts.append(tuple(content))
        else:
            self.data += content

    def _take_handshake(self, content):
        self._partial += content
        while len(self._partial) >= 4:
            size = 4 + int.from_bytes(self._partial[1:4], "big")
            if len(self._partial) < size:
                return
            received, self._partial = self._partial[:size], self._partial[size:]
            self.client_messages.append(received)
            if received[0] == 24:
                self.receive_key = self.receive_key.update()
            else:
                self._before_last_message = self.transcript
                self.transcript += received

    def client_hello(self):
        """Return the last ClientHello as (random, session id, suites, {extension: content})."""
        body = self.client_messages[-1][4:]
        random, rest = body[2:34], body[34:]
        session_id, rest = rest[1 : 1 + rest[0]], rest[1 + rest[0] :]
        size = int.from_bytes(rest[:2], "big")
        suites, rest = rest[2 : 2 + size], rest[2 + size :]
        assert rest[:2] == b"\x01\x00", "compression methods"
        block, extensions = rest[4:], {}
        while block:
            size = int.from_bytes(block[2:4], "big")
            extensions[int.from_bytes(block[:2], "big")] = block[4 : 4 + size]
            block = block[4 + size :]
        return random, session_id, suites, extensions

    @property
    def client_hello_session_id(self):
        """Return the session id of the first ClientHello."""
        first = self.client_messages[0]
        return first[39 : 39 + first[38]]

    def client_shares(self):
        """Return {group: share} of the last ClientHello."""
        content, shares = self.client_hello()[3][51][2:], {}
        while content:
            size = int.from_bytes(content[2:4], "big")
            shares[int.from_bytes(content[:2], "big")] = content[4 : 4 + size]
            content = content[4 + size :]
        return shares

    # --- to the client ---

    def _encode(self, name, fields):
        change = self.edit.get(name)
        if change is not None:
            change(fields)
        encoded = fields.encode()
        self.transcript += encoded
        return encoded

    def hello_retry_request(self):
        """Return the HelloRetryRequest."""
        self.transcript = message(254, digest(self.transcript))
        extensions = [(43, b"\x03\x04")]
        if self.retry_group is not None:
            extensions.append((51, self.retry_group.to_bytes(2, "big")))
        if self.cookie is not None:
            extensions.append((44, vector(2, self.cookie)))
        fields = ServerHello(RETRY_RANDOM, self.client_hello()[1], self.suite, extensions)
        if self.retry_group is not None:
            self.group = self.retry_group
        return self._encode("hello_retry_request", fields)

    def server_hello(self):
        """Return the ServerHello and have the handshake keys."""
        peer = self.client_shares()[self.group]
        if self.group == X25519:
            private = x25519.X25519PrivateKey.generate()
            share = private.public_key().public_bytes_raw()
            shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
        else:
            private = ec.generate_private_key(ec.SECP256R1())
            share = private.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), peer)
            shared = private.exchange(ec.ECDH(), point)
        extensions = [
            (43, b"\x03\x04"),
            (51, self.group.to_bytes(2, "big") + vector(2, share)),
        ]
        fields = ServerHello(b"\x5a" * 32, self.client_hello()[1], self.suite, extensions)
        encoded = self._encode("server_hello", fields)
        self._derive_handshake_keys(shared)
        return encoded

    def _derive_handshake_keys(self, shared):
        early = extract(bytes(32), bytes(32))
        handshake = extract(expand_label(early, b"derived", digest(b""), 32), shared)
        self._master = extract(expand_label(handshake, b"derived", digest(b""), 32), bytes(32))
        so_far = digest(self.transcript)
        self.client_secret = expand_label(handshake, b"c hs traffic", so_far, 32)
        self.server_secret = expand_label(handshake, b"s hs traffic", so_far, 32)
        self.send_key = TrafficKey(self.suite, self.server_secret)
        self.receive_key = TrafficKey(self.suite, self.client_secret)

    def _verify_data(self, secret, transcript):
        return hmac.digest(expand_label(secret, b"finished", b"", 32), digest(transcript), "sha256")

    def encrypted_extensions(self):
        extensions = [(10, vector(2, b"\x00\x1d\x00\x17")), (0, b"")]
        if self.alpn is not None:
            extensions.append((16, vector(2, vector(1, self.alpn))))
        return self._encode("encrypted_extensions", EncryptedExtensions(extensions))

    def certificate_request(self):
        extensions = [(13, vector(2, b"\x04\x03\x08\x04")), (0x0A0A, b"")]
        return self._encode("certificate_request", CertificateRequest(extensions))

    def certificate(self):
        return self._encode("certificate", Certificate([(der, []) for der in self.identity.chain]))

    def certificate_verify(self):
        content = b" " * 64 + b"TLS 1.3, server CertificateVerify\x00" + digest(self.transcript)
        signature = self.identity.key.sign(content, ec.ECDSA(hashes.SHA256()))
        return self._encode("certificate_verify", CertificateVerify(0x0403, signature))

    def finished(self):
        fields = Finished(self._verify_data(self.server_secret, self.transcript))
        encoded = self._encode("finished", fields)
        self.after_server_finished = self.transcript
        return encoded

    def flight(self):
        """Return the messages from EncryptedExtensions to Finished, one by one, as a list."""
        messages = [self.encrypted_extensions()]
        if self.request_certificate:
            messages.append(self.certificate_request())
        return [*messages, self.certificate(), self.certificate_verify(), self.finished()]

    def use_application_keys(self, direction="both"):
        """Change to the application traffic keys."""
        so_far = digest(self.after_server_finished)
        if direction in ("both", "send"):
            secret = expand_label(self._master, b"s ap traffic", so_far, 32)
            self.send_key = TrafficKey(self.suite, secret)
        if direction in ("both", "receive"):
            secret = expand_label(self._master, b"c ap traffic", so_far, 32)
            self.receive_key = TrafficKey(self.suite, secret)

    def exporter(self, label, context, length):
        so_far = digest(self.after_server_finished)
        master = expand_label(self._master, b"exp master", so_far, 32)
        derived = expand_label(master, label, digest(b""), 32)
        return expand_label(derived, b"exporter", digest(context), length)

    def client_finished_is_right(self):
        """Tell whether the client's last message is the Finished that belongs there."""
        expected = self._verify_data(self.client_secret, self._before_last_message)
        return self.client_messages[-1] == message(20, expected)
