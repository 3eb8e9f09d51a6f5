"""DTLS 1.3 with datagrams changed on their way: ../dtls_tampering.py."""

import pytest
from dtls_tampering import SHARES, check


@pytest.mark.parametrize(("by_key", "seeds"), [(True, 100), (False, 6)])
@pytest.mark.parametrize("share", SHARES)
def test_changed_datagrams_end_in_nothing_worse_than_our_errors(network, by_key, seeds, share):
    check(network, by_key, seeds, share, (300, 400, 1200))
