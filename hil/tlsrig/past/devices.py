"""The devices themselves: what each says first, byte for byte as it was seen on the wire.

The recordings are of this project, of axTLS 1.4.9 as the ESP8266's SDK 1.3.0 has it and of the
samples of BearSSL of March 2018; a capture of the latter in the field has the same sizes, flight by
flight. Tests hold what is made here against `tls/tests/vectors/recorded.traces`, octet by octet.

Randoms and session ids are the recorded ones, so a first flight is the same in every run. What
follows from the other end's answer cannot be: axTLS refuses or is refused before it comes to that,
BearSSL goes on with `hil.tlsrig.past.tls12`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hil.tlsrig import wire
from hil.tlsrig.past import wire_form
from hil.tlsrig.past.wire_form import Hello

ESP8266 = "esp8266-sdk-1.3.0"
AXTLS = "axtls-1.4.9"
BEARSSL = "bearssl-2018-03"

_AXTLS_CERTIFICATE = Path(__file__).with_name("axtls-1.4.9-server.pem")
_RANDOM = bytes.fromhex
# RFC 5746 §3.2: an empty renegotiated_connection.
_FIRST_HANDSHAKE = ("renegotiation_info", b"\0")
# MSS of the stack it was seen over (lwIP's default).
SEGMENT_BYTES = 536


@dataclass(frozen=True)
class Device:
    """One device in one role.

    Attributes:
        name: what scenarios call it.
        summary: what it is, for reports.
        record_version: in the headers of its first records.
        hello: its hello.
        goes_on: it knows TLS 1.2, so there is more to it than the first flight.
        certificate: PEM file of the certificate it shows; None: the farm's own.
        segment_bytes: size of the pieces in which it sends; None: as they come.
    """

    name: str
    summary: str
    record_version: str
    hello: Hello
    goes_on: bool
    certificate: Path | None = None
    segment_bytes: int | None = None

    def client_flight(self) -> bytes:
        """Return a client's first flight."""
        return wire_form.record(wire.HANDSHAKE, self.record_version, self.hello.as_client())

    def server_flight(self) -> bytes:
        """Return the answer of a server with static RSA: every message in a record of its own."""
        messages = (
            self.hello.as_server(),
            wire_form.certificate(self.chain()),
            wire_form.server_hello_done(),
        )
        return b"".join(
            wire_form.record(wire.HANDSHAKE, self.record_version, one) for one in messages
        )

    def signed_flight(self, chain: list[bytes], parameters: bytes, signature: bytes) -> bytes:
        """Return the answer of a server with ECDHE: all messages in one record.

        Args:
            chain: certificates in DER.
            parameters: of the key exchange (`wire_form.exchange_parameters`).
            signature: over both randoms and the parameters.
        """
        messages = (
            self.hello.as_server(),
            wire_form.certificate(chain),
            wire_form.server_key_exchange(parameters, SCHEME, signature),
            wire_form.server_hello_done(),
        )
        return wire_form.record(wire.HANDSHAKE, self.record_version, b"".join(messages))

    def chain(self) -> list[bytes]:
        """Return the certificates it shows of its own, DER."""
        if self.certificate is None:
            return []
        found = x509.load_pem_x509_certificates(self.certificate.read_bytes())
        return [one.public_bytes(Encoding.DER) for one in found]


# What BearSSL signs with, the curve it prefers, and the suite that comes of it.
SCHEME = "rsa_pkcs1_sha256"
GROUP = "x25519"
SUITE = "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"

