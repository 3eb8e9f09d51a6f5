"""Single operations on a board: what each is given, and what it took.

Operands are published test vectors (tls/tests/vectors) or fixed numbers, so that each run computes
the same; results are compared with the published ones, or with what `cryptography` says. A board
whose image leaves an operation's module out says so instead of a figure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from bench.figures import BenchError, Figure
from hil import measure, paths
from hil.boot import Board
from hil.errors import HilError
from hil.target import Target

SOURCE = Path(__file__).parent / "ontarget" / "bench_operations.py"

INSTRUCTIONS = "instructions"
A_BYTE = "instructions a byte"

# Bytes of a record's content in all figures "a byte".
RECORD_CONTENT_BYTES = 1024
_HASHED_BYTES = 4096
# Portable code takes the slowest board a tenth of this.
_TIMEOUT_S = 300

_NONCE = bytes(range(12))
_HEADER = b"\x17\x03\x03\x04\x11"
_SCALAR = hashlib.sha256(b"bench: private key").digest()
_DIGEST = hashlib.sha256(b"bench: what is signed").digest()


def _vector(name: str) -> list[bytes]:
    """Return the fields of the first valid case of a file of vectors."""
    path = (paths.checkout() or Path.cwd()) / "tls" / "tests" / "vectors" / f"{name}.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise BenchError(f"the bench runs in a checkout, for its test vectors: {error}") from error
    words = next(line.split() for line in lines if " valid " in line and line[0] != "#")
    return [bytes.fromhex(word) for word in words[3:]]


def _x25519() -> tuple[object, ...]:
    return tuple(_vector("x25519-wycheproof"))


def _ecdsa_p256() -> tuple[object, ...]:
    point, message, signature = _vector("ecdsa_p256-cavp")
    return 0x0403, (1, point), hashlib.sha256(message).digest(), signature


def _ecdsa_p384() -> tuple[object, ...]:
    point, message, signature = _vector("ecdsa_p384-cavp")
    return 0x0503, (3, point), hashlib.sha384(message).digest(), signature


def _rsa_2048() -> tuple[object, ...]:
    scheme, key, message, signature = _vector("rsa_pkcs1-wycheproof2048")
    return int.from_bytes(scheme, "big"), (2, key), hashlib.sha256(message).digest(), signature


def _signing() -> tuple[object, ...]:
    return 0x0403, (1, _SCALAR), _DIGEST, bytes(range(48))


def _check_signature(report: Mapping[str, Any]) -> None:
    """Let `cryptography` verify what a board has signed; raises InvalidSignature."""
    private = ec.derive_private_key(int.from_bytes(_SCALAR, "big"), ec.SECP256R1())
    algorithm = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    private.public_key().verify(report["signature"], _DIGEST, algorithm)


def _sha384() -> tuple[object, ...]:
    # The job adds the bytes twice: once before it counts.
    return 48, _HASHED_BYTES, hashlib.sha384(bytes(2 * _HASHED_BYTES)).digest()


def _sealing(cipher: str, key: bytes, other: AESGCM | ChaCha20Poly1305) -> tuple[object, ...]:
    expected = other.encrypt(_NONCE, bytes(RECORD_CONTENT_BYTES), _HEADER)
    return cipher, key, _NONCE, RECORD_CONTENT_BYTES, expected


def _aes_128_gcm() -> tuple[object, ...]:
    key = bytes(range(16))
    return _sealing("aes_128_gcm", key, AESGCM(key))


def _chacha20_poly1305() -> tuple[object, ...]:
    key = bytes(range(32))
    return _sealing("chacha20_poly1305", key, ChaCha20Poly1305(key))


@dataclass(frozen=True)
class Operation:
    """One row of the table of operations.

    Attributes:
        key: of its figures.
        title: as tables show it.
        job: function of bench_operations.py.
        modules: of the core, without which a board cannot do it.
        arguments: makes what the job gets after the clock.
        per_bytes: the figure is what one of so many bytes takes; 1 for a whole operation.
        check: judges what the job returned, where the job cannot.
    """

    key: str
    title: str
    job: str
    modules: tuple[str, ...]
    arguments: Callable[[], tuple[object, ...]]
    per_bytes: int = 1
    check: Callable[[Mapping[str, Any]], None] = lambda _report: None

    @property
    def unit(self) -> str:
        """What its figures count."""
        return INSTRUCTIONS if self.per_bytes == 1 else A_BYTE


OPERATIONS = (
    Operation("x25519", "X25519, one scalar multiplication", "x25519", ("x25519",), _x25519),
    Operation(
        "ecdsa_p256_verify",
        "ECDSA P-256 verification",
        "verification",
        ("p256", "ecdsa"),
        _ecdsa_p256,
    ),
    Operation(
        "ecdsa_p256_sign",
        "ECDSA P-256 signature",
        "signing",
        ("p256", "ecdsa_sign"),
        _signing,
        check=_check_signature,
    ),
    Operation(
        "ecdsa_p384_verify",
        "ECDSA P-384 verification",
        "verification",
        ("p384", "ecdsa"),
        _ecdsa_p384,
    ),
    Operation("rsa2048_verify", "RSA-2048 verification", "verification", ("rsa",), _rsa_2048),
    Operation("sha384", "SHA-384, a byte of 4 KB", "hashing", ("sha512",), _sha384, _HASHED_BYTES),
    Operation(
        "aes_128_gcm",
        "AES-128-GCM alone, a byte of 1 KB",
        "sealing",
        ("gcm",),
        _aes_128_gcm,
        RECORD_CONTENT_BYTES,
    ),
    Operation(
        "chacha20_poly1305",
        "ChaCha20-Poly1305 alone, a byte of 1 KB",
        "sealing",
        ("chacha20_poly1305",),
        _chacha20_poly1305,
        RECORD_CONTENT_BYTES,
    ),
)


def uncounted(target: Target) -> str | None:
    """Say why instructions are not counted on a board; None where they are."""
    if measure.clock_facts(target) is not None:
        return None
    return target.no_instruction_count_reason


def lacking(needed: Collection[str], modules: Collection[str]) -> str | None:
    """Say which of the modules of tlscore.crypto an image leaves out; None if it has them all."""
    missing = [name for name in needed if f"tlscore/crypto/{name}.py" not in modules]
    return f"the image leaves out {', '.join(missing)}" if missing else None


def run(board: Board, operation: Operation, modules: Collection[str]) -> Figure:
    """Return what an operation took on a board.

    Args:
        board: with bench_operations.py installed.
        operation: which one.
        modules: those of the board's image, as `hil.build.modules_of` names them.

    Raises:
        BenchError: the board failed, or its result is wrong.
    """
    name = board.target.name
    method = "counted on the board by its own clock (QEMU -icount), one call after a first one"
    reason = lacking(operation.modules, modules)
    if reason is None:
        clock = measure.clock_facts(board.target)
        function = f"{SOURCE.stem}:{operation.job}"
        try:
            answer = board.call(function, clock, *operation.arguments(), timeout_s=_TIMEOUT_S)
        except HilError as error:
            raise BenchError(f"{name}: {operation.title}: {error}") from error
        report = cast("Mapping[str, Any]", answer)
        operation.check(report)
        reason = uncounted(board.target)
        if reason is None:
            value = report["instructions"] / operation.per_bytes
            return Figure(name, operation.key, value, operation.unit, method)
    return Figure(name, operation.key, None, operation.unit, "none", reason)
