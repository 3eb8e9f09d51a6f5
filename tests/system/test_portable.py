"""The core's portable tests, run on the boards: published vectors, edge cases, RFC 8448 traces.

The same files run on CPython in `tls/tests/host`. What a test needs that is not frozen into the
image is sent as source; so that it fits beside the largest vectors these boards get a roomy heap.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hil import build, image

TLS_TESTS = Path(__file__).parents[2] / "tls" / "tests"
sys.path[:0] = [str(TLS_TESTS / "portable"), str(TLS_TESTS / "vectors")]
try:
    import trace_files
    import vector_checks
finally:
    del sys.path[:2]

EDGE_CASES = sorted((TLS_TESTS / "portable").glob("test_*.py"))
VECTOR_FILES = sorted((TLS_TESTS / "vectors").glob("*.txt"))
HEAP_BYTES = {32: 262_144, 64: 1_048_576}
BATCH_BYTES = 4000
BATCH_TIMEOUT_S = 300
# One emulated board goes through every vector, but of these, which take it most of a minute each.
# There, and of all files on the other boards, a sample has to do: at least a quarter of the cases
# and every flag with every verdict.
SAMPLED = ("ecdsa_p384-wycheproof", "hkdf_sha384-wycheproof", "x25519_iterated-rfc7748")
THOROUGH = ("unix", "qemu-cortexm")

# Beside the core a board of 64 KB has room for this much source.
SMALL_SOURCE_BYTES = 5000


def is_small(hil_target) -> bool:
    return hil_target.ram_bytes is not None and hil_target.ram_bytes < HEAP_BYTES[32]


@pytest.fixture
def board(hil_target, dut_factory):
    """A board with room for tests beside the core, if it has that much RAM."""
    roomy = HEAP_BYTES[hil_target.word_bits]
    return dut_factory(hil_target.uncounted(), heap_bytes=None if is_small(hil_target) else roomy)


@pytest.fixture
def vector_board(hil_target, request):
    """A board that can check vectors."""
    if "vector_checks.py" not in build.modules_of(image.load(hil_target.image)):
        pytest.skip(f"image {hil_target.image} leaves vector_checks out")
    return request.getfixturevalue("board")


@pytest.fixture
def send(board, hil_target):
    """Function that makes a file a module of the board."""

    modules = build.modules_of(image.load(hil_target.image))

    def install(path):
        source = path.read_text()
        for name in re.findall(r"^from (tlscore\.[\w.]+) import", source, re.MULTILINE):
            stem = name.replace(".", "/")
            if not modules.keys() & {f"{stem}.py", f"{stem}/__init__.py"}:
                pytest.skip(f"image {hil_target.image} leaves out {name}, which {path.name} needs")
        if is_small(hil_target) and len(source) > SMALL_SOURCE_BYTES:
            pytest.skip(f"{hil_target.name} has no room for {path.name} as source")
        board.install(path.stem, source)

    return install


def batches(lines: list[str]) -> Iterator[list[str]]:
    """Cut lines into lists that a board can take at once; a longer line stands alone."""
    batch: list[str] = []
    for line in lines:
        if batch and sum(map(len, batch)) + len(line) > BATCH_BYTES:
            yield batch
            batch = []
        batch.append(line)
    if batch:
        yield batch


def primitive_of(path: Path) -> str | None:
    """The module of the core with the longest name that a vector file's name begins with."""
    names = [
        name
        for name in build.frozen_modules()
        if name.startswith("tlscore/crypto/") and path.stem.startswith(Path(name).stem)
    ]
    return max(names, key=len, default=None)


@pytest.mark.parametrize("path", VECTOR_FILES, ids=lambda path: path.stem)
def test_published_vectors(vector_board, hil_target, path):
    primitive = primitive_of(path)
    if primitive is not None and primitive not in build.modules_of(image.load(hil_target.image)):
        pytest.skip(f"image {hil_target.image} leaves {primitive} out")
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    stated = re.search(r"^# cases: (\d+) ", path.read_text(), re.MULTILINE)
    assert len(lines) == int(stated[1])
    sampled = hil_target.word_bits == 32 and path.stem in SAMPLED
    if sampled or hil_target.name not in THOROUGH:
        if is_small(hil_target):  # what does not fit one batch does not fit its heap
            lines = [line for line in lines if len(line) <= BATCH_BYTES]
        lines = vector_checks.sample(lines, 0)
    passed = 0
    for batch in batches(lines):
        good, failed = vector_board.call(
            "vector_checks:job", path.stem, batch, timeout_s=BATCH_TIMEOUT_S
        )
        assert failed == []
        passed += good
    print(f"{path.stem}: {passed} of {stated[1]} cases on {hil_target.name}")
    assert passed == len(lines)


def test_the_core_under_test_is_the_firmwares(board, hil_target):
    modules = ("tlscore", "tlscore.client", "tlscore.crypto.aead", "tlscore.x509.chain", "tls_jobs")
    assert board.origins(*modules) == dict.fromkeys(
        modules, "frozen" if hil_target.name == "unix" else "rom"
    )


@pytest.mark.parametrize("path", EDGE_CASES, ids=lambda path: path.stem)
def test_edge_cases(board, send, path):
    send(path)
    count = board.call(path.stem + ":job", timeout_s=BATCH_TIMEOUT_S)
    assert count == len(re.findall(r"^def test_", path.read_text(), re.MULTILINE))


def test_rfc_8448_traces(board, send):
    send(TLS_TESTS / "portable" / "rfc8448_checks.py")
    traces = trace_files.read("rfc8448.traces")
    secrets = {
        name: board.call("rfc8448_checks:job", trace, timeout_s=BATCH_TIMEOUT_S)
        for name, trace in traces.items()
    }
    assert secrets == dict.fromkeys(traces, 5)
    assert len(traces) >= 3


def test_recorded_handshakes(board, send, hil_target):
    send(TLS_TESTS / "portable" / "recorded_checks.py")
    traces = trace_files.read("recorded.traces")
    found = {
        name: board.call("recorded_checks:job", trace, timeout_s=BATCH_TIMEOUT_S)
        for name, trace in traces.items()
        if name.startswith("tls13-")
    }
    # Records decrypted and signatures verified; what else is found is compared on CPython.
    counts = {name: (result[0], result[1]) for name, result in found.items()}
    assert counts == {
        "tls13-hrr": (16, 2),
        "tls13-mutual": (17, 4),
        "tls13-psk": (13, 0),
        "tls13-rpk": (14, 1),
        "tls13-x509": (14, 2),
    }
    print(f"recorded handshakes: {len(counts)} on {hil_target.name}")
