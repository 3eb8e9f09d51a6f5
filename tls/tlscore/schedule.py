"""The key schedule of TLS 1.3 (RFC 8446 §7): from shared secrets to every key of a connection.

`KeySchedule` walks the chain Early Secret -> Handshake Secret -> Master Secret, one `mix` per
step, and derives labelled secrets from where it stands. The functions below it are the pure parts:
they keep nothing. Which transcript hash goes with which label is the caller's knowledge.

What TLS itself derives is never longer than a digest: one HMAC each, whose message is put together
by hashing its parts. Several from one secret share what its pads make of the hash (crypto/hmac.py).
"""

from tlscore.compat import const
from tlscore.crypto import hkdf
from tlscore.crypto.hmac import hmac, keyed
from tlscore.errors import UsageError

_IV_BYTES = const(12)  # RFC 8446 §5.3, of all ciphers there are
_PREFIX_BYTES = const(6)
# The length of no context, and the number of HKDF-Expand's first block (RFC 5869 §2.3).
_NO_CONTEXT = b"\x00\x01"
_FIRST_BLOCK = b"\x01"
# The SHA-256 of no messages.
_NOTHING = (
    b"\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24"
    b"\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55"
)


def expand_label(hash_, secret, label, context, length) -> bytes:
    """Return HKDF-Expand-Label(secret, label, context, length), RFC 8446 §7.1.

    Args:
        hash_: row of crypto/hashes.py; it says the prefix of the label, six bytes.
        label: bytes without that prefix, at most 249 of them.
        context: bytes, at most 255.
        length: size of the result, at most 255 times the hash size.
    """
    if not 1 <= len(label) <= 249 or len(context) > 255 or not 0 <= length <= 255 * hash_.size:
        raise UsageError("schedule.label_out_of_range")
    info = b"".join(
        (
            bytes((length >> 8, length & 0xFF, _PREFIX_BYTES + len(label))),
            hash_.label_prefix,
            label,
            bytes((len(context),)),
            context,
        )
    )
    return hkdf.expand(hash_, secret, info, length)


def traffic_key(hash_, secret, key_bytes) -> tuple:
    """Return key and IV of a traffic secret, RFC 8446 §7.3."""
    with_secret = keyed(hash_, secret)
    prefix = hash_.label_prefix
    key = with_secret.hmac(bytes((0, key_bytes, _PREFIX_BYTES + 3)), prefix, b"key", _NO_CONTEXT)
    iv = with_secret.hmac(bytes((0, _IV_BYTES, _PREFIX_BYTES + 2)), prefix, b"iv", _NO_CONTEXT)
    with_secret.forget()
    return key[:key_bytes], iv[:_IV_BYTES]


def finished_verify_data(hash_, base_key, transcript_hash) -> bytes:
    """Return the verify_data of a Finished message, RFC 8446 §4.4.4."""
    lengths = bytes((0, hash_.size, _PREFIX_BYTES + 8))
    finished_key = hmac(hash_, base_key, lengths, hash_.label_prefix, b"finished", _NO_CONTEXT)
    return hmac(hash_, finished_key, transcript_hash)


def next_traffic_secret(hash_, secret) -> bytes:
    """Return application_traffic_secret_N+1, RFC 8446 §7.2."""
    return expand_label(hash_, secret, b"traffic upd", b"", hash_.size)


def exported_keying_material(hash_, exporter_secret, label, context, length) -> bytes:
    """Return the exporter's output, RFC 8446 §7.5."""
    secret = expand_label(hash_, exporter_secret, label, hash_of_nothing(hash_), hash_.size)
    return expand_label(hash_, secret, b"exporter", hash_.new(context).digest(), length)


def hash_of_nothing(hash_) -> bytes:
    """Return the transcript hash of no messages."""
    return _NOTHING if hash_.size == len(_NOTHING) else hash_.new().digest()


class KeySchedule:
    """Where the chain of secrets stands; begins at the Early Secret.

    Args:
        hash_: row of crypto/hashes.py, the hash of the cipher suite.
        psk: pre-shared key, or None where there is none: then a string of zeros stands for it.

    Attributes:
        hash: the same row.
    """

    def __init__(self, hash_, psk=None):
        self.hash = hash_
        zeros = bytes(hash_.size)
        # Changed in its place, where it lies among what lives as long.
        self._secret = bytearray(hash_.size)
        self._secret[:] = hkdf.extract(hash_, zeros, zeros if psk is None else psk)

    def mix(self, input_secret=None):
        """Step to the next secret of the chain; None stands for a string of zeros."""
        hash_ = self.hash
        (salt,) = self.derive(hash_of_nothing(hash_), b"derived")
        if input_secret is None:
            input_secret = bytes(hash_.size)
        self._secret[:] = hkdf.extract(hash_, salt, input_secret)

    def derive(self, transcript_hash, *labels) -> list:
        """Return Derive-Secret(current secret, label, messages) for each of the labels.

        Args:
            transcript_hash: of the messages.
            labels: bytes without the prefix.
        """
        size = self.hash.size
        with_secret = keyed(self.hash, self._secret)
        prefix = self.hash.label_prefix
        between = bytes((size,))
        # No comprehension: it would keep what the key takes in a cell that outlives this call.
        derived = []
        for label in labels:
            lengths = bytes((0, size, _PREFIX_BYTES + len(label)))
            derived.append(
                with_secret.hmac(lengths, prefix, label, between, transcript_hash, _FIRST_BLOCK)
            )
        with_secret.forget()
        return derived
