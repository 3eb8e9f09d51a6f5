"""A cassette: one scenario with one peer, as a board and the peer once said it.

With a cassette a board can be run again without the peer (`hil.tlsrig.replay`): it gets the same
options, its random seed among them, and the peer's bytes as they came, so it has to say the same
bytes again, whichever board it is. A cassette is one JSON file, checked against
`hil/schema/hil-cassette-1.json` when it is read:

- `options` of each connection's job, and its `result` without the marks. Bytes are
  `{"bytes": "<hexadecimal>"}`, an array is a tuple, `{"list": [...]}` is a list. What the board's
  own speed decides (`hil.tlsrig.briefing.circumstances`) is left out: the same file serves all.
- `exchange`: turns of `board` and `peer`. A turn of the peer may be delivered as soon as the board
  has said everything before it; a board that has had everything before a turn of its own says that
  turn without another byte. A piece is a TLS record in hexadecimal; of an encrypted record the
  header, a space, and the rest in base64, which nobody reads and which is a third shorter. Of DTLS
  a piece is a frame of the link (`hil.datagram_frames`), in hexadecimal.

The certificates and keys in a cassette were made for that one recording and protect nothing.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, NamedTuple

from hil import paths
from hil.datagram_frames import Deframer
from hil.errors import HilError
from hil.tlsrig import wire

SCHEMA_NAME = "hil-cassette/1"
SCHEMA_FILE = paths.package_dir() / "schema" / "hil-cassette-1.json"

Speaker = Literal["board", "peer"]


class CassetteError(HilError):
    """A cassette that cannot be read or written; the message names the file and the key."""


class Turn(NamedTuple):
    """What one side said before it had to wait for the other."""

    speaker: Speaker
    data: bytes


@dataclass(frozen=True)
class Taped:
    """One recorded connection.

    Attributes:
        options: of the board's job, without its circumstances.
        result: of the job, without its marks.
        exchange: the turns, in order.
    """

    options: Mapping[str, object]
    result: Mapping[str, object]
    exchange: tuple[Turn, ...]

    @property
    def over_datagrams(self) -> bool:
        """It is one of DTLS: what is said is in frames."""
        return "datagram_bytes" in self.options

    @property
    def reads(self) -> tuple[int, ...]:
        """Counts of bytes received at which the peer waits for the board, or has ended.

        None of datagrams: they come whole, whenever they come.
        """
        if self.over_datagrams:
            return ()
        return tuple(accumulate(len(turn.data) for turn in self.exchange if turn.speaker == "peer"))

    def said_by(self, speaker: Speaker) -> bytes:
        """Return everything that one side said."""
        return b"".join(turn.data for turn in self.exchange if turn.speaker == speaker)


@dataclass(frozen=True)
class Cassette:
    """One recorded cell."""

    scenario: str
    peer: str
    peer_version: str
    connections: tuple[Taped, ...]


def shipped() -> Path:
    """Return the folder of the farm's own cassettes."""
    return paths.package_dir() / "tlsrig" / "cassettes"


def file_of(directory: Path, scenario: str, peer: str) -> Path:
    """Return where a cassette of a scenario and a peer is kept."""
    return directory / f"{scenario}.{peer}.json"


def scenarios_in(directory: Path, peers: Iterable[str]) -> list[str]:
    """Return the names of the scenarios that a folder has cassettes of with any of `peers`."""
    found = [path.stem.rpartition(".") for path in sorted(directory.glob("*.*.json"))]
    return list(dict.fromkeys(name for name, _, peer in found if peer in set(peers)))


def peers_in(directory: Path, scenario: str = "*") -> list[str]:
    """Return the names of the peers that a folder has cassettes with, of one scenario or of any."""
    found = sorted(directory.glob(file_of(Path(), scenario, "*").name))
    return list(dict.fromkeys(path.stem.rpartition(".")[2] for path in found))


def write(cassette: Cassette, directory: Path) -> Path:
    """Write a cassette into a folder, which is made if need be, and return the file.

    Raises:
        CassetteError: it cannot be written.
    """
    path = file_of(directory, cassette.scenario, cassette.peer)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        path.write_text(_text(cassette), "ascii")
    except OSError as error:
        raise CassetteError(f"{path}: cannot be written: {error}") from error
    return path


