"""tlslite-ng as `bench.desk` drives it: pure Python, client and server in one process, no socket.

Its optional helpers in C are not used even where they are installed: `cipherImplementations` is
"python" alone, and gmpy2 is refused, which it takes for its big numbers without being asked.
"""

from __future__ import annotations

import errno
import importlib
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Iterator
from typing import Any

from bench.desk_material import IDENTITY, KEY, Material
from bench.figures import BenchError

NAME = "tlslite-ng"

_TLS_1_3 = (3, 4)
_HELPERS = ("gmpy2", "gmpy", "M2Crypto")


def version() -> str:
    """Return its version.

    Raises:
        BenchError: it is not installed, or something in C is that it would use.
    """
    if importlib.util.find_spec("tlslite") is None:
        raise BenchError("tlslite-ng is not installed; install it: pip install 'pytest-hil[peers]'")
    found = [name for name in _HELPERS if importlib.util.find_spec(name) is not None]
    if found:
        raise BenchError(
            f"tlslite-ng would use {', '.join(found)}, which is C: the comparison is one of pure "
            "Python; run the bench in an environment without"
        )
    return importlib.metadata.version("tlslite-ng")


class _Pipe:
    """What it takes for a socket: two byte arrays in memory."""

    def __init__(self, into: bytearray, out_of: bytearray) -> None:
        self._into = into
        self._out_of = out_of

    def send(self, data: bytes) -> int:
        self._into += data
        return len(data)

    def sendall(self, data: bytes) -> None:
        self._into += data

    def recv(self, size: int) -> bytes:
        if not self._out_of:
            raise BlockingIOError(errno.EWOULDBLOCK, "nothing there")
        data = bytes(self._out_of[:size])
        del self._out_of[:size]
        return data

    def setsockopt(self, *_: object) -> None:
        """Nothing to set."""

    def close(self) -> None:
        """Nothing to close."""


class Pair:
    """A client and a server of tlslite-ng, connected; arguments as of `bench.desk_ours.Pair`."""

    def __init__(self, cipher: str, material: Material | None) -> None:
        there, back = bytearray(), bytearray()
        self._client: Any = _api().TLSConnection(_Pipe(there, back))
        self._server: Any = _api().TLSConnection(_Pipe(back, there))
        self._verified = 0 if material is None else 1  # CertificateVerify: it checks no chain
        settings = _settings(cipher, with_key=material is None)
        if material is None:
            asking = self._client.handshakeClientCert(settings=settings, async_=True)
            answering = self._server.handshakeServerAsync(settings=settings)
        else:
            chain, private_key = _parsed(material)
            asking = self._client.handshakeClientCert(
                settings=settings, serverName=material.server_name, async_=True
            )
            answering = self._server.handshakeServerAsync(
                certChain=chain, privateKey=private_key, settings=settings
            )
        _together(asking, answering)

    def exchange(self, payload: bytes) -> bytes:
        """As `bench.desk_ours.Pair.exchange`."""
        for source, sink in ((self._client, self._server), (self._server, self._client)):
            source.write(payload)
            payload = bytes(sink.read(max=len(payload), min=len(payload)))
        return payload

    def verified(self) -> int:
        """Return how many signatures the client has verified."""
        return self._verified


def _api() -> Any:
    """Return tlslite-ng, an extra of the package, which imports what Python 3.11 deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("tlslite.api")


def _settings(cipher: str, *, with_key: bool) -> Any:
    settings = _api().HandshakeSettings()
    settings.minVersion = settings.maxVersion = _TLS_1_3
    settings.cipherNames = [cipher]
    settings.cipherImplementations = ["python"]
    settings.dhGroups = []
    settings.eccCurves = ["x25519", "secp256r1"]
    settings.keyShares = ["x25519"]
    if with_key:
        settings.pskConfigs = [(IDENTITY, KEY, "sha256")]
        settings.psk_modes = ["psk_dhe_ke"]
    return settings


def _parsed(material: Material) -> tuple[Any, Any]:
    chain = _api().X509CertChain()
    chain.parsePemList("".join(material.certificates))
    key = _api().parsePEMKey(material.private_key, private=True, implementations=["python"])
    return chain, key


def _together(*sides: Iterator[object]) -> None:
    """Go on with each side in turn until both are through."""
    left = list(sides)
    while left:
        for side in list(left):
            for wanted in side:
                if wanted == 0:  # it wants to read
                    break
            else:
                left.remove(side)
