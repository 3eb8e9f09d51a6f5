"""The transcript of TLS 1.2, by more than one hash where a client signs it (RFC 5246 §7.4.8).

Finished and the master secret want the hash of the suite, a CertificateVerify that of its signature
scheme. SHA-256 and SHA-384 are kept where they may be wanted; schemes with other hashes, or with
none like Ed25519, would need all messages themselves and are not used for that.
"""

from tlscore import transcript
from tlscore.crypto import hashes


def other_hash(hash_, schemes_have_sha384):
    """Return the hash beside that of the suite, None if there is none.

    Args:
        schemes_have_sha384: SHA-384 is worth it beside SHA-256: it is slow on boards.
    """
    if hash_.size != hashes.SHA256.size:
        return hashes.SHA256
    return hashes.SHA384 if schemes_have_sha384 else None


class Transcript(transcript.Transcript):
    """A running hash as in ../transcript.py, and maybe another one that gives one digest.

    Args:
        other: row of crypto/hashes.py, or None.
    """

    def __init__(self, hash_, digests, other=None):
        transcript.Transcript.__init__(self, hash_, digests)
        self.other = other
        self._beside = None if other is None else other.new()

    def update(self, data):
        """Add the bytes of a message, or a piece of them."""
        transcript.Transcript.update(self, data)
        if self._beside is not None:
            self._beside.update(data)

    def signed_digest(self, hash_, digest):
        """Return what a CertificateVerify signs now by a hash; the other one is then given up.

        Args:
            digest: by the hash of the suite.
        """
        beside, self._beside = self._beside, None
        return beside.digest() if hash_ is self.other else digest
