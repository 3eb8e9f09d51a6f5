"""AES-GCM by the kernel `aes_gcm_machine`: a record in one call.

RAM: 288 bytes for a key of 16 bytes, 352 for one of 32.
"""

from tlscore.compat import const
from tlscore.crypto.thumb.aes_gcm_machine import protect
from tlscore.crypto.thumb.block_cipher import expanded
from tlscore.crypto.thumb.records import RecordCipher

# Where the kernel has what.
_TASK = const(36)
_LENGTHS = const(88)
_IV = const(104)


class AesGcm(RecordCipher):
    """One key of AES-GCM.

    Args:
        key: 16 bytes for AES-128 or 32 for AES-256.
        context: see `RecordCipher.rekey`.

    Raises:
        ValueError: "aes.key_size"; its methods "aead.nonce_size", "aead.range".
    """

    nonce_at = 0
    aad_at = 72

    def __init__(self, key: bytes, context: "bytearray | None" = None) -> None:
        self.context = expanded(key, context)
        self._protect = protect
        self._task_at = _TASK
        self._iv_at = _IV
        self._begin()

    def set_aad_size(self, size: int) -> None:
        """Learn how much additional data each record has."""
        self._aad_size = size
        self.context[_LENGTHS:_IV] = (size << 67).to_bytes(16, "big")


def passes() -> bool:
    """Known-answer test: the GCM specification's test case 2, sealed and opened."""
    cipher = AesGcm(bytes(16))
    cipher.set_aad_size(0)
    buffer = bytearray(33)
    cipher.seal_record(buffer, 0, 16)
    sealed = bytes(buffer)
    forged = bytearray(sealed)
    forged[31] ^= 0x80
    # No secrets: what is compared is published.
    good = (
        sealed
        == b"\x03\x88\xda\xce\x60\xb6\xa3\x92\xf3\x28\xc2\xb9\x71\xb2\xfe\x78"
        b"\xab\x6e\x47\xd4\x2c\xec\x13\xbd\xf5\x3a\x67\xb2\x12\x57\xbd\xdf\x00"
        and not cipher.open_record(forged, 0, 32)
        and cipher.open_record(buffer, 0, 32)
        and buffer[:16] == bytes(16)
    )
    cipher.context = None  # its room is for the key to come, whatever the stack still holds
    return good
