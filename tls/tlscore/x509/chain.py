"""A certificate chain, verified as it arrives: leaf first, each signature by the next key.

RFC 5280 §6.1 walks a path from the anchor down to the leaf; TLS sends it the other way round, and
a board cannot hold it. So `ChainVerifier` keeps of the certificate below only what its issuer must
answer for (the issuer's name hash, what is signed, the signature) and a few sums over the path (how
many intermediates, which names), and asks after every certificate whether a trust anchor of the
issuer's name verifies it. When one does the chain is complete, whatever still follows: an anchor
may be a root, sent along or not, an intermediate, or the leaf itself; a leaf whose key is pinned
may need none (trust.py). Certificates whose subject is not the wanted issuer are passed over
(RFC 8446 §4.4.2: extraneous certificates SHOULD be prepared for); a chain whose certificates stand
in another order than the path is not found.

Out of scope: revocation, policies, finding another path where the first one fails.
"""

from tlscore.clock import FLOOR, OFF, REQUIRE
from tlscore.crypto.signature import verify_certificate
from tlscore.errors import UsageError
from tlscore.x509.algorithms import is_weak_signature_algorithm
from tlscore.x509.certificate import CertificateParser
from tlscore.x509.extensions import ANY_PURPOSE, DIGITAL_SIGNATURE, KEY_CERT_SIGN, SERVER_AUTH
from tlscore.x509.names import reference_name
from tlscore.x509.refusal import refuse

# Java's jdk.tls.maxCertificateChainLength and jdk.tls.maxHandshakeMessageSize have these defaults.
MAX_CERTIFICATES = 10
MAX_CERTIFICATE_BYTES = 32768

# The end of 9999, "no well-defined expiration date" (RFC 5280 §4.1.2.5).
LATEST_UTC_SECONDS = 253402300799

# Room for the names of a leaf that may come to be constrained: about ten domain names.
NAMES_BYTES = 256


