"""A trust store in a file: any number of anchors, one of them in memory at a time.

The file is made on a PC (`hil trust build roots.pem -o trust.bin`) and copied to the board, so
whom a board trusts changes without a new firmware. `TrustStore` is a trust store as
tlscore/trust.py describes it: it looks for an issuer by halving a sorted index in the file, and
reads the anchors of that name only. A store of 150 roots costs the memory of one key.

The file, all numbers big-endian (this is version 1):

    0   8   "TLSTRUST"
    8   2   version
    10  2   number of anchors
    12  4   size of the whole file
    16  32  SHA-256 of the file with these 32 bytes left out
    48      index: for each anchor the SHA-256 of its Name (32 bytes) and the place of its record
            (4 bytes), sorted
    ...     records: kind of the key (1 byte; tlscore.crypto.signature), its length (2), length
            of the limits (2), the key, the limits (an `Extensions` value, RFC 5280 §4.1; may be
            empty)

A file that is cut off, damaged or of another version is refused when it is opened. The hash
finds accidents, not enemies: whoever can write the file decides whom the board trusts.
"""

from tlscore.compat import const
from tlscore.crypto.hashes import SHA256
from tlscore.errors import UsageError
from tlscore.trust import checked_pins

MAGIC = b"TLSTRUST"
VERSION = 1
HEADER_BYTES = 48
INDEX_ROW_BYTES = 36
RECORD_HEADER_BYTES = 5

_DIGEST_START = const(16)
_PIECE_BYTES = const(128)


class TrustStore:
    """Trust anchors in a file or in flash.

    Args:
        source: bytes (or a memoryview, say of flash), or an open binary file with `seek`, `read`
            and `readinto`, which stays the caller's to close, after the last connection.
        pins: as for trust.TrustAnchors.

    Raises:
        UsageError: `trust_store.not_a_store`, `trust_store.version`, `trust_store.truncated`,
            `trust_store.corrupt`; `trust_store.empty` when it holds no anchor.

    Attributes:
        count: number of anchors.
    """

    authorities = ()  # the file has hashes of names only

    def __init__(self, source, pins=None):
        self.pins = None if pins is None else checked_pins(pins)
        self._source = source
        self._in_memory = not hasattr(source, "seek")
        header = self._read(0, HEADER_BYTES)
        if header[:8] != MAGIC[: len(header)] or not header:
            raise UsageError("trust_store.not_a_store")
        if len(header) < HEADER_BYTES:
            raise UsageError("trust_store.truncated")
        if int.from_bytes(header[8:10], "big") != VERSION:
            raise UsageError("trust_store.version")
        self.count = int.from_bytes(header[10:12], "big")
        self._check(header)
        if not self.count:
            raise UsageError("trust_store.empty")

    def anchors(self, name_hash) -> list:
        """Return the keys trusted under the name whose SHA-256 is `name_hash`.

        Raises:
            UsageError: `trust_store.corrupt`: the file is not what it was when it was opened.
        """
        low = 0
        high = self.count
        while low < high:  # the first row that is not below
            middle = (low + high) // 2
            if self._row(middle)[:32] < name_hash:
                low = middle + 1
            else:
                high = middle
        found = []
        while low < self.count:
            row = self._row(low)
            if row[:32] != name_hash:
                break
            found.append(self._key(int.from_bytes(row[32:], "big")))
            low += 1
        return found

    def row(self, number: int) -> tuple:
        """Return anchor `number` (0 is the first) as `(name_hash, key)`, for lists of a store."""
        row = self._row(number)
        return row[:32], self._key(int.from_bytes(row[32:], "big"))

    def _check(self, header):
        """Compare size and hash of the whole file with what its header says."""
        size = int.from_bytes(header[12:16], "big")
        running = SHA256.new(header[:_DIGEST_START])
        if self._in_memory:
            body = memoryview(self._source)[HEADER_BYTES:size]
            running.update(body)
            place = HEADER_BYTES + len(body)
        else:
            place = self._hash_file(running, size)
        if place < size:
            raise UsageError("trust_store.truncated")
        # What does not match its hash is damaged, and so is what goes on after its end.
        if running.digest() != header[_DIGEST_START:] or place != size or self._read(size, 1):
            raise UsageError("trust_store.corrupt")

    def _hash_file(self, running, size):
        """Hash the file up to `size`, all through one small buffer; return where it ended."""
        piece = memoryview(bytearray(_PIECE_BYTES))
        place = HEADER_BYTES
        self._source.seek(place)
        while place < size:
            if size - place < _PIECE_BYTES:
                piece = piece[: size - place]
            count = self._source.readinto(piece)
            if not count:
                break
            running.update(piece if count == len(piece) else piece[:count])
            place += count
        return place

    def _row(self, number):
        return self._exactly(HEADER_BYTES + number * INDEX_ROW_BYTES, INDEX_ROW_BYTES)

    def _key(self, place):
        header = self._exactly(place, RECORD_HEADER_BYTES)
        key_bytes = int.from_bytes(header[1:3], "big")
        limits_bytes = int.from_bytes(header[3:5], "big")
        place += RECORD_HEADER_BYTES
        public = self._exactly(place, key_bytes)
        if not limits_bytes:
            return (header[0], public)
        return (header[0], public, self._exactly(place + key_bytes, limits_bytes))

    def _exactly(self, place, count):
        data = self._read(place, count)
        if len(data) != count:
            raise UsageError("trust_store.corrupt")
        return data

    def _read(self, place, count):
        """Return up to `count` bytes from `place`."""
        if self._in_memory:
            return bytes(self._source[place : place + count])
        self._source.seek(place)
        return self._source.read(count)


def encode(rows) -> bytes:
    """Return the file that holds `rows`, pairs `(name_hash, key)` as tlscore/trust.py has them.

    Raises:
        UsageError: `trust_store.too_many`, more than 65,535 anchors.
    """
    rows = sorted(set(rows))
    if len(rows) > 0xFFFF:
        raise UsageError("trust_store.too_many")
    index = bytearray()
    records = bytearray()
    start = HEADER_BYTES + len(rows) * INDEX_ROW_BYTES
    for name_hash, key in rows:
        limits = key[2] if len(key) > 2 else b""
        index.extend(name_hash + (start + len(records)).to_bytes(4, "big"))
        records.extend(bytes((key[0],)) + len(key[1]).to_bytes(2, "big"))
        records.extend(len(limits).to_bytes(2, "big") + key[1] + limits)
    head = MAGIC + VERSION.to_bytes(2, "big") + len(rows).to_bytes(2, "big")
    head += (start + len(records)).to_bytes(4, "big")
    body = bytes(index + records)
    return head + SHA256.new(head + body).digest() + body
