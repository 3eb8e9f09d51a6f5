"""Run published test vectors against the primitives, on CPython and on a board.

Vectors come as lines of text in the format of `tls/tests/vectors/README.md`: whoever calls brings
the lines (the host reads files, a board receives them over its console). The part of a file's
name before the "-" says which check of the table at the end its lines are for; the lines are
judged one by one, and a primitive has to refuse an invalid case as surely as it has to get a valid
one right. Checks import what they check, so that a board holds no more than it needs.
"""

import binascii


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
    fields = [b"" if word == "-" else binascii.unhexlify(word) for word in words[3:]]
    return words[0], words[1].split(","), words[2], fields


def _check_for(name: str):
    kind = name.partition("-")[0]
    for row in _CHECKS:
        if row[0] == kind:
            return row[1]
    raise ValueError("no check for vectors named " + name)


def _aead(cipher, fields: list) -> bool:
    """Open and seal in the middle of a larger buffer, whose borders must survive."""
    _, nonce, aad, plaintext, ciphertext, tag = fields
    buffer = bytearray(b"\xa5\xa5\xa5" + ciphertext + tag + b"\xa5")
    before = bytes(buffer)
    try:
        if not cipher.open(nonce, aad, buffer, 3, len(buffer) - 1):
            assert buffer == before, "a refused record was changed"
            return False
        assert buffer == b"\xa5\xa5\xa5" + plaintext + tag + b"\xa5"
        cipher.seal(nonce, aad, buffer, 3, 3 + len(plaintext))
    except ValueError:
        return False
    return buffer == before


def _aes_gcm(fields: list) -> bool:
    from tlscore.crypto import aead

    make = aead.aes_128_gcm if len(fields[0]) == 16 else aead.aes_256_gcm
    return _aead(make(fields[0]), fields)


def _chacha20_poly1305(fields: list) -> bool:
    from tlscore.crypto import aead

    try:
        cipher = aead.chacha20_poly1305(fields[0])
    except ValueError:
        return False
    return _aead(cipher, fields)


def _aes_ccm(fields: list) -> bool:
    """Nonces and tags of all sizes, of which TLS uses but few."""
    from tlscore.crypto.ccm import AesCcm

    try:
        cipher = AesCcm(fields[0], len(fields[5]))
    except ValueError:
        return False
    cipher.nonce_size = len(fields[1])
    return _aead(cipher, fields)


def _chacha20(fields: list) -> bool:
    from tlscore.crypto.chacha20 import ChaCha20

    key, counter, nonce, plaintext, ciphertext = fields
    buffer = bytearray(plaintext)
    ChaCha20(key).xor_key_stream(int.from_bytes(counter, "big"), nonce, buffer, 0, len(buffer))
    return buffer == ciphertext


def _poly1305(fields: list) -> bool:
    from tlscore.crypto.poly1305 import Poly1305

    key, message, tag = fields
    mac = Poly1305(key)
    mac.update(message, 0, len(message))
    return mac.digest() == tag


def _sha2(size: int, fields: list) -> bool:
    """The hash the interpreter offers, the fastest, and of the larger ones the portable one."""
    from tlscore.crypto import hashes

    message, digest = fields
    row = hashes.of_size(size)
    if row.new(message).digest() != digest:
        return False
    starts = [hashes.fastest(row).new]
    if size > 32:
        from tlscore.crypto import sha512

        starts.append({48: sha512.sha384, 64: sha512.sha512}[size])
    third = len(message) // 3
    for new in starts:
        running = new(message[:third])
        running.update(memoryview(message)[third:])
        if running.digest() != digest:
            return False
    return True


def _hkdf(size: int, fields: list) -> bool:
    from tlscore.crypto import hashes, hkdf

    hash_function = hashes.fastest(hashes.of_size(size))
    ikm, salt, info, length, okm, expected_prk = fields
    prk = hkdf.extract(hash_function, salt, ikm)
    if expected_prk and prk != expected_prk:
        return False
    try:
        return hkdf.expand(hash_function, prk, info, int.from_bytes(length, "big")) == okm
    except ValueError:
        return False


def _hkdf_label(fields: list) -> bool:
    """Expand with the HkdfLabel of RFC 8446 §7.1; its label is given whole, prefix and all."""
    from tlscore.crypto import hashes, hkdf

    size, secret, label, context, length, output = fields
    length = length[0]
    info = bytes((0, length, len(label))) + label + bytes((len(context),)) + context
    hash_function = hashes.fastest(hashes.of_size(size[0]))
    return hkdf.expand(hash_function, secret, info, length) == output


