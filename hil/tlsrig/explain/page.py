"""The annotated page of one connection: every byte that travelled, named, opened and explained.

Made from a dissected exchange by a jinja2 template, as one file that needs nothing else. What is
told once (records, nonces, the key schedule) is told in the template; what belongs to a field comes
with it from the grammar. The page shows bytes in the order in which they travelled: those in
elements of the class `wire` are, joined for each direction, exactly the captured streams.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import jinja2

from hil.tlsrig import keylog, names, tls12_keys
from hil.tlsrig.dissect import tls12_proofs
from hil.tlsrig.dissect.exchange import Exchange, Message, Record
from hil.tlsrig.dissect.messages import about
from hil.tlsrig.dissect.proof import Proof
from hil.tlsrig.dissect.proofs import proofs
from hil.tlsrig.dissect.schedule import schedule

_NONCE_BYTES = 12
_RFC_LINK = re.compile(r"RFC (\d+) (?:§|appendix )([A-Z\d][.\d]*)")


@dataclass(frozen=True)
class Subject:
    """What the page is of.

    Attributes:
        name: of the cell.
        facts: more about it, for its head, as (what, value).
        explanation: why the handshake failed or was refused, in lines; empty if it was not.
        board, peer: what to call the ends.
        psks: pre-shared keys that may have been used.
        anchors: certificates that may have issued those that were sent, DER.
    """

    name: str
    facts: Sequence[tuple[str, str]] = ()
    explanation: str = ""
    board: str = "the board"
    peer: str = "the peer"
    psks: Sequence[bytes] = ()
    anchors: Sequence[bytes] = ()


@dataclass(frozen=True)
class _Shown:
    """One record with what is told under it."""

    record: Record
    title: str
    messages: tuple[tuple[int, Message], ...] = ()
    nonce: tuple[bytes, bytes, bytes] | None = None

    @property
    def is_data(self) -> bool:
        """It holds application data and nothing else."""
        return bool(self.messages) and all(
            one.name == "application_data" for _, one in self.messages
        )

    @property
    def label(self) -> str:
        """What it holds, in short."""
        said = [_label(one.message) for one in self.record.pieces]
        return ", ".join(dict.fromkeys(said)) or ("sealed" if self.record.is_sealed else "nothing")


@dataclass
class _Step:
    """One arrow of the sequence diagram; records of the same kind after each other share one."""

    record: Record
    label: str
    kind: str
    count: int = 1
    size: int = 0
    names: list[str] = field(default_factory=list)


def page(exchange: Exchange, subject: Subject) -> str:
    """Return the page as HTML."""
    found = proofs(exchange, subject.psks, subject.anchors)
    ends = {exchange.board_is_client: subject.board, not exchange.board_is_client: subject.peer}
    shown = [_shown(exchange, record, ends) for record in exchange.records]
    hash_name = _hash_name(exchange.suite)
    style, script = _source("explain.css"), _source("explain.js")
    return (
        _environment()
        .get_template("explain.html.jinja")
        .render(
            policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
            "base-uri 'none'; form-action 'none'",
            style=style,
            script=script,
            subject=subject,
            exchange=exchange,
            client=f"{ends[True]} (client)",
            server=f"{ends[False]} (server)",
            shown=shown,
            steps=_steps(shown),
            proofs=found,
            proved=_proved(found),
            schedule=schedule(exchange, found),
            suite=names.name_of(names.ALL_SUITES, exchange.suite) if hash_name else None,
            hash_name=hash_name.upper().replace("SHA", "SHA-"),
            cipher=tls12_keys.find(exchange.suite),
            kinds=_particulars(exchange),
            about=about(is_older=exchange.is_older),
            tails=[(is_client, tail) for is_client, tail in exchange.tails.items() if tail],
        )
    )


def _hash_name(suite: int | None) -> str:
    """Return the hash that a suite goes with; empty if its records cannot be opened here."""
    older = tls12_keys.find(suite)
    if older is not None:
        return older.hash_name
    return keylog.row(suite).hash_name if suite is not None and suite in names.SUITES else ""


def _label(message: Message) -> str:
    what = message.field.first("description")
    name = names.ALERTS.get(what.code) if what is not None and what.code is not None else None
    return f"{message.name} {name}" if name is not None else message.name


def _shown(exchange: Exchange, record: Record, ends: Mapping[bool, str]) -> _Shown:
    complete = tuple(
        (exchange.messages.index(piece.message), piece.message)
        for piece in record.pieces
        if piece.message.records[-1] is record
    )
    nonce = None
    if record.keys is not None and record.sequence is not None:
        padded = record.sequence.to_bytes(_NONCE_BYTES, "big")
        nonce = record.keys.iv, padded, _nonce(record, record.sequence)
    who = "client" if record.from_client else "server"
    return _Shown(record, f"from {ends[record.from_client]} ({who})", complete, nonce)


def _nonce(record: Record, sequence: int) -> bytes:
    keys = record.keys
    if isinstance(keys, tls12_keys.RecordKeys):
        return keys.nonce(sequence, record.body[: keys.explicit_bytes])
    assert keys is not None
    return keys.nonce(sequence)


def _steps(shown: Sequence[_Shown]) -> list[_Step]:
    steps: list[_Step] = []
    for one in shown:
        record = one.record
        kind = "clear" if not record.is_sealed else record.epoch.split(" ", maxsplit=1)[0]
        last = steps[-1] if steps else None
        joins = (
            last is not None
            and last.record.from_client == record.from_client
            and last.kind == kind
            and last.label == one.label
            and one.is_data
        )
        if joins and last is not None:
            last.count += 1
            last.size += len(record.body)
        else:
            steps.append(_Step(record, one.label, kind, 1, len(record.body)))
    return steps


def _proved(found: Mapping[int, Sequence[Proof]]) -> dict[str, int]:
    """Count how the proofs came out."""
    all_of_them = [proof for made in found.values() for proof in made]
    return {
        "right": sum(proof.right is True for proof in all_of_them),
        "wrong": sum(proof.right is False for proof in all_of_them),
        "open": sum(proof.right is None for proof in all_of_them),
    }


def _particulars(exchange: Exchange) -> list[str]:
    """Name what is particular about this handshake, for the introduction."""
    kinds = []
    hello = exchange.of("server_hello")
    offered = [message.field for message in exchange.of("client_hello")]
    if exchange.of("hello_retry_request"):
        kinds.append("retry")
    if hello and hello[0].field.first("selected_identity") is not None:
        kinds.append("psk")
    elif any(one.first("pre_shared_key") is not None for one in offered):
        kinds.append("psk_refused")
    if exchange.of("certificate_request"):
        kinds.append("mutual")
    if exchange.of("new_session_ticket"):
        kinds.append("tickets")
    if exchange.of("key_update"):
        kinds.append("key_update")
    alerts = [one for message in exchange.of("alert") for one in message.field.codes("description")]
    if any(code != 0 for code in alerts):
        kinds.append("alert")
    if any(record.trouble for record in exchange.records):
        kinds.append("sealed")
    if not hello:
        kinds.append("unanswered")
    if exchange.is_older:
        kinds += ["older", *_particulars_of_older(exchange)]
    return kinds


def _particulars_of_older(exchange: Exchange) -> list[str]:
    kinds = []
    if not exchange.of("server_hello_done") and exchange.of("change_cipher_spec"):
        kinds.append("resumed")
    if "PSK_" in (names.name_of(names.OLDER_SUITES, exchange.suite) or ""):
        kinds.append("older_psk")
    kinds.append("extended" if tls12_proofs.is_extended(exchange) else "not_extended")
    return kinds


def _hex(data: bytes) -> str:
    return data.hex(" ")


def _rfc(where: str) -> list[tuple[str, str | None]]:
    """Cut a source into (text, link) pieces, one for each RFC named."""
    pieces: list[tuple[str, str | None]] = []
    for part in filter(None, where.split(", ")):
        found = _RFC_LINK.match(part)
        if found is None:
            pieces.append((part, None))
            continue
        rfc, section = found.group(1), found.group(2).rstrip(".")
        anchor = f"appendix-{section}" if section[0].isalpha() else f"section-{section}"
        pieces.append((part, f"https://www.rfc-editor.org/rfc/rfc{rfc}#{anchor}"))
    return pieces


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("hil.tlsrig.explain"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(hex=_hex, rfc=_rfc)
    return environment


def _source(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]


def _hash(text: str) -> str:
    """Return what a Content-Security-Policy calls an inline style or script by (CSP 3 §2.3.1)."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
