"""What the ciphers have in common whose kernel does a whole record in one call.

Kernels of records are `protect(context, buffer, start, end)`, where a byte of the context says what
to do; the bits are the same in all of them (`aes_gcm_machine` names them). They know no sizes:
nothing a kernel is not told may be beyond the buffer, so every method checks its range.
"""

from tlscore.compat import const

_BEGIN = const(1)
_ABSORB = const(4)
_SEAL = const(31)
_OPEN = const(45)
_OPEN_PIECE = const(36)
_COMPARE = const(8)
_TAG_BYTES = const(16)
_HEADER_BYTES = const(5)
_NOTHING = b""


class RecordCipher:
    """An Aead as `tlscore.crypto.aead` has it, by a kernel.

    A subclass sets the attributes, and has `set_aad_size(size)`: what the kernel reads as the
    length of the additional data, and that no text has come.

    Attributes:
        context: what the kernel works with.
        _protect: the kernel.
        _task_at: the place in the context that says what to do; whether records are counted is
            said behind it.
        _iv_at: that of the last four bytes of the IV, and of the number of the next record.
    """

    tag_size = 16
    nonce_size = 12

    def rekey(self, key: bytes) -> None:
        """Go on with another key of the same size, in the same room; of the old one nothing stays.

        Raises:
            ValueError: as making one does.
        """
        self.__init__(key, self.context)

    def _begin(self):
        self._aad_size = 0
        self._first = 0  # where the text of a record can begin

    def count_records(self, iv: bytes) -> None:
        """Make the nonces of records of this IV, and write and read their headers."""
        context = self.context
        context[self.nonce_at : self.nonce_at + self.nonce_size] = iv
        context[self._iv_at : self._iv_at + 4] = iv[8:]
        context[self._task_at + 1] = 1
        self.set_aad_size(_HEADER_BYTES)
        self._first = _HEADER_BYTES

    def recount(self, number: int) -> None:
        """Let the next record be that of the number."""
        at = self._iv_at + 4
        self.context[at : at + 4] = number.to_bytes(4, "little")

    def seal_record(self, buffer: bytearray, start: int, end: int) -> None:
        """Encrypt `buffer[start:end]` in place and write the tag behind it."""
        if not self._first <= start <= end <= len(buffer) - _TAG_BYTES:
            raise ValueError("aead.range")
        context = self.context
        context[self._task_at] = _SEAL
        self._protect(context, buffer, start, end)

    def open_record(self, buffer: bytearray, start: int, end: int) -> bool:
        """Verify ciphertext and tag in `buffer[start:end]` and decrypt in place."""
        if not self._first <= start <= end <= len(buffer):
            raise ValueError("aead.range")
        end -= _TAG_BYTES
        if end < start:
            return False
        context = self.context
        context[self._task_at] = _OPEN
        return self._protect(context, buffer, start, end) == 0

    def begin_pieces(self, buffer: bytearray, start: int) -> "RecordCipher":
        """Begin to open the next record in pieces, the first at `start`; see ../pieces.py."""
        if not self._first <= start <= len(buffer):
            raise ValueError("aead.range")
        self._do(_BEGIN, buffer, start, start)
        return self

    def open_piece(self, buffer: bytearray, start: int, end: int) -> None:
        """Decrypt the next piece in place."""
        if not 0 <= start <= end <= len(buffer):
            raise ValueError("aead.range")
        self._do(_OPEN_PIECE, buffer, start, end)

    def open_last(self, buffer: bytearray, start: int, end: int) -> bool:
        """Decrypt the last piece; tell whether the tag behind it is right."""
        if not 0 <= start <= end <= len(buffer) - _TAG_BYTES:
            raise ValueError("aead.range")
        # Two calls: making the tag sets the counter of AES back.
        self._do(_OPEN_PIECE, buffer, start, end)
        return self._do(_COMPARE, buffer, end, end) == 0

    def seal(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> None:
        """Encrypt `buffer[start:end]` in place and write the tag behind it."""
        if not 0 <= start <= end <= len(buffer) - _TAG_BYTES:
            raise ValueError("aead.range")
        self._with(nonce, aad, _SEAL, buffer, start, end)

    def open(self, nonce: bytes, aad: bytes, buffer: bytearray, start: int, end: int) -> bool:
        """Verify ciphertext and tag in `buffer[start:end]` and decrypt in place."""
        if not 0 <= start <= end <= len(buffer):
            raise ValueError("aead.range")
        end -= _TAG_BYTES
        if end < start:
            return False
        return self._with(nonce, aad, _OPEN, buffer, start, end) == 0

    def _with(self, nonce, aad, task, buffer, start, end):
        """Do something with additional data of any length: it is absorbed as text would be."""
        if len(nonce) != self.nonce_size:
            raise ValueError("aead.nonce_size")
        kept = self._aad_size
        context = self.context
        counted = context[self._task_at + 1]
        room = bytes(context[self.aad_at : self.aad_at + 16])
        context[self._task_at + 1] = 0
        nonce_at = self.nonce_at
        kept_nonce = bytes(context[nonce_at : nonce_at + self.nonce_size])
        context[nonce_at : nonce_at + self.nonce_size] = nonce
        context[self.aad_at : self.aad_at + 16] = bytes(16)
        self.set_aad_size(0)
        self._do(_BEGIN, _NOTHING, 0, 0)
        self._do(_ABSORB, aad, 0, len(aad))
        self.set_aad_size(len(aad))
        answer = self._do(task & ~_BEGIN, buffer, start, end)
        context[self._task_at + 1] = counted
        context[nonce_at : nonce_at + self.nonce_size] = kept_nonce
        context[self.aad_at : self.aad_at + 16] = room
        self.set_aad_size(kept)
        return answer

    def _do(self, task, buffer, start, end):
        self.context[self._task_at] = task
        return self._protect(self.context, buffer, start, end)
