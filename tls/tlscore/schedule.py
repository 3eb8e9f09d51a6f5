"""The key schedule of TLS 1.3 (RFC 8446 §7): from shared secrets to every key of a connection.

`KeySchedule` walks the chain Early Secret -> Handshake Secret -> Master Secret, one `mix` per
step, and derives labelled secrets from where it stands. The functions below it are the pure parts:
they keep nothing. Which transcript hash goes with which label is the caller's knowledge.
"""

from tlscore.crypto import hkdf
from tlscore.crypto.hmac import hmac
from tlscore.errors import UsageError


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
            bytes((length >> 8, length & 0xFF, 6 + len(label))),
            hash_.label_prefix,
            label,
            bytes((len(context),)),
            context,
        )
    )
    return hkdf.expand(hash_, secret, info, length)


def finished_verify_data(hash_, base_key, transcript_hash) -> bytes:
    """Return the verify_data of a Finished message, RFC 8446 §4.4.4."""
    finished_key = expand_label(hash_, base_key, b"finished", b"", hash_.size)
    return hmac(hash_, finished_key, transcript_hash)


def next_traffic_secret(hash_, secret) -> bytes:
    """Return application_traffic_secret_N+1, RFC 8446 §7.2."""
    return expand_label(hash_, secret, b"traffic upd", b"", hash_.size)


def exported_keying_material(hash_, exporter_secret, label, context, length) -> bytes:
    """Return the exporter's output, RFC 8446 §7.5."""
    empty = hash_.new().digest()
    secret = expand_label(hash_, exporter_secret, label, empty, hash_.size)
    return expand_label(hash_, secret, b"exporter", hash_.new(context).digest(), length)


class KeySchedule:
    """Where the chain of secrets stands; begins at the Early Secret.

    Args:
        hash_: row of crypto/hashes.py, the hash of the cipher suite.
        psk: pre-shared key, or None where there is none: then a string of zeros stands for it.
    """

    def __init__(self, hash_, psk=None):
        self._hash = hash_
        zeros = bytes(hash_.size)
        self._secret = hkdf.extract(hash_, zeros, zeros if psk is None else psk)

    def mix(self, input_secret=None):
        """Step to the next secret of the chain; None stands for a string of zeros."""
        hash_ = self._hash
        salt = self.derive(b"derived", hash_.new().digest())
        if input_secret is None:
            input_secret = bytes(hash_.size)
        self._secret = hkdf.extract(hash_, salt, input_secret)

    def derive(self, label, transcript_hash) -> bytes:
        """Return Derive-Secret(current secret, label, messages), given the messages' hash."""
        return expand_label(self._hash, self._secret, label, transcript_hash, self._hash.size)
