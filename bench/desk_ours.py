"""The core on CPython, as `bench.desk` drives it: client and server in one process, no socket."""

from __future__ import annotations

import os
from typing import Any

from bench.desk_material import IDENTITY, KEY, Material
from tlscore.client import ClientConnection
from tlscore.clock import FixedClock
from tlscore.codepoints import PSK_DHE_KE
from tlscore.config import ClientConfig
from tlscore.entropy import HmacDrbg
from tlscore.record import RECORD_OVERHEAD_BYTES
from tlscore.server import ServerConnection
from tlscore.server_config import ServerConfig
from tlscore.trust import TrustAnchors

NAME = "CPython"

_X25519 = 0x001D
_SUITES = {"aes128gcm": 0x1301, "chacha20-poly1305": 0x1303}
_RECORD_BYTES = 16384 + RECORD_OVERHEAD_BYTES


class Pair:
    """A client and a server of the core, connected.

    Args:
        cipher: of tlslite-ng's name.
        material: certificates to authenticate by; None for the pre-shared key.
    """

    def __init__(self, cipher: str, material: Material | None) -> None:
        client, server = _configurations(_SUITES[cipher], material)
        self._client: Any = ClientConnection(client)
        self._server: Any = ServerConnection(server)
        while len(self._client.to_send()) or len(self._server.to_send()):
            self._bring(self._client, self._server)
            self._bring(self._server, self._client)
        self._room = bytearray(_RECORD_BYTES)

    def exchange(self, payload: bytes) -> bytes:
        """Send a payload of a record at most to the server and back; return what came."""
        for source, sink in ((self._client, self._server), (self._server, self._client)):
            source.write(payload)
            self._bring(source, sink)
            size = sink.read_into(self._room)
            payload = bytes(self._room[:size])
        return payload

    def verified(self) -> int:
        """Return how many signatures the client has verified."""
        return int(self._client.signatures_verified)

    @staticmethod
    def _bring(source: Any, sink: Any) -> None:
        pending = source.to_send()
        sink.receive(pending)
        source.sent(len(pending))


def _configurations(suite: int, material: Material | None) -> tuple[Any, Any]:
    common = {
        "suites": (suite,),
        "groups": (_X25519,),
        "record_buffer_bytes": _RECORD_BYTES,
        "send_buffer_bytes": _RECORD_BYTES + 128,
    }
    seed = os.urandom(48)
    if material is None:
        known = {IDENTITY: (KEY, 32)}
        client = ClientConfig(
            HmacDrbg(seed),
            None,
            None,
            None,
            psks=((IDENTITY, KEY, 32),),
            psk_modes=(PSK_DHE_KE,),
            **common,
        )
        server = ServerConfig(HmacDrbg(seed), psk=known.get, psk_modes=(PSK_DHE_KE,), **common)
        return client, server
    chain = material.chain
    client = ClientConfig(
        HmacDrbg(seed),
        FixedClock(chain.utc_seconds),
        TrustAnchors(chain.anchors),
        material.server_name,
        **common,
    )
    return client, ServerConfig(HmacDrbg(seed), chain.sent, chain.private_key, **common)
