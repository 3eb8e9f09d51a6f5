"""Known-answer tests, and the choice of a back end by them.

A primitive that will have faster implementations (machine code, a C module of the port) names the
candidates in order of preference; `select` takes the first that this interpreter can load and
that gives the published answer. A broken or miscompiled back end is thus passed over instead of
producing wrong keys. The choice is made when a key is set and kept with the key: modules hold no
state, and most boards never execute a module's body. So the tests are short, a few blocks each.
"""

from tlscore.crypto.hmac import equal

try:
    import micropython
except ImportError:  # CPython, which has no inline assembler
    micropython = None

_MACHINE_CODE = "tlscore.crypto.thumb."

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def select(candidates: tuple, passes: "Callable") -> "Callable":
    """Return the first working back end.

    Args:
        candidates: (module, name) pairs, the preferred first.
        passes: function that runs the known-answer test on what was imported.

    Raises:
        ImportError: if none works; it names the last candidate.
    """
    for module, name in candidates:
        if micropython is None and module.startswith(_MACHINE_CODE):
            continue
        try:
            backend = getattr(__import__(module, None, None, (name,)), name)
        except (ImportError, SyntaxError, ValueError):  # see `kernel`
            continue
        if passes(backend):
            return backend
    raise ImportError("no working back end: " + candidates[-1][0] + "." + candidates[-1][1])


def kernel(module: str):
    """Return the back end in machine code `tlscore.crypto.<module>`, or None.

    None where the image leaves it out (ImportError), where there is no inline assembler for it
    (SyntaxError), where it was compiled for another core (ValueError), and where it gives another
    answer than the known one.
    """
    if micropython is None:
        return None
    try:
        found = __import__("tlscore.crypto." + module, None, None, ("passes",))
    except (ImportError, SyntaxError, ValueError):
        return None
    return found if found.passes() else None


def aes_passes(backend: "Callable") -> bool:
    """FIPS 197 appendix C.1, through the key stream and CBC-MAC too."""
    cipher = backend(bytes(range(16)))
    block = b"\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"
    expected = b"\x69\xc4\xe0\xd8\x6a\x7b\x04\x30\xd8\xcd\xb7\x80\x70\xb4\xc5\x5a"
    stream = bytearray(17)
    cipher.xor_key_stream(block, stream, 0, 16)
    mac = bytearray(block)
    cipher.cbc_mac(mac, bytes(1), 0, 1)
    return equal(cipher.encrypt(block) + mac, 2 * expected) and equal(stream, expected + b"\x00")


def ghash_passes(backend: "Callable") -> bool:
    """The GCM specification's test case 2: H, one block of ciphertext, the lengths."""
    ghash = backend(b"\x66\xe9\x4b\xd4\xef\x8a\x2c\x3b\x88\x4c\xfa\x59\xca\x34\x2b\x2e")
    ghash.update(
        b"\x03\x88\xda\xce\x60\xb6\xa3\x92\xf3\x28\xc2\xb9\x71\xb2\xfe\x78"
        b"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80",
        0,
        32,
    )
    return equal(
        ghash.digest(),
        b"\xf3\x8c\xbb\x1a\xd6\x92\x23\xdc\xc3\x45\x7a\xe5\xb6\xb0\xf8\x85",
    )


def chacha20_passes(backend: "Callable") -> bool:
    """RFC 8439 §2.3.2: the first bytes of the block with counter 1."""
    stream = bytearray(17)
    nonce = b"\x00\x00\x00\x09\x00\x00\x00\x4a\x00\x00\x00\x00"
    backend(bytes(range(32))).xor_key_stream(1, nonce, stream, 0, 16)
    return equal(
        stream,
        b"\x10\xf1\xe7\xe4\xd1\x3b\x59\x15\x50\x0f\xdd\x1f\xa3\x20\x71\xc4\x00",
    )


def poly1305_passes(backend: "Callable") -> bool:
    """RFC 8439 §2.5.2."""
    mac = backend(
        b"\x85\xd6\xbe\x78\x57\x55\x6d\x33\x7f\x44\x52\xfe\x42\xd5\x06\xa8"
        b"\x01\x03\x80\x8a\xfb\x0d\xb2\xfd\x4a\xbf\xf6\xaf\x41\x49\xf5\x1b"
    )
    mac.update(b"Cryptographic Forum Research Group", 0, 34)
    return equal(
        mac.digest(),
        b"\xa8\x06\x1d\xc1\x30\x51\x36\xc6\xc2\x2b\x8b\xaf\x0c\x01\x27\xa9",
    )
