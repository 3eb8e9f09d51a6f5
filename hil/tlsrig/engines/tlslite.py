"""The engine of the peer `tlslite`: tlslite-ng, TLS in Python.

It reads and writes through a stand-in for a socket, which keeps the wire log. Secrets are taken
where they are handed to its record layer; its alerts come as exceptions. It validates no chains.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tlslite.api import (
    HandshakeSettings,
    SessionCache,
    TLSConnection,
    X509CertChain,
    parsePEMKey,
)
from tlslite.constants import AlertDescription
from tlslite.errors import (
    TLSAbruptCloseError,
    TLSLocalAlert,
    TLSProtocolException,
    TLSRemoteAlert,
)
from tlslite.utils.cryptomath import getRandomBytes

from hil.tlsrig import names
from hil.tlsrig.engines.channel import Account, Channel, EndedError, run

_EXPORTER_BYTES = 32
_ANY_BYTES = 16384
# Where a ClientHello has its random: behind the headers of record and message, and the version.
_CLIENT_RANDOM = slice(5 + 4 + 2, 5 + 4 + 2 + 32)
_CIPHERS = {
    "AES_128_GCM": "aes128gcm",
    "AES_256_GCM": "aes256gcm",
    "CHACHA20_POLY1305": "chacha20-poly1305",
    "AES_128_CCM": "aes128ccm",
    "AES_128_CCM_8": "aes128ccm_8",
}
_KEY_EXCHANGES = ("ECDHE_ECDSA", "ECDHE_RSA")
_GROUPS = ("secp256r1", "secp384r1", "secp521r1", "x25519", "x448")


class _Socket:
    """What tlslite takes for its socket."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._hello = bytearray()

    @property
    def client_random(self) -> bytes:
        """The random of the ClientHello, which comes first in its direction."""
        return bytes(self._hello[_CLIENT_RANDOM])

    def send(self, data: bytes) -> int:
        self.sendall(data)
        return len(data)

    def sendall(self, data: bytes) -> None:
        if not self._channel.is_server:
            self._keep_hello(data)
        self._channel.send(bytes(data))

    def recv(self, room: int) -> bytes:
        data = self._channel.receive(room)
        if self._channel.is_server:
            self._keep_hello(data)
        return data

    def _keep_hello(self, data: bytes) -> None:
        if len(self._hello) < _CLIENT_RANDOM.stop:
            self._hello += data

    def close(self) -> None:
        """The channel's own business."""

    def setsockopt(self, *_: object) -> None:
        """Likewise."""


class Connection:
    """One connection."""

    def __init__(
        self,
        channel: Channel,
        settings: HandshakeSettings,
        session: list[Any],
        cache: SessionCache | None,
    ) -> None:
        """Make one; `session` holds what it may resume and is given what can be resumed.

        A server with a `cache` remembers sessions of TLS 1.2 by their ids.
        """
        self.account = Account()
        self._channel = channel
        self._settings = settings
        self._session = session
        self._cache = cache
        self._socket = _Socket(channel)
        self._tls: Any = TLSConnection(self._socket)
        self._tls.closeSocket = False
        self._watch_secrets()

    def shake_hands(self) -> Mapping[str, str]:
        self._guarded(self._serve if self._channel.is_server else self._connect)
        tls = self._tls
        label = bytearray(self._channel.options["exporter_label"].encode("ascii"))
        material = tls.keyingMaterialExporter(label, _EXPORTER_BYTES)
        largest = self._channel.number("max_record_bytes")
        if largest is not None:
            tls.recordSize = min(tls.recordSize, largest)
        return {
            "version": "{:02x}{:02x}".format(*tls.version),
            "suite": f"{tls.session.cipherSuite:04x}",
            "exporter": bytes(material).hex(),
            **({"resumed": "1"} if tls.resumed else {}),
        }

    def pending(self) -> bool:
        tls = self._tls
        return bool(tls._readBuffer or getattr(tls.sock, "_read_buffer", b""))

    def read(self) -> bytes:
        # One message, which may be a ticket and no data.
        data = bytes(self._guarded(lambda: self._tls.read(max=_ANY_BYTES, min=0)))
        if not data and self._tls.closed:
            self.account.close_received = True
            self.account.close_sent = True  # it answers by itself
            self._session.append(self._tls.session)
            raise EndedError
        return data

    def write(self, data: bytes) -> None:
        self._guarded(lambda: self._tls.write(data))

    def say_goodbye(self) -> None:
        if not self.account.close_sent:
            self._tls.close()
            self.account.close_sent = True

    def _serve(self) -> None:
        chain, key = _identity(self._channel)
        self._tls.handshakeServer(
            certChain=chain,
            privateKey=key,
            reqCert=bool(self._channel.text("root")),
            sessionCache=self._cache,
            settings=self._settings,
            alpn=_protocols(self._channel),
        )

    def _connect(self) -> None:
        chain, key = _identity(self._channel)
        self._tls.handshakeClientCert(
            certChain=chain,
            privateKey=key,
            session=self._session[-1] if self._session else None,
            settings=self._settings,
            serverName=self._channel.options["server_name"],
            alpn=_protocols(self._channel),
        )

    def _guarded(self, call: Callable[[], Any]) -> Any:
        """Make a call, and turn the ways in which it can end the connection into the account."""
        try:
            return call()
        except TLSLocalAlert as alert:
            self.account.alert_sent = alert.description
            self.account.reason = _words_of(alert)
        except TLSRemoteAlert as alert:
            self.account.alert_received = alert.description
            self.account.reason = str(alert)
        except TLSProtocolException as error:  # it leaves some to its caller, without an alert
            self.account.reason = str(error)
        except TLSAbruptCloseError as error:
            self.account.reason = str(error) or "the stream ended without close_notify"
        raise EndedError

    def _watch_secrets(self) -> None:
        """Log the traffic secrets as its record layer is given them."""
        layer = self._tls._recordLayer
        original = layer.calcTLS1_3PendingState
        epochs = iter((("HANDSHAKE_TRAFFIC_SECRET", ""), ("TRAFFIC_SECRET_0", "")))

        def watched(suite: int, client: bytes, server: bytes, implementations: object) -> Any:
            name = next(epochs)[0]
            random = self._socket.client_random.hex()
            for who, secret in (("CLIENT", client), ("SERVER", server)):
                self._channel.log_secret(f"{who}_{name} {random} {bytes(secret).hex()}")
            return original(suite, client, server, implementations)

        layer.calcTLS1_3PendingState = watched


