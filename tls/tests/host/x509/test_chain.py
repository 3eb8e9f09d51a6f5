"""Chains in every variant, each offence with its exact reason and alert."""

import pytest

from tlscore.clock import FixedClock
from tlscore.crypto.signature import KEY_EC_P256
from tlscore.errors import UsageError
from tlscore.trust import TrustAnchors, anchor_from_certificate
from tlscore.x509.chain import ChainVerifier
from tlscore.x509.extensions import CLIENT_AUTH

NOT_BEFORE = 1735689600  # 2025-01-01T00:00:00Z, as the forged certificates say
NOT_AFTER = 1798761600  # 2027-01-01T00:00:00Z
BAD, UNSUPPORTED, EXPIRED, UNKNOWN_CA, DECODE_ERROR = 42, 43, 45, 48, 50


def test_leaf_and_intermediate_are_verified_up_to_the_root_anchor(forge, judge):
    assert judge(forge.leaf("intermediate"), forge.authority()) == 2


def test_finish_returns_the_key_of_the_leaf(forge, der):
    verifier = ChainVerifier(TrustAnchors([forge.anchor("root")]), FixedClock(NOT_BEFORE), "a.b")
    leaf = forge.leaf(extensions={"names": der.names("a.b")})
    verifier.begin(len(leaf))
    verifier.push(leaf)
    verifier.end()
    assert verifier.finish() == (KEY_EC_P256, forge.point("server.example"))


class TestAnchors:
    def test_a_root_that_is_sent_along_is_not_read(self, forge, judge):
        chain = forge.leaf("intermediate"), forge.authority(), b"not even DER"
        assert judge(*chain) == 2

    def test_an_intermediate_may_be_the_anchor(self, forge, judge):
        chain = forge.leaf("intermediate"), forge.authority(issuer="unknown root")
        assert judge(*chain, anchors=[forge.anchor("intermediate")]) == 1

    def test_a_self_signed_leaf_may_be_the_anchor(self, forge, judge):
        leaf = forge.leaf(issuer="server.example")
        anchor = anchor_from_certificate(leaf)
        assert judge(leaf, anchors=[anchor]) == 1

    def test_a_leaf_from_an_unknown_issuer_may_be_the_anchor(self, forge, judge):
        leaf = forge.leaf(issuer="unknown")
        assert judge(leaf, anchors=[anchor_from_certificate(leaf)]) == 0

    def test_a_leaf_as_anchor_must_still_be_valid_and_bear_the_name(self, forge, judge):
        leaf = forge.leaf(issuer="server.example")
        anchors = [anchor_from_certificate(leaf)]
        assert judge(leaf, anchors=anchors, name="other.example") == ("name_mismatch", BAD)
        assert judge(leaf, anchors=anchors, now=NOT_AFTER + 1) == ("expired", EXPIRED)

    def test_a_leaf_as_anchor_cannot_issue(self, forge, judge):
        anchor = anchor_from_certificate(forge.leaf(issuer="server.example"))
        issued = forge.leaf(issuer="server.example", subject="other")
        assert judge(issued, anchors=[anchor]) == ("not_a_ca", BAD)

    def test_a_self_signed_leaf_with_a_broken_signature_is_refused(self, forge, judge):
        leaf = forge.leaf(issuer="server.example")
        forged = forge.leaf(issuer="server.example", signer="somebody else")
        assert judge(forged, anchors=[anchor_from_certificate(leaf)]) == ("unknown_ca", UNKNOWN_CA)

    def test_every_anchor_of_the_name_is_tried(self, forge, judge):
        name_hash, _ = forge.anchor("root")
        namesake = (name_hash, forge.anchor("another")[1])
        assert judge(forge.leaf(), anchors=[namesake, forge.anchor("root")]) == 1

    def test_an_unknown_authority_is_refused(self, forge, judge):
        chain = forge.leaf("intermediate"), forge.authority(issuer="unknown root")
        assert judge(*chain) == ("unknown_ca", UNKNOWN_CA)

    def test_an_unknown_authority_that_sends_its_root_is_refused(self, forge, judge):
        chain = (
            forge.leaf("intermediate"),
            forge.authority(issuer="unknown root"),
            forge.authority("unknown root", "unknown root"),
        )
        assert judge(*chain) == ("unknown_ca", UNKNOWN_CA)

    def test_a_namesake_of_the_anchor_that_sends_its_own_root_is_an_unknown_authority(
        self, forge, judge
    ):
        namesake = (forge.anchor("root")[0], forge.anchor("another")[1])
        chain = forge.leaf(), forge.authority("root", "root")
        assert judge(*chain, anchors=[namesake]) == ("unknown_ca", UNKNOWN_CA)

    def test_a_constrained_anchor_holds_the_chain_to_its_limits(self, forge, judge, der):
        root = forge.authority(
            "root", "root", {"basic_constraints": der.basic_constraints(path_length=0)}
        )
        anchors = [anchor_from_certificate(root)]
        assert judge(forge.leaf(), anchors=anchors) == 1
        chain = forge.leaf("intermediate"), forge.authority()
        assert judge(*chain, anchors=anchors) == ("path_too_long", BAD)


