"""One end of a DTLS handshake by a pre-shared key, with a peer whose datagrams are known before.

Whoever records the peer's datagrams makes it of the same configurations: they are seeded, and time
stands still. Short, so that a board has it compiled with little heap.
"""

from tlscore.dtls.client import ClientConnection
from tlscore.dtls.config import ClientConfig
from tlscore.dtls.listener import Listener
from tlscore.dtls.server_config import ServerConfig
from tlscore.entropy import HmacDrbg

_KEY = bytes(range(16))
_NAME = b"device"
_BYTES = 300


def _still():
    return 0


def _options():
    return {
        "datagram_bytes": _BYTES,
        "handshake_buffer_bytes": 256,
        "held_bytes": 128,
        "now_ms": _still,
        "record_buffer_bytes": _BYTES,
        "send_buffer_bytes": 400,
        "suites": (0xC0A8,),
    }


def client():
    """Return a client that wants to connect."""
    entropy, psks = HmacDrbg(b"seed of the client in this check"), ((_NAME, _KEY, 32),)
    config = ClientConfig(entropy, None, None, None, psks=psks, psk_modes=(0,), **_options())
    return ClientConnection(config)


def server(slots=1):
    """Return a listener with its key."""
    entropy, keys = HmacDrbg(b"seed of the server in this check"), {_NAME: (_KEY, 32)}
    return Listener(ServerConfig(entropy, psk=keys.get, cookie_key=bytes(32), **_options()), slots)


def job(_link, role, datagrams):
    """Run as a job of the on-board agent: play the peer's datagrams to one end.

    Returns:
        how many datagrams it sent, and what it exports in the end.
    """
    end = client() if role == "client" else server()
    buffer, sent = bytearray(_BYTES), 0
    datagrams.insert(0, b"")  # it speaks first
    for datagram in datagrams:
        size = len(datagram)
        buffer[:size] = datagram
        if size and role == "client":
            end.receive_datagram(buffer, size)
        elif size:
            end.receive(b"peer", buffer, size)
        while end.datagram_into(buffer) not in (0, (0, None)):
            sent += 1
    end = end.hand_over() if role == "client" else end.sessions[0].connection
    return sent, end.export(b"EXPORTER-hil", None, 16)
