"""A recorded connection taken apart: records, what is inside of them, and messages, of both ends.

Theory of operation. The pieces a link delivered are joined to one stream for each end and cut into
records; these are taken in the order in which they were complete, so that what one end says can
decide how the other's next record is read. Each end has an epoch: in the clear, early data,
handshake, application keys and those after each KeyUpdate. An encrypted record is opened with the
traffic secret of its sender's epoch from a key log. Messages are cut from the contents over any
division into records; every record knows which parts of which messages it carries.

In TLS 1.2 an end has two epochs only: in the clear, and from its change_cipher_spec on the keys of
the connection, which come from the master secret of the key log.

Nothing that came is left out: bytes that are no records, or the start of one that never became
whole, are the tail of their stream. Nothing is judged here (`dissect.proofs` recomputes, the oracle
judges).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag

from hil.link import BOARD_TO_PEER, Chunk
from hil.tlsrig import keylog, names, tls12_keys, wire
from hil.tlsrig.dissect import messages as dissect_messages
from hil.tlsrig.dissect import record_fields
from hil.tlsrig.dissect.grammar import Field, bounded
from hil.tlsrig.dissect.messages import TLS_1_3
from hil.tlsrig.keylog import RecordKeys

PLAINTEXT, EARLY, HANDSHAKE, APPLICATION = "plaintext", "early data", "handshake", "application"
# The only keys there are in TLS 1.2.
CONNECTION = "connection"
_NOT_OPENED = (
    "it does not open with its sender's key: a byte was changed on the way, or it was made with "
    "another key"
)
_CERTIFICATE_TYPES = {True: "client_certificate_type", False: "server_certificate_type"}


@dataclass
class Message:
    """One message: a handshake message, an alert, change_cipher_spec, or a record's data.

    Attributes:
        name: as the RFC has it.
        content_type: 20 to 23.
        from_client: who sent it.
        epoch: what it travelled under.
        data: its bytes, whole.
        records: the records that carry it, in order.
        whole: it came to its end.
    """

    name: str
    content_type: int
    from_client: bool
    epoch: str
    data: bytes = b""
    records: list[Record] = field(default_factory=list)
    whole: bool = True
    described: Field | None = None

    @property
    def field(self) -> Field:
        """Its bytes, named."""
        return self.described or Field(self.name, self.data, "data")


@dataclass(frozen=True)
class Piece:
    """The part of a message that a record carries: `message.data[start:stop]`."""

    message: Message
    start: int
    stop: int

    @property
    def field(self) -> Field:
        """The piece as a field: the message itself where it is all of it."""
        message = self.message
        if (self.start, self.stop) == (0, len(message.data)) and message.whole:
            return message.field
        what = f"bytes {self.start:,} to {self.stop - 1:,} of {message.name}"
        if not message.whole:
            what += ", which never came to its end"
        return Field(f"part of {message.name}", message.data[self.start : self.stop], "data", what)


@dataclass
class Record:
    """One record.

    Attributes:
        number: in order of arrival, from 1.
        from_client, from_board: who sent it.
        offset: where it starts in its sender's stream.
        at_s: when it was complete, since the first bytes of the connection.
        epoch: what its sender's keys were.
        sequence: its number under these keys; None in the clear.
        label, secret, keys: what opened it; None in the clear or if nothing did.
        inner: what was inside, with type and padding; None in the clear or if it stayed sealed.
        trouble: why it stayed sealed; empty if it did not.
        pieces: of which messages its contents are.
        cipher: what a suite of TLS 1.2 seals it with; None in TLS 1.3, and if it is not known.
        is_older: the connection is one of TLS 1.2 or older.
    """

    number: int
    from_client: bool
    from_board: bool
    offset: int
    at_s: float
    header: bytes
    body: bytes
    epoch: str = PLAINTEXT
    sequence: int | None = None
    label: str | None = None
    secret: bytes | None = None
    keys: RecordKeys | tls12_keys.RecordKeys | None = None
    inner: bytes | None = None
    trouble: str = ""
    pieces: list[Piece] = field(default_factory=list)
    cipher: tls12_keys.Suite | None = None
    is_older: bool = False

    @property
    def is_sealed(self) -> bool:
        """It travelled encrypted."""
        return self.sequence is not None

    @property
    def wire_fields(self) -> tuple[Field, ...]:
        """What travelled, named; joined these are the record."""
        head = bounded(
            record_fields.OLDER_HEADER if self.is_older else record_fields.HEADER, self.header
        )
        if not self.is_sealed:
            return (head, *(piece.field for piece in self.pieces))
        if self.is_older:
            return (head, *record_fields.older_sealed(self.body, self.cipher))
        size = self.keys.tag_bytes if self.keys is not None else 0
        cut = max(len(self.body) - size, 0)
        about = "the AEAD's output: nobody without the key can read or change it"
        fields = [Field("encrypted_record", self.body[:cut], "sealed", "", "RFC 8446 §5.2", about)]
        if size:
            about = "the AEAD's tag: the record is refused if one bit was changed"
            fields.append(Field("tag", self.body[cut:], "proof", "", "RFC 8446 §5.2", about))
        return (head, *(one for one in fields if one.data))

    @property
    def inner_fields(self) -> tuple[Field, ...]:
        """What was inside of an encrypted record, named; joined these are `inner`."""
        if self.inner is None:
            return ()
        if self.is_older:
            return tuple(piece.field for piece in self.pieces)
        end = len(self.inner.rstrip(b"\0")) - 1
        kind = self.inner[end]
        fields = [piece.field for piece in self.pieces]
        about = "the real type: outside it is always application_data"
        value = f"{names.CONTENT_TYPES.get(kind, 'unlisted')} ({kind})"
        where = "RFC 8446 §5.2"
        fields.append(Field("type", self.inner[end : end + 1], "code", value, where, about, kind))
        if self.inner[end + 1 :]:
            about = "zeros that hide how long the contents are"
            fields.append(Field("zeros", self.inner[end + 1 :], "length", "padding", where, about))
        return tuple(fields)


@dataclass
class _Side:
    """How far one end has come."""

    from_client: bool
    epoch: str = PLAINTEXT
    sequence: int = 0
    label: str | None = None
    secret: bytes | None = None
    keys: RecordKeys | None = None
    generation: int = 0
    changed_cipher: bool = False
    partial: Message | None = None


class Exchange:
    """One connection, taken apart.

    Attributes:
        board_is_client: the board's role.
        streams: all bytes of each sender, by whether it is the client.
        tails: of each stream what is no whole record.
        records, messages: in order.
        client_random: what key logs know the connection by; b"" without a ClientHello.
        suite, version: as negotiated; None where it did not come that far.
        secrets: of this connection, by their labels.
    """

    def __init__(self, transcript: Sequence[Chunk], key_log: str, *, board_is_client: bool) -> None:
        """Take a transcript apart; nothing is refused."""
        self.board_is_client = board_is_client
        self.streams = {True: b"", False: b""}
        self.tails = {True: b"", False: b""}
        self.records: list[Record] = []
        self.messages: list[Message] = []
        self.client_random = b""
        self.suite: int | None = None
        self.version: int | None = None
        self.secrets: dict[str, bytes] = {}
        self._key_log = keylog.parse(key_log)
        self._sides = {True: _Side(True), False: _Side(False)}
        for record in self._cut(transcript):
            self.records.append(record)
            self._read(record, self._sides[record.from_client])
        for side in self._sides.values():
            if side.partial is not None:
                side.partial.whole = False
        for record in self.records:
            record.is_older = self.is_older

    def of(self, name: str, *, from_client: bool | None = None) -> list[Message]:
        """Return the whole messages of a name, in order."""
        return [
            message
            for message in self.messages
            if message.name == name and message.whole and from_client in (None, message.from_client)
        ]

    @property
    def is_older(self) -> bool:
        """Whether it is one of TLS 1.2 or older; without an answer as the ClientHello has it."""
        if self.version is not None:
            return self.version < TLS_1_3
        hellos = self.of("client_hello")
        return bool(hellos) and hellos[-1].field.first("client_version") is not None

    def _cut(self, transcript: Iterable[Chunk]) -> Iterator[Record]:
        start = None
        count = 0
        ended = {True: False, False: False}
        for chunk in transcript:
            start = chunk.at_s if start is None else start
            from_board = chunk.direction == BOARD_TO_PEER
            sender = from_board == self.board_is_client
            self.streams[sender] += chunk.data
            pending = self.tails[sender] + chunk.data
            while not ended[sender] and len(pending) >= wire.HEADER_BYTES:
                size = wire.HEADER_BYTES + int.from_bytes(pending[3:5], "big")
                ended[sender] = pending[0] not in names.CONTENT_TYPES or pending[1] != 3
                if ended[sender] or len(pending) < size:
                    break
                count += 1
                header, body = pending[: wire.HEADER_BYTES], pending[wire.HEADER_BYTES : size]
                offset = len(self.streams[sender]) - len(pending)
                yield Record(count, sender, from_board, offset, chunk.at_s - start, header, body)
                pending = pending[size:]
            self.tails[sender] = pending

    def _read(self, record: Record, side: _Side) -> None:
        kind, content = record.header[0], record.body
        encrypts = self.version is None or self.version >= TLS_1_3
        if encrypts and kind == wire.APPLICATION_DATA:
            self._open(record, side)
            if record.inner is None:
                return
            kind, content = _content(record.inner)
        elif side.changed_cipher and not encrypts:
            self._open_older(record, side)
            if record.inner is None:
                return
            content = record.inner
        else:
            record.epoch = PLAINTEXT
        if kind == wire.HANDSHAKE:
            self._handshake(record, side, content)
            return
        name = names.CONTENT_TYPES.get(kind, f"content type {kind}")
        described = None
        if kind == wire.ALERT:
            described = dissect_messages.alert(content, is_older=self.is_older)
        elif kind == wire.CHANGE_CIPHER_SPEC:
            described = dissect_messages.change_cipher_spec(content, is_older=self.is_older)
            side.changed_cipher = True
        message = Message(name, kind, side.from_client, record.epoch, content, [record])
        message.described = described
        self.messages.append(message)
        if content:
            record.pieces.append(Piece(message, 0, len(content)))

    def _open(self, record: Record, side: _Side) -> None:
        """Open an encrypted record with its sender's keys, if there are any that fit."""
        if side.epoch == PLAINTEXT:
            early = side.from_client and self._secret(EARLY, side) is not None
            self._enter(side, EARLY if early else HANDSHAKE)
        if not self._opens(record, side) and side.epoch == EARLY:
            before = side.epoch, side.sequence
            self._enter(side, HANDSHAKE)
            if not self._opens(record, side):
                self._enter(side, before[0])
                side.sequence = before[1]
        record.epoch, record.sequence = side.epoch, side.sequence
        record.label, record.secret, record.keys = side.label, side.secret, side.keys
        side.sequence += 1

    def _open_older(self, record: Record, side: _Side) -> None:
        """Open a record that comes after its sender's change_cipher_spec (RFC 5246 §6.2.3.3)."""
        record.epoch, record.sequence = CONNECTION, side.sequence
        record.cipher = tls12_keys.find(self.suite)
        side.sequence += 1
        master = self.secrets.get(tls12_keys.MASTER)
        if record.cipher is None or master is None:
            record.trouble = record_fields.no_keys(record.cipher)
            return
        randoms = self.client_random, self.of("server_hello")[-1].data[6:38]
        keys = record_fields.older_keys(record.cipher, master, randoms, of_client=side.from_client)
        record.label, record.secret, record.keys = tls12_keys.MASTER, master, keys
        try:
            record.inner = keys.open(record.sequence, record.header, record.body)
        except InvalidTag:
            record.trouble = _NOT_OPENED

    def _opens(self, record: Record, side: _Side) -> bool:
        if side.keys is None and side.epoch in (EARLY, HANDSHAKE):
            self._enter(side, side.epoch)  # the suite may be known by now
        record.trouble = ""
        if side.keys is None:
            record.trouble = f"the key log has no {self._label(side.epoch, side)}"
            return False
        try:
            record.inner = side.keys.open(side.sequence, record.header, record.body)
        except InvalidTag:
            record.trouble = _NOT_OPENED
        else:
            if not record.inner.strip(b"\0"):
                record.trouble, record.inner = "it has no content type: all zeros", None
        return record.inner is not None

    @staticmethod
    def _label(epoch: str, side: _Side) -> str:
        who = "CLIENT" if side.from_client else "SERVER"
        return {
            EARLY: "CLIENT_EARLY_TRAFFIC_SECRET",
            HANDSHAKE: f"{who}_HANDSHAKE_TRAFFIC_SECRET",
        }.get(epoch, f"{who}_TRAFFIC_SECRET_0")

    def _secret(self, epoch: str, side: _Side) -> tuple[str, bytes] | None:
        label = self._label(epoch, side)
        secret = self.secrets.get(label)
        if secret is None:
            return None
        for _ in range(side.generation):
            assert self.suite is not None
            secret = keylog.next_traffic_secret(self.suite, secret)
        return label.replace("_0", f"_{side.generation}") if side.generation else label, secret

    def _enter(self, side: _Side, epoch: str, generation: int = 0) -> None:
        """Let an end go over to other keys: its records are counted from 0 again."""
        side.epoch, side.sequence, side.generation = epoch, 0, generation
        side.label = side.secret = side.keys = None
        found = self._secret(epoch, side)
        suite = self.suite
        if suite is None and epoch == EARLY:
            offered = [
                code for hello in self.messages for code in hello.field.codes("cipher_suite")
            ]
            suite = next((code for code in offered if code in names.SUITES), None)
        if found is not None and suite is not None and suite in names.SUITES:
            side.label, side.secret = found
            side.keys = RecordKeys(suite, side.secret)

    def _handshake(self, record: Record, side: _Side, content: bytes) -> None:
        position = 0
        while position < len(content):
            message = side.partial
            if message is None:
                message = Message("", wire.HANDSHAKE, side.from_client, record.epoch)
                self.messages.append(message)
                side.partial = message
            have = len(message.data)
            known = have >= 4
            total = 4 + int.from_bytes(message.data[1:4], "big") if known else 4
            taken = content[position : position + total - have]
            position += len(taken)
            message.data += taken
            message.name = dissect_messages.name_of(message.data)
            _carry(record, message, have)
            if len(message.data) >= 4:
                total = 4 + int.from_bytes(message.data[1:4], "big")
                if len(message.data) == total:
                    side.partial = None
                    self._completed(message, side)

    def _completed(self, message: Message, side: _Side) -> None:
        """Name the bytes of a whole message, and do what it means for what follows."""
        message.described = dissect_messages.message(
            message.data, self.version, raw_public_key=self._is_raw(side), suite=self.suite
        )
        if message.name == "client_hello":
            self.client_random = message.data[6:38]
            for line in self._key_log:
                if line.client_random == self.client_random:
                    self.secrets[line.label] = line.secret
        elif message.name == "server_hello":
            suite, chosen = (
                message.field.first("cipher_suite"),
                message.field.first("selected_version"),
            )
            legacy = message.field.first("legacy_version") or message.field.first("server_version")
            self.suite = suite.code if suite else None
            self.version = (chosen or legacy or Field("", b"")).code
            if self.version is not None and self.version >= TLS_1_3:
                self._enter(side, HANDSHAKE)
        elif message.name == "end_of_early_data":
            self._enter(side, HANDSHAKE)
        elif self.version is not None and self.version < TLS_1_3:
            return
        elif message.name == "finished":
            self._enter(side, APPLICATION)
        elif message.name == "key_update":
            self._enter(side, APPLICATION, side.generation + 1)

    def _is_raw(self, side: _Side) -> bool:
        for message in self.of("encrypted_extensions"):
            chosen = message.field.first(_CERTIFICATE_TYPES[side.from_client])
            if chosen is not None:
                return dissect_messages.RAW_PUBLIC_KEY in chosen.codes("certificate_type")
        return False


def _carry(record: Record, message: Message, start: int) -> None:
    """Note that a record carries a message's bytes from `start` on; parts of one are joined."""
    if record.pieces and record.pieces[-1].message is message:
        start = record.pieces.pop().start
    else:
        message.records.append(record)
    record.pieces.append(Piece(message, start, len(message.data)))


def _content(inner: bytes) -> tuple[int, bytes]:
    """Take a TLSInnerPlaintext apart (RFC 8446 §5.2): content, type, zeros."""
    end = len(inner.rstrip(b"\0")) - 1
    return inner[end], inner[:end]
