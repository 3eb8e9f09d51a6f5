"""Mutated certificates: whatever comes, it is refused by name and alert, or verified."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.tlsrig.pki import make_chain, plan_of
from tlscore.clock import FixedClock
from tlscore.crypto.signature import KEY_EC_P256
from tlscore.errors import PeerMisbehaved
from tlscore.trust import TrustAnchors
from tlscore.x509.certificate import CertificateParser
from tlscore.x509.chain import ChainVerifier
from tlscore.x509.names import reference_name

NOW = 1_768_478_400
CHAINS = {
    variant: make_chain(NOW, plan_of(variant))
    for variant in ("rsa2048", "rsa-pss", "ed25519", "p384")
}
NO_ANCHOR = TrustAnchors([(bytes(32), (KEY_EC_P256, bytes(65)))])
MUTATIONS = st.lists(
    st.tuples(
        st.sampled_from(["flip", "delete", "insert", "repeat"]),
        st.integers(0, 2000),
        st.integers(1, 255),
    ),
    min_size=1,
    max_size=4,
)


def elements(data, start, end):
    """Return the (start, end) of every element in DER that is known to be good."""
    found = []
    while start < end:
        count = data[start + 1]
        contents = start + 2
        if count & 0x80:
            contents += count & 0x7F
            count = int.from_bytes(data[start + 2 : contents], "big")
        found.append((start, contents + count))
        if data[start] & 0x20:
            found += elements(data, contents, contents + count)
        start = contents + count
    return found


def feed(verifier, certificates, piece_bytes):
    for certificate in certificates:
        verifier.begin(len(certificate))
        for start in range(0, len(certificate), piece_bytes):
            verifier.push(certificate[start : start + piece_bytes])
        verifier.end()
    return verifier.finish()


def mutated(certificate, mutations):
    """Return a certificate with bytes changed, taken out, put in and repeated."""
    data = bytearray(certificate)
    for kind, where, byte in mutations:
        place = where % len(data)
        if kind == "flip":
            data[place] ^= byte
        elif kind == "delete":
            del data[place]
        elif kind == "insert":
            data.insert(place, byte)
        else:
            data[place:place] = data[place : place + byte]
    return bytes(data)


def verify(certificates, piece_bytes, name="server.example"):
    """Return the reason of the refusal; there is no anchor, so there must be one."""
    verifier = ChainVerifier(NO_ANCHOR, FixedClock(NOW), name)
    with pytest.raises(PeerMisbehaved) as refused:
        feed(verifier, certificates, piece_bytes)
    assert refused.value.reason.startswith("certificate.")
    assert refused.value.alert in (42, 43, 45, 48)
    return refused.value.reason


def parse(certificate, piece_bytes):
    """Return what a parser keeps of a certificate, or the reason it refuses it."""
    parser = CertificateParser(reference_name("server.example"), 256)
    try:
        parser.begin(len(certificate))
        for start in range(0, len(certificate), piece_bytes):
            parser.push(certificate[start : start + piece_bytes])
        parser.end()
    except PeerMisbehaved as refused:
        return refused.reason
    return (parser.subject, parser.issuer, parser.signed, parser.signature, parser.key)


class TestFuzz:
    @settings(max_examples=150, deadline=None)
    @given(data=st.binary(max_size=300))
    def test_bytes_of_any_kind_are_refused(self, data):
        assert verify([data], 1 << 20) == verify([data], 3)

    @settings(max_examples=300, deadline=None)
    @given(mutations=MUTATIONS, piece_bytes=st.sampled_from([1, 2, 16, 1 << 20]))
    def test_mutated_bytes_are_refused(self, forge, mutations, piece_bytes):
        leaf = mutated(forge.leaf("intermediate"), mutations)
        verify([leaf, forge.authority()], piece_bytes)

    @settings(max_examples=200, deadline=None)
    @given(variant=st.sampled_from(sorted(CHAINS)), which=st.integers(0, 1), mutations=MUTATIONS)
    def test_mutated_certificates_of_every_algorithm_are_refused(self, variant, which, mutations):
        chain = list(CHAINS[variant].sent)
        chain[which] = mutated(chain[which], mutations)
        verify(chain, 200, "localhost")

    @settings(max_examples=300, deadline=None)
    @given(data=st.data())
    def test_elements_exchanged_for_others_are_refused(self, forge, data):
        # Certificates whose lengths no longer fit stop early; so whole elements are exchanged and
        # the lengths around them corrected by encoding the certificate again.
        good = forge.leaf("intermediate")
        spans = elements(good, 0, len(good))
        where = data.draw(st.sampled_from(spans[1:]))
        start, end = data.draw(st.sampled_from(spans))
        changed = replace(good, 0, len(good), where, good[start:end])
        verify([changed, forge.authority()], data.draw(st.sampled_from([1, 1 << 20])))

    @settings(max_examples=200, deadline=None)
    @given(mutations=MUTATIONS)
    def test_pieces_do_not_change_what_is_read(self, forge, mutations):
        data = bytearray(forge.leaf())
        for _kind, place, byte in mutations:
            data[place % len(data)] ^= byte
        assert parse(data, 1) == parse(data, 7) == parse(data, len(data))


def replace(data, start, end, span, new):
    """Return the elements in data[start:end], the one at `span` replaced, lengths corrected."""
    output = b""
    while start < end:
        count = data[start + 1]
        contents = start + 2
        if count & 0x80:
            contents += count & 0x7F
            count = int.from_bytes(data[start + 2 : contents], "big")
        stop = contents + count
        if (start, stop) == span:
            output += new
        elif data[start] & 0x20 and start < span[0] < stop:
            inner = replace(data, contents, stop, span, new)
            octets = len(inner).to_bytes(2, "big")
            output += data[start : start + 1] + shortest(octets) + inner
        else:
            output += data[start:stop]
        start = stop
    return output


def shortest(octets):
    """Return a length in its shortest form."""
    count = int.from_bytes(octets, "big")
    if count < 0x80:
        return bytes([count])
    return bytes([0x81, count]) if count < 0x100 else b"\x82" + octets
