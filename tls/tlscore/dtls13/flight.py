"""A message of a flight: any part of it at any time, and what of it the peer has (RFC 9147 §7)."""


class Queued:
    """A message of a flight.

    Attributes:
        number: message_seq.
        protection: RecordProtection it is sent with, None for the clear.
        header: of TLS, four bytes.
        body: memoryview, or a chain of certificates with read_into (certificates.py).
        size: of the body.
        acknowledged: sorted (start, end) pairs of what the peer has.
    """

    def __init__(self, number, protection, header, body, size):
        self.number = number
        self.protection = protection
        self.header = header
        self.body = body
        self.size = size
        self.acknowledged = []

    def is_done(self) -> bool:
        """Tell whether the peer has all of it."""
        return self.acknowledged == [(0, self.size)]

    def acknowledge(self, start, end):
        """Note that the peer has a part."""
        merged = []
        for row in sorted(self.acknowledged + [(start, end)]):
            if merged and row[0] <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], row[1]))
            else:
                merged.append(row)
        self.acknowledged = merged

    def missing(self, offset):
        """Return (start, end) of what the peer lacks from an offset on, None if nothing."""
        for start, end in self.acknowledged:
            if offset < start:
                return offset, start
            offset = max(offset, end)
        if offset < self.size or not (self.size or self.acknowledged):
            return offset, self.size
        return None

    def read_into(self, target, offset):
        """Fill a memoryview with what begins at an offset of the body."""
        body = self.body
        if hasattr(body, "read_into"):
            body.read_into(target, offset)
        else:
            target[:] = body[offset : offset + len(target)]

    def put_header(self, buffer, at, offset, size):
        """Write the header of a fragment of `size` bytes that begins at an offset."""
        buffer[at : at + 4] = self.header
        buffer[at + 4] = self.number >> 8
        buffer[at + 5] = self.number & 0xFF
        buffer[at + 6 : at + 9] = bytes((offset >> 16, offset >> 8 & 0xFF, offset & 0xFF))
        buffer[at + 9 : at + 12] = bytes((size >> 16, size >> 8 & 0xFF, size & 0xFF))
