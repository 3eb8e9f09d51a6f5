"""What ACKs say (RFC 9147 §7): which records with messages of the handshake have come.

`SentRecords` knows what was in the records that were sent, `ReceivedRecords` which ones came. Both
have their limits: what is no longer known is sent again, or acknowledged when it comes again.
"""

from tlscore.compat import const
from tlscore.wire import Reader

_SENT_MAX = const(64)
_RECEIVED_MAX = const(32)


class SentRecords:
    """What was in the records of a flight, each time it was sent."""

    def __init__(self):
        self._rows = []

    def add(self, epoch, number, message, start, end):
        """Note a record: it has the part of a message from `start` to `end`."""
        if len(self._rows) == _SENT_MAX:
            del self._rows[0]
        self._rows.append((epoch, number, message, start, end))

    def take(self, epoch, number):
        """Return (message, start, end) of a record, None if it is none; it is then forgotten."""
        for index in range(len(self._rows)):
            row = self._rows[index]
            if row[0] == epoch and row[1] == number:
                del self._rows[index]
                return row[2:]
        return None

    def clear(self):
        """Forget everything: there is another flight."""
        self._rows = []


class ReceivedRecords:
    """The records to acknowledge.

    Attributes:
        numbers: list of (epoch, number), as they came.
    """

    def __init__(self):
        self.numbers = []

    def __len__(self):
        return len(self.numbers)

    def add(self, epoch, number):
        """Note a record all of which was taken or is held."""
        if (epoch, number) in self.numbers:
            return
        if len(self.numbers) == _RECEIVED_MAX:
            del self.numbers[0]
        self.numbers.append((epoch, number))

    def clear(self):
        """Forget them: they are acknowledged."""
        self.numbers = []


def parse(content) -> list:
    """Return the [(epoch, record number)] of an ACK.

    Raises:
        PeerMisbehaved: "ack.truncated", "ack.trailing_data".
    """
    reader = Reader(content, "ack")
    rows = reader.vector16()
    reader.finish()
    numbers = []
    while rows.remaining():
        epoch = int.from_bytes(bytes(rows.take(8)), "big")
        numbers.append((epoch, int.from_bytes(bytes(rows.take(8)), "big")))
    return numbers
