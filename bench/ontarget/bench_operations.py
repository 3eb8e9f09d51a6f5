"""Jobs of `python -m bench` on a board: single operations of the core, and records, counted.

The host sends this file. Each job calls what a connection calls, with operands from the host, once
to have loaded what is loaded once, and then with the clock running: known-answer tests, conversions
and garbage that has to be collected meanwhile are part of the figure. A wrong result is an error.
"""

import gc

from hil_marks import Marks

from tlscore.entropy import HmacDrbg

# What is authenticated beside a record is as long as this: its header (RFC 8446 §5.2).
_HEADER = b"\x17\x03\x03\x04\x11"


class WrongResultError(Exception):
    """An operation gave another result than the host has."""


def _counted(clock, call):
    """Return `hil_marks`' report on one call, and what it returned."""
    call()
    marks = Marks(1, clock)
    gc.collect()
    marks.enter()
    result = call()
    marks.leave()
    return marks.report(), result


def x25519(_link, clock, scalar, point, expected):
    """Count one scalar multiplication."""
    from tlscore.crypto.x25519 import x25519 as multiply  # noqa: PLC0415

    report, product = _counted(clock, lambda: multiply(scalar, point))
    if product != expected:
        raise WrongResultError("X25519")
    return report


def verification(_link, clock, scheme, key, digest, signature):
    """Count the verification of a certificate's signature."""
    from tlscore.crypto.signature import verify_certificate  # noqa: PLC0415

    report, is_right = _counted(clock, lambda: verify_certificate(scheme, key, digest, signature))
    if is_right is not True:
        raise WrongResultError("verification")
    return report


def signing(_link, clock, scheme, private_key, digest, seed):
    """Count a signature as a CertificateVerify has it, and return it with the figures."""
    from tlscore.crypto.signature import sign  # noqa: PLC0415

    entropy = HmacDrbg(seed)
    report, report["signature"] = _counted(
        clock, lambda: sign(scheme, private_key, digest, entropy)
    )
    return report


def hashing(_link, clock, digest_bytes, size, expected):
    """Count what `size` more bytes take a running hash."""
    from tlscore.crypto.hashes import of_size  # noqa: PLC0415

    running = of_size(digest_bytes).new()
    data = bytes(size)
    report, _ = _counted(clock, lambda: running.update(data))
    if running.digest() != expected:
        raise WrongResultError("hash")
    return report


def sealing(_link, clock, cipher, key, nonce, size, expected):
    """Count sealing `size` zeros in place, with a key that is set already."""
    from tlscore.crypto import aead  # noqa: PLC0415

    keyed = getattr(aead, cipher)(key)
    keyed.seal(nonce, _HEADER, bytearray(size + 16), 0, size)
    buffer = bytearray(size + 16)
    marks = Marks(1, clock)
    gc.collect()
    marks.enter()
    keyed.seal(nonce, _HEADER, buffer, 0, size)
    marks.leave()
    if buffer != expected:
        raise WrongResultError(cipher)
    return marks.report()
