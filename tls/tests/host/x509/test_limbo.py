"""The cases of x509-limbo (`limbo.txt`), each judged as published or with a reason for differing.

A case whose certificates are not in path order is still given as published: leaf, then the others.
"""

import base64
import datetime
import pathlib

import pytest

from tlscore.clock import FixedClock
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.trust import TrustAnchors, anchor_from_certificate
from tlscore.x509.chain import MAX_CERTIFICATES, ChainVerifier
from tlscore.x509.extensions import CLIENT_AUTH, SERVER_AUTH

NOW = 1_768_478_400
PURPOSES = {"server": SERVER_AUTH, "client": CLIENT_AUTH}

# Cases judged otherwise than published, and why that is right, or what is missing.
DIFFERENT = {
    "online::storage.googleapis.com": "RSA: the core has no RSA verification yet",
    "rfc5280::aki::cross-signed-root-missing-aki": (
        "a trust anchor is a name and a key (RFC 5280 §6.1.1 d); path validation (§6.1) does not "
        "read authorityKeyIdentifier, which §4.2.1.1 demands of authorities"
    ),
    "rfc5280::aki::leaf-missing-aki": "path validation does not read it, as above",
    "rfc5280::root-non-critical-basic-constraints": (
        "of an anchor only what limits it is kept; whether it says so critically is moot"
    ),
    "rfc5280::nc::nc-forbids-alternate-chain-ica": (
        "needs a search for another path; RFC 5280 §6 validates one path, a board holds none"
    ),
    "rfc5280::nc::nc-forbids-same-chain-ica": "needs a search for another path, as above",
    "rfc5280::nc::nc-permits-email-domain": (
        "constraints on rfc822Name are not processed: §4.2.1.10 MUST process or reject"
    ),
    "rfc5280::nc::nc-permits-email-exact": "rfc822Name, as above",
    "rfc5280::nc::nc-permits-email-literal-asterisk-exact-match": "rfc822Name, as above",
    "webpki::san::san-critical-with-nonempty-subject": (
        "§4.2.1.6: SHOULD mark non-critical; only the Web PKI's profile forbids it"
    ),
}


def cases():
    """Return the lines of the file as lists of fields, by id."""
    lines = (pathlib.Path(__file__).parent / "limbo.txt").read_text().splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines if not line.startswith("#")}


CASES = cases()


def certificates(field):
    return [base64.b64decode(each) for each in field.split(",")] if field != "-" else []


def judge(kind, name, time, max_depth, trusted, leaf, intermediates):
    """Return whether the chain is good."""
    anchors = []
    for certificate in certificates(trusted):
        try:
            anchors.append(anchor_from_certificate(certificate))
        except PeerMisbehaved:
            continue
    now = NOW if time == "-" else int(datetime.datetime.fromisoformat(time).timestamp())
    limit = MAX_CERTIFICATES if max_depth == "-" else int(max_depth) + 1
    try:
        verifier = ChainVerifier(
            TrustAnchors(anchors),
            FixedClock(now),
            None if name == "-" else name,
            PURPOSES[kind],
            max_certificates=limit,
        )
        for certificate in certificates(leaf) + certificates(intermediates):
            verifier.begin(len(certificate))
            verifier.push(certificate)
            verifier.end()
        verifier.finish()
    except PeerMisbehaved:
        return "invalid"
    except UsageError as refused:
        # No anchor was left.
        if refused.reason != "trust.empty":
            raise
        return "invalid"
    return "valid"


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_the_published_one_or_differs_for_a_reason(case):
    published, *fields = CASES[case]
    assert (judge(*fields) == published) == (case not in DIFFERENT)


def test_most_cases_are_judged_as_published():
    assert set(DIFFERENT) <= set(CASES)
    assert (len(CASES), len(DIFFERENT)) == (50, 10)