class ChainVerifier:
    """Verifier of the one chain of a connection; certificates stream through it.

    Args:
        trust: the trust store (tlscore.trust).
        clock: the clock validity is judged by (tlscore.clock), asked once, as its policy says.
        server_name: the domain name or address the leaf must present; None only where `purpose`
            is not SERVER_AUTH.
        purpose: what the leaf's key must be for: SERVER_AUTH or CLIENT_AUTH.
        max_certificates: most certificates in the message, needed or not.
        max_certificate_bytes: longest single certificate.
        names_bytes: room for names in case of name constraints.

    Attributes:
        signatures_verified: certificate signatures that were found good.
        certificates: number of certificates begun, for messages to people.
        not_after: the first end of validity in the path so far, Unix time; the year 9999 where
            validity is not judged.

    Raises:
        UsageError: `certificate.server_name` when it is missing or neither name nor address;
            `clock.policy` when the clock has one that does not exist.
    """

    # What most connections leave as it is takes no room in the object.
    signatures_verified = 0
    _pinned = True
    _purpose = SERVER_AUTH
    _max_certificates = MAX_CERTIFICATES
    _max_certificate_bytes = MAX_CERTIFICATE_BYTES
    _utc_seconds = 0
    _complete = False
    _anchor_failed = False
    _intermediates = 0  # not self-issued ones, which path lengths count

    def __init__(
        self,
        trust,
        clock,
        server_name,
        purpose: int = SERVER_AUTH,
        max_certificates: int = MAX_CERTIFICATES,
        max_certificate_bytes: int = MAX_CERTIFICATE_BYTES,
        names_bytes: int = NAMES_BYTES,
    ):
        if not server_name and purpose == SERVER_AUTH:
            raise UsageError("certificate.server_name")
        self._policy = getattr(clock, "policy", REQUIRE)
        if self._policy not in (REQUIRE, FLOOR, OFF):
            raise UsageError("clock.policy")
        self._trust = trust
        self._clock = clock
        if purpose != SERVER_AUTH:
            self._purpose = purpose
        if max_certificates != MAX_CERTIFICATES:
            self._max_certificates = max_certificates
        if max_certificate_bytes != MAX_CERTIFICATE_BYTES:
            self._max_certificate_bytes = max_certificate_bytes
        self._reference = reference_name(server_name) if server_name else None
        self._certificate = CertificateParser(self._reference, names_bytes)
        self._certificate.begin(0)  # takes its memory while there is some in one piece
        if getattr(trust, "pins", None) is not None:
            self._pinned = False
            self._certificate.hashes_keys = True
        self._open = False
        self._leaf_key = None
        # What the next certificate must answer for
        self._issuer = None
        self._scheme = None
        self._signed = None
        self._signature = None
        self.certificates = 0
        self.not_after = LATEST_UTC_SECONDS

    def begin(self, length: int) -> None:
        """Start the next certificate of the message, `length` bytes of DER.

        Raises:
            PeerMisbehaved: too many certificates, or one too long.
            UsageError: the clock does not know the time.
        """
        self._require(not self._open)
        if self.certificates == self._max_certificates:
            refuse("chain_too_long")
        if length > self._max_certificate_bytes:
            refuse("too_long")
        if not self.certificates and self._policy != OFF:
            self._utc_seconds = self._clock.utc_seconds()
        self._open = True
        if not self._complete:
            leaf = self.certificates == 0
            self._certificate.begin(length, self._issuer, leaf)
        self.certificates += 1

    def push(self, data) -> None:
        """Take the next piece of the certificate, bytes or memoryview of any length."""
        self._require(self._open)
        if not self._complete:
            self._certificate.push(data)

    def end(self) -> None:
        """Judge the certificate, now complete, and verify the one below it with its key.

        Raises:
            PeerMisbehaved: any offence; the reason begins with `certificate.`
        """
        self._require(self._open)
        self._open = False
        if self._complete:
            return
        certificate = self._certificate
        certificate.end()
        if certificate.foreign:
            return
        self._check_validity(certificate)
        # What has been judged goes: there has to be room to verify signatures.
        certificate.not_before = certificate.not_after = 0
        if certificate.scheme is not None:
            certificate.algorithm = None
        leaf = self._leaf_key is None
        if leaf:
            self._check_leaf(certificate)
            self._leaf_key = certificate.key
        else:
            self._check_issuer(certificate)
            if not self._verified_by(certificate.key):
                refuse("bad_signature")
            if not certificate.self_issued:
                self._intermediates += 1
        if certificate.key_hash is not None and certificate.key_hash in self._trust.pins:
            self._pinned = True
        self._take_over(certificate)
        if not getattr(self._trust, "needs_anchor", True):
            self._complete = True
        elif leaf and not certificate.self_issued and self._is_anchor(certificate):
            # Trusted as it is: nobody needs to answer for it.
            self._complete = True
        else:
            self._seek_anchor(certificate, leaf)

    def finish(self):
        """Return the leaf's key `(kind, public)`, its chain being verified up to an anchor.

        Raises:
            PeerMisbehaved: no certificate came, or none of them leads to an anchor.
        """
        self._require(not self._open)
        if not self.certificates:
            refuse("empty_chain")
        if not self._complete:
            refuse("bad_signature" if self._anchor_failed else "unknown_ca")
        if not self._pinned:
            refuse("not_pinned")
        # The connection lives on; the memory of parsing is free for CertificateVerify.
        self._certificate = None
        self._signed = None
        self._signature = None
        return self._leaf_key

    def _require(self, condition):
        if not condition:
            raise UsageError("certificate.call_order")

    def _take_over(self, certificate):
        """Make the certificate the one that must be answered for."""
        self._issuer = certificate.issuer
        self._scheme = certificate.scheme
        self._signed = certificate.signed
        self._signature = certificate.signature

    def _seek_anchor(self, certificate, leaf):
        """Complete the chain if an anchor of the issuer's name verifies the certificate."""
        certificate.subject = None
        if certificate.scheme is None:
            if is_weak_signature_algorithm(certificate.algorithm):
                refuse("weak_signature_algorithm")
            refuse("unsupported_signature_algorithm")
        if self._anchor_failed:
            self._anchor_failed = False
        for key in self._trust.anchors(self._issuer):
            public = (key[0], key[1])
            if self._verified_by(public):
                # A self-signed leaf is its own anchor and issues nothing; any other anchor is an
                # issuer and held to the limits its owner gave it.
                itself = leaf and certificate.self_issued and public == certificate.key
                if len(key) > 2 and not itself:
                    certificate.parse_extensions(key[2])
                    self._check_issuer_extensions(certificate)
                self._complete = True
                return
            # An anchor of the right name that does not verify: either the certificate is not
            # genuine, or its issuer is a namesake. A self-signed one shows which.
            if self._anchor_failed == certificate.self_issued:
                self._anchor_failed = not certificate.self_issued

    def _is_anchor(self, leaf):
        for key in self._trust.anchors(leaf.subject):
            if (key[0], key[1]) == leaf.key:
                return True
        return False

    def _verified_by(self, key):
        if not verify_certificate(self._scheme, key, self._signed, self._signature):
            return False
        self.signatures_verified += 1
        return True

    def _check_validity(self, certificate):
        # "The validity period for a certificate is the period of time from notBefore through
        # notAfter, inclusive." (RFC 5280 §4.1.2.5)
        if self._policy == OFF:
            return
        if self._policy == REQUIRE and self._utc_seconds < certificate.not_before:
            refuse("not_yet_valid")
        if self._utc_seconds > certificate.not_after:
            refuse("expired")
        self.not_after = min(self.not_after, certificate.not_after)

    def _check_leaf(self, leaf):
        if leaf.key is None:
            refuse("unsupported_key")
        # "... the digitalSignature bit MUST be set if the KeyUsage extension is present"
        # (RFC 8446 §4.4.2.2)
        if leaf.key_usage is not None and not leaf.key_usage & DIGITAL_SIGNATURE:
            refuse("key_usage")
        self._check_purpose(leaf)
        if self._reference is not None and not leaf.name_matched:
            refuse("name_mismatch")

    def _check_issuer(self, issuer):
        if issuer.key is None:
            refuse("unsupported_key")
        self._check_issuer_extensions(issuer)

    def _check_issuer_extensions(self, issuer):
        """RFC 5280 §6.1.4 (k) to (n), from below."""
        if not issuer.is_ca:
            refuse("not_a_ca")
        if issuer.key_usage is not None and not issuer.key_usage & KEY_CERT_SIGN:
            refuse("key_usage")
        if issuer.path_length is not None and self._intermediates > issuer.path_length:
            refuse("path_too_long")
        self._check_purpose(issuer)

    def _check_purpose(self, certificate):
        """Require the purpose where purposes are stated, in authorities too, as all stacks do."""
        if certificate.purposes is None:
            return
        if not certificate.purposes & (self._purpose | ANY_PURPOSE):
            refuse("extended_key_usage")
