"""Strict DER, read as it arrives, in pieces of any size.

`DerReader` walks a grammar: a tuple of rows for each constructed element, one row for each
element that may stand there. It keeps one frame per open element (where it ends, its rule, the
row it has reached), the header being read, and the contents of at most one short element. It
never holds an encoding as a whole, so a certificate of 10 KB costs what one of 400 bytes does.

A row is `(tags, flags, contents, enter, leave)`:

    tags      the identifier octets that may stand here (X.690 §8.1.2), as bytes
    flags     OPTIONAL: may be absent; REPEAT: once or more; both: any number
    contents  a tuple: the rule of the elements inside (also inside an OCTET STRING);
              a number above 0: kept for `leave`, at most that many bytes; 0: passed over
    enter     name of the target's method called once the header is read, or None; what it returns
              (unless None) replaces `contents`
    leave     name of the target's method called when the element is complete, or None

Methods get the reader: `header[:header_bytes]` and `length` describe the element just entered,
`value[:value_bytes]` is what was kept, `position` is the place in the piece being pushed and
`offset` the place of that piece.

Offences are the target's to raise, through `target.refuse("der.<what>")`: this file knows neither
certificates nor alerts. Not checked: the order of the elements of a SET OF.
"""

from tlscore.compat import const

OPTIONAL = 1
REPEAT = 2

SEQUENCE = 0x30

# A tag, the octet that counts the length octets, and three of those: an element of up to 16 MB,
# the largest a TLS certificate_list can hold (RFC 8446 §4.4.2).
_HEADER_BYTES_MAX = const(5)

# The deepest element of a certificate is the base of a name constraint: Certificate,
# TBSCertificate, [3], Extensions, Extension, extnValue, NameConstraints, [0], GeneralSubtree.
_DEPTH_MAX = const(9)
_FRAME = const(4)