class TestSignatures:
    def test_a_leaf_signed_by_another_key_than_the_intermediates_is_refused(self, forge, judge):
        chain = forge.leaf("intermediate", signer="somebody else"), forge.authority()
        assert judge(*chain) == ("bad_signature", BAD)

    def test_an_intermediate_signed_by_another_key_than_the_anchors_is_refused(self, forge, judge):
        chain = forge.leaf("intermediate"), forge.authority(signer="somebody else")
        assert judge(*chain) == ("bad_signature", BAD)

    def test_a_signature_over_another_certificate_is_refused(self, forge, judge):
        other = forge.key("root").sign

        def sign(_tbs, algorithm):
            return other(b"something else", algorithm)

        assert judge(forge.leaf(signature=sign)) == ("bad_signature", BAD)

    def test_a_malformed_signature_value_is_refused(self, forge, judge):
        leaf = forge.leaf(signature=lambda _tbs, _algorithm: b"\x30\x03\x02\x01\x01")
        assert judge(leaf) == ("bad_signature", BAD)

    @pytest.mark.parametrize(
        ("identifier", "verdict"),
        [
            ("1.2.840.113549.1.1.4", ("weak_signature_algorithm", BAD)),
            ("1.2.840.113549.1.1.5", ("weak_signature_algorithm", BAD)),
            ("1.2.840.10045.4.1", ("weak_signature_algorithm", BAD)),
            ("1.2.840.113549.1.1.14", ("unsupported_signature_algorithm", UNSUPPORTED)),
        ],
    )
    def test_an_algorithm_that_is_weak_or_unknown_is_refused(
        self, forge, judge, der, identifier, verdict
    ):
        algorithm = der.sequence(der.oid(identifier))
        leaf = forge.leaf(inner_algorithm=algorithm, outer_algorithm=algorithm)
        assert judge(leaf) == verdict


class TestOrderAndNumber:
    def test_certificates_the_chain_does_not_need_are_passed_over(self, forge, judge):
        unneeded = forge.authority("unneeded", "elsewhere")
        assert judge(forge.leaf("intermediate"), unneeded, forge.authority()) == 2

    def test_an_unneeded_certificate_may_be_expired_and_of_unknown_algorithms(
        self, forge, judge, der
    ):
        algorithm = der.sequence(der.oid("1.2.3.4"))
        unneeded = forge.authority(
            "unneeded",
            inner_algorithm=algorithm,
            validity=der.validity("990101000000Z", "000101000000Z"),
            public_key=b"",
        )
        assert judge(forge.leaf("intermediate"), unneeded, forge.authority()) == 2

    def test_intermediates_in_the_wrong_order_lead_to_no_anchor(self, forge, judge):
        upper = forge.authority("upper")
        lower = forge.authority("lower", "upper")
        assert judge(forge.leaf("lower"), lower, upper) == 3
        assert judge(forge.leaf("lower"), upper, lower) == ("unknown_ca", UNKNOWN_CA)

    def test_a_message_without_certificates_is_refused(self, judge):
        assert judge() == ("empty_chain", DECODE_ERROR)

    def test_more_certificates_than_the_limit_are_refused_needed_or_not(self, forge, judge):
        leaf = forge.leaf()
        assert judge(leaf, leaf, leaf, max_certificates=3) == 1
        assert judge(leaf, leaf, leaf, max_certificates=2) == ("chain_too_long", BAD)

    def test_a_certificate_beyond_the_size_limit_is_refused_before_it_is_read(self, forge, judge):
        leaf = forge.leaf()
        assert judge(leaf, max_certificate_bytes=len(leaf)) == 1
        assert judge(leaf, max_certificate_bytes=len(leaf) - 1) == ("too_long", BAD)


