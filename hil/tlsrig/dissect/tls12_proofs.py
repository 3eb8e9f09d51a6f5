"""Recomputes what a TLS 1.2 handshake proves: Finished, signatures, and the master secret of a PSK.

RFC 5246 §7.4.3, §7.4.8, §7.4.9, §8.1; RFC 4279 §2 and RFC 7627 §4 for what pre-shared keys give. As
`proofs` does for TLS 1.3: from the bytes on the wire and a key log, with every step kept.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence

from hil.tlsrig import names, tls12_keys
from hil.tlsrig.dissect.exchange import Exchange, Message
from hil.tlsrig.dissect.proof import Proof, Step, listed, of_signature, who

_HANDSHAKE = 22
_HELLO_REQUEST = "hello_request"
_EXTENDED_MASTER_SECRET = 23
_EXTENDED, _PLAIN = b"extended master secret", b"master secret"


def before(exchange: Exchange, message: Message) -> list[Message]:
    """Return the handshake messages before one, as both ends hash them (RFC 5246 §7.4.9)."""
    found = []
    for other in exchange.messages:
        if other is message:
            break
        if other.content_type == _HANDSHAKE and other.whole and other.name != _HELLO_REQUEST:
            found.append(other)
    return found


def is_extended(exchange: Exchange) -> bool:
    """Whether both ends agreed on extended master secret (RFC 7627 §5)."""
    return any(
        _EXTENDED_MASTER_SECRET in hello.field.codes("extension_type")
        for hello in exchange.of("server_hello")
    )


def master_of_key(exchange: Exchange, message: Message, psk: bytes) -> bytes | None:
    """Return the master secret that a pre-shared key alone gives; None before there is a suite.

    Args:
        exchange: the connection.
        message: its ClientKeyExchange.
        psk: the key.
    """
    suite = tls12_keys.find(exchange.suite)
    if suite is None:
        return None
    size = len(psk).to_bytes(2, "big")
    premaster = size + bytes(len(psk)) + size + psk  # RFC 4279 §2
    label, seed = _PLAIN, b"".join(_randoms(exchange))
    if is_extended(exchange):
        label, seed = _EXTENDED, _digest(suite, [*before(exchange, message), message])
    return tls12_keys.prf(suite.hash_name, premaster, label, seed, tls12_keys.MASTER_BYTES)


def of_message(
    exchange: Exchange, message: Message, key: Callable[[bool], object], psks: Sequence[bytes]
) -> list[Proof]:
    """Recompute what a message proves.

    Args:
        exchange: the connection, of TLS 1.2.
        message: of it.
        key: the public key of the certificate an end sent, by whether it is the client.
        psks: pre-shared keys that may have been used.
    """
    if message.name == "finished":
        return [_finished(exchange, message)]
    if message.name == "certificate_verify":
        signed = b"".join(one.data for one in before(exchange, message))
        steps = (Step("handshake_messages", None, listed(before(exchange, message))),)
        return [of_signature(message, key(message.from_client), signed, steps)]
    if message.name == "server_key_exchange" and message.field.first("signature_bytes"):
        return [_exchange_signature(exchange, message, key(False))]
    suite = names.name_of(names.OLDER_SUITES, exchange.suite) or ""
    if message.name == "client_key_exchange" and suite.startswith("TLS_PSK_"):
        return [_master(exchange, message, psks)]
    return []


def _finished(exchange: Exchange, message: Message) -> Proof:
    """RFC 5246 §7.4.9."""
    title = f"The {who(message)}'s Finished, recomputed"
    suite = tls12_keys.find(exchange.suite)
    master = exchange.secrets.get(tls12_keys.MASTER)
    if suite is None or master is None:
        return Proof(title, None, f"cannot be checked: the key log has no {tls12_keys.MASTER}")
    hashed = before(exchange, message)
    digest = _digest(suite, hashed)
    expected = tls12_keys.verify_data(suite, master, digest, of_client=message.from_client)
    sent = message.data[4:]
    right = hmac.compare_digest(expected, sent)
    label = f"{who(message)} finished"
    steps = (
        Step("master secret", master, f"{tls12_keys.MASTER} of the key log"),
        Step("Hash(handshake_messages)", digest, f"{suite.hash_name} over {listed(hashed)}"),
        Step(
            "expected verify_data",
            expected,
            f'PRF(master secret, "{label}", Hash(handshake_messages)), the first 12 bytes',
        ),
        Step("verify_data on the wire", sent, "the same" if right else "another one"),
    )
    outcome = "verified: it is exactly the verify_data on the wire" if right else "WRONG"
    return Proof(title, right, outcome, steps)


def _exchange_signature(exchange: Exchange, message: Message, key: object) -> Proof:
    """RFC 8422 §5.4: over client_random, server_random and the parameters."""
    body = message.field
    ends = sum(len(part.data) for part in body.parts if part.name not in ("algorithm", "signature"))
    parameters = message.data[4:ends]
    client, server = _randoms(exchange)
    steps = (
        Step("client_random", client, "of the ClientHello"),
        Step("server_random", server, "of the ServerHello"),
        Step("parameters", parameters, "this message up to where the signature starts"),
    )
    return of_signature(message, key, client + server + parameters, steps)


def _master(exchange: Exchange, message: Message, psks: Sequence[bytes]) -> Proof:
    """RFC 4279 §2 with RFC 5246 §8.1, or RFC 7627 §4."""
    title = "The master secret, recomputed from the pre-shared key"
    logged = exchange.secrets.get(tls12_keys.MASTER)
    if logged is None:
        return Proof(title, None, f"cannot be checked: the key log has no {tls12_keys.MASTER}")
    label = (_EXTENDED if is_extended(exchange) else _PLAIN).decode()
    seed = "hash of the messages so far" if is_extended(exchange) else "both randoms"
    for psk in psks:
        if master_of_key(exchange, message, psk) == logged:
            steps = (
                Step("PSK", psk, "an external key, as both ends have it"),
                Step("master secret", logged, f'PRF(premaster, "{label}", {seed})'),
            )
            return Proof(title, True, "verified: both ends have this key", steps)
    why = "none of the keys known here made it" if psks else "the key is in no log"
    return Proof(title, None, f"cannot be checked: {why}")


def _randoms(exchange: Exchange) -> tuple[bytes, bytes]:
    hellos = exchange.of("server_hello")
    return exchange.client_random, hellos[-1].data[6:38] if hellos else b""


def _digest(suite: tls12_keys.Suite, messages: Sequence[Message]) -> bytes:
    return hashlib.new(suite.hash_name, b"".join(one.data for one in messages)).digest()
