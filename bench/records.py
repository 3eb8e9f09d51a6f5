"""Records of 1 KB through a connection on a board: what a byte takes, everything included.

A client of the core runs on the board. The server is one of the core as well, on this machine: with
the same seed the client says the same here as there, so its conversation is made in advance and
only brought to the board. That the board has said the very same bytes is checked by their digest.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bench.figures import BenchError, Figure
from bench.operations import A_BYTE, RECORD_CONTENT_BYTES, uncounted
from hil import measure
from hil.boot import Board
from hil.errors import HilError
from tlscore.entropy import HmacDrbg
from tlscore.server import ServerConnection
from tlscore.server_config import ServerConfig

SOURCE = Path(__file__).parent / "ontarget" / "bench_records.py"

_IDENTITY, _KEY = b"bench", bytes(range(32))
_SEED = hashlib.sha512(b"bench: records").digest()
_PSK_KE = 0
_TIMEOUT_S = 300
# So many go before those that count.
_WARM_UP = 2
COUNT = 16


@dataclass(frozen=True)
class RecordSuite:
    """A cipher suite whose records are measured.

    Attributes:
        key: of the figures; those of one way end in `_seal` and `_open`.
        title: as the table shows it.
        code: its code point.
        module: of tlscore.crypto it cannot do without.
    """

    key: str
    title: str
    code: int
    module: str

    def uncounted(self, board: str, reason: str) -> list[Figure]:
        """Return its figures of a board that has none, and why."""
        keys = (f"{self.key}_seal", f"{self.key}_open", self.key)
        return [Figure(board, key, None, A_BYTE, "none", reason) for key in keys]


SUITES = (
    RecordSuite("aes_128_gcm_record", "AES-128-GCM, records of 1 KB, a byte", 0x1301, "gcm"),
    RecordSuite(
        "chacha20_poly1305_record",
        "ChaCha20-Poly1305, records of 1 KB, a byte",
        0x1303,
        "chacha20_poly1305",
    ),
)


@dataclass(frozen=True)
class Script:
    """One conversation: what the board is told and brought, and the digest of what it must say."""

    told: tuple[object, ...]
    flight: bytes
    records: tuple[bytes, ...]
    said: bytes


def script(suite: RecordSuite, count: int) -> Script:
    """Let client and server talk here, and return what there is to bring to the board."""
    told = (_SEED, _IDENTITY, _KEY, suite.code, RECORD_CONTENT_BYTES)
    client = _connect()(*told)
    server = ServerConnection(
        ServerConfig(
            HmacDrbg(_SEED + b"server"),
            psk={_IDENTITY: (_KEY, 32)}.get,
            psk_modes=(_PSK_KE,),
            suites=(suite.code,),
            send_buffer_bytes=RECORD_CONTENT_BYTES + 512,
        )
    )
    digest = hashlib.sha256()

    def bring(source: Any, sink: Any) -> bytes:
        data = bytes(source.to_send())
        source.sent(len(data))
        sink.receive(data)
        return data

    digest.update(bring(client, server))
    flight = bring(server, client)
    digest.update(bring(client, server))
    payload = bytes(i & 0xFF for i in range(RECORD_CONTENT_BYTES))
    records = []
    for _ in range(_WARM_UP + count):
        client.write(payload)
        digest.update(bring(client, server))
        if server.read() != payload:
            raise BenchError("the client of the core does not say what it is given")
        server.write(payload)
        records.append(bring(server, client))
        client.read()
    return Script(told, flight, tuple(records), digest.digest())


def _connect() -> Callable[..., Any]:
    """Return the board's own function, so that both sides are made of the same source."""
    folders = [str(SOURCE.parent), str(SOURCE.parents[2] / "hil" / "ontarget")]
    sys.path[:0] = folders
    try:
        module = importlib.import_module(SOURCE.stem)
    finally:
        del sys.path[: len(folders)]
    return cast("Callable[..., Any]", module.connect)


def run(board: Board, suite: RecordSuite, count: int = COUNT) -> list[Figure]:
    """Return what sealing and opening take a byte, and the mean of both.

    Args:
        board: with bench_records.py installed.
        suite: which one.
        count: of how many records.

    Raises:
        BenchError: the board failed, or said something else than it should.
    """
    name = board.target.name
    made = script(suite, count)
    sizes = {len(record) for record in made.records}
    if len(sizes) != 1:
        raise BenchError(f"records of {RECORD_CONTENT_BYTES} bytes differ in size: {sizes}")
    try:
        board.reset_link()
        board.start(
            f"{SOURCE.stem}:job",
            measure.clock_facts(board.target),
            made.told,
            len(made.flight),
            sizes.pop(),
            count,
        )
        # Emulators take it as fast as the guest reads.
        board.link.sendall(made.flight + b"".join(made.records), _TIMEOUT_S)
        answer = board.wait(_TIMEOUT_S)
    except HilError as error:
        raise BenchError(f"{name}: {suite.title}: {error}") from error
    sealing, opening, said = cast("tuple[Any, Any, bytes]", answer)
    if said != made.said:
        raise BenchError(f"{name}: {suite.title}: the board's bytes are not those of CPython")
    reason = uncounted(board.target)
    if reason is not None:
        return suite.uncounted(name, reason)
    method = f"mean of {count} records of {RECORD_CONTENT_BYTES} bytes, write to read_into"
    found = []
    for suffix, reports in (("_seal", [sealing]), ("_open", [opening]), ("", [sealing, opening])):
        total = sum(report["instructions"] for report in reports)
        value = total / (len(reports) * count * RECORD_CONTENT_BYTES)
        found.append(Figure(name, suite.key + suffix, value, A_BYTE, method))
    return found
