"""Clocks without a clock: the floor only rises, is kept, and says what it can judge."""

import pytest

from hil.tlsrig.pki import Plan, make_chain, plan_of
from tlscore.clock import EARLIEST_UTC_SECONDS, FixedClock
from tlscore.clock_floor import STORE_INTERVAL_S, FloorClock, UncheckedClock
from tlscore.errors import PeerMisbehaved, UsageError
from tlscore.trust import TrustAnchors
from tlscore.x509.chain import ChainVerifier

NOW = 1_768_478_400
END_OF_9999 = 253402300799


def verdict(clock, plan=None):
    """Return what the verifier makes of a chain around NOW under a clock."""
    chain = make_chain(NOW, plan)
    verifier = ChainVerifier(TrustAnchors(chain.anchors), clock, "localhost")
    try:
        for certificate in chain.sent:
            verifier.begin(len(certificate))
            verifier.push(certificate)
            verifier.end()
        verifier.finish()
    except PeerMisbehaved as refused:
        return refused.reason
    return "valid"


def reason(function, *arguments):
    with pytest.raises(UsageError) as refused:
        function(*arguments)
    return refused.value.reason


class TestFloor:
    def test_it_is_the_build_date_until_more_is_known(self):
        assert FloorClock(NOW).utc_seconds() == NOW
        assert FloorClock(NOW, load=lambda: None).utc_seconds() == NOW
        assert FloorClock(NOW, load=lambda: NOW - 1).utc_seconds() == NOW

    def test_it_is_what_was_stored_if_that_is_later(self):
        assert FloorClock(NOW, load=lambda: NOW + 5).utc_seconds() == NOW + 5

    @pytest.mark.parametrize("later", [1 << 31, 1 << 32, END_OF_9999])
    def test_it_rises_beyond_2038_and_2106_and_never_falls(self, later):
        clock = FloorClock(NOW)
        clock.learn(later)
        clock.learn(NOW + 1)
        assert clock.utc_seconds() == later

    def test_it_survives_a_restart(self):
        kept = []
        FloorClock(NOW, store=kept.append).learn(NOW + STORE_INTERVAL_S)
        assert FloorClock(NOW, load=kept.pop).utc_seconds() == NOW + STORE_INTERVAL_S

    def test_it_is_stored_once_an_hour_at_most(self):
        kept = []
        clock = FloorClock(NOW, load=lambda: NOW, store=kept.append)
        for seconds in (1, STORE_INTERVAL_S - 1, STORE_INTERVAL_S, STORE_INTERVAL_S + 1):
            clock.learn(NOW + seconds)
        assert kept == [NOW + STORE_INTERVAL_S]
        clock.learn(NOW + 2 * STORE_INTERVAL_S)
        assert kept == [NOW + STORE_INTERVAL_S, NOW + 2 * STORE_INTERVAL_S]

    def test_an_impossible_time_is_refused(self):
        assert reason(FloorClock, EARLIEST_UTC_SECONDS - 1) == "clock.build_date"
        assert reason(FloorClock, END_OF_9999 + 1) == "clock.build_date"
        assert reason(FloorClock, NOW, lambda: -1) == "clock.stored"
        assert reason(FloorClock, NOW, lambda: b"\xff" * 8) == "clock.stored"
        assert reason(FloorClock(NOW).learn, END_OF_9999 + 1) == "clock.learned"
        assert reason(FloorClock(NOW).learn, -1) == "clock.learned"


class TestWhatIsJudged:
    def test_a_certificate_that_ended_before_the_floor_is_refused(self):
        assert verdict(FloorClock(NOW), plan_of("expired")) == "certificate.expired"

    def test_one_that_begins_after_the_floor_may_have_begun_by_now(self):
        late = Plan(leaf_starts_s=3600)
        assert verdict(FixedClock(NOW), late) == "certificate.not_yet_valid"
        assert verdict(FloorClock(NOW), late) == "valid"

    def test_the_end_of_a_period_is_inclusive(self):
        ends = Plan(leaf_ends_s=0)
        assert verdict(FloorClock(NOW), ends) == "valid"
        assert verdict(FloorClock(NOW + 1), ends) == "certificate.expired"

    def test_nothing_is_judged_by_a_clock_chosen_for_that(self):
        assert verdict(UncheckedClock(), plan_of("expired")) == "valid"
        assert verdict(UncheckedClock(), Plan(leaf_starts_s=3600)) == "valid"

    def test_a_clock_that_fails_is_never_taken_for_one_that_is_off(self):
        class Broken:
            def utc_seconds(self):
                raise UsageError("clock.not_set")

        assert reason(verdict, Broken()) == "clock.not_set"
        assert reason(UncheckedClock().utc_seconds) == "clock.off"

    def test_a_policy_that_does_not_exist_is_refused(self):
        class Odd:
            policy = "whatever"

        assert reason(verdict, Odd()) == "clock.policy"