class TestValidity:
    @pytest.mark.parametrize(
        ("now", "verdict"),
        [
            (NOT_BEFORE - 1, ("not_yet_valid", EXPIRED)),
            (NOT_BEFORE, 1),
            (NOT_AFTER, 1),
            (NOT_AFTER + 1, ("expired", EXPIRED)),
        ],
    )
    def test_both_ends_of_the_period_are_inclusive(self, forge, judge, now, verdict):
        assert judge(forge.leaf(), now=now) == verdict

    def test_an_expired_intermediate_is_refused(self, forge, judge, der):
        expired = forge.authority(validity=der.validity("240101000000Z", "250601000000Z"))
        assert judge(forge.leaf("intermediate"), expired) == ("expired", EXPIRED)

    def test_a_certificate_valid_to_the_end_of_9999_works_beyond_2038(self, forge, judge, der):
        leaf = forge.leaf(validity=der.validity("250101000000Z", "99991231235959Z"))
        assert judge(leaf, now=253402300799) == 1
        assert judge(leaf, now=1 << 32) == 1


class TestAuthorities:
    @pytest.mark.parametrize("constraints", ["absent", "not a CA"])
    def test_an_issuer_without_ca_true_is_refused(self, forge, judge, der, constraints):
        extension = None if constraints == "absent" else der.basic_constraints(is_ca=False)
        fake = forge.authority(extensions={"basic_constraints": extension, "key_usage": None})
        assert judge(forge.leaf("intermediate"), fake) == ("not_a_ca", BAD)

    def test_a_leaf_cannot_issue(self, forge, judge):
        chain = forge.leaf("other.example"), forge.leaf(subject="other.example")
        assert judge(*chain) == ("not_a_ca", BAD)

    def test_an_issuer_must_be_allowed_to_sign_certificates(self, forge, judge, der):
        fake = forge.authority(extensions={"key_usage": der.key_usage(b"\x01\x02")})
        assert judge(forge.leaf("intermediate"), fake) == ("key_usage", UNSUPPORTED)

    def test_an_issuer_without_key_usage_is_allowed(self, forge, judge):
        authority = forge.authority(extensions={"key_usage": None})
        assert judge(forge.leaf("intermediate"), authority) == 2

    @pytest.mark.parametrize(("path_length", "verdict"), [(1, 3), (0, ("path_too_long", BAD))])
    def test_path_length_counts_the_intermediates_below(
        self, forge, judge, der, path_length, verdict
    ):
        limit = der.basic_constraints(path_length=path_length)
        upper = forge.authority("upper", extensions={"basic_constraints": limit})
        assert judge(forge.leaf("lower"), forge.authority("lower", "upper"), upper) == verdict

    def test_self_issued_intermediates_do_not_count_for_path_length(self, forge, judge, der):
        limit = der.basic_constraints(path_length=0)
        upper = forge.authority("same", extensions={"basic_constraints": limit})
        rollover = forge.authority("same", "same")
        assert judge(forge.leaf("same"), rollover, upper) == 3

    def test_an_issuer_limited_to_other_purposes_is_refused(self, forge, judge, der):
        limited = forge.authority(extensions={"purposes": der.purposes("1.3.6.1.5.5.7.3.2")})
        assert judge(forge.leaf("intermediate"), limited) == ("extended_key_usage", UNSUPPORTED)

    def test_an_issuer_with_a_key_of_another_kind_is_refused(self, forge, judge, der):
        strange = der.sequence(der.sequence(der.oid("1.3.101.113")), der.tlv(3, bytes(58)))
        chain = forge.leaf("intermediate"), forge.authority(public_key=strange)
        assert judge(*chain) == ("unsupported_key", UNSUPPORTED)

    def test_an_issuer_key_off_the_curve_verifies_nothing(self, forge, judge, der):
        algorithm = der.sequence(der.oid("1.2.840.10045.2.1"), der.oid("1.2.840.10045.3.1.7"))
        off_curve = der.sequence(algorithm, der.tlv(3, b"\x00\x04" + bytes(63) + b"\x05"))
        chain = forge.leaf("intermediate"), forge.authority(public_key=off_curve)
        assert judge(*chain) == ("bad_signature", BAD)


