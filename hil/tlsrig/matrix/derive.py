"""What must come of a combination with a peer, derived from what both ends are able to do.

The peer's abilities are those its module declares; nothing here knows a peer but for the alerts
that libraries choose differently (`_BY_LEGACY_VERSION`). The first thing that one end cannot do
decides: that end is told the nearest it can do, and what the other one must say to it is the
expectation of an ordinary scenario.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace
from typing import Literal

from hil.tlsrig import abilities, names
from hil.tlsrig.matrix.product import (
    BUFFER_BYTES_MAX,
    PSK,
    SUITES_OF_TLS12,
    TLS12,
    TLS13,
    Place,
    Row,
)
from hil.tlsrig.scenario import (
    AGREED,
    BOARD,
    PEER,
    BoardSide,
    PeerSide,
    Refusal,
    Scenario,
    SharedKey,
    Success,
)

_AES_128_GCM = "TLS_AES_128_GCM_SHA256"
_VARIANTS = {"p256": "valid", "p384": "p384", "rsa2048": "rsa2048", "ed25519": "ed25519"}
_KINDS = {"p256": "P-256", "p384": "P-384", "rsa2048": "RSA-2048", "ed25519": "Ed25519"}
# Leaf by intermediate, intermediate by root, handshake by leaf; see scenarios/__init__.py.
_SIGNATURES_VERIFIED = 3
# RFC 6066 §4.
_FRAGMENTS = (512, 1024, 2048, 4096)

# What a server says that has nothing in common with a client. RFC 8446 §4.2.1 and RFC 5246 §E.1
# have protocol_version for versions, RFC 8446 §4.1.1 and RFC 5246 §7.4.1.3 handshake_failure for
# the rest (or insufficient_security, which nobody says). To a server that knows no TLS 1.3 a client
# of that alone seems to offer TLS 1.2 (legacy_version, RFC 8446 §4.1.2) with unknown suites.
_ALERTS = {
    "version": "protocol_version",
    "suite": "handshake_failure",
    "certificate": "handshake_failure",
    "TLS 1.3": "handshake_failure",
}
# Who reads a ClientHello of TLS 1.3 alone in that way also where it knows TLS 1.3 and was told not
# to speak it. The others look into supported_versions first.
_BY_LEGACY_VERSION = frozenset({"bearssl", "gnutls", "mbedtls"})
# What every image can verify; without Ed25519, which some leave out.
_EVERYWHERE = ("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256", "ecdsa_secp384r1_sha384")
_BOARD_REASONS = {
    "version": "client_hello.version_not_supported",
    "suite": "client_hello.no_common_suite",
    "certificate": "client_hello.no_common_scheme",
}


@dataclass(frozen=True)
class Derived:
    """A cell to run, and why it must end as its scenario expects.

    Attributes:
        works: the handshake and the data that follows must succeed.
        reason: in plain language, one sentence or two.
    """

    scenario: Scenario
    works: bool
    reason: str


@dataclass(frozen=True)
class Board:
    """What the image of a board is able to do, in one role."""

    versions: tuple[str, ...]
    certificates: Container[str]


@dataclass(frozen=True)
class Peer:
    """The other end: what it declares for the role it has here.

    Attributes:
        largest_record_bytes: as `hil.tlsrig.abilities.Abilities` has it.
    """

    name: str
    able: frozenset[str]
    largest_record_bytes: int = BUFFER_BYTES_MAX


def peer_of(name: str, role: str, declared: abilities.Abilities) -> Peer:
    """Return a peer against a board in a role."""
    return Peer(name, declared.of(_other(role)), declared.largest_record_bytes)


def board_of(role: str, modules: Container[str]) -> Board | None:
    """Return what an image with these modules can do; None if it has not the role at all.

    Args:
        role: `client` or `server`.
        modules: as `hil.build.modules_of` names them.
    """
    if f"tlscore/{role}.py" not in modules:
        return None
    versions = (TLS13, TLS12) if f"tlscore/tls12/{role}.py" in modules else (TLS13,)
    kinds = set(_KINDS)
    if "tlscore/crypto/ed25519.py" not in modules:
        kinds.discard("ed25519")
    return Board(versions, kinds)


def derive(place: Place, role: str, board: Board, peer: Peer) -> Derived:
    """Return the cell of a place with a peer.

    Args:
        place: what is demanded of both.
        role: the board's.
        board: what its image can do.
        peer: the other end.
    """
    demanded = _demanded(place, role, peer.able)
    lack = _lacking(place.row, role, board, peer.name, peer.able)
    if lack is not None:
        return _refused(demanded, lack, place.row, role, board, peer)
    return _by_size(demanded, place, role, peer)


def why_not(place: Place, role: str, board: Board, peer: Peer) -> str | None:
    """Return why a place cannot even be tried: nobody has the keys for it; None if it can."""
    kind = place.row.certificate
    if kind == PSK or kind in board.certificates or place.row.version not in board.versions:
        return None
    if role == "server":
        return f"Not run: the board's image leaves {_KINDS[kind]} out, so it has no key to show."
    if kind not in peer.able:
        return f"Not run: neither the board's image nor {peer.name} has {_KINDS[kind]}."
    return None


def name_of(place: Place, role: str) -> str:
    """Return the name of a place's scenario."""
    row = place.row
    suite = row.suite.removeprefix("TLS_").lower().replace("_", "-")
    version = row.version.lower().replace("v", "").replace(".", "")
    return f"matrix-{role}-{version}-{suite}-{row.certificate}-{place.buffer_bytes}"


