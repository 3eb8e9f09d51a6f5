"""The side-by-side measurement runs, both stacks talk, and help in C is noticed. No rates."""

import cpython_bench as bench
import pytest
from tlslite.utils import cryptomath


@pytest.mark.parametrize("case", ["handshake P-256", "records ChaCha20-Poly1305 1024"])
def test_both_stacks_are_measured(case):
    rates = bench.measure(case, seconds=0, rounds=1)
    assert sorted(rates) == ["tlscore", "tlslite-ng"]
    assert min(rates.values()) > 0


@pytest.mark.parametrize("stack", [bench.OurStack, bench.TlsliteStack])
def test_what_is_sealed_at_one_end_is_read_at_the_other(stack):
    identity = bench.server_double.Identity()
    one = stack(identity, 0x1301)
    assert one.carry(one.connect(), bytes(1024)) == 1024


def test_a_helper_in_c_is_refused(monkeypatch):
    monkeypatch.setattr(cryptomath, "gmpyLoaded", True)
    with pytest.raises(bench.HelpedError):
        bench.TlsliteStack(bench.server_double.Identity(), 0x1301)
