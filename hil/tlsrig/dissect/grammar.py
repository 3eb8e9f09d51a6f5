"""A small grammar for naming every byte of a TLS message, with the source and sense of each field.

A rule is a function that takes its bytes from a `Cursor` and returns a `Field`. Rules are made by
the functions below (`number`, `opaque`, `vector`, ...), so that a message reads in its file like
the presentation language of RFC 8446 §3. A field has either no parts, or parts whose bytes joined
are exactly its own: nothing can get lost or be shown twice, whatever came over the wire.

Nothing is refused here. Bytes that do not fit the grammar become a field of the kind `unknown`
that says what was wrong: a broken message is when somebody wants to look at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

# What a field is, which decides its colour.
Kind = Literal[
    "code", "length", "random", "key", "proof", "text", "time", "data", "sealed", "unknown"
]
KINDS: tuple[Kind, ...] = (
    *("code", "length", "random", "key", "proof", "text", "time", "data", "sealed", "unknown"),
)
# From this many bytes on a number is shown as bytes only.
_LONGEST_NUMBER_BYTES = 8


class Truncated(Exception):
    """The bytes end before a field does; never leaves this package."""


@dataclass(frozen=True)
class Field:
    """Some bytes with a name.

    Attributes:
        name: as the RFC spells it.
        data: the bytes.
        kind: see `KINDS`.
        value: what they mean; of a field with parts a summary, often empty.
        rfc: where that is said.
        about: a sentence of what it is for.
        code: the number they stand for, where they do.
        parts: what it consists of, in order.
    """

    name: str
    data: bytes
    kind: Kind = "data"
    value: str = ""
    rfc: str = ""
    about: str = ""
    code: int | None = None
    parts: tuple[Field, ...] = ()

    def __post_init__(self) -> None:
        """Hold parts to the bytes they are parts of."""
        if self.parts and b"".join(part.data for part in self.parts) != self.data:
            raise ValueError(f"the parts of {self.name} are not its bytes")

    def leaves(self) -> Iterator[Field]:
        """Yield the fields without parts, in order: their bytes joined are this field's."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.leaves()

    def all(self, name: str) -> Iterator[Field]:
        """Yield every field of that name, itself included, in order."""
        if self.name == name:
            yield self
        for part in self.parts:
            yield from part.all(name)

    def first(self, name: str) -> Field | None:
        """Return the first field of that name."""
        return next(self.all(name), None)

    def codes(self, name: str) -> list[int]:
        """Return the numbers of every field of that name."""
        return [field.code for field in self.all(name) if field.code is not None]


class Cursor:
    """Bytes that are taken from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.position = 0

    @property
    def left(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self.position

    def take(self, count: int) -> bytes:
        """Return the next bytes.

        Raises:
            Truncated: there are fewer.
        """
        if count > self.left:
            raise Truncated(f"{count} bytes were announced, {self.left} are left")
        start = self.position
        self.position += count
        return self._data[start : self.position]

    def rest(self) -> bytes:
        """Return all that is left."""
        return self.take(self.left)


Rule = Callable[[Cursor], Field]


def is_grease(code: int) -> bool:
    """Whether a code point means nothing and has to be ignored (RFC 8701 §2)."""
    return code & 0x0F0F == 0x0A0A and code >> 8 == code & 0xFF


def registered(names: Mapping[int, str], code: int, size: int) -> str:
    """Return a number's registered name with its digits, as RFCs write it."""
    digits = f"0x{code:0{2 * size}x}" if size > 1 else str(code)
    if size == 2 and is_grease(code):
        return f"GREASE ({digits})"
    return f"{names.get(code, 'unlisted')} ({digits})"


def counted_in(count: int, unit: str) -> str:
    """Return a number with its unit, `1 byte` or `1,216 bytes`."""
    return f"{count:,} {unit[:-1] if count == 1 else unit}".rstrip()