def _demanded(place: Place, role: str, able: frozenset[str]) -> Scenario:
    """Return the scenario in which both ends do what the place says."""
    row, is_client = place.row, role == "client"
    variant = _VARIANTS.get(row.certificate)
    groups: tuple[str, ...] = ("x25519", "secp256r1")
    if row.certificate == "p384" and row.version == TLS12:
        groups += ("secp384r1",)  # RFC 8422 §5.1.1: the curves of certificates are among them
    with_ems = abilities.EXTENDED_MASTER in able or row.version != TLS12
    board = BoardSide(
        role="client" if is_client else "server",
        versions=(row.version,),
        suites=(row.suite,),
        groups=groups,
        key_shares=("x25519",) if is_client else (),
        certificates=None if is_client else variant,
        max_record_bytes=place.buffer_bytes,
        max_fragment_bytes=_fragment(place.buffer_bytes) if is_client else None,
        extended_master_secret=with_ems,
    )
    peer = PeerSide(
        versions=(row.version,),
        suites=(row.suite,),
        certificates=variant if is_client else None,
        max_record_bytes=None,
        answer_bytes=place.answer_bytes,
        extended_master_secret=with_ems,
    )
    return Scenario(
        name=name_of(place, role),
        summary=f"{row.suite}, {_shown(row)}, a buffer of {place.buffer_bytes:,} bytes, "
        f"the board as {role}",
        board=board,
        peer=peer,
        psk=_key(row),
        echo_bytes=(place.answer_bytes,),
        expect=_success(row, role),
    )


def _fragment(buffer_bytes: int) -> int | None:
    """Return what max_fragment_length asks for; None where every record has room."""
    if buffer_bytes >= BUFFER_BYTES_MAX:
        return None
    return max((size for size in _FRAGMENTS if size <= buffer_bytes), default=None)


def _key(row: Row) -> SharedKey | None:
    if row.certificate != PSK:
        return None
    alone = row.version == TLS12 and "_ECDHE_" not in row.suite
    return SharedKey(mode="psk_ke" if alone else "psk_dhe_ke")


def _success(row: Row, role: str) -> Success:
    key = _key(row)
    if key is not None:
        group = None if key.mode == "psk_ke" else AGREED
        return Success((row.version, row.suite, group, None), 0, psk=True)
    verified = _SIGNATURES_VERIFIED if role == "client" else 0
    return Success((row.version, row.suite, AGREED, AGREED), verified)


def _shown(row: Row) -> str:
    return "an external key" if row.certificate == PSK else f"{_KINDS[row.certificate]} keys"


@dataclass(frozen=True)
class _Lack:
    """What one end cannot do: `version`, `suite` or `certificate`; which end; in words."""

    what: str
    of: str
    told: str


def _lacking(
    row: Row, role: str, board: Board, peer_name: str, able: frozenset[str]
) -> _Lack | None:
    """Return the first thing that an end cannot do; None if both can do all of it."""
    version = row.version.replace("TLSv", "TLS ")
    if row.version not in board.versions:
        return _Lack("version", BOARD, f"The board's image leaves {version} out")
    if row.version not in able:
        spoken = " and ".join(one.replace("TLSv", "TLS ") for one in (TLS12, TLS13) if one in able)
        return _Lack("version", PEER, f"{peer_name} speaks {spoken or 'neither'}, not {version}")
    kind = row.certificate
    if kind != PSK and kind not in board.certificates:
        return _Lack("certificate", BOARD, f"The board's image leaves {_KINDS[kind]} out")
    key = _key(row)
    if row.suite not in able or (key is not None and row.version == TLS13 and key.mode not in able):
        of_keys = key is not None and not _knows_keys(row.version, able)
        what = f"external keys in {version}" if of_keys else row.suite
        return _Lack("suite", PEER, f"{peer_name} as a {_other(role)} has no {what}")
    if kind != PSK and kind not in able:
        return _Lack("certificate", PEER, f"{peer_name} as a {_other(role)} has no {_KINDS[kind]}")
    return None


def _knows_keys(version: str, able: frozenset[str]) -> bool:
    if version == TLS13:
        return "psk_dhe_ke" in able
    return any("_PSK_" in word for word in able)


def _other(role: str) -> str:
    return "server" if role == "client" else "client"


