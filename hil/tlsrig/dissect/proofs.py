"""Recomputes what a handshake proves: Finished, CertificateVerify, binders, signatures.

Each is done from the bytes on the wire and the secrets of a key log by `hashlib`, `hmac` and
`cryptography`, and every step is kept as a line, so that a reader can follow it with a calculator
of her own. A proof that cannot be redone for want of a secret says which; it never passes. What is
otherwise in TLS 1.2 is in `tls12_proofs`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

from hil.tlsrig import keylog, names
from hil.tlsrig.dissect import tls12_proofs
from hil.tlsrig.dissect.exchange import Exchange, Message
from hil.tlsrig.dissect.grammar import Field
from hil.tlsrig.dissect.messages import TLS_1_3, sent_certificates
from hil.tlsrig.dissect.proof import UNREADABLE, Proof, Step, listed, of_signature, who

# What counts into the transcript hash (RFC 8446 §4.4.1); tickets and key updates come later.
_HASHED = (
    *("client_hello", "server_hello", "hello_retry_request", "encrypted_extensions"),
    *("certificate_request", "certificate", "certificate_verify", "finished", "end_of_early_data"),
    "compressed_certificate",
)
_PROVES = ("finished", "certificate_verify")


class Transcript:
    """The handshake messages of an exchange as both ends hash them (RFC 8446 §4.4.1)."""

    def __init__(self, exchange: Exchange) -> None:
        """Take the messages of an exchange in the order in which they were complete."""
        self._messages = [
            message
            for message in exchange.messages
            if message.name in _HASHED and message.whole and message.content_type == 22
        ]

    def before(self, message: Message) -> list[Message]:
        """Return the hashed messages before one."""
        found = []
        for other in self._messages:
            if other is message:
                break
            found.append(other)
        return found

    def up_to(self, message: Message) -> list[Message]:
        """Return the hashed messages up to one and with it."""
        return [*self.before(message), message]


def digest(hash_name: str, messages: Sequence[Message], more: bytes = b"") -> bytes:
    """Return the transcript hash, with a first ClientHello replaced by its hash after a retry."""
    data = [message.data for message in messages]
    if len(messages) > 1 and messages[1].name == "hello_retry_request":
        first = hashlib.new(hash_name, data[0]).digest()
        data[0] = bytes([254, 0, 0, len(first)]) + first  # RFC 8446 §4.4.1: message_hash
    return hashlib.new(hash_name, b"".join(data) + more).digest()


def proofs(
    exchange: Exchange, psks: Sequence[bytes] = (), anchors: Sequence[bytes] = ()
) -> dict[int, list[Proof]]:
    """Recompute everything that a message of an exchange proves.

    Args:
        exchange: the connection.
        psks: pre-shared keys that may have been used.
        anchors: certificates that may have issued those that were sent, DER.

    Returns:
        Index of the message in `exchange.messages`: its proofs.
    """
    transcript = Transcript(exchange)
    found: dict[int, list[Proof]] = {}
    for index, message in enumerate(exchange.messages):
        if not message.whole:
            continue
        made: list[Proof] = []
        if message.name == "client_hello":
            made = binders(transcript, message, psks)
        elif message.name in _PROVES and _unread(exchange, message):
            why = "cannot be checked: a record before it could not be opened"
            made = [Proof(f"The {who(message)}'s {message.name}", None, why)]
        elif exchange.version is not None and exchange.version < TLS_1_3:
            made = _of_older(exchange, message, psks, anchors)
        elif exchange.suite in names.SUITES and exchange.version == TLS_1_3:
            if message.name == "finished":
                made = [_finished(exchange, transcript, message)]
            elif message.name == "certificate_verify":
                made = [_certificate_verify(exchange, transcript, message)]
            elif message.name == "certificate":
                made = _chain(message, anchors)
        if made:
            found[index] = made
    return found


def _of_older(
    exchange: Exchange, message: Message, psks: Sequence[bytes], anchors: Sequence[bytes]
) -> list[Proof]:
    if message.name == "certificate":
        return _chain(message, anchors)
    return tls12_proofs.of_message(
        exchange, message, lambda from_client: _sent_key(exchange, from_client), psks
    )


def _unread(exchange: Exchange, message: Message) -> bool:
    """Whether something before a message stayed sealed, so that the transcript is not known."""
    last = message.records[-1].number
    return any(record.trouble and record.number < last for record in exchange.records)


def _finished(exchange: Exchange, transcript: Transcript, message: Message) -> Proof:
    """RFC 8446 §4.4.4."""
    label = f"{who(message).upper()}_HANDSHAKE_TRAFFIC_SECRET"
    title = f"The {who(message)}'s Finished, recomputed"
    secret = exchange.secrets.get(label)
    if secret is None:
        return Proof(title, None, f"cannot be checked: the key log has no {label}")
    assert exchange.suite is not None
    hash_name = keylog.row(exchange.suite).hash_name
    before = transcript.before(message)
    key = keylog.expand_label(hash_name, secret, "finished", b"", len(secret))
    hashed = digest(hash_name, before)
    expected = hmac.digest(key, hashed, hash_name)
    sent = message.data[4:]
    right = hmac.compare_digest(expected, sent)
    outcome = "verified: it is exactly the verify_data on the wire" if right else "WRONG"
    steps = (
        Step("base secret", secret, f"{label} of the key log"),
        Step("finished_key", key, 'HKDF-Expand-Label(base secret, "finished", "", Hash.length)'),
        Step("transcript hash", hashed, f"{hash_name} over {listed(before)}"),
        Step("expected verify_data", expected, "HMAC(finished_key, transcript hash)"),
        Step("verify_data on the wire", sent, "the same" if right else "another one"),
    )
    return Proof(title, right, outcome, steps)


def _certificate_verify(exchange: Exchange, transcript: Transcript, message: Message) -> Proof:
    """RFC 8446 §4.4.3."""
    signed, steps = _signed_content(exchange, transcript, message)
    return of_signature(message, _sent_key(exchange, message.from_client), signed, steps)


def _signed_content(
    exchange: Exchange, transcript: Transcript, message: Message
) -> tuple[bytes, tuple[Step, ...]]:
    assert exchange.suite is not None
    hash_name = keylog.row(exchange.suite).hash_name
    before = transcript.before(message)
    hashed = digest(hash_name, before)
    context = f"TLS 1.3, {who(message)} CertificateVerify".encode()
    why = "they fill the part that an attacker could choose in signatures of older versions"
    steps = (
        Step("64 spaces", b" " * 64, why),
        Step("context string", context, "another one for each role: “" + context.decode() + "”"),
        Step("separator", b"\0", "ends the context string"),
        Step("transcript hash", hashed, f"{hash_name} over {listed(before)}"),
    )
    return b"".join(step.data or b"" for step in steps), steps


def _sent_key(exchange: Exchange, from_client: bool) -> PublicKeyTypes | None:
    for message in exchange.of("certificate", from_client=from_client):
        sent = sent_certificates(message.field)
        if not sent:
            continue
        der = sent[0]
        try:
            if message.field.first("tbsCertificate") is None:
                return serialization.load_der_public_key(der)
            return x509.load_der_x509_certificate(der).public_key()
        except UNREADABLE:
            return None
    return None


def _chain(message: Message, anchors: Sequence[bytes]) -> list[Proof]:
    """Check who issued each certificate of a Certificate message (RFC 5280 §6)."""
    sent = sent_certificates(message.field)
    if message.field.first("tbsCertificate") is None:
        return []
    try:
        chain = [x509.load_der_x509_certificate(der) for der in sent]
        known = [x509.load_der_x509_certificate(der) for der in anchors]
        made = []
        for position, certificate in enumerate(chain):
            subject = certificate.subject.rfc4514_string()
            title = f"Certificate {position + 1}: who signed {subject}"
            made.append(_issued(certificate, title, [*chain, *known]))
    except UNREADABLE as error:  # its parts are read when they are wanted
        return [Proof("The certificates' signatures", None, f"cannot be read: {error}")]
    return made


def _issued(
    certificate: x509.Certificate, title: str, issuers: Sequence[x509.Certificate]
) -> Proof:
    name = certificate.issuer.rfc4514_string()
    for issuer in issuers:
        if issuer.subject != certificate.issuer or not _is_issued(certificate, issuer):
            continue
        return Proof(title, True, f"verified with the public key of {name}")
    if any(issuer.subject == certificate.issuer for issuer in issuers):
        return Proof(title, False, f"WRONG: no key of {name} made this signature")
    return Proof(title, None, f"cannot be checked: {name} is neither sent nor known here")


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether a key of that issuer's made a certificate's signature, whatever that is worth."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, TypeError):
        return False
    except ValueError:  # an algorithm that is withdrawn, such as SHA-1
        key, hashed = issuer.public_key(), certificate.signature_hash_algorithm
        if not isinstance(key, rsa.RSAPublicKey) or hashed is None:
            return False
        content, padded = certificate.tbs_certificate_bytes, padding.PKCS1v15()
        try:
            key.verify(certificate.signature, content, padded, hashed)
        except (InvalidSignature, UnsupportedAlgorithm):
            return False
    return True


def binders(transcript: Transcript, message: Message, psks: Sequence[bytes]) -> list[Proof]:
    """Recompute the binders of a ClientHello (RFC 8446 §4.2.11.2)."""
    offered = message.field.first("binders")
    if offered is None:
        return []
    cut = message.data[: len(message.data) - len(offered.data)]
    made = []
    identities = [one.value for one in message.field.all("identity")]
    for position, binder in enumerate(offered.all("binder_bytes")):
        title = f"Binder {position + 1}, for {identities[position] or 'an identity'}"
        made.append(_binder(title, transcript.before(message), cut, binder, psks))
    return made


def _binder(
    title: str, before: list[Message], cut: bytes, binder: Field, psks: Sequence[bytes]
) -> Proof:
    hash_name = {32: "sha256", 48: "sha384"}.get(len(binder.data), "sha256")
    hashed = _truncated(hash_name, before, cut)
    for psk in psks:
        for kind in ("ext binder", "res binder"):
            early, key, finished = binder_keys(hash_name, psk, kind)
            if hmac.digest(finished, hashed, hash_name) == binder.data:
                what = "an external key" if kind == "ext binder" else "a ticket's key"
                steps = (
                    Step("PSK", psk, f"{what}, as both ends have it"),
                    Step("Early Secret", early, "HKDF-Extract(0, PSK)"),
                    Step("binder_key", key, f'Derive-Secret(Early Secret, "{kind}", "")'),
                    Step("finished_key", finished, 'HKDF-Expand-Label(binder_key, "finished", "")'),
                    Step("transcript hash", hashed, "up to where the binders start"),
                    Step("binder", binder.data, "HMAC(finished_key, transcript hash)"),
                )
                return Proof(title, True, "verified: the client has this key", steps)
    why = "none of the keys known here made it" if psks else "the key is in no log"
    seen = Step("transcript hash", hashed, "up to where the binders start")
    return Proof(title, None, f"cannot be checked: {why}", (seen,))


def _truncated(hash_name: str, before: list[Message], cut: bytes) -> bytes:
    if before:
        data = [message.data for message in before]
        first = hashlib.new(hash_name, data[0]).digest()
        data[0] = bytes([254, 0, 0, len(first)]) + first
        cut = b"".join(data) + cut
    return hashlib.new(hash_name, cut).digest()


def binder_keys(hash_name: str, psk: bytes, kind: str) -> tuple[bytes, bytes, bytes]:
    """Return Early Secret, binder_key and its finished_key (RFC 8446 §7.1)."""
    size = hashlib.new(hash_name).digest_size
    early = hmac.digest(bytes(size), psk, hash_name)
    empty = hashlib.new(hash_name).digest()
    key = keylog.expand_label(hash_name, early, kind, empty, size)
    return early, key, keylog.expand_label(hash_name, key, "finished", b"", size)
