"""That both ends of DTLS 1.2 have the same secrets, where the peer exports nothing.

The peer's key log has its master secret. What it would export (RFC 5705 §4) follows from that and
the two randoms, which travel in the clear. Computed without `tlscore`, which this judges.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hil.link import Chunk
from hil.tlsrig import keylog, mishaps, names, tls12_keys, wire
from hil.tlsrig.peers import EXPORTER_BYTES, EXPORTER_LABEL
from hil.tlsrig.statement import Statement

METHOD = "computed from its key log"
_HEADER_BYTES = 13
# Behind the message's header (RFC 6347 §4.2.2) and the version.
_RANDOM_AT = 12 + 2
_RANDOM_BYTES = 32


def completed(said: Statement, key_log: Path | None, transcript: Sequence[Chunk]) -> Statement:
    """Return a peer's statement, with what it would export if it cannot say that itself.

    Args:
        said: the peer's own.
        key_log: the peer's own, None if it has none.
        transcript: what the link delivered.
    """
    if said.exporter is not None or not said.connected or key_log is None or said.suite is None:
        return said
    client, server = (_random(transcript, kind) for kind in (wire.CLIENT_HELLO, wire.SERVER_HELLO))
    if client is None or server is None or not key_log.is_file():
        return said
    master = keylog.find(key_log, tls12_keys.MASTER, client)
    if master is None:
        return said
    hash_name = tls12_keys.row(names.code_of(names.ALL_SUITES, said.suite)).hash_name
    exported = tls12_keys.prf(
        hash_name, master, EXPORTER_LABEL.encode("ascii"), client + server, EXPORTER_BYTES
    )
    return replace(said, exporter=exported, exporter_method=METHOD)


def _random(transcript: Sequence[Chunk], kind: int) -> bytes | None:
    """Return the random of the last hello of a kind that arrived from its beginning on."""
    found = None
    for chunk in transcript:
        for record in mishaps.records(chunk.data):
            message = record.octets[_HEADER_BYTES:]
            if record.message == kind and len(message) >= _RANDOM_AT + _RANDOM_BYTES:
                found = message[_RANDOM_AT : _RANDOM_AT + _RANDOM_BYTES]
    return found
