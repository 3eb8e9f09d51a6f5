"""A board speaks CoAP (RFC 7252) over DTLS with libcoap's own programs, as client and as server."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hil import boot, build, target
from hil.boot import Board
from hil.datagram_pump import DatagramPump
from hil.link_profile import profile_of
from hil.process import stop, supervised
from hil.tlsrig import datagram_encounter

INSTALL = "apt-get install libcoap3-bin"
IDENTITY, KEY = "board-1", b"sixteen-byte-key"
SUITES = {"AES_128_GCM": 0x00A8, "AES_128_CCM_8": 0xC0A8}
JOB_S = 60

# Messages of CoAP: version 1 and type, code, id, token; options; 0xff and the payload (§3).
JOB = '''
import dtls_jobs
from dtls_conversation import Conversation

GET_TIME = b"\\x42\\x01\\x12\\x34to\\xb4time"  # confirmable, token "to", Uri-Path "time"


class Coap(Conversation):
    """Takes what comes as whole messages."""

    heard = ()

    def take(self, connection):
        data = connection.read()
        while data is not None:
            self.heard += (bytes(data),)
            data = connection.read()

    def await_message(self):
        self.await_until(lambda: len(self.heard), self.options["timeout_ms"], "coap.silent")
        message, self.heard = self.heard[0], self.heard[1:]
        return message


class Asking(Coap):
    def talk(self):
        self.write(GET_TIME)
        self.options["said"] = self.await_message()


class Answering(Coap):
    def talk(self):
        request = self.await_message()
        token = request[4 : 4 + (request[0] & 15)]
        # Acknowledgement with 2.05 Content, of the same id and token.
        head = bytes((0x60 | len(token), 0x45)) + request[2:4]
        self.write(head + token + b"\\xffhello from the board")
        self.options["said"] = request


def client(link, options):
    result = dtls_jobs.client(link, options, Asking)
    return result["reason"], options.get("said")


def server(link, options):
    result = dtls_jobs.server(link, options, Answering)
    return result["reason"], options.get("said")
'''


def program(name: str) -> str:
    """Return a program of libcoap; skips where there is none."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; install it with: {INSTALL}")
    return path


@pytest.fixture
def any_suite(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which OpenSSL has no objection to tags of 64 bits, as 3.2 began to.

    libcoap's programs have no option for the security level; OpenSSL's configuration has.
    """
    configuration = tmp_path / "openssl.cnf"
    configuration.write_text(
        "openssl_conf = all\n[all]\nssl_conf = programs\n[programs]\nsystem_default = level\n"
        "[level]\nCipherString = DEFAULT:@SECLEVEL=0\n"
    )
    return {**os.environ, "OPENSSL_CONF": str(configuration)}


@pytest.fixture
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    chosen = target.load_all()["unix"]
    firmware = build.ensure(chosen.image)
    with boot.boot(chosen, firmware, log_dir=tmp_path_factory.mktemp("coap")) as booted:
        booted.install("coap_job", JOB)
        booted.reset_link()
        yield booted


def options_of(suite: int, *, is_server: bool) -> dict[str, object]:
    return {
        "seed": bytes(range(48)),
        "utc_seconds": 0,
        "psk": (IDENTITY.encode(), KEY, 32),
        "psk_modes": (0,),
        "suites": (suite,),
        "groups": (),
        "alpn": (),
        "server_name": None,
        "echo": (),
        "timeout_ms": 20_000,
        "handshake_ms": 20_000,
        "datagram_bytes": 1200,
        "unmeasured": True,
        "is_server": is_server,
        "extended_master_secret_required": False,
        **({"cookie_key": bytes(32)} if is_server else {"close_first": True}),
    }


@dataclass
class Serving:
    """A running coap-server."""

    port: int


@pytest.fixture
def coap_server(any_suite: dict[str, str]) -> Iterator[Serving]:
    path = program("coap-server-openssl")
    with contextlib.ExitStack() as stack:
        for _ in range(2):  # DTLS is on the port behind the plain one
            probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    command = [path, "-A", "127.0.0.1", "-p", str(port), "-k", KEY.decode(), "-v", "7"]
    started = supervised(command, env=any_suite, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert started.stdout is not None
    for line in started.stdout:
        if b"created DTLS endpoint" in line:
            break
    # Nobody reads on: a full pipe must not hold it up.
    reader = threading.Thread(target=started.stdout.read, daemon=True)
    reader.start()
    yield Serving(port + 1)
    stop(started, grace_s=0)
    reader.join(10)
    started.stdout.close()


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_a_board_asks_a_coap_server_for_the_time(
    board: Board, coap_server: Serving, suite: int
) -> None:
    with datagram_encounter.listening() as transport:
        server = ("127.0.0.1", coap_server.port)
        with DatagramPump(board.link, transport, profile_of("clean"), 0, server=server) as pump:
            pump.peer_is_connected()  # it says nothing of that: the board alone decides
            options = options_of(suite, is_server=False)
            reason, said = answered(board.call("coap_job:client", options, timeout_s=JOB_S))
    assert reason is None
    # An acknowledgement of that id and token with 2.05 Content, and a payload: the time.
    assert (said[:2], said[2:6]) == (b"\x62\x45", b"\x12\x34to")
    assert b"\xff" in said


@pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)
def test_a_coap_client_asks_a_board(board: Board, any_suite: dict[str, str], suite: int) -> None:
    path = program("coap-client-openssl")
    with datagram_encounter.listening() as transport:
        port = transport.getsockname()[1]
        with DatagramPump(board.link, transport, profile_of("clean"), 0) as pump:
            pump.peer_is_connected()
            board.start("coap_job:server", options_of(suite, is_server=True))
            asked = [path, "-u", IDENTITY, "-k", KEY.decode(), f"coaps://127.0.0.1:{port}/greeting"]
            done = subprocess.run(
                asked, env=any_suite, capture_output=True, timeout=JOB_S, check=False
            )
            reason, said = answered(board.wait(JOB_S))
    assert b"hello from the board" in done.stdout, done.stderr
    assert b"greeting" in said
    assert reason is None


def answered(result: Any) -> tuple[str | None, bytes]:
    """Return what a job says: why it gave up, and what it heard."""
    reason, said = result
    return reason, said or b""
