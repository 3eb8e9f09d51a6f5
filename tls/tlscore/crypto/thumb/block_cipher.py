"""AES by the kernel `aes_gcm_machine`, which says how it works and what it costs.

RAM: 288 bytes for a key of 16 bytes, 352 for one of 32.
"""

from tlscore.compat import const
from tlscore.crypto import selftest
from tlscore.crypto.thumb.aes_gcm_machine import protect

# Where the kernel has what.
_ROUNDS = const(32)
_TASK = const(36)
_KEYS = const(112)
_COUNTER_MODE = const(2)
_MAC = const(64)
_NO_STATE = bytes(112)
_EXPANSION = const(128)


class AES:
    """One AES key, expanded; used as that of `tlscore.crypto.aes` is.

    Args:
        key: 16 bytes for AES-128 or 32 for AES-256.
        context: of an AES that had a key of the same size; its room is used again.

    Raises:
        ValueError: "aes.key_size".
    """

    def __init__(self, key: bytes, context: "bytearray | None" = None) -> None:
        self.context = expanded(key, context)

    def encrypt(self, block: bytes) -> bytes:
        """Return the encrypted 16-byte block."""
        mac = bytearray(16)
        self.cbc_mac(mac, block, 0, 16)
        return bytes(mac)

    def xor_key_stream(self, counter: bytes, buffer: bytearray, start: int, end: int) -> None:
        """XOR `buffer[start:end]` in place with the key stream that begins at block `counter`."""
        self._run(_COUNTER_MODE, counter, buffer, start, end)

    def cbc_mac(self, mac: bytearray, buffer: bytes, start: int, end: int) -> None:
        """Take `buffer[start:end]` into a CBC-MAC, its last block filled up with zeros."""
        self._run(_MAC, mac, buffer, start, end)
        mac[:] = self.context[:16]

    def _run(self, task: int, block: bytes, buffer: bytes, start: int, end: int) -> None:
        # The kernel knows no sizes: nothing it is not told may be beyond the buffer.
        if len(block) != 16 or not 0 <= start <= end <= len(buffer):
            raise ValueError("aes.range")
        context = self.context
        context[:16] = block
        context[_TASK] = task
        protect(context, buffer, start, end)


def expanded(key: bytes, context: "bytearray | None" = None) -> bytearray:
    """Return what the kernel works with, the round keys in it; arguments as for `AES`."""
    if len(key) not in (16, 32):
        raise ValueError("aes.key_size")
    rounds = 6 + (len(key) >> 2)
    if context is None:
        context = bytearray(_KEYS + 16 + 16 * rounds)
    context[:_KEYS] = _NO_STATE  # all behind it will be keys
    context[_KEYS : _KEYS + len(key)] = key
    context[_ROUNDS] = rounds - 1
    context[_TASK] = _EXPANSION
    protect(context, key, 0, 0)
    return context


def passes() -> bool:
    """Known-answer test."""
    return selftest.aes_passes(AES)
