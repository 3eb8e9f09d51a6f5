"""The verdicts of another implementation: `cryptography`'s own path validation, on random chains.

Both judge the same chains, made by hil.tlsrig.pki from random plans. The two are independent: the
other one is written in Rust, searches for a path and checks a Web PKI profile, so the plans stay
within what both allow, and what they refuse must be refused by both.
"""

import datetime
import ipaddress

from cryptography import x509
from cryptography.x509 import verification
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.tlsrig.pki import Plan, make_chain
from tlscore.clock import FixedClock
from tlscore.errors import PeerMisbehaved
from tlscore.trust import TrustAnchors
from tlscore.x509.chain import ChainVerifier

NOW = 1_768_478_400
DAY = 24 * 3600
# Not `*.example`: tlscore wants two labels after a wildcard, as OpenSSL does, the other does not.
LABELS = ["a.example", "b.example", "*.a.example", "a.a.example", "192.0.2.1", "::1"]
ASKED = ["a.example", "c.example", "a.a.example", "192.0.2.1", "192.0.2.2", "::1"]

# Begin and end of the leaf's validity, in seconds from now: mostly good, and each edge.
LEAF_TIMES = [(-DAY, DAY)] * 3 + [(0, DAY), (1, DAY), (-DAY, 0), (-DAY, -1)]


def plan(leaf_times, **rest):
    return Plan(starts_s=-30 * DAY, leaf_starts_s=leaf_times[0], leaf_ends_s=leaf_times[1], **rest)


PLANS = st.builds(
    plan,
    server_names=st.lists(st.sampled_from(LABELS), min_size=1, max_size=3, unique=True).map(tuple),
    intermediates=st.integers(0, 3),
    ends_s=st.sampled_from([30 * DAY, 30 * DAY, 30 * DAY, -1, 0]),
    leaf_times=st.sampled_from(LEAF_TIMES),
    trusted=st.sampled_from([True, True, True, False]),
    namesake=st.booleans(),
    tampered=st.sampled_from([False, False, False, True]),
)


def verdict_of_tlscore(chain, asked):
    verifier = ChainVerifier(TrustAnchors(chain.anchors), FixedClock(NOW), asked)
    try:
        for certificate in chain.sent:
            verifier.begin(len(certificate))
            verifier.push(certificate)
            verifier.end()
        verifier.finish()
    except PeerMisbehaved:
        return False
    return True


def verdict_of_cryptography(chain, asked):
    builder = verification.PolicyBuilder().store(
        verification.Store([chain.trusted_root.certificate])
    )
    builder = builder.time(datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc))
    try:
        subject = x509.IPAddress(ipaddress.ip_address(asked))
    except ValueError:
        subject = x509.DNSName(asked)
    leaf, *intermediates = (x509.load_der_x509_certificate(der) for der in chain.sent)
    try:
        builder.build_server_verifier(subject).verify(leaf, intermediates)
    except verification.VerificationError:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(plan=PLANS, asked=st.sampled_from(ASKED))
def test_both_implementations_judge_alike(plan, asked):
    chain = make_chain(NOW, plan)
    assert verdict_of_tlscore(chain, asked) == verdict_of_cryptography(chain, asked)


def test_a_good_chain_is_good_for_both():
    chain = make_chain(NOW, Plan(server_names=("a.example",)))
    assert verdict_of_tlscore(chain, "a.example")
    assert verdict_of_cryptography(chain, "a.example")