def read(path: Path) -> Cassette:
    """Read and check a cassette.

    Raises:
        CassetteError: there is no such file, or it breaks the format; names file and key.
    """
    try:
        document = json.loads(path.read_text("ascii"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CassetteError(f"{path}: not a readable cassette: {error}") from error
    _validate(path, document)
    name = f"{document['scenario']}.{document['peer']}.json"
    if path.name != name:
        raise CassetteError(f"{path}: $.scenario, $.peer: this file would be called {name}")
    connections = []
    for number, entry in enumerate(document["connections"]):
        key = f"$.connections[{number}]"
        connections.append(
            Taped(
                {name: _decoded(value) for name, value in entry["options"].items()},
                {name: _decoded(value) for name, value in entry["result"].items()},
                _turns(path, f"{key}.exchange", entry["exchange"]),
            )
        )
    return Cassette(
        document["scenario"], document["peer"], document["peer_version"], tuple(connections)
    )


def _text(cassette: Cassette) -> str:
    """Return a cassette as JSON, with a line for each option, fact and record."""
    head = {
        "schema": SCHEMA_NAME,
        "scenario": cassette.scenario,
        "peer": cassette.peer,
        "peer_version": cassette.peer_version,
    }
    lines = "".join(f" {json.dumps(name)}: {json.dumps(value)},\n" for name, value in head.items())
    connections = ",\n".join(_connection_text(taped) for taped in cassette.connections)
    return f'{{\n{lines} "connections": [\n{connections}\n ]\n}}\n'


def _connection_text(taped: Taped) -> str:
    sections = []
    for section, values in (("options", taped.options), ("result", taped.result)):
        entries = ",\n".join(
            f"    {json.dumps(name)}: {json.dumps(_encoded(values[name]))}"
            for name in sorted(values)
        )
        sections.append(f'   "{section}": {{\n{entries}\n   }}')
    turns = []
    divide = _frames if taped.over_datagrams else _pieces
    for turn in taped.exchange:
        pieces = ",\n".join(f"     {json.dumps(piece)}" for piece in divide(turn.data))
        turns.append(f'    {{"{turn.speaker}": [\n{pieces}\n    ]}}')
    sections.append('   "exchange": [\n' + ",\n".join(turns) + "\n   ]")
    return "  {\n" + ",\n".join(sections) + "\n  }"


def _validate(path: Path, document: object) -> None:
    import jsonschema  # noqa: PLC0415  (slow to import, and every pytest run loads the plugin)

    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    offences = list(jsonschema.Draft202012Validator(schema).iter_errors(document))
    if offences:
        worst = jsonschema.exceptions.best_match(offences)
        message = worst.message if len(worst.message) < 200 else f"{worst.message[:200]}..."
        raise CassetteError(f"{path}: {worst.json_path}: {message}")


def _turns(path: Path, key: str, entries: list[dict[str, list[str]]]) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    for number, entry in enumerate(entries):
        ((who, pieces),) = entry.items()
        speaker: Speaker = "board" if who == "board" else "peer"
        if turns and turns[-1].speaker == speaker:
            raise CassetteError(f"{path}: {key}[{number}]: the {who} has two turns in a row")
        data = b""
        for index, piece in enumerate(pieces):
            try:
                data += _bytes_of(piece)
            except (ValueError, binascii.Error) as error:
                place = f"{key}[{number}].{who}[{index}]"
                raise CassetteError(f"{path}: {place}: {error}") from error
        turns.append(Turn(speaker, data))
    return tuple(turns)


def _bytes_of(piece: str) -> bytes:
    header, _, body = piece.partition(" ")
    return bytes.fromhex(header) + base64.b64decode(body, validate=True)


def _pieces(data: bytes) -> list[str]:
    """Divide what one side said into records, as far as it is made of some."""
    splitter = wire.RecordSplitter()
    pieces = []
    try:
        for record in splitter.push(data):
            if record.content_type == wire.APPLICATION_DATA and record.body:
                body = base64.b64encode(record.body).decode("ascii")
                pieces.append(f"{record.header.hex()} {body}")
            else:
                pieces.append(record.encode().hex())
    except wire.NotTlsError:  # the rest is left as it is
        pass
    return [*pieces, splitter.pending.hex()] if splitter.pending else pieces


def _frames(data: bytes) -> list[str]:
    """Divide what one side said into frames."""
    whole = [frame.encode() for frame in Deframer().push(data)]
    rest = data[sum(len(frame) for frame in whole) :]
    return [piece.hex() for piece in (*whole, rest) if piece]


def _encoded(value: object) -> object:
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    if isinstance(value, list):
        return {"list": [_encoded(item) for item in value]}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise TypeError(f"a cassette holds no {type(value).__name__}")


def _decoded(value: Any) -> object:
    if isinstance(value, dict):
        if "bytes" in value:
            return bytes.fromhex(value["bytes"])
        return [_decoded(item) for item in value["list"]]
    if isinstance(value, list):
        return tuple(_decoded(item) for item in value)
    plain: object = value
    return plain
