"""A conversation of a seed is byte-identical on every board and on CPython."""

import hashlib
import sys
from pathlib import Path

import pytest

from hil import build, image
from hil.tlsrig.pki import make_chain, plan_of

PORTABLE = Path(__file__).parents[2] / "tls" / "tests" / "portable"
sys.path.insert(0, str(PORTABLE))
try:
    import seeded_checks
finally:
    sys.path.pop(0)

NOW = 1_768_478_400
X25519, P256 = 0x001D, 0x0017
HEAP_BYTES = {32: 131_072, 64: 524_288}
TIMEOUT_S = 120
CONVERSATIONS = {
    "aes128-x25519-p256": ("valid", 0x0403, 0x1301, (X25519,), (X25519,)),
    "chacha20-retry-p256": ("valid", 0x0403, 0x1303, (X25519, P256), (P256,)),
    "aes256-x25519-ed25519": ("ed25519", 0x0807, 0x1302, (X25519,), (X25519,)),
}


def settings_of(name):
    variant, scheme, suite, groups, server_groups = CONVERSATIONS[name]
    chain = make_chain(NOW, plan_of(variant))
    return {
        "seed": hashlib.sha512(name.encode()).digest(),
        "suites": (suite,),
        "anchors": chain.anchors,
        "utc_seconds": chain.utc_seconds,
        "server_name": "localhost",
        "groups": groups,
        "key_shares": groups[:1],
        "schemes": (scheme,),
        "server_groups": server_groups,
        "chain": chain.sent,
        "private_key": chain.private_key,
    }


@pytest.mark.parametrize("role", ["client", "server"])
@pytest.mark.parametrize("name", CONVERSATIONS)
def test_a_seed_gives_the_same_bytes_as_on_cpython(hil_target, dut_factory, name, role):
    modules = build.modules_of(image.load(hil_target.image))
    for module in [role, *(["crypto/ed25519"] if "ed25519" in name else [])]:
        if f"tlscore/{module}.py" not in modules:
            pytest.skip(f"image {hil_target.image} leaves tlscore/{module}.py out")
    settings = settings_of(name)
    script, expected = seeded_checks.converse(settings)[role]
    heap_bytes = HEAP_BYTES[hil_target.word_bits]
    small = hil_target.ram_bytes is not None and hil_target.ram_bytes < heap_bytes
    board = dut_factory(hil_target.uncounted(), heap_bytes=None if small else heap_bytes)
    board.install("seeded_checks", Path(seeded_checks.__file__).read_text())
    found = board.call("seeded_checks:job", role, settings, script, timeout_s=TIMEOUT_S)
    for number, said in enumerate(found):
        digest = hashlib.sha256(said).hexdigest()
        print(f"{hil_target.name} {name} {role} step {number}: {len(said)} bytes, {digest}")
    assert seeded_checks.difference(expected, found) is None
    assert sum(map(len, found)) > 700
