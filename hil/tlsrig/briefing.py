"""What a scenario means for each end: the options of the board's job, the setup of the peer.

Names become code points for the board and stay names for the peer; credentials become plain
literals for the board and files for the peer. Nothing is started here.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from hil import measure
from hil.link_profile import profile_of
from hil.target import Target
from hil.tlsrig import names, tamper
from hil.tlsrig.credentials import Credentials
from hil.tlsrig.peers import ClientSetup, PeerModule, Psk, ServerSetup, TlsPeer
from hil.tlsrig.scenario import BoardSide, Scenario

# What passes on the board's clock from one connection to the next: the usual, and more than any
# ticket is good for (RFC 8446 §4.6.1: seven days).
_BETWEEN_S = 5
_EXPIRED_S = 7 * 24 * 3600 + 1
# Of tlscore.dtls.server_config.
_COOKIE_KEY_BYTES = 32

# What every image can verify, in the core's order of preference.
_SCHEMES = (
    *("ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"),
    *("ecdsa_secp384r1_sha384", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512"),
    *("rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512"),
)
# All options of the board's job, apart from its circumstances.
OPTION_NAMES = frozenset(
    {
        *("seed", "utc_seconds", "psk", "psk_modes", "session", "forge_ticket", "keep_ticket"),
        *("tickets_seed", "anchors", "pins", "raw_public_key", "identity", "server_name", "alpn"),
        *("suites", "groups", "schemes", "key_shares", "max_record_bytes", "compatible"),
        "cookie_key",
        *("close_first", "echo", "key_updates"),
    }
)
# Those that only connections have that may be of TLS 1.2, or that ask for what few do.
OPTIONS_OF_TLS12 = frozenset(
    {
        *("versions", "extended_master_secret_required", "fallback", "sessions_seed"),
        *("other_psks", "max_fragment_bytes", "small_buffers", "staged_data"),
    }
)
# And those of DTLS alone.
OPTIONS_OF_DATAGRAMS = frozenset(
    {"is_server", "datagram_bytes", "handshake_ms", "retransmission_ms_max"}
)


def new_peer(
    scenario: Scenario,
    module: PeerModule,
    proofs: Credentials,
    log_dir: Path,
    listener: socket.socket | None = None,
) -> TlsPeer:
    """Return the scenario's peer, not started yet: a client of `listener` if there is one."""
    if listener is None:
        return module.serve(server_setup(scenario, proofs), log_dir)
    return module.connect(client_setup(scenario, proofs, listener.getsockname()), log_dir)


def board_options(
    scenario: Scenario, proofs: Credentials, seed: bytes, peer: TlsPeer
) -> dict[str, object]:
    """Return the options of the board's job, as plain literals, without its circumstances.

    Args:
        scenario: what is tried.
        proofs: what the ends prove themselves with.
        seed: of the board's random generator.
        peer: whose manners the board has to know.
    """
    side = scenario.board
    own = None if side.withholds else proofs.board
    return {
        "seed": seed,
        "utc_seconds": proofs.utc_seconds,
        "psk": _psk(proofs),
        **_ticket_options(scenario, seed, proofs.utc_seconds),
        **_options_of_few(scenario, proofs, seed),
        "anchors": proofs.peer.anchors if proofs.peer is not None else [],
        "pins": _pins(scenario, proofs),
        "raw_public_key": own.raw_public_key if own and _shows_bare_key(scenario) else None,
        "identity": (own.sent, own.private_key) if own is not None else None,
        "cookie_key": _cookie_key(scenario, seed),
        "close_first": not peer.closes_first,
        **declared_options(scenario),
    }


def declared_options(scenario: Scenario) -> dict[str, object]:
    """Return those options that follow from the scenario alone."""
    side = scenario.board
    return {
        "psk_modes": _psk_modes(scenario),
        "server_name": side.server_name,
        "alpn": tuple(protocol.encode("ascii") for protocol in side.alpn),
        "suites": _codes(names.ALL_SUITES, side.suites),
        "groups": _codes(names.GROUPS, side.groups),
        "schemes": _schemes(scenario),
        "key_shares": _codes(names.GROUPS, side.key_shares),
        "max_record_bytes": side.max_record_bytes,
        "compatible": side.compatible,
        "echo": scenario.echo_bytes,
        "key_updates": side.key_updates,
        **_options_of_tls12(scenario),
        **_buffer_options(side),
    }


def _buffer_options(side: BoardSide) -> dict[str, object]:
    options: dict[str, object] = {}
    if side.max_fragment_bytes is not None:
        options["max_fragment_bytes"] = side.max_fragment_bytes
    if side.small_buffers:
        options["small_buffers"] = True
    if side.staged_data:
        options["staged_data"] = True
    return options