class TestLeaf:
    def test_key_usage_without_digital_signature_is_refused(self, forge, judge, der):
        leaf = forge.leaf(extensions={"key_usage": der.key_usage(b"\x03\x08")})
        assert judge(leaf) == ("key_usage", UNSUPPORTED)

    def test_absent_key_usage_and_purposes_allow_everything(self, forge, judge):
        assert judge(forge.leaf(extensions={"key_usage": None, "purposes": None})) == 1

    @pytest.mark.parametrize(
        ("purposes", "verdict"),
        [
            (("1.3.6.1.5.5.7.3.2",), ("extended_key_usage", UNSUPPORTED)),
            (("1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.1"), 1),
            (("2.5.29.37.0",), 1),
            (("1.3.6.1.5.5.7.3.9",), ("extended_key_usage", UNSUPPORTED)),
        ],
    )
    def test_purposes_must_allow_server_authentication(self, forge, judge, der, purposes, verdict):
        assert judge(forge.leaf(extensions={"purposes": der.purposes(*purposes)})) == verdict

    def test_a_client_needs_the_clients_purpose_and_no_name(self, forge, judge, der):
        client = forge.leaf(
            extensions={"purposes": der.purposes("1.3.6.1.5.5.7.3.2"), "names": None}
        )
        assert judge(client, name=None, purpose=CLIENT_AUTH) == 1
        refused = judge(forge.leaf(), name=None, purpose=CLIENT_AUTH)
        assert refused == ("extended_key_usage", UNSUPPORTED)

    @pytest.mark.parametrize(
        ("names", "asked", "matches"),
        [
            (("server.example",), "SERVER.example.", True),
            (("Server.EXAMPLE",), "server.example", True),
            (("a.example", "server.example"), "server.example", True),
            (("other.example",), "server.example", False),
            (("*.example.com",), "a.example.com", True),
            (("*.example.com",), "a.b.example.com", False),
            (("*.example.com",), "example.com", False),
            (("a*.example.com",), "ab.example.com", False),
            (("b.*.example",), "b.a.example", False),
            (("*.com",), "example.com", False),
            (("server.example.",), "server.example", False),
            ((b"\xc0\x00\x02\x01",), "192.0.2.1", True),
            ((b"\xc0\x00\x02\x01",), "192.0.2.2", False),
            (("192.0.2.1",), "192.0.2.1", False),
            ((bytes(15) + b"\x01",), "::1", True),
            ((bytes(15) + b"\x01",), "[0:0::1]", True),
            (((0x86, b"https://server.example/"),), "server.example", False),
        ],
    )
    def test_only_alternative_names_stand_for_the_server(
        self, forge, judge, der, names, asked, matches
    ):
        leaf = forge.leaf(extensions={"names": der.names(*names)})
        assert judge(leaf, name=asked) == (1 if matches else ("name_mismatch", BAD))

    def test_the_common_name_is_not_looked_at(self, forge, judge):
        leaf = forge.leaf(subject="server.example", extensions={"names": None})
        assert judge(leaf) == ("name_mismatch", BAD)


class TestCallers:
    @pytest.mark.parametrize(
        "name", ["", None, "-a.example", "a..b", "a b", "ä.example", "1.2.3.256", "x" * 64, "*.a.b"]
    )
    def test_a_server_name_that_could_not_match_is_refused_at_once(self, forge, name):
        with pytest.raises(UsageError) as refused:
            ChainVerifier(TrustAnchors([forge.anchor("root")]), FixedClock(0), name)
        assert refused.value.reason == "certificate.server_name"

    def test_calls_out_of_order_are_refused(self, forge):
        verifier = ChainVerifier(TrustAnchors([forge.anchor("root")]), FixedClock(0), "a.b")
        with pytest.raises(UsageError):
            verifier.push(b"0")
        with pytest.raises(UsageError):
            verifier.end()
        verifier.begin(10)
        with pytest.raises(UsageError):
            verifier.begin(10)
        with pytest.raises(UsageError):
            verifier.finish()

    def test_a_clock_that_does_not_know_the_time_stops_the_verification(self, forge):
        class NoClock:
            def utc_seconds(self):
                raise UsageError("clock.not_set")

        verifier = ChainVerifier(TrustAnchors([forge.anchor("root")]), NoClock(), "a.b")
        with pytest.raises(UsageError):
            verifier.begin(10)
