"""What becomes of datagrams on a link: profiles as declared data, and fates fixed by a seed.

`PROFILES` are the networks a scenario or `--link-profile` may ask for. `Fate` decides what is lost,
doubled and delayed by chance, the same for the same seed; networks in memory use it as it is.
`Weather` is a whole profile in one direction: it adds what depends on time and size (bandwidth,
largest datagram, link fragments, bursts, blackouts) and keeps count. Time is the caller's, in
milliseconds since the link began, so it may be virtual. The n-th datagram of a direction meets the
same chance whatever the other direction does.

Fair weather (`Weather.calm`) is what a profile leaves when chance is switched off: nothing is lost,
doubled or overtaken any more, but the link stays as slow as it is.

What this file does not do: carry anything (`hil.datagram_pump`), or know what is in a datagram.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from hil.errors import HilError

# A record of DTLS (RFC 6347 §4.1): type, version, epoch, number, length.
_RECORD_BYTES = 13 + 8 + 16  # with an explicit nonce and a tag
_HEADERS_BYTES = 20 + 8
_FORGED_HEADER = b"\x17\xfe\xfd\x00\x01"


class LinkProfileError(HilError):
    """There is no link profile of that name."""


@dataclass(frozen=True)
class LinkProfile:
    """One kind of network, the same in both directions.

    Attributes:
        name: as `--link-profile` and reports show it.
        summary: one line for lists.
        loss: part of the datagrams that is lost; of the fragments where the link has those.
        doubled: part that comes twice.
        delay_ms: (least, most); a spread makes datagrams overtake each other.
        bits_per_s: what it carries, None for no limit.
        queue_ms: how long a datagram may wait to be carried; one that had to wait longer is lost.
        datagram_bytes_max: what is longer is lost.
        fragment_bytes: it is carried in pieces of this size; losing one loses all. None for whole.
        burst: (part of the datagrams with which one begins, how many datagrams long it is on
            average); in a burst everything is lost.
        blackouts_ms: (begin, end) of the times at which everything is lost.
        junk_per_s: datagrams that neither end has sent, to the board: it is what is tried, and
            the peers' programs come to a stop when they get as many.
        junk_bytes: (least, most) of what they have; in a forged record beside its header.
        patience_s: how long a handshake may take on it.
        retransmission_ms_max: to what the time-outs of boards double on it, None for their own
            default: RFC 6347 §4.2.4.1 has 60 s where nobody knows better, but a link that loses
            much without being congested wants to be tried more often.
    """

    name: str
    summary: str
    loss: float = 0.0
    doubled: float = 0.0
    delay_ms: tuple[int, int] = (0, 0)
    bits_per_s: int | None = None
    queue_ms: int = 10_000
    datagram_bytes_max: int = 1500
    fragment_bytes: int | None = None
    burst: tuple[float, int] | None = None
    blackouts_ms: tuple[tuple[int, int], ...] = ()
    junk_per_s: int = 0
    junk_bytes: tuple[int, int] = (1, 200)
    patience_s: float = 60.0
    retransmission_ms_max: int | None = None

    def payload_bytes_max(self, ours: int, theirs: int | None) -> int:
        """Return how long a payload may be for either end to send it in one datagram of DTLS.

        Args:
            ours: the largest datagram of the board, in bytes.
            theirs: that of its peer, some of which count the headers of IPv4 and UDP; None: as long
                as the network carries them.
        """
        most = self.datagram_bytes_max
        return min(ours, most, min(theirs or most, most) - _HEADERS_BYTES) - _RECORD_BYTES


_DECLARED = (
    LinkProfile("clean", "nothing happens to datagrams"),
    LinkProfile("lossy-10", "10 % lost each way", loss=0.1, delay_ms=(20, 20)),
    LinkProfile(
        "lossy-30",
        "30 % lost each way",
        loss=0.3,
        delay_ms=(20, 20),
        retransmission_ms_max=4000,
    ),
    LinkProfile(
        "lossy-50",
        "half lost each way",
        loss=0.5,
        delay_ms=(20, 20),
        patience_s=300.0,
        retransmission_ms_max=4000,
    ),
    LinkProfile(
        "reordered", "every datagram twice, 1 to 400 ms late", doubled=1.0, delay_ms=(1, 400)
    ),
    LinkProfile("bursty", "bursts of four lost", burst=(0.1, 4), delay_ms=(20, 40)),
    LinkProfile("blackout", "silence until 5 s", blackouts_ms=((0, 5000),)),
    LinkProfile("mtu-256", "no datagram above 256 bytes", datagram_bytes_max=256),
    LinkProfile(
        "cellular",
        "600 ms each way, 9.6 kbit/s, 2 % lost",
        loss=0.02,
        delay_ms=(600, 600),
        bits_per_s=9600,
    ),
    # IEEE 802.15.4: frames of 127 bytes, of which 6LoWPAN (RFC 4944 §5.3) leaves 96 to a fragment.
    LinkProfile(
        "802.15.4",
        "fragments of 96 bytes in frames of 127, 5 % of them lost, datagrams to 1280 bytes",
        loss=0.05,
        delay_ms=(5, 15),
        bits_per_s=250_000,
        datagram_bytes_max=1280,
        fragment_bytes=96,
    ),
    LinkProfile("flood", "200 forged datagrams a second to the board", junk_per_s=200),
    # With the headers about 8 KB/s, of the 11.5 that 115,200 baud carry.
    LinkProfile(
        "flood-serial",
        "the same in as many bytes as a serial line carries",
        junk_per_s=200,
        junk_bytes=(1, 60),
    ),
)
PROFILES: Mapping[str, LinkProfile] = {profile.name: profile for profile in _DECLARED}


def profile_of(name: str) -> LinkProfile:
    """Return a declared profile.

    Raises:
        LinkProfileError: there is none of that name; the message lists what comes near.
    """
    if name not in PROFILES:
        near = difflib.get_close_matches(name, PROFILES, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(PROFILES)}"
        raise LinkProfileError(f"no link profile is called {name!r}; {hint}")
    return PROFILES[name]


class Fate:
    """What becomes of datagrams, by chance but the same for the same seed."""

    def __init__(
        self,
        seed: int | str = 0,
        loss: float = 0.0,
        doubled: float = 0.0,
        delay_ms: tuple[int, int] = (20, 20),
    ) -> None:
        """Begin.

        Args:
            seed: fixes everything that follows.
            loss: the part that is lost.
            doubled: the part that comes twice.
            delay_ms: (least, most); a spread makes datagrams overtake each other.
        """
        self._random = random.Random(seed)
        self._loss, self._doubled, self._delay_ms = loss, doubled, delay_ms

    def __call__(self, _to_server: bool, datagram: bytes) -> list[tuple[float, bytes]]:
        """Return [(delay in ms, datagram)] of what arrives."""
        if self._random.random() < self._loss:
            return []
        copies = 2 if self._random.random() < self._doubled else 1
        return [(self._random.randint(*self._delay_ms), datagram) for _ in range(copies)]


@dataclass
class Tally:
    """What became of the datagrams of one direction.

    Attributes:
        sent: handed to the link by the end they come from.
        sent_bytes: octets in them.
        delivered: handed to the end they are for, copies and junk included.
        lost: never delivered, for any of the reasons in `reasons`.
        doubled: copies beyond the first.
        junk: sent by neither end.
        reasons: why datagrams were lost, with how many.
    """

    sent: int = 0
    sent_bytes: int = 0
    delivered: int = 0
    lost: int = 0
    doubled: int = 0
    junk: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    def lose(self, reason: str) -> None:
        """Note that a datagram is lost."""
        self.lost += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


@dataclass(frozen=True)
class Account:
    """What a link did in one connection.

    Attributes:
        profile: name of the network.
        seed: of chance.
        handshake_ms: from the first octet until both ends had said that they were connected; None
            if they have not. Over a stream the peer's word is enough.
        to_peer, to_board: what became of the datagrams, or a stream's segments, of each direction.
    """

    profile: str
    seed: int
    handshake_ms: float | None
    to_peer: Tally
    to_board: Tally


class Weather:
    """A profile in one direction.

    Attributes:
        calm: chance is switched off.
        tally: what became of the datagrams so far.
    """

    def __init__(self, profile: LinkProfile, seed: int, direction: str) -> None:
        """Begin at time 0.

        Args:
            profile: the network.
            seed: of the link; each direction has chances of its own.
            direction: its name.
        """
        self.calm = False
        self.tally = Tally()
        self._profile = profile
        named = f"{seed} {direction}"
        self._fate = Fate(named, profile.loss, profile.doubled, profile.delay_ms)
        # What only some profiles have must not change the chances of the others.
        self._fragments = random.Random(f"{named} fragments")
        self._bursts = random.Random(f"{named} bursts")
        self._junk = random.Random(f"{named} junk")
        self._in_burst = False
        self._free_at_ms = 0.0
        self._junk_at_ms = 0.0

    def carry(self, now_ms: float, datagram: bytes) -> list[tuple[float, bytes]]:
        """Return [(time in ms, datagram)] of what arrives of a datagram that is sent now."""
        self.tally.sent += 1
        self.tally.sent_bytes += len(datagram)
        arriving = self._by_chance(datagram)
        reason = self._obstacle(now_ms, datagram)
        if reason is not None or not arriving:
            self.tally.lose(reason or "by chance")
            return []
        carried_ms = self._carried(now_ms, datagram)
        if carried_ms is None:
            self.tally.lose("queue full")
            return []
        self.tally.doubled += len(arriving) - 1
        return [(carried_ms + delay_ms, data) for delay_ms, data in arriving]

    def junk_until(self, now_ms: float) -> list[bytes]:
        """Return the junk that is due by now: octets by chance, half of them in forged records."""
        made: list[bytes] = []
        while self._profile.junk_per_s and self._junk_at_ms <= now_ms:
            data = self._junk.randbytes(self._junk.randint(*self._profile.junk_bytes))
            if self._junk.random() < 0.5:
                number = self._junk.randrange(1 << 20).to_bytes(6, "big")
                data = _FORGED_HEADER + number + len(data).to_bytes(2, "big") + data
            made.append(data)
            self._junk_at_ms += 1000 / self._profile.junk_per_s
        self.tally.junk += len(made)
        return made

    @property
    def next_junk_ms(self) -> float | None:
        """When the next junk is due, None for never."""
        return self._junk_at_ms if self._profile.junk_per_s else None

    def _by_chance(self, datagram: bytes) -> list[tuple[float, bytes]]:
        """Return what chance leaves of it; chance moves on in calm weather as well."""
        arriving = self._fate(True, datagram)
        profile = self._profile
        if profile.fragment_bytes is not None:
            more = (len(datagram) - 1) // profile.fragment_bytes
            chances = [self._fragments.random() for _ in range(more)]
            if any(chance < profile.loss for chance in chances):
                arriving = []
        if profile.burst is not None:
            begins, long = profile.burst
            self._in_burst = self._bursts.random() < (1 - 1 / long if self._in_burst else begins)
            if self._in_burst:
                arriving = []
        return [(profile.delay_ms[0], datagram)] if self.calm else arriving

    def _obstacle(self, now_ms: float, datagram: bytes) -> str | None:
        """Return what keeps a datagram from arriving beside chance."""
        if len(datagram) > self._profile.datagram_bytes_max:
            return "too long"
        in_blackout = any(begin <= now_ms < end for begin, end in self._profile.blackouts_ms)
        return "blackout" if in_blackout and not self.calm else None

    def _carried(self, now_ms: float, datagram: bytes) -> float | None:
        """Return when the last bit is on its way, None if it would have to wait too long."""
        if self._profile.bits_per_s is None:
            return now_ms
        begins_ms = max(now_ms, self._free_at_ms)
        if begins_ms - now_ms > self._profile.queue_ms:
            return None
        self._free_at_ms = begins_ms + 8000 * len(datagram) / self._profile.bits_per_s
        return self._free_at_ms
