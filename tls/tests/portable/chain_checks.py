"""Judge certificate chains: the half of a test that runs on CPython and on boards alike."""

from tlscore.clock import FixedClock
from tlscore.errors import TlsError
from tlscore.trust import TrustAnchors, anchor_from_certificate
from tlscore.x509.chain import ChainVerifier


def judge(trusted, chain, name, purpose, utc_seconds, piece_bytes):
    """Return (reason of the refusal or None, signatures verified).

    Args:
        trusted, chain: certificates in DER; one that cannot be an anchor is passed over.
        purpose: SERVER_AUTH or CLIENT_AUTH of tlscore.x509.extensions.
        piece_bytes: how much of a certificate arrives at once.
    """
    anchors = []
    for certificate in trusted:
        try:
            anchors.append(anchor_from_certificate(certificate))
        except TlsError:
            pass
    verified = 0
    try:
        verifier = ChainVerifier(TrustAnchors(anchors), FixedClock(utc_seconds), name, purpose)
        for certificate in chain:
            verifier.begin(len(certificate))
            for start in range(0, len(certificate), piece_bytes):
                verifier.push(memoryview(certificate)[start : start + piece_bytes])
            verifier.end()
            verified = verifier.signatures_verified
        verifier.finish()
    except TlsError as error:
        return error.reason, verified
    return None, verified


def job(link, *arguments):
    """Run as a job of the on-board agent."""
    return judge(*arguments)