def _hmac(size: int, fields: list) -> bool:
    from tlscore.crypto import hashes
    from tlscore.crypto.hmac import equal, hmac, keyed

    key, message, tag = fields
    row = hashes.of_size(size)
    kept = keyed(hashes.fastest(row), key)
    assert kept.hmac(message) == kept.hmac(message[:5], b"", memoryview(message)[5:])
    assert kept.hmac(message) == hmac(row, key, message)
    return equal(kept.hmac(message)[: len(tag)], tag)


def _x25519(fields: list) -> bool:
    from tlscore.crypto.x25519 import x25519

    private, public, shared = fields
    return x25519(private, public) == shared


def _x25519_iterated(fields: list) -> bool:
    from tlscore.crypto.x25519 import x25519

    count, result = fields
    scalar = u = b"\x09" + bytes(31)
    for _ in range(int.from_bytes(count, "big")):
        scalar, u = x25519(scalar, u), scalar
    return scalar == result


def _ecdh_p256(fields: list) -> bool:
    from tlscore.crypto import p256

    private, public, shared = fields
    try:
        return p256.shared_secret(private, public) == shared
    except ValueError:
        return False


def _verify(scheme: int, kind: int, fields: list) -> bool:
    """A signature of a CertificateVerify; every certificate may be signed so too."""
    from tlscore.crypto import signature

    public, message, signed = fields
    hash_function = signature.hash_of(scheme)
    if hash_function is not None:
        message = hash_function.new(message).digest()
    good = signature.verify(scheme, (kind, public), message, signed)
    assert signature.verify_certificate(scheme, (kind, public), message, signed) == good
    return good


def _rsa_pss(fields: list) -> bool:
    return _verify(int.from_bytes(fields[0], "big"), 2, fields[1:])


def _certificate(fields: list) -> bool:
    """A signature that only a certificate may have."""
    from tlscore.crypto import signature

    scheme = int.from_bytes(fields[0], "big")
    kind = {65: 1, 97: 3}.get(len(fields[1]), 2)
    digest = signature.hash_of(scheme).new(fields[2]).digest()
    assert not signature.verify(scheme, (kind, fields[1]), digest, fields[3])
    return signature.verify_certificate(scheme, (kind, fields[1]), digest, fields[3])


def _ecdsa_sign(fields: list) -> bool:
    """Deterministic signatures, under hashes that TLS does not pair with the curve too."""
    from tlscore.crypto import ecdsa_sign, hashes

    hash_bytes, private, public, message, signed = fields
    hash_function = hashes.of_size(hash_bytes[0])
    key = ({32: 1, 48: 3}[len(private)], private)
    if ecdsa_sign.public_of(key) != public:
        return False
    return ecdsa_sign.sign(hash_function, key, hash_function.new(message).digest()) == signed


def _ed25519_sign(fields: list) -> bool:
    from tlscore.crypto import signature

    private, public, message, signed = fields
    key = (signature.KEY_ED25519, private)
    if signature.public_of(key) != (signature.KEY_ED25519, public):
        return False
    return signature.sign(0x0807, key, message, None) == signed


_CHECKS = (
    ("aes_gcm", _aes_gcm),
    ("aes_ccm", _aes_ccm),
    ("chacha20_poly1305", _chacha20_poly1305),
    ("chacha20", _chacha20),
    ("poly1305", _poly1305),
    ("sha256", lambda fields: _sha2(32, fields)),
    ("sha384", lambda fields: _sha2(48, fields)),
    ("sha512", lambda fields: _sha2(64, fields)),
    ("hkdf", lambda fields: _hkdf(32, fields)),
    ("hkdf_sha384", lambda fields: _hkdf(48, fields)),
    ("hkdf_label", _hkdf_label),
    ("hmac", lambda fields: _hmac(32, fields)),
    ("hmac_sha384", lambda fields: _hmac(48, fields)),
    ("x25519", _x25519),
    ("x25519_iterated", _x25519_iterated),
    ("ecdh_p256", _ecdh_p256),
    ("ecdsa_p256", lambda fields: _verify(0x0403, 1, fields)),
    ("ecdsa_p384", lambda fields: _verify(0x0503, 3, fields)),
    ("ed25519", lambda fields: _verify(0x0807, 4, fields)),
    ("rsa_pss", _rsa_pss),
    ("rsa_pkcs1", _certificate),
    ("ecdsa_mixed", _certificate),
    ("ecdsa_sign", _ecdsa_sign),
    ("ed25519_sign", _ed25519_sign),
)