def _options_of_tls12(scenario: Scenario) -> dict[str, object]:
    side = scenario.board
    if side.versions == ("TLSv1.3",):
        return {}
    if scenario.over_datagrams:
        return _options_of_datagrams(scenario)
    return {
        "versions": _codes(names.VERSIONS, side.versions),
        "extended_master_secret_required": side.extended_master_secret,
        **({"fallback": True} if side.fallback else {}),
    }


def _options_of_datagrams(scenario: Scenario) -> dict[str, object]:
    side, profile = scenario.board, profile_of(scenario.link_profile or "")
    return {
        "is_server": scenario.role == "server",
        "extended_master_secret_required": side.extended_master_secret,
        "datagram_bytes": min(side.datagram_bytes, profile.datagram_bytes_max),
        "handshake_ms": round(profile.patience_s * 1000),
        "retransmission_ms_max": side.retransmission_ms_max or profile.retransmission_ms_max,
    }


def _options_of_few(scenario: Scenario, proofs: Credentials, seed: bytes) -> dict[str, object]:
    """Return what few boards are told: of several keys, of sessions remembered by their ids."""
    options: dict[str, object] = {}
    if proofs.board_others:
        options["other_psks"] = tuple(_of_psk(psk) for psk in proofs.board_others)
    if scenario.role == "server" and not scenario.has_tickets:
        options["sessions_seed"] = _derived(seed, b"sessions")
    return options


def job_of(scenario: Scenario) -> str:
    """Return what the board's agent runs for a scenario, as module:function."""
    if scenario.is_of_dtls13:
        module = "dtls13_jobs"
    else:
        module = "dtls_jobs" if scenario.over_datagrams else "tls_jobs"
    return f"{module}:{scenario.role}"


def circumstances(
    target: Target,
    timeout_multiplier: float = 1.0,
    reads: tuple[int, ...] | None = None,
    *,
    repeatable: bool = False,
    measured: bool = True,
    standstill: bool = False,
    patience_s: float = 0.0,
) -> dict[str, object]:
    """Return what the board's job is told of the board it runs on and of how it gets its bytes.

    Args:
        target: the board's facts.
        timeout_multiplier: stretches how long the host waits for the job.
        reads: counts of bytes at which a recorded peer waits for the board, None for a live one.
        repeatable: what the board says is going to be recorded or played back.
        measured: the job counts instructions and notes its live heap, for which it needs some.
        standstill: time stands still for its connection, so that nothing it says depends on when
            things come.
        patience_s: how much longer than usual its peer may keep it waiting.
    """
    return {
        # The board gives up before the host does, so that it can still say why.
        "timeout_ms": round((target.timeouts.job_s + patience_s) * timeout_multiplier * 500),
        "reads": reads,
        "clock": measure.clock_facts(target) if measured else None,
        "unmeasured": not measured,
        "standstill": standstill,
        "noise": None if repeatable or reads is not None else _noise(target),
    }


def spoken(options: Mapping[str, object]) -> dict[str, object]:
    """Return the options that are said to the job: what it is not told is None, False or [].

    Each one takes room in the board's heap for as long as the job needs it. Strings are said as
    bytes: a short one would be a name to MicroPython, and stay there for good.
    """
    return {
        name: value.encode("ascii") if isinstance(value, str) else value
        for name, value in options.items()
        if value is not None and value is not False and value != []
    }


def server_setup(scenario: Scenario, proofs: Credentials) -> ServerSetup:
    """Return what a peer in the server's role is told."""
    side = scenario.peer
    return ServerSetup(
        certificates=proofs.peer_files,
        versions=side.versions,
        suites=side.suites,
        groups=side.groups,
        signatures=side.signatures,
        alpn=side.alpn,
        max_record_bytes=side.max_record_bytes,
        answer_bytes=side.answer_bytes,
        client_root=proofs.board_files.root if proofs.board_files is not None else None,
        utc_seconds=proofs.utc_seconds if proofs.board_files is not None else None,
        psk=proofs.peer_psk,
        raw_public_keys=scenario.raw_public_keys,
        cookie=side.cookie,
        tickets=scenario.has_tickets,
        extended_master_secret=side.extended_master_secret,
        device=side.device,
        connections=len(scenario.connections),
        datagram_bytes=_datagram_bytes(scenario),
    )


