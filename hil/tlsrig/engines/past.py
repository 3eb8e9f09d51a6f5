"""The engine of the peer `past`: a device of the past, played as `hil.tlsrig.past` describes it.

It takes one argument more than other engines, `device=NAME`. A device of TLS 1.1 says its first
flight and listens to the answer: a board refuses it, and there is nothing after that to be played.
One that knows TLS 1.2 makes the handshake to its end and echoes; its first flight, as a client, or
all that does not depend on the other end's, as a server, is what the device was seen to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding

from hil.tlsrig import names, tls12_keys, wire
from hil.tlsrig.dissect import messages as grammar
from hil.tlsrig.dissect.grammar import Field
from hil.tlsrig.engines.channel import Account, Channel, EndedError, run
from hil.tlsrig.past import devices, wire_form
from hil.tlsrig.past.devices import DEVICES, Device
from hil.tlsrig.past.tls12 import AlertCame, Broken, Records, Secrets, StreamEnded

_CLOSE_NOTIFY = 0
_CERTIFICATE, _SERVER_HELLO_DONE, _CLIENT_KEY_EXCHANGE = 11, 14, 16
_TLS_1_2 = 0x0303
_RANDOM = slice(2, 34)  # of the body of a hello
_SUITE = names.code_of(names.ALL_SUITES, devices.SUITE)
_GROUP = names.code_of(names.GROUPS, devices.GROUP)
_SCHEME = names.code_of(names.SIGNATURES, devices.SCHEME)
_ANY_RECORD_BYTES = 1 << 14


class Connection:
    """One connection of a device."""

    def __init__(self, channel: Channel, device: Device) -> None:
        """Make one over what the channel is connected to."""
        self.account = Account()
        self._channel = channel
        self._device = device
        self._records = Records(channel.receive)
        self._private = X25519PrivateKey.generate()
        self._share = self._private.public_key().public_bytes_raw()
        self._client_random = self._server_random = b""
        self._secrets: Secrets | None = None

    def shake_hands(self) -> Mapping[str, str]:
        try:
            if not self._device.goes_on:
                self._say_and_listen()
            elif self._channel.is_server:
                self._serve()
            else:
                self._connect()
        except (AlertCame, Broken, StreamEnded) as error:
            raise self._ended(error) from error
        assert self._secrets is not None
        exporter = self._secrets.exported(self._channel.options["exporter_label"])
        return {"version": f"{_TLS_1_2:04x}", "suite": f"{_SUITE:04x}", "exporter": exporter.hex()}

    def pending(self) -> bool:
        return self._records.has_more

    def read(self) -> bytes:
        try:
            kind, content = self._records.next()
        except (AlertCame, Broken, StreamEnded) as error:
            raise self._ended(error) from error
        if kind != wire.APPLICATION_DATA:
            raise self._ended(Broken("unexpected_message", f"a record of type {kind}"))
        return content

    def write(self, data: bytes) -> None:
        most = self._channel.number("max_record_bytes") or _ANY_RECORD_BYTES
        for start in range(0, len(data), most):
            piece = data[start : start + most]
            self._channel.send(self._records.sealed(wire.APPLICATION_DATA, piece))

    def say_goodbye(self) -> None:
        if not self.account.close_sent:
            self.account.close_sent = True
            self._channel.send(self._records.alert(_CLOSE_NOTIFY, is_fatal=False))

    def _ended(self, error: AlertCame | Broken | StreamEnded) -> EndedError:
        """Note in the account how the connection ended; what is wrong is answered by an alert."""
        account = self.account
        if isinstance(error, Broken):
            self._channel.send(self._records.alert(error.alert))
            account.alert_sent, account.reason = error.alert, error.reason
        elif isinstance(error, StreamEnded):
            account.reason = "the board closed the connection without a word"
        elif error.code == _CLOSE_NOTIFY:
            account.close_received = True
        else:
            account.alert_received = error.code
            account.reason = f"the board sent the alert {names.alert_text(error.code)}"
        return EndedError()

    # --- devices of TLS 1.1

    def _say_and_listen(self) -> None:
        """Say the first flight, as a server once it was asked; the answer has to be an alert."""
        if self._channel.is_server:
            self._records.expect(wire.CLIENT_HELLO)
            self._send(self._device.server_flight())
        else:
            self._send(self._device.client_flight())
        answer = self._records.message()
        came = names.HANDSHAKE_TYPES.get(answer[0], answer[0])
        raise Broken("internal_error", f"{came} came where what is known of this device ends")

    # --- BearSSL

    def _connect(self) -> None:
        flight = self._device.client_flight()
        self._client_random = self._device.hello.random
        self._records.transcript = flight[wire.HEADER_BYTES :]
        self._send(flight)
        hello = self._records.expect(wire.SERVER_HELLO)
        chosen = wire.server_hello(b"\2" + len(hello).to_bytes(3, "big") + hello)
        self._server_random = hello[_RANDOM]
        if chosen.version != _TLS_1_2:
            raise Broken("protocol_version", f"the board chose version 0x{chosen.version:04x}")
        if chosen.suite != _SUITE:
            raise Broken("handshake_failure", f"suite 0x{chosen.suite:04x} is not played here")
        key = self._verified(_certificates(self._records.expect(_CERTIFICATE)))
        share = self._exchange(self._records.expect(wire.SERVER_KEY_EXCHANGE), key)
        self._records.expect(_SERVER_HELLO_DONE)
        self._channel.send(self._records.said(wire_form.client_key_exchange(self._share)))
        secrets = self._agree(share)
        self._finish(secrets)
        self._check_finish(secrets)

    def _serve(self) -> None:
        hello = self._records.message()
        if hello[0] != wire.CLIENT_HELLO:
            raise Broken("unexpected_message", "no ClientHello")
        said = grammar.message(hello)
        self._client_random = hello[4:][_RANDOM]
        self._server_random = self._device.hello.random
        self._check_offer(said)
        parameters = wire_form.exchange_parameters(devices.GROUP, self._share)
        signed = self._client_random + self._server_random + parameters
        key = serialization.load_pem_private_key(self._file("key").read_bytes(), None)
        assert isinstance(key, rsa.RSAPrivateKey)
        signature = key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        chain = [
            one.public_bytes(Encoding.DER)
            for one in x509.load_pem_x509_certificates(self._file("chain").read_bytes())
        ]
        flight = self._device.signed_flight(chain, parameters, signature)
        self._records.transcript += flight[wire.HEADER_BYTES :]
        self._send(flight)
        share = self._records.expect(_CLIENT_KEY_EXCHANGE)[1:]
        secrets = self._agree(share)
        self._check_finish(secrets)
        self._finish(secrets)

    def _check_offer(self, hello: Field) -> None:
        """Refuse what the device has nothing in common with (RFC 5246 §7.4.1.3, appendix E.1)."""
        newest = hello.codes("client_version") or hello.codes("legacy_version") or [0]
        if newest[0] < _TLS_1_2:
            raise Broken("protocol_version", "the client is older than TLS 1.2")
        lists = (("cipher_suite", _SUITE), ("group", _GROUP), ("signature_scheme", _SCHEME))
        for what, wanted in lists:
            if wanted not in hello.codes(what):
                raise Broken("handshake_failure", f"the client offers no {what} 0x{wanted:04x}")

    def _verified(self, chain: list[x509.Certificate]) -> rsa.RSAPublicKey:
        """Return the key of a chain that leads to the root the device was given."""
        roots = x509.load_pem_x509_certificates(self._file("root").read_bytes())
        try:
            for certificate, issuer in zip(chain, [*chain[1:], *roots], strict=False):
                certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError):
            raise Broken("unknown_ca", "the chain does not lead to the root") from None
        key = chain[0].public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise Broken("unsupported_certificate", "the certificate's key is not RSA")
        return key

    def _exchange(self, body: bytes, key: rsa.RSAPublicKey) -> bytes:
        """Return the server's share out of its ServerKeyExchange, its signature verified."""
        size = 4 + body[3]
        parameters, scheme = body[:size], int.from_bytes(body[size : size + 2], "big")
        if int.from_bytes(parameters[1:3], "big") != _GROUP or scheme != _SCHEME:
            raise Broken("illegal_parameter", "another group or scheme than the device's")
        signed = self._client_random + self._server_random + parameters
        try:
            key.verify(body[size + 4 :], signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise Broken("decrypt_error", "the server's signature does not fit") from None
        return parameters[4:]

    def _agree(self, share: bytes) -> Secrets:
        premaster = self._private.exchange(X25519PublicKey.from_public_bytes(share))
        self._secrets = Secrets(premaster, self._client_random, self._server_random)
        line = f"{tls12_keys.MASTER} {self._client_random.hex()} {self._secrets.master.hex()}"
        self._channel.log_secret(line)
        return self._secrets

    def _finish(self, secrets: Secrets) -> None:
        """Send change_cipher_spec and Finished, together."""
        of_client = not self._channel.is_server
        message = secrets.finished(self._records.transcript, of_client=of_client)
        change = self._records.sealed(wire.CHANGE_CIPHER_SPEC, b"\1")
        self._records.write_with(secrets.keys(of_client=of_client))
        finished = self._records.said(wire_form.handshake(wire.FINISHED, message))
        self._channel.send(change + finished)

    def _check_finish(self, secrets: Secrets) -> None:
        of_client = self._channel.is_server
        expected = secrets.finished(self._records.transcript, of_client=of_client)
        self._records.expect_change_cipher_spec()
        self._records.read_with(secrets.keys(of_client=of_client))
        if self._records.expect(wire.FINISHED) != expected:
            raise Broken("decrypt_error", "the board's Finished does not fit")

    def _file(self, name: str) -> Path:
        return Path(self._channel.options[name])

    def _send(self, flight: bytes) -> None:
        """Send a flight in segments of the size that the device's TCP has."""
        size = self._device.segment_bytes or len(flight)
        for start in range(0, len(flight), size):
            self._channel.send(flight[start : start + size])


def _certificates(body: bytes) -> list[x509.Certificate]:
    found, position = [], 3
    while position < len(body):
        end = position + 3 + int.from_bytes(body[position : position + 3], "big")
        found.append(x509.load_der_x509_certificate(body[position + 3 : end]))
        position = end
    return found


def begin(channel: Channel) -> Callable[[], Connection]:
    """Return what makes the next connection of the device."""
    device = DEVICES["server" if channel.is_server else "client", channel.options["device"]]
    return lambda: Connection(channel, device)


if __name__ == "__main__":
    run(begin)
