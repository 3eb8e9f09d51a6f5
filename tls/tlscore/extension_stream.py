"""What parsers of streaming messages share: extension blocks that are checked and let go.

A message that may be longer than a board's memory is never held (wire.PushParser); those that end
in extension blocks are Certificate (message_streams.py) and NewSessionTicket (ticket_stream.py).
"""

from tlscore import extensions
from tlscore.compat import const
from tlscore.wire import PushParser, decode_error

# What the next integer or stretch is: the steps of an extension block; subclasses count on.
_BLOCK_LENGTH = const(0)
_EXTENSION_TYPE = const(1)
_EXTENSION_LENGTH = const(2)
_EXTENSION_CONTENT = const(3)


class ExtensionSkipper(PushParser):
    """A PushParser that can also check an extension block and let its contents go.

    `step` says what was asked for last. Subclasses get `on_field(step, value)` for their integers,
    `on_stretch_end(step)` for their opaque stretches, and may have `on_block_end()`.

    Args:
        length, subject: as for PushParser.
        offered: as for extensions.admit.

    Attributes:
        message: as for extensions.admit; the subclass's.
    """

    # What has not happened yet takes no room in the object.
    message = 0
    _offered = None
    _after_block = 0
    _seen = None

    def __init__(self, length, subject, offered):
        PushParser.__init__(self, length, subject)
        self.step = _BLOCK_LENGTH
        if offered is not None:
            self._offered = offered

    def expect_field(self, step, size):
        """Ask for an integer of `size` bytes, to come back as `on_field(step, value)`."""
        self.step = step
        self.expect_integer(size)

    def expect_stretch(self, step, size):
        """Ask for `size` opaque bytes, to end with `on_stretch_end(step)`."""
        self.step = step
        self.expect_opaque(size)

    def on_integer(self, value):
        """Take an integer of an extension block, or hand it to the subclass."""
        step = self.step
        if step == _BLOCK_LENGTH:
            self._check_fits(value, self.unclaimed)
            self._after_block = self.unclaimed - value
            self._seen = []
            self._next_extension()
        elif step == _EXTENSION_TYPE:
            extensions.admit(self.subject, value, self.message, self._offered, self._seen)
            self._seen.append(value)
            self.expect_field(_EXTENSION_LENGTH, 2)
        elif step == _EXTENSION_LENGTH:
            self._check_fits(value, self.unclaimed - self._after_block)
            self.expect_stretch(_EXTENSION_CONTENT, value)
        else:
            self.on_field(step, value)

    def on_end(self):
        """Take the end of an extension, or hand it to the subclass."""
        if self.step == _EXTENSION_CONTENT:
            self._next_extension()
        else:
            self.on_stretch_end(self.step)

    def on_block_end(self):
        """Learn that an extension block is complete; nothing follows it unless asked for here."""

    def _next_extension(self):
        left = self.unclaimed - self._after_block
        if left == 0:
            self._seen = None
            self.on_block_end()
        else:
            self._check_fits(4, left)
            self.expect_field(_EXTENSION_TYPE, 2)

    def _check_fits(self, size, room):
        if size > room:
            raise decode_error(self.subject, "truncated")
