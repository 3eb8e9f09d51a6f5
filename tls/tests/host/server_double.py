"""A TLS 1.3 server for tests that can be made to say anything.

Independent of tlscore: messages are encoded by server_messages.py, cryptography comes from the
`cryptography` package and `hashlib`. A test changes *fields* (`edit`) before they are encoded, so
that one thing is wrong and everything around it right: lengths, transcript, signature, Finished.
How messages are cut into records is up to the test as well.

It is not a server to use: it checks of the client only what tests want to know. It is long because
one object speaks every flight, and a test may change any message of it.
"""

import hashlib
import hmac

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from server_identity import SCHEMES, public_key_info
from server_messages import (
    ALERT,
    APPLICATION_DATA,
    CHANGE_CIPHER_SPEC,
    HANDSHAKE,
    RETRY_RANDOM,
    X25519,
    Certificate,
    CertificateRequest,
    CertificateVerify,
    EncryptedExtensions,
    Finished,
    ServerHello,
    message,
    vector,
)
from traffic_keys import SUITES, TrafficKey, expand_label

CURVES = {0x0017: ec.SECP256R1(), 0x0018: ec.SECP384R1()}


class ServerDouble:
    """One connection of the server.

    Args:
        identity: Identity.
        suite, group: what to choose.
        retry_group: send a HelloRetryRequest for this group first.
        cookie: send a HelloRetryRequest with this cookie first.
        request_certificate: signature schemes to ask the client for a certificate with; True: the
            usual ones.
        alpn: protocol to choose, or None.
        record_size_limit: to announce, or None.
        certificate_type: to choose, None not to say; 2 sends the bare public key.
        psk: (index, key) to choose of the client's pre-shared keys, instead of certificates.
        has_share: exchange keys by (EC)DHE.
        edit: message name -> function that changes the fields of that message in place. Names:
            hello_retry_request, server_hello, encrypted_extensions, certificate_request,
            certificate, certificate_verify, finished.

    Attributes:
        client_messages: every handshake message of the client, in order.
        client_content_sizes: bytes of content of every protected record of the client.
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
        record_size_limit=None,
        certificate_type=None,
        psk=None,
        has_share=True,
        edit=None,
    ):
        self.identity = identity
        self.suite = suite
        self.hash = SUITES[suite][0]
        self.group = group
        self.retry_group = retry_group
        self.cookie = cookie
        self.request_certificate = request_certificate
        self.alpn = alpn
        self.record_size_limit = record_size_limit
        self.certificate_type = certificate_type
        self.psk = psk
        self.has_share = has_share
        self.edit = edit or {}
        self.transcript = b""
        self.client_messages = []
        self.before_client_messages = []  # for each of them, the transcript up to it
        self.client_records = []
        self.client_content_sizes = []
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
            self.client_content_sizes.append(len(content))
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
                self.before_client_messages.append(self.transcript)
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

    def client_keys(self):
        """Return [(identity, obfuscated age, binder)] of the last ClientHello."""
        content, identities, binders = self.client_hello()[3][41], [], []
        size = 2 + int.from_bytes(content[:2], "big")
        rest, content = content[2:size], content[size:]
        assert len(content) == 2 + int.from_bytes(content[:2], "big")
        content = content[2:]
        while rest:
            size = 2 + int.from_bytes(rest[:2], "big")
            identities.append((rest[2:size], int.from_bytes(rest[size : size + 4], "big")))
            binders.append(content[1 : 1 + content[0]])
            rest, content = rest[size + 4 :], content[1 + content[0] :]
        assert not content
        return [(*identity, binder) for identity, binder in zip(identities, binders)]

    def binder(self, key, label, hash_="sha256"):
        """Return the binder of a key for the last ClientHello (RFC 8446 §4.2.11.2)."""
        zeros = bytes(hashlib.new(hash_).digest_size)
        early = hmac.digest(zeros, key, hash_)
        nothing = hashlib.new(hash_).digest()
        secret = expand_label(hash_, early, label, nothing, len(zeros))
        secret = expand_label(hash_, secret, b"finished", b"", len(zeros))
        without = 2 + sum(1 + len(row[2]) for row in self.client_keys())
        digest = hashlib.new(hash_, self.transcript[:-without]).digest()
        return hmac.digest(secret, digest, hash_)

    def client_shares(self):
        """Return {group: share} of the last ClientHello."""
        content, shares = self.client_hello()[3][51][2:], {}
        while content:
            size = int.from_bytes(content[2:4], "big")
            shares[int.from_bytes(content[:2], "big")] = content[4 : 4 + size]
            content = content[4 + size :]
        return shares

    # --- to the client ---

    def _digest(self, data):
        return hashlib.new(self.hash, data).digest()

    def _derive(self, secret, label, digest):
        return expand_label(self.hash, secret, label, digest, len(digest))

    def _encode(self, name, fields):
        change = self.edit.get(name)
        if change is not None:
            change(fields)
        encoded = fields.encode()
        self.transcript += encoded
        return encoded

    def hello_retry_request(self):
        """Return the HelloRetryRequest."""
        self.transcript = message(254, self._digest(self.transcript))
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
        extensions = [(43, b"\x03\x04")]
        shared = None
        if self.has_share:
            share, shared = self._exchange(self.client_shares()[self.group])
            extensions.append((51, self.group.to_bytes(2, "big") + vector(2, share)))
        if self.psk is not None:
            extensions.append((41, self.psk[0].to_bytes(2, "big")))
        fields = ServerHello(b"\x5a" * 32, self.client_hello()[1], self.suite, extensions)
        encoded = self._encode("server_hello", fields)
        self._derive_handshake_keys(shared)
        return encoded

    def _exchange(self, peer):
        """Return our share and the secret shared with the owner of the peer's."""
        if self.group == X25519:
            private = x25519.X25519PrivateKey.generate()
            share = private.public_key().public_bytes_raw()
            shared = private.exchange(x25519.X25519PublicKey.from_public_bytes(peer))
        else:
            private = ec.generate_private_key(CURVES[self.group])
            share = private.public_key().public_bytes(
                serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
            )
            point = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[self.group], peer)
            shared = private.exchange(ec.ECDH(), point)
        return share, shared

    def _derive_handshake_keys(self, shared):
        nothing = self._digest(b"")
        zeros = bytes(len(nothing))
        early = hmac.digest(zeros, zeros if self.psk is None else self.psk[1], self.hash)
        salt = self._derive(early, b"derived", nothing)
        handshake = hmac.digest(salt, zeros if shared is None else shared, self.hash)
        self._master = hmac.digest(self._derive(handshake, b"derived", nothing), zeros, self.hash)
        so_far = self._digest(self.transcript)
        self.client_secret = self._derive(handshake, b"c hs traffic", so_far)
        self.server_secret = self._derive(handshake, b"s hs traffic", so_far)
        self.send_key = TrafficKey(self.suite, self.server_secret)
        self.receive_key = TrafficKey(self.suite, self.client_secret)

    def _verify_data(self, secret, transcript):
        key = expand_label(self.hash, secret, b"finished", b"", len(secret))
        return hmac.digest(key, self._digest(transcript), self.hash)

    def encrypted_extensions(self):
        offered = self.client_hello()[3]
        extensions = [(10, vector(2, b"\x00\x1d\x00\x17")), (0, b"")]
        extensions = [extension for extension in extensions if extension[0] in offered]
        if self.alpn is not None:
            extensions.append((16, vector(2, vector(1, self.alpn))))
        if self.record_size_limit is not None:
            extensions.append((28, self.record_size_limit.to_bytes(2, "big")))
        if self.certificate_type is not None:
            extensions.append((20, bytes([self.certificate_type])))
        return self._encode("encrypted_extensions", EncryptedExtensions(extensions))

    def certificate_request(self):
        wanted = self.request_certificate
        if isinstance(wanted, bool):
            wanted = (0x0403, 0x0804)
        schemes = b"".join(scheme.to_bytes(2, "big") for scheme in wanted)
        extensions = [(13, vector(2, schemes)), (0x0A0A, b"")]
        extensions.append((47, vector(2, vector(2, b"some distinguished name"))))
        return self._encode("certificate_request", CertificateRequest(extensions))

    def certificate(self):
        chain = self.identity.chain
        if self.certificate_type == 2:
            chain = [public_key_info(self.identity.key)]
        return self._encode("certificate", Certificate([(der, []) for der in chain]))

    def certificate_verify(self):
        context = b" " * 64 + b"TLS 1.3, server CertificateVerify\x00"
        scheme = self.identity.scheme
        signature = SCHEMES[scheme][1](self.identity.key, context + self._digest(self.transcript))
        return self._encode("certificate_verify", CertificateVerify(scheme, signature))

    def finished(self):
        fields = Finished(self._verify_data(self.server_secret, self.transcript))
        encoded = self._encode("finished", fields)
        self.after_server_finished = self.transcript
        return encoded

    def flight(self):
        """Return the messages from EncryptedExtensions to Finished, one by one, as a list."""
        messages = [self.encrypted_extensions()]
        if self.psk is not None:
            return [*messages, self.finished()]
        if self.request_certificate:
            messages.append(self.certificate_request())
        return [*messages, self.certificate(), self.certificate_verify(), self.finished()]

    def use_application_keys(self, direction="both"):
        """Change to the application traffic keys."""
        so_far = self._digest(self.after_server_finished)
        if direction in ("both", "send"):
            secret = self._derive(self._master, b"s ap traffic", so_far)
            self.send_key = TrafficKey(self.suite, secret)
        if direction in ("both", "receive"):
            secret = self._derive(self._master, b"c ap traffic", so_far)
            self.receive_key = TrafficKey(self.suite, secret)

    def exporter(self, label, context, length):
        so_far = self._digest(self.after_server_finished)
        master = self._derive(self._master, b"exp master", so_far)
        derived = self._derive(master, label, self._digest(b""))
        return expand_label(self.hash, derived, b"exporter", self._digest(context), length)

    def resumption_key(self, nonce):
        """Return the pre-shared key of a ticket (RFC 8446 §4.6.1), once the client has finished."""
        master = self._derive(self._master, b"res master", self._digest(self.transcript))
        return expand_label(self.hash, master, b"resumption", nonce, len(master))

    def client_finished_is_right(self):
        """Tell whether the client's last message is the Finished that belongs there."""
        expected = self._verify_data(self.client_secret, self.before_client_messages[-1])
        return self.client_messages[-1] == message(20, expected)
