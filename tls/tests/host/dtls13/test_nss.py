"""NSS's client of DTLS 1.3 with our server: where NSS 3.110 or newer is installed.

`./farm test` installs libnss3-tools; with Debian 12's, which is older, these tests are skipped.
As a server of datagrams its program cannot be told where to listen.
"""

import ctypes
import os
import select
import shutil
import socket
import subprocess

import pytest

from tlscore.connection import EVENT_CONNECTED
from tlscore.dtls.timers import Ticks
from tlscore.dtls13.listener import Listener
from tlscore.dtls13.server_config import ServerConfig
from tlscore.entropy import SystemEntropy

NEEDED = (3, 110)
NAME, KEY = b"device1", bytes(range(16))
WAIT_S = 20


def installed():
    """Return the version of NSS, (0,) where there is none with its client."""
    if shutil.which("tstclnt") is None:
        return (0,)
    try:
        library = ctypes.CDLL("libnss3.so")
    except OSError:
        return (0,)
    library.NSS_GetVersion.restype = ctypes.c_char_p
    return tuple(int(part) for part in library.NSS_GetVersion().split()[0].split(b"."))


pytestmark = pytest.mark.skipif(
    installed() < NEEDED, reason="needs NSS 3.110's tstclnt: apt install libnss3-tools (Debian 13)"
)


class Service:
    """Our server on a port, which says everything back."""

    def __init__(self, suite, mode):
        config = ServerConfig(
            SystemEntropy(),
            psk={NAME: (KEY, 32)}.get,
            psk_modes=(mode,),
            suites=(suite,),
            cookie_key=os.urandom(32),
            now_ms=Ticks(),
        )
        self.listener = Listener(config, 2)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.suites, self.heard = [], b""

    def serve(self, until):
        """Serve until so many bytes have been heard."""
        buffer = bytearray(2048)
        while len(self.heard) < until:
            while (found := self.listener.datagram_into(buffer))[0]:
                self._socket.sendto(memoryview(buffer)[: found[0]], found[1])
            due_ms = self.listener.next_timeout()
            wait_s = WAIT_S if due_ms is None else due_ms / 1000
            assert select.select([self._socket], [], [], wait_s)[0] or due_ms is not None
            if not select.select([self._socket], [], [], 0)[0]:
                continue
            size, peer = self._socket.recvfrom_into(buffer)
            session = self.listener.receive(peer, buffer, size)
            self._look()
            while session is not None and (data := session.connection.read()) is not None:
                self.heard += bytes(data)
                size = session.connection.write_into(bytes(data), buffer)
                self._socket.sendto(memoryview(buffer)[:size], peer)

    def _look(self):
        for session in self.listener.sessions:
            if session is not None and session.connection.next_event() == (EVENT_CONNECTED,):
                self.suites.append(session.connection.suite)

    def close(self):
        self._socket.close()


@pytest.mark.parametrize("suite", [0x1301, 0x1303])
def test_nss_talks_to_a_server(suite):
    service = Service(suite, mode=1)
    where = ["-h", "127.0.0.1", "-p", str(service.port), "-P", "client", "-D"]
    told = ["-V", "tls1.3:tls1.3", "-z", f"0x{KEY.hex()}:{NAME.decode()}", "-c", f":{suite:04x}"]
    pipe = subprocess.PIPE
    with subprocess.Popen(["tstclnt", *where, *told], stdin=pipe, stdout=pipe) as client:
        try:
            client.stdin.write(b"hello\n")
            client.stdin.flush()
            service.serve(len(b"hello\n"))
            assert client.stdout.readline() == b"hello\n"
        finally:
            client.kill()
            service.close()
    assert (service.suites, service.heard) == ([suite], b"hello\n")