def _refused(
    demanded: Scenario,
    lack: _Lack,
    row: Row,
    role: str,
    board: Board,
    peer: Peer,
) -> Derived:
    """Return the cell in which each end does the nearest it can, and the server has to refuse."""
    ours = _nearest_board(demanded.board, row, role, board)
    its = _nearest_peer(demanded.peer, row, role, peer.able)
    if ours.certificates == "ed25519" and "ed25519" not in peer.able:
        ours = replace(ours, certificates="leaf-ed25519")  # whose root the peer can read
    if lack.what == "certificate" and role == "client":
        ours = replace(ours, signatures=_EVERYWHERE if lack.of == BOARD else ("ed25519",))
    sender: Literal["board", "peer"] = "peer" if role == "client" else "board"
    alert = _ALERTS[lack.what]
    of_tls13 = lack.what == "version" and sender == PEER
    if of_tls13 and (row.version == TLS13 or peer.name in _BY_LEGACY_VERSION):
        alert = _ALERTS["TLS 1.3"]
    reason = f"alert_received.{alert}" if sender == PEER else _board_reason(lack.what, row)
    whose = peer.name if sender == PEER else "the board"
    if of_tls13 and alert == _ALERTS["TLS 1.3"]:
        whose = f"to {peer.name} the offer is one of TLS 1.2 with unknown suites, which it"
    code = names.code_of(names.ALERTS, alert)
    return Derived(
        replace(demanded, board=ours, peer=its, expect=Refusal(sender, alert, reason)),
        works=False,
        reason=f"{lack.told}: {whose} refuses with {alert} ({code}).",
    )


def _board_reason(what: str, row: Row) -> str:
    # In TLS 1.2 a suite stands for a kind of keys too: without one in common there is no suite.
    return _BOARD_REASONS["suite" if what == "certificate" and row.version == TLS12 else what]


def _nearest_board(side: BoardSide, row: Row, role: str, board: Board) -> BoardSide:
    if row.version not in board.versions:
        side = replace(side, versions=(TLS13,), suites=(_AES_128_GCM,))
    if side.certificates is not None and row.certificate not in board.certificates:
        side = replace(side, certificates="valid")  # it is the version that is refused
    if role == "server" and side.certificates is None:
        # For a client that has no external keys.
        side = replace(side, certificates="valid")
    return side


def _nearest_peer(side: PeerSide, row: Row, role: str, able: frozenset[str]) -> PeerSide:
    version = (
        row.version
        if row.version in able
        else next((one for one in (TLS12, TLS13) if one in able), TLS12)
    )
    suites: tuple[str, ...] = (row.suite,) if row.suite in able else ()
    if not suites and version == row.version:
        # The nearest: one with keys of the same kind, if there is one.
        near = [suite for suite in SUITES_OF_TLS12 if suite in able]
        near.sort(key=lambda suite: ("_PSK_" in suite) != ("_PSK_" in row.suite))
        suites = tuple(near[:1])
    shown = side.certificates
    if role == "client" and row.certificate not in able:
        shown = "valid"
    return replace(side, versions=(version,), suites=suites, certificates=shown)


def _by_size(demanded: Scenario, place: Place, role: str, peer: Peer) -> Derived:
    """Return the cell of two ends that can do all: whether the peer keeps to the buffer's size."""
    size, row = place.buffer_bytes, place.row
    aside = ""
    if row.version == TLS12 and abilities.EXTENDED_MASTER not in peer.able:
        aside = "; it has no extended master secret, which the board was told to do without"

    def works(why: str) -> Derived:
        return Derived(demanded, works=True, reason=f"Works: {why}{aside}.")

    if size >= BUFFER_BYTES_MAX:
        return works("the buffer holds every record")
    asked = _asked(demanded.board, role, peer.able)
    if asked is not None:
        return works(f"{asked} makes the peer keep to the buffer's size")
    most = peer.largest_record_bytes
    if most <= size:
        return works(f"the peer's programs put no more than {most:,} bytes into a record")
    if place.answer_bytes <= size:
        return works("the peer keeps to no limit, but sent no record larger than the buffer")
    advice = "offers no limit to a server" if role == "server" else "keeps to none a client asks"
    return Derived(
        replace(
            demanded,
            expect=Refusal("board", "record_overflow", "record.exceeds_buffer", connected=True),
        ),
        works=False,
        reason=f"The handshake works, but {peer.name} sends records of up to {most:,} bytes and "
        f"{advice}: the board refuses the first that is larger than its buffer with "
        f"record_overflow (22). Set the buffer to {most:,} bytes, or let {peer.name} send smaller "
        "records.",
    )


def _asked(board: BoardSide, role: str, able: frozenset[str]) -> str | None:
    """Return which extension makes a peer keep to a limit, None if none does."""
    of_tls13 = board.versions == (TLS13,) and abilities.RECORD_SIZE_LIMIT_FOR_DATA in able
    if of_tls13 or abilities.RECORD_SIZE_LIMIT in able:
        return "record_size_limit"
    if role == "client" and board.max_fragment_bytes and abilities.FRAGMENT_LENGTH in able:
        return "max_fragment_length"
    return None