def _words_of(alert: TLSLocalAlert) -> str:
    """Return why it ended the connection; its own `str` fails where that is an exception."""
    name = str(AlertDescription.toStr(alert.description))
    return name if alert.message is None else f"{name}: {alert.message}"


def begin(channel: Channel) -> Callable[[], Connection]:
    """Turn the options into tlslite's settings."""
    settings = HandshakeSettings()
    versions = channel.codes("versions")
    settings.minVersion = divmod(min(versions), 256)
    settings.maxVersion = divmod(max(versions), 256)
    settings.certificate_compression_send = []  # it would compress without being asked
    _choose(channel, settings)
    settings.useExtendedMasterSecret = channel.text("extended_master_secret") != "0"
    if channel.text("psk"):
        key = (
            channel.options["psk_identity"].encode("ascii"),
            bytes.fromhex(channel.options["psk"]),
            channel.options["psk_hash"],
        )
        settings.pskConfigs = [key]
        mode = "psk_dhe_ke" if channel.options["psk_with_dhe"] == "1" else "psk_ke"
        settings.psk_modes = [mode]
    settings.sendFallbackSCSV = channel.text("fallback") == "1"
    cache = SessionCache() if channel.text("tickets") == "0" else None
    if channel.is_server and cache is None:
        settings.ticketKeys = [getRandomBytes(32)]
    session: list[Any] = []
    return lambda: Connection(channel, settings, session, cache)


def _choose(channel: Channel, settings: HandshakeSettings) -> None:
    """Set suites, groups and the size of records."""
    suites = [names.ALL_SUITES[code] for code in channel.codes("suites")]
    if suites:
        settings.cipherNames = [_CIPHERS[_cipher_of(suite)] for suite in suites]
        used = [word for word in _KEY_EXCHANGES if any(f"_{word}_" in suite for suite in suites)]
        settings.keyExchangeNames = [word.lower() for word in used or _KEY_EXCHANGES]
    groups = [names.GROUPS[code] for code in channel.codes("groups")]
    if groups:
        settings.eccCurves = [name for name in groups if name in _GROUPS]
        settings.dhGroups = [name for name in groups if name not in _GROUPS]
        settings.keyShares = groups[:1]
        if settings.eccCurves:
            settings.defaultCurve = settings.eccCurves[0]
    elif not channel.is_server:
        settings.keyShares = ["x25519"]
    limit = channel.number("max_record_bytes")
    if limit is not None and not channel.is_server:
        settings.record_size_limit = max(64, limit + 1)


def _cipher_of(suite: str) -> str:
    """Return the cipher in a suite's name: TLS_[…_WITH_]CIPHER[_HASH]."""
    cipher = suite.removeprefix("TLS_").rpartition("_WITH_")[2]
    return cipher.removesuffix("_SHA256").removesuffix("_SHA384")


def _identity(channel: Channel) -> tuple[Any, Any]:
    path = channel.text("chain")
    if path is None:
        return None, None
    chain = X509CertChain()
    chain.parsePemList(Path(path).read_text("ascii"))
    key = Path(channel.options["key"]).read_text("ascii")
    return chain, parsePEMKey(key, private=True, implementations=["python"])


def _protocols(channel: Channel) -> list[bytearray] | None:
    return [bytearray(name.encode("ascii")) for name in channel.texts("alpn")] or None


if __name__ == "__main__":
    run(begin)
