"""The key schedule of TLS 1.2: from a premaster secret to every key of a connection.

RFC 5246 §5, §6.3, §7.4.9 and §8.1, RFC 7627 §4 (extended master secret), RFC 5705 (exporters),
RFC 4279 §2 and RFC 5489 §2 (pre-shared keys). Pure functions; which transcript hash goes with
which is the caller's knowledge.
"""

from tlscore.compat import const
from tlscore.crypto.hmac import keyed
from tlscore.errors import UsageError

_MASTER_BYTES = const(48)
_VERIFY_DATA_BYTES = const(12)
# Labels that TLS itself uses; an exporter's must be none of them (RFC 5705 §4).
_RESERVED = (
    b"client finished",
    b"server finished",
    b"master secret",
    b"extended master secret",
    b"key expansion",
)


def prf(hash_, secret, label, seed, length) -> bytes:
    """Return PRF(secret, label, seed), `length` bytes of it (RFC 5246 §5)."""
    with_secret = keyed(hash_, secret)
    seed = label + seed
    block = seed
    output = b""
    while len(output) < length:
        block = with_secret.hmac(block)
        output += with_secret.hmac(block, seed)
    return output[:length]


def premaster_of_key(key, other=None) -> bytes:
    """Return the premaster secret of a pre-shared key (RFC 4279 §2).

    Args:
        other: the secret of a key exchange (RFC 5489 §2), None without one: as many zeros as the
            key has bytes.
    """
    if other is None:
        other = bytes(len(key))
    return b"".join((len(other).to_bytes(2, "big"), other, len(key).to_bytes(2, "big"), key))


def master_secret(hash_, premaster, randoms) -> bytes:
    """Return the master secret of RFC 5246 §8.1.

    Args:
        randoms: the client's and the server's, one behind the other.
    """
    return prf(hash_, premaster, b"master secret", randoms, _MASTER_BYTES)


def extended_master_secret(hash_, premaster, session_hash) -> bytes:
    """Return the master secret of RFC 7627 §4.

    Args:
        session_hash: of the messages up to and with ClientKeyExchange.
    """
    return prf(hash_, premaster, b"extended master secret", session_hash, _MASTER_BYTES)


def keys(suite, master, randoms) -> tuple:
    """Return the client's key and salt and the server's key and salt (RFC 5246 §6.3).

    Args:
        randoms: the client's and the server's; they are used the other way round here.
    """
    key, salt = suite.key_bytes, suite.salt_bytes
    seed = randoms[32:] + randoms[:32]
    block = prf(suite.hash, master, b"key expansion", seed, 2 * (key + salt))
    salts = 2 * key
    return (
        block[:key],
        block[salts : salts + salt],
        block[key:salts],
        block[salts + salt :],
    )


def finished_verify_data(hash_, master, label, transcript_hash) -> bytes:
    """Return the verify_data of a Finished message (RFC 5246 §7.4.9).

    Args:
        label: b"client finished" or b"server finished".
    """
    return prf(hash_, master, label, transcript_hash, _VERIFY_DATA_BYTES)


def exported_keying_material(hash_, master, randoms, label, context, length) -> bytes:
    """Return the exporter's output (RFC 5705 §4).

    Args:
        context: bytes, or None for none, which is not the same as b"".

    Raises:
        UsageError: the label is one of TLS's own, or the context too long.
    """
    if label in _RESERVED or len(context or b"") > 0xFFFF:
        raise UsageError("schedule.label_out_of_range")
    if context is not None:
        randoms += len(context).to_bytes(2, "big") + context
    return prf(hash_, master, label, randoms, length)
