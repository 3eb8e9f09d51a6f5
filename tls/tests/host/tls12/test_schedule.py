"""The PRF of TLS 1.2 against published vectors, and what is made of it."""

import pytest

from tlscore.crypto.hashes import SHA256, SHA384, SHA512
from tlscore.errors import UsageError
from tlscore.tls12 import schedule

# "TLS 1.2 PRF test vectors", J. Quigley, TLS working group's list, October 2009.
PRF = [
    (
        SHA256,
        "9bbe436ba940f017b17652849a71db35",
        "a0ba9f936cda311827a6f796ffd5198c",
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14"
        "baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e"
        "5a5110fff70187347b66",
    ),
    (
        SHA384,
        "b80b733d6ceefcdc71566ea48e5567df",
        "cd665cf6a8447dd6ff8b27555edb7465",
        "7b0c18e9ced410ed1804f2cfa34a336a1c14dffb4900bb5fd7942107e81c83cde9ca0faa60be9fe34f82b1233c"
        "9146a0e534cb400fed2700884f9dc236f80edd8bfa961144c9e8d792eca722a7b32fc3d416d473ebc2c5fd4abf"
        "dad05d9184259b5bf8cd4d90fa0d31e2dec479e4f1a26066f2eea9a69236a3e52655c9e9aee691c8f3a2685430"
        "8d5eaa3be85e0990703d73e56f",
    ),
    (
        SHA512,
        "b0323523c1853599584d88568bbb05eb",
        "d4640e12e4bcdbfb437f03e6ae418ee5",
        "1261f588c798c5c201ff036e7a9cb5edcd7fe3f94c669a122a4638d7d508b283042df6789875c7147e906d868b"
        "c75c45e20eb40c1cf4a1713b27371f68432592f7dc8ea8ef223e12ea8507841311bf68653d0cfc4056d811f025"
        "c45ddfa6e6fec702f054b409d6f28dd0a3233e498da41a3e75c5630eedbe22fe254e33a1b0e9f6b9826675bec7"
        "d01a845658dc9c397545401d40b9f46c7a400ee1b8f81ca0a60d1a397a1028bff5d2ef5066126842fb8da41976"
        "32bdb54ff6633f86bbc836e640d4d898",
    ),
]


@pytest.mark.parametrize(("hash_", "secret", "seed", "output"), PRF)
def test_the_prf_gives_the_published_output(hash_, secret, seed, output):
    expected = bytes.fromhex(output)
    arguments = (hash_, bytes.fromhex(secret), b"test label", bytes.fromhex(seed))
    assert schedule.prf(*arguments, len(expected)) == expected
    assert schedule.prf(*arguments, 10) == expected[:10]


def test_a_key_alone_goes_with_as_many_zeros():
    # RFC 4279 §2: "if the PSK is N octets long, concatenate a uint16 with the value N, N zero
    # octets, a second uint16 with the value N, and the PSK itself".
    assert schedule.premaster_of_key(b"key") == b"\x00\x03\x00\x00\x00\x00\x03key"
    assert schedule.premaster_of_key(b"key", b"shared") == b"\x00\x06shared\x00\x03key"


@pytest.mark.parametrize("label", [b"client finished", b"key expansion", b"master secret"])
def test_labels_of_tls_are_not_exported(label):
    with pytest.raises(UsageError, match="label_out_of_range"):
        schedule.exported_keying_material(SHA256, bytes(48), bytes(64), label, None, 32)


def test_no_context_is_not_an_empty_one():
    one, other = (
        schedule.exported_keying_material(SHA256, bytes(48), bytes(64), b"x", context, 32)
        for context in (None, b"")
    )
    assert one != other
