"""Run published test vectors against the primitives, on CPython and on a board.

Vectors come as lines of text in the format of `tls/tests/vectors/README.md`: whoever calls brings
the lines (the host reads files, a board receives them over its console). The part of a file's
name before the "-" says which check of the table at the end its lines are for; the lines are
judged one by one, and a primitive has to refuse an invalid case as surely as it has to get a valid
one right.
"""

from binascii import unhexlify

from tlscore.crypto import aead, hkdf, p256, signature
from tlscore.crypto.chacha20 import ChaCha20
from tlscore.crypto.hashes import SHA256
from tlscore.crypto.hmac import equal, hmac
from tlscore.crypto.poly1305 import Poly1305
from tlscore.crypto.x25519 import x25519


def run(name: str, lines: list) -> tuple:
    """Check every vector in `lines`.

    Args:
        name: of the vector file, without its extension.
        lines: of that file; comments and blank lines are skipped.

    Returns:
        (number that passed, list of the ids that failed)

    Raises:
        ValueError: no check for that name, or a line that is not a vector.
    """
    check = _check_for(name)
    passed = 0
    failed = []
    for line in lines:
        if not _is_vector(line):
            continue
        identifier, _, verdict, fields = _parse(line)
        try:
            right = check(fields) == (verdict == "valid")
        except AssertionError:  # wrong in a way that neither verdict allows
            right = False
        if right:
            passed += 1
        else:
            failed.append(identifier)
    return passed, failed


def job(link, name: str, lines: list) -> tuple:
    """Run as a job of the on-board agent; see `run`."""
    return run(name, lines)


def sample(lines: list, budget: int) -> list:
    """Return a part of the vectors in `lines` for a slow board.

    At least one vector of every flag with every verdict, at least a quarter of all, and `budget`
    of them if there are so many; spread evenly, in their order, always the same ones.
    """
    vectors = [line for line in lines if _is_vector(line)]
    chosen = set()
    seen = set()
    for i in range(len(vectors)):
        _, flags, verdict, _ = _parse(vectors[i])
        for flag in flags:
            if (flag, verdict) not in seen:
                seen.add((flag, verdict))
                chosen.add(i)
    wanted = min(len(vectors), max(budget, (len(vectors) + 3) // 4))
    # Spread what is missing over those not chosen yet.
    others = [i for i in range(len(vectors)) if i not in chosen]
    missing = max(0, wanted - len(chosen))
    for k in range(missing):
        chosen.add(others[k * len(others) // missing])
    return [vectors[i] for i in sorted(chosen)]


def _is_vector(line: str) -> bool:
    line = line.strip()
    return bool(line) and not line.startswith("#")


def _parse(line: str) -> tuple:
    """Return (id, list of flags, verdict, list of byte strings)."""
    words = line.split()
    if len(words) < 4 or words[2] not in ("valid", "invalid"):
        raise ValueError("not a vector: " + line[:60])
    fields = [b"" if word == "-" else unhexlify(word) for word in words[3:]]
    return words[0], words[1].split(","), words[2], fields


def _check_for(name: str):
    kind = name.partition("-")[0]
    for row in _CHECKS:
        if row[0] == kind:
            return row[1]
    raise ValueError("no check for vectors named " + name)


def _aead(make):
    """Return a check of sealing and opening for the cipher that `make(key)` makes."""

    def check(fields: list) -> bool:
        key, nonce, aad, plaintext, ciphertext, tag = fields
        try:
            cipher = make(key)
            # The text sits inside a larger buffer, whose borders must survive.
            buffer = bytearray(b"\xa5\xa5\xa5" + ciphertext + tag + b"\xa5")
            before = bytes(buffer)
            if not cipher.open(nonce, aad, buffer, 3, len(buffer) - 1):
                assert buffer == before, "a refused record was changed"
                return False
            assert buffer == b"\xa5\xa5\xa5" + plaintext + tag + b"\xa5"
            cipher.seal(nonce, aad, buffer, 3, 3 + len(plaintext))
        except ValueError:
            return False
        return buffer == before

    return check


def _chacha20(fields: list) -> bool:
    key, counter, nonce, plaintext, ciphertext = fields
    buffer = bytearray(plaintext)
    ChaCha20(key).xor_key_stream(int.from_bytes(counter, "big"), nonce, buffer, 0, len(buffer))
    return buffer == ciphertext


def _poly1305(fields: list) -> bool:
    key, message, tag = fields
    mac = Poly1305(key)
    mac.update(message, 0, len(message))
    return mac.digest() == tag


def _hkdf(fields: list) -> bool:
    ikm, salt, info, length, okm, expected_prk = fields
    prk = hkdf.extract(SHA256, salt, ikm)
    if expected_prk and prk != expected_prk:
        return False
    try:
        return hkdf.expand(SHA256, prk, info, int.from_bytes(length, "big")) == okm
    except ValueError:
        return False


def _hmac(fields: list) -> bool:
    key, message, tag = fields
    return equal(hmac(SHA256, key, message)[: len(tag)], tag)


def _x25519(fields: list) -> bool:
    private, public, shared = fields
    return x25519(private, public) == shared


def _x25519_iterated(fields: list) -> bool:
    count, result = fields
    scalar = u = b"\x09" + bytes(31)
    for _ in range(int.from_bytes(count, "big")):
        scalar, u = x25519(scalar, u), scalar
    return scalar == result


def _ecdh_p256(fields: list) -> bool:
    private, public, shared = fields
    try:
        return p256.shared_secret(private, public) == shared
    except ValueError:
        return False


def _ecdsa_p256(fields: list) -> bool:
    public, message, der = fields
    digest = SHA256.new(message).digest()
    return signature.verify(0x0403, (signature.KEY_EC_P256, public), digest, der)


_CHECKS = (
    ("aes_gcm", _aead(aead.AesGcm)),
    ("chacha20_poly1305", _aead(aead.chacha20_poly1305)),
    ("chacha20", _chacha20),
    ("poly1305", _poly1305),
    ("hkdf", _hkdf),
    ("hmac", _hmac),
    ("x25519", _x25519),
    ("x25519_iterated", _x25519_iterated),
    ("ecdh_p256", _ecdh_p256),
    ("ecdsa_p256", _ecdsa_p256),
)
