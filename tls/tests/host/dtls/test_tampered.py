"""DTLS 1.2 with datagrams changed on their way: ../dtls_tampering.py."""

import pytest
from dtls_tampering import SHARES, check

PSK_CCM_8, ECDSA_CCM_8 = 0xC0A8, 0xC0AE


@pytest.mark.parametrize(("suite", "seeds"), [(PSK_CCM_8, 100), (ECDSA_CCM_8, 6)])
@pytest.mark.parametrize("share", SHARES)
def test_changed_datagrams_end_in_nothing_worse_than_our_errors(network, suite, seeds, share):
    check(network, suite, seeds, share, (150, 300, 1200))