def number(
    name: str,
    size: int,
    rfc: str = "",
    about: str = "",
    *,
    kind: Kind = "code",
    names: Mapping[int, str] | None = None,
    unit: str = "",
) -> Rule:
    """Return the rule of an unsigned number, or of a registered code if there are `names`."""

    def read(cursor: Cursor) -> Field:
        data = cursor.take(size)
        code = int.from_bytes(data, "big")
        value = counted_in(code, unit) if names is None else registered(names, code, size)
        if names is None and size > _LONGEST_NUMBER_BYTES:
            value = ""
        return Field(name, data, kind, value, rfc, about, code)

    return read


def length(size: int, of: str = "what follows") -> Rule:
    """Return the rule of a length field; it is read for its name only."""
    return number("length", size, "RFC 8446 §3.4", f"bytes of {of}", kind="length", unit="bytes")


def opaque(
    name: str, size: int, rfc: str = "", about: str = "", *, kind: Kind = "data", value: str = ""
) -> Rule:
    """Return the rule of a fixed number of bytes that are not looked into."""

    def read(cursor: Cursor) -> Field:
        return Field(name, cursor.take(size), kind, value, rfc, about)

    return read


def rest(
    name: str,
    rfc: str = "",
    about: str = "",
    *,
    kind: Kind = "data",
    show: Callable[[bytes], str] | None = None,
) -> Rule:
    """Return the rule of everything that is left; `show` says what it means."""

    def read(cursor: Cursor) -> Field:
        data = cursor.rest()
        return Field(name, data, kind, show(data) if show else "", rfc, about)

    return read


def group(name: str, *rules: Rule, rfc: str = "", about: str = "") -> Rule:
    """Return the rule of fields one after the other; their values make its summary."""

    def read(cursor: Cursor) -> Field:
        parts = tuple(rule(cursor) for rule in rules)
        return joined(name, parts, rfc=rfc, about=about)

    return read


def sequence(name: str, item: Rule, rfc: str = "", about: str = "") -> Rule:
    """Return the rule of items up to the end."""

    def read(cursor: Cursor) -> Field:
        parts = []
        while cursor.left:
            parts.append(item(cursor))
        return joined(name, tuple(parts), rfc=rfc, about=about)

    return read


def counted(
    name: str, size: int, inner: Rule, rfc: str = "", about: str = "", *, value: bool = True
) -> Rule:
    """Return the rule of a length and of as many bytes, which are `inner`'s.

    Args:
        name: of the whole.
        size: bytes of the length.
        inner: its name is not shown, its parts become parts of the whole.
        rfc, about: as `Field` has them.
        value: take the summary from `inner`.
    """
    head = length(size)

    def read(cursor: Cursor) -> Field:
        start = head(cursor)
        assert start.code is not None
        body = bounded(inner, cursor.take(start.code))
        inside = body.parts or ((body,) if body.data else ())
        whole = joined(name, (start, *inside), rfc=rfc, about=about)
        return replace(whole, value=body.value if value else "")

    return read


def vector(name: str, size: int, item: Rule, rfc: str = "", about: str = "") -> Rule:
    """Return the rule of a length in bytes and of items up to there (RFC 8446 §3.4)."""
    return counted(name, size, sequence(name, item), rfc, about)


def joined(name: str, parts: tuple[Field, ...], *, rfc: str = "", about: str = "") -> Field:
    """Return the field that consists of `parts`; their values make its summary."""
    data = b"".join(part.data for part in parts)
    said = [part.value for part in parts if part.value and part.kind not in ("length", "unknown")]
    return Field(name, data, "data", ", ".join(said), rfc, about, None, parts)


def bounded(rule: Rule, data: bytes) -> Field:
    """Apply a rule to exactly these bytes; what does not fit is shown as `unknown`."""
    cursor = Cursor(data)
    try:
        field = rule(cursor)
    except Truncated as error:
        return Field("undecodable", data, "unknown", f"cut short: {error}")
    if not cursor.left:
        return field
    surplus = Field("surplus", cursor.rest(), "unknown", "more bytes than the message should have")
    parts = (*(field.parts or (field,)), surplus)
    return replace(field, data=data, parts=parts)


def text(data: bytes) -> str:
    """Return bytes as text, with everything unprintable escaped."""
    return data.decode("latin-1").encode("unicode_escape").decode("ascii")
