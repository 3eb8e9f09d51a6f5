"""Records of DTLS 1.3 are opened by their key log: what two ends of tlscore have said in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hil.tlsrig import datagram_messages, dtls13_records
from hil.tlsrig.message_log import Summary, summarize
from tlscore.dtls13.client import ClientConnection
from tlscore.dtls13.config import ClientConfig
from tlscore.dtls13.listener import Listener
from tlscore.dtls13.server_config import ServerConfig
from tlscore.entropy import HmacDrbg

NAME, KEY, PEER = b"device", bytes(range(16)), b"its address"
GCM, CHACHA20, CCM_8 = 0x1301, 0x1303, 0x1305
X25519 = 0x001D
STEP_MS = 100


class Talk:
    """Both ends of a connection, all their datagrams, and the key log of one."""

    def __init__(self, suite: int, key_log: Path) -> None:
        self.datagrams: list[tuple[bool, bytes]] = []  # the client's are "sent"
        self._key_log, self._now_ms = key_log, 0
        common = {"suites": (suite,), "now_ms": lambda: self._now_ms, "psk_modes": (1,)}
        server = ServerConfig(
            HmacDrbg(b"seed of the server of DTLS 1.3.."),
            psk={NAME: (KEY, 32)}.get,
            cookie_key=bytes(32),
            datagram_bytes=150,
            **common,
        )
        client = ClientConfig(
            *(HmacDrbg(b"seed of the client of DTLS 1.3.."), None, None, None),
            psks=((NAME, KEY, 32),),
            keylog=self._log,
            **common,
        )
        self._listener = Listener(server, 1)
        self.client = ClientConnection(client)
        self.run()

    def _log(self, label: str, client_random: bytes, secret: bytes) -> None:
        with self._key_log.open("a") as file:
            file.write(f"{label} {bytes(client_random).hex()} {bytes(secret).hex()}\n")

    def run(self) -> None:
        """Let all be said that both have to say."""
        buffer = bytearray(1500)
        for _ in range(8):
            self._now_ms += STEP_MS
            while size := self.client.datagram_into(buffer):
                self.datagrams.append((True, bytes(buffer[:size])))
                self._listener.receive(PEER, buffer, size)
            while size := self._listener.datagram_into(buffer)[0]:
                self.datagrams.append((False, bytes(buffer[:size])))
                self.client.receive_datagram(buffer, size)

    def update_keys(self) -> None:
        self.client.update_keys(True)
        self.run()


def read(talk: Talk, key_log: Path, *, by_client: bool = True) -> tuple[list[Any], Summary]:
    """Return the kinds of messages as (sent, kind), and what they say, as one end has them."""
    datagrams = [(sent == by_client, datagram) for sent, datagram in talk.datagrams]
    opener = dtls13_records.Opener(key_log, from_client=by_client)
    found = list(datagram_messages.whole(datagrams, opener.contents))
    return [(sent, message[0]) for sent, _, message in found], summarize(found)


@pytest.mark.parametrize("suite", [GCM, CHACHA20, CCM_8])
@pytest.mark.parametrize("by_client", [True, False])
def test_every_message_is_read(tmp_path: Path, suite: int, by_client: bool) -> None:
    key_log = tmp_path / "keys"
    talk = Talk(suite, key_log)
    talk.update_keys()
    talk.update_keys()
    found, said = read(talk, key_log, by_client=by_client)
    # ClientHello, HelloRetryRequest, ClientHello, ServerHello, EncryptedExtensions, both Finished.
    told = [kind for _, kind in found[:7]]
    assert told == [1, 2, 1, 2, 8, 20, 20]
    assert [kind for _, kind in found[7:]] == [24] * 4
    assert (said.version, said.suite, said.group) == (0xFEFC, suite, X25519)
    assert (said.hello_retries, said.key_updates_sent, said.key_updates_received) == (1, 2, 2)
    assert said.finished_sent
    assert said.finished_received


def test_without_the_right_secrets_there_are_the_hellos_alone(tmp_path: Path) -> None:
    key_log = tmp_path / "keys"
    talk = Talk(GCM, key_log)
    hellos = [(True, 1), (False, 2), (True, 1), (False, 2)]
    assert read(talk, tmp_path / "none")[0] == hellos
    other = tmp_path / "other"
    other.write_text("".join(f"{line[:-2]}00\n" for line in key_log.read_text().splitlines()))
    assert read(talk, other)[0] == hellos