# Its preference: AEADs before CBC, ephemeral keys before static ones, ECDSA before RSA.
_BEARSSL_SUITES = (
    *("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", SUITE),
    *("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    *("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    *("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"),
    *("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"),
    *("TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"),
    *("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA"),
    *("TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256"),
    *("TLS_ECDH_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDH_RSA_WITH_AES_256_GCM_SHA384"),
    *("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA256"),
    *("TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA384", "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA384"),
    *("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA", "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA"),
    *("TLS_ECDH_ECDSA_WITH_AES_256_CBC_SHA", "TLS_ECDH_RSA_WITH_AES_256_CBC_SHA"),
    *("TLS_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_256_GCM_SHA384"),
    *("TLS_RSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_AES_256_CBC_SHA256"),
    *("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"),
    *("TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA", "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"),
    *("TLS_ECDH_ECDSA_WITH_3DES_EDE_CBC_SHA", "TLS_ECDH_RSA_WITH_3DES_EDE_CBC_SHA"),
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
)
_BEARSSL_SCHEMES = (
    *("ecdsa_secp256r1_sha256", "ecdsa_sha224", "ecdsa_secp384r1_sha384"),
    *("ecdsa_secp521r1_sha512", "ecdsa_sha1", "rsa_pkcs1_sha256", "rsa_pkcs1_sha224"),
    *("rsa_pkcs1_sha384", "rsa_pkcs1_sha512", "rsa_pkcs1_sha1"),
)

_CLIENTS = (
    Device(
        ESP8266,
        "the SSL client of the ESP8266's SDK 1.3.0 of 2015, which is axTLS 1.4.9",
        "TLSv1.1",
        Hello(
            "TLSv1.1",
            _RANDOM("6b0161f34fee3ff71db7d51f196995a4605f0166b9b9f5c0e8ced09c6b7ce966"),
            (
                *("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_CBC_SHA"),
                *("TLS_RSA_WITH_RC4_128_SHA", "TLS_RSA_WITH_RC4_128_MD5"),
            ),
        ),
        goes_on=False,
    ),
    Device(
        BEARSSL,
        "the sample client of BearSSL of March 2018",
        "TLSv1.0",
        Hello(
            "TLSv1.2",
            # Its first four bytes were to be the time (RFC 5246 §7.4.1.2): it has no clock.
            _RANDOM("000000003741181ee7fb45050873a40f401dff81474d34e0bf748c6270cce71c"),
            _BEARSSL_SUITES,
            extensions=(
                _FIRST_HANDSHAKE,
                wire_form.server_name("localhost"),
                wire_form.signature_schemes(*_BEARSSL_SCHEMES),
                wire_form.groups("secp256r1", "secp384r1", "secp521r1", "x25519"),
                ("ec_point_formats", b"\x01\0"),
            ),
        ),
        goes_on=True,
    ),
)
_SERVERS = (
    Device(
        AXTLS,
        "the server of axTLS 1.4.9 of 2015 with an RSA key of 1024 bits",
        "TLSv1.1",
        Hello(
            "TLSv1.1",
            _RANDOM("85a0aa8c7132b7df9e5a212921e15d7b624f95a2be8e1930e770de908905b9af"),
            ("TLS_RSA_WITH_AES_128_CBC_SHA",),
            _RANDOM("5c6bcd1aa38f7e38eb4b74c47266a1636b76e63c3085fbd79fcd8d6c0a233dde"),
        ),
        goes_on=False,
        certificate=_AXTLS_CERTIFICATE,
    ),
    Device(
        BEARSSL,
        "the sample server of BearSSL of March 2018",
        "TLSv1.2",
        Hello(
            "TLSv1.2",
            _RANDOM("00000000b01851892b33b96e59f09633f302dd6ccb6ca5d5b63d6efbe35b20cc"),
            (SUITE,),
            _RANDOM("3cc99a79987c22f5460bfd298f0963ce451aec9e419a1aa2a3d46d6ecc2e972d"),
            (_FIRST_HANDSHAKE,),
        ),
        goes_on=True,
        segment_bytes=SEGMENT_BYTES,
    ),
)
Role = Literal["client", "server"]
DEVICES: Mapping[tuple[Role, str], Device] = {
    **{("client", device.name): device for device in _CLIENTS},
    **{("server", device.name): device for device in _SERVERS},
}