class DerReader:
    """Reader of one DER value at a time.

    Args:
        target: the object whose methods the grammar names; has `refuse(reason)`, which raises.
        value_bytes: room for the contents of short elements. It is taken once, and again only
            for a longer element that its row allows, say the key of an RSA certificate.
    """

    def __init__(self, target, value_bytes: int):
        self._target = target
        self._frames = [None] * (_FRAME * _DEPTH_MAX)  # rule, end, place, leave of outer elements
        self.header = bytearray(_HEADER_BYTES_MAX)
        self.value = bytearray(value_bytes)
        self.begin((), 0)

    def begin(self, rule, length: int) -> None:
        """Start over with a value of `length` bytes that must match `rule`, a tuple of rows."""
        self._depth = 0  # frames in use, times _FRAME
        self._rule = rule  # of the open element; None where the rest is passed over
        self._end = length
        self._place = 0  # row index * 2, + 1 once a REPEAT row has matched
        self._leave_outer = None
        self._left = 0  # bytes of the current element's contents still to come
        self._keep = False
        self._leave = None
        self.offset = 0  # of the pushed piece's first byte
        self.position = 0
        self.header_bytes = 0
        self.length = 0
        self.value_bytes = 0

    def push(self, data) -> None:
        """Read the next piece."""
        size = len(data)
        position = 0
        while position < size and self._rule is not None:
            if self._left:
                position = self._read_contents(data, position, size)
            elif self.header_bytes or position + 1 == size or data[position + 1] & 0x80:
                position += 1
                self.position = position
                self._read_header(data[position - 1])
            else:
                # Most headers are two octets, and both are at hand.
                self.header[0] = data[position]
                self.header[1] = data[position + 1]
                self.header_bytes = 2
                position += 2
                self.position = position
                self._enter(data[position - 2], data[position - 1])
        self.offset += size

    def stop(self) -> None:
        """Pass over everything up to the next `begin`."""
        self._rule = None
        self._end = -1  # no element ends there

    def end(self) -> None:
        """Say that no more comes: everything announced must have been there."""
        if self._rule is None:
            return
        if self._depth or self._left or self.header_bytes or self.offset != self._end:
            self._refuse("truncated")
        self._require_rest_optional()

    def _refuse(self, what):
        self._target.refuse("der." + what)

    def _read_contents(self, data, start, size):
        """Take what the piece has of the current element's contents; return the place after it."""
        left = self._left
        stop = start + left
        if stop > size:  # noqa: PLR1730 (min() costs a board five times as much)
            stop = size
        if self._keep:
            kept = self.value_bytes
            count = stop - start
            self.value[kept : kept + count] = memoryview(data)[start:stop]
            self.value_bytes = kept + count
        self.position = stop
        left -= stop - start
        self._left = left
        if not left:
            self._complete(self._leave)
        return stop

    def _read_header(self, byte):
        header = self.header
        count = self.header_bytes
        header[count] = byte
        count += 1
        self.header_bytes = count
        if count == 1:
            return
        if count == 2:
            if byte < 0x80:
                self._enter(header[0], byte)
                return
            # X.690 §10.1: "The definite form of length encoding shall be used".
            if byte == 0x80:
                self._refuse("indefinite_length")
            if byte > 0x80 + _HEADER_BYTES_MAX - 2:
                self._refuse("length_form")
        if count < 2 + (header[1] & 0x7F):
            return
        # X.690 §10.1: "... encoded in the minimum number of octets".
        if header[2] == 0 or (count == 3 and header[2] < 0x80):
            self._refuse("length_not_minimal")
        length = 0
        for index in range(2, count):
            length = length << 8 | header[index]
        self._enter(header[0], length)

    def _enter(self, tag, length):
        row = self._match(tag)
        end = self.offset + self.position + length
        if end > self._end:
            self._refuse("length_overrun")
        contents = row[2]
        self.length = length
        if row[3] is not None:
            replacement = getattr(self._target, row[3])(self)
            if replacement is not None:
                contents = replacement
        self.header_bytes = 0
        if isinstance(contents, tuple):
            self._open(contents, end, row[4])
            return
        if contents and length > contents:
            self._refuse("too_long")
        self.value_bytes = 0
        self._keep = contents > 0
        if contents and length > len(self.value):
            self.value = bytearray(length)
        if length:
            self._left = length
            self._leave = row[4]
        else:
            self._complete(row[4])

    def _match(self, tag):
        """Return the row of the open element's rule that `tag` stands for, and move on to it.

        Tags in the high-tag-number form (X.690 §8.1.2.4) are in no row.
        """
        rule = self._rule
        place = self._place
        while place >> 1 < len(rule):
            row = rule[place >> 1]
            if tag in row[0]:
                self._place = place | 1 if row[1] & REPEAT else place + 2
                return row
            if not (row[1] & OPTIONAL or place & 1):
                break
            place = (place | 1) + 1
        self._refuse("unexpected_tag")
        return None

    def _open(self, rule, end, leave):
        """Go down into an element that has others inside."""
        depth = self._depth
        frames = self._frames
        frames[depth] = self._rule
        frames[depth + 1] = self._end
        frames[depth + 2] = self._place
        frames[depth + 3] = self._leave_outer
        self._depth = depth + _FRAME
        self._rule = rule
        self._end = end
        self._place = 0
        self._leave_outer = leave
        if not self.length:
            self._close()

    def _complete(self, leave):
        """Leave an element that has none inside, and those that end with it."""
        if leave is not None:
            getattr(self._target, leave)(self)
        if self.offset + self.position == self._end:
            self._close()

    def _close(self):
        """Leave every open element that ends here; the outermost frame stays."""
        here = self.offset + self.position
        frames = self._frames
        while self._depth and here == self._end:
            self._require_rest_optional()
            leave = self._leave_outer
            depth = self._depth - _FRAME
            self._depth = depth
            self._rule = frames[depth]
            self._end = frames[depth + 1]
            self._place = frames[depth + 2]
            self._leave_outer = frames[depth + 3]
            if leave is not None:
                getattr(self._target, leave)(self)
        if not self._depth and here < self._end and self._place >> 1 == len(self._rule):
            self._refuse("trailing_bytes")

    def _require_rest_optional(self):
        rule = self._rule
        place = self._place
        while place >> 1 < len(rule):
            if not (rule[place >> 1][1] & OPTIONAL or place & 1):
                self._refuse("missing_element")
            place = (place | 1) + 1


def unsigned(value, count: int) -> int:
    """Return the INTEGER contents `value[:count]` as a number of 0 or more.

    Returns:
        The number, or -1 when the encoding is negative, empty or not the shortest
        (X.690 §8.3.2).
    """
    if count == 0 or value[0] & 0x80:
        return -1
    if count > 1 and value[0] == 0 and not value[1] & 0x80:
        return -1
    number = 0
    for index in range(count):
        number = number << 8 | value[index]
    return number


def true(value, count: int) -> bool:
    """Tell whether the BOOLEAN contents `value[:count]` are the DER form of TRUE.

    FALSE is every default in a certificate, so DER never writes it (X.690 §11.1, §11.5).
    """
    return count == 1 and value[0] == 0xFF


def named_bits(value, count: int) -> int:
    """Return the first 16 bits of the BIT STRING contents `value[:count]` with named bits.

    Bit 0 is the most significant one (0x8000).

    Returns:
        The bits, or -1 when unused bits are set or the encoding has trailing zero bits
        (X.690 §11.2.2): one certificate, one encoding.
    """
    if count == 0 or value[0] > 7 or (count == 1 and value[0]):
        return -1
    if count == 1:
        return 0
    if value[count - 1] & ((2 << value[0]) - 1) != 1 << value[0]:
        return -1
    return value[1] << 8 | (value[2] if count > 2 else 0)