def client_setup(scenario: Scenario, proofs: Credentials, address: tuple[str, int]) -> ClientSetup:
    """Return what a peer in the client's role is told."""
    side = scenario.peer
    return ClientSetup(
        address=address,
        anchor=proofs.board_files.root if proofs.board_files is not None else None,
        server_name=scenario.board.server_name,
        versions=side.versions,
        suites=side.suites,
        groups=side.groups,
        signatures=side.signatures,
        alpn=side.alpn,
        max_record_bytes=side.max_record_bytes,
        answer_bytes=side.answer_bytes,
        utc_seconds=proofs.utc_seconds,
        certificates=None if side.withholds else proofs.peer_files,
        fallback=side.fallback,
        psk=proofs.peer_psk,
        raw_public_keys=scenario.raw_public_keys,
        extended_master_secret=side.extended_master_secret,
        device=side.device,
        connections=len(scenario.connections),
        datagram_bytes=_datagram_bytes(scenario),
        handshake_s=scenario.patience_s if scenario.over_datagrams else None,
    )


def attack_of(scenario: Scenario, peer: TlsPeer) -> tamper.Attack | None:
    """Return what the link shall do to the bytes, None for an honest link."""
    if scenario.tamper is None:
        return None
    return tamper.ATTACKS[scenario.tamper](peer.artefacts["key_log"])


def _schemes(scenario: Scenario) -> tuple[int, ...] | None:
    """Return the signature schemes a client offers, None for a server's own choice.

    All images have these; Ed25519 is offered where it is needed, so that all boards say the same.
    """
    if scenario.role == "server":
        return None
    if scenario.board.signatures:
        return _codes(names.SIGNATURES, scenario.board.signatures)
    needed = ["ed25519"] if "ed25519" in (scenario.peer.certificates or "") else []
    return _codes(names.SIGNATURES, [*_SCHEMES[:2], *needed, *_SCHEMES[2:]])


def _shows_bare_key(scenario: Scenario) -> bool:
    return scenario.role in scenario.raw_public_keys


def _pins(scenario: Scenario, proofs: Credentials) -> list[bytes]:
    """Return the digest of the peer's bare key, if it shows one."""
    if proofs.peer is None or not set(scenario.raw_public_keys) - {scenario.role}:
        return []
    return [proofs.peer.pin]


def _psk(proofs: Credentials) -> tuple[bytes, bytes, int] | None:
    """Return the board's external key: identity, key, digest size of its hash."""
    return None if proofs.board_psk is None else _of_psk(proofs.board_psk)


def _of_psk(psk: Psk) -> tuple[bytes, bytes, int]:
    return psk.identity.encode("ascii"), psk.key, hashlib.new(psk.hash_name).digest_size


def _psk_modes(scenario: Scenario) -> tuple[int, ...]:
    mode = scenario.psk.mode if scenario.psk is not None else "psk_dhe_ke"
    return (names.code_of(names.PSK_MODES, mode),)


def _ticket_options(scenario: Scenario, seed: bytes, utc_seconds: int) -> dict[str, object]:
    """Return what a connection is told that gives or uses a ticket.

    A server keeps the keys it seals tickets with for as long as they are to have the same seed; one
    that has other keys takes the tickets for forged.
    """
    resumption = scenario.resumption
    options: dict[str, object] = {
        "session": None,
        "forge_ticket": False,
        "keep_ticket": False,
        "tickets_seed": None,
    }
    if resumption is None:
        return options
    spoiled = None if scenario.is_first else resumption.spoiled
    if scenario.role == "client":
        options["keep_ticket"] = scenario.is_first
        options["forge_ticket"] = spoiled == "forged"
    elif scenario.has_tickets:
        options["tickets_seed"] = _derived(seed, b"other tickets" * (spoiled == "forged"))
    if not scenario.is_first:
        options["seed"] = _derived(seed, b"second connection")
        age_s = _EXPIRED_S if spoiled == "expired" else _BETWEEN_S
        options["utc_seconds"] = utc_seconds + age_s
    return options


def _cookie_key(scenario: Scenario, seed: bytes) -> bytes | None:
    if scenario.over_datagrams and scenario.role == "server":
        return _derived(seed, b"cookie")[:_COOKIE_KEY_BYTES]
    return _derived(seed, b"cookie") if scenario.board.cookie else None


def _datagram_bytes(scenario: Scenario) -> int | None:
    """Return the largest datagram a peer may send, None for its own default."""
    if scenario.link_profile is None or not scenario.has_short_datagrams:
        return None
    most = profile_of(scenario.link_profile).datagram_bytes_max
    return min(scenario.peer.datagram_bytes or most, most)


def _derived(seed: bytes, purpose: bytes) -> bytes:
    """Return another seed that follows from the recorded one, so that a run can be repeated."""
    return hashlib.sha384(purpose + seed).digest()


def _noise(target: Target) -> tuple[str | None, int | None] | None:
    """Return where a board on a cable takes its random bytes from; others get them of the host.

    A board whose target file names no noise is told so, and refuses.
    """
    return (target.noise, target.noise_pin) if target.klass == "attached" else None


def _codes(table: Mapping[int, str], registered: Iterable[str]) -> tuple[int, ...]:
    return tuple(names.code_of(table, name) for name in registered)
