"""Certificates on the boards: every algorithm, and x509-limbo's cases, judged as on CPython."""

import base64
import datetime
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hil.tlsrig.pki import VARIANTS, make_chain, plan_of

TLS_TESTS = Path(__file__).parents[2] / "tls" / "tests"
sys.path.insert(0, str(TLS_TESTS / "portable"))
try:
    import chain_checks
finally:
    sys.path.pop(0)

NOW = 1_768_478_400
SERVER_AUTH, CLIENT_AUTH = 1, 2
PIECE_BYTES = 200
HEAP_BYTES = {32: 131_072, 64: 524_288}
# RSA and P-384 take a 32-bit board seconds of host time.
TIMEOUT_S = 120

CASES = [
    line.split()
    for line in (TLS_TESTS / "host" / "x509" / "limbo.txt").read_text().splitlines()
    if not line.startswith("#")
]


def decoded(*fields: str) -> list[bytes]:
    return [base64.b64decode(each) for field in fields if field != "-" for each in field.split(",")]


def limbo_arguments(case: list[str]) -> tuple[object, ...]:
    """Return what `chain_checks.judge` is told of one case."""
    _, _, kind, name, time, _, trusted, leaf, intermediates = case
    seconds = NOW if time == "-" else int(datetime.datetime.fromisoformat(time).timestamp())
    return (
        decoded(trusted),
        decoded(leaf, intermediates),
        None if name == "-" else name,
        SERVER_AUTH if kind == "server" else CLIENT_AUTH,
        seconds,
        PIECE_BYTES,
    )


@pytest.fixture
def judge_on_board(hil_target, dut_factory):
    """Function that lets the board judge a chain."""
    heap_bytes = HEAP_BYTES[hil_target.word_bits]
    if hil_target.ram_bytes is not None and hil_target.ram_bytes <= heap_bytes:
        pytest.skip(f"{hil_target.name} has no room for a heap of {heap_bytes} bytes")
    board = dut_factory(heap_bytes=heap_bytes)
    board.install("chain_checks", Path(chain_checks.__file__).read_text())
    return lambda *arguments: board.call("chain_checks:job", *arguments, timeout_s=TIMEOUT_S)


def test_every_variant_of_our_chains_is_judged_as_on_cpython(judge_on_board):
    verdicts = {}
    for variant in VARIANTS:
        chain = make_chain(NOW, plan_of(variant))
        root = chain.trusted_root.certificate.public_bytes(Encoding.DER)
        client = variant.startswith("client")
        name, purpose = (None, CLIENT_AUTH) if client else ("localhost", SERVER_AUTH)
        arguments = ([root], list(chain.sent), name, purpose, NOW, PIECE_BYTES)
        verdicts[variant] = judge_on_board(*arguments)
        assert verdicts[variant] == chain_checks.judge(*arguments), variant
    assert verdicts["mixed"] == verdicts["rsa-pss"] == (None, 2)


def test_the_cases_of_x509_limbo_are_judged_as_on_cpython(judge_on_board):
    refused = 0
    for case in CASES:
        arguments = limbo_arguments(case)
        verdict = judge_on_board(*arguments)
        assert verdict == chain_checks.judge(*arguments), case[0]
        refused += verdict[0] is not None
    assert 20 < refused < len(CASES)
