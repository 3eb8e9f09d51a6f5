"""What of the core a scenario needs on its board: an image short of flash leaves modules out.

Such an image does not offer what it lacks, so a scenario about exactly that cannot be run on it.
Only what recipes leave out today is told apart here: a role, kinds of keys, SHA-384, AES-GCM,
X25519, a client's own certificates, the store of keys, TLS 1.2, records larger than the buffer.
"""

from __future__ import annotations

from collections.abc import Container

from hil.tlsrig import plan
from hil.tlsrig.scenario import Scenario

_OF_KINDS = {
    "ed25519": "tlscore/crypto/ed25519.py",
    "p384": "tlscore/crypto/p384.py",
    "rsa2048": "tlscore/crypto/rsa.py",
}
_SHA384 = "tlscore/crypto/sha512.py"
_GCM = "tlscore/crypto/gcm.py"
_X25519 = "tlscore/crypto/x25519.py"


def needed(scenario: Scenario, *, to_the_byte: bool = False) -> list[str]:
    """Return the modules beyond every scenario's needs, as `hil.build.modules_of` names them.

    Args:
        scenario: what is tried.
        to_the_byte: the board has to say what others have said: it offers all that they could.
    """
    board = scenario.board
    modules = [f"tlscore/{scenario.role}.py"]
    package = "tlscore"
    if scenario.over_datagrams:
        end = "client" if scenario.role == "client" else "listener"
        modules = [f"tlscore/dtls/{end}.py", "dtls_jobs.py"]
        if scenario.is_of_dtls13:
            modules += [f"tlscore/dtls13/{end}.py", "dtls13_jobs.py"]
        else:
            package = "tlscore/tls12"
    elif board.versions != ("TLSv1.3",):
        package = "tlscore/tls12"
        modules.append(f"{package}/{scenario.role}.py")
    if scenario.role == "client" and board.certificates is not None:
        modules.append(f"{package}/client_authentication.py")
    if any(suite.endswith("_SHA384") for suite in board.suites):
        modules.append(_SHA384)
    if "x25519" in board.groups:
        modules.append(_X25519)
    if any("_GCM_" in suite for suite in board.suites):
        modules.append(_GCM)
    if board.takes_larger:
        modules.append("tlscore/large_record.py")
    if scenario.psk is not None and scenario.psk.others:
        modules.append("tlscore/credentials.py")
    # A board meets the keys of both ends: its own to sign with, the peer's to verify.
    variants = [one for one in (board.certificates, scenario.peer.certificates) if one is not None]
    kinds = {kind for variant in variants for kind in plan.plan_of(variant).kinds}
    if "secp384r1" in board.groups:
        kinds.add("p384")
    if to_the_byte and scenario.role == "client" and scenario.peer.certificates is not None:
        kinds |= {"p384", "rsa2048"}
    return [*modules, *(module for kind, module in _OF_KINDS.items() if kind in kinds)]


def lacking(
    scenario: Scenario, image: str, modules: Container[str], *, to_the_byte: bool = False
) -> str | None:
    """Say what a board with these modules lacks for a scenario, None if nothing."""
    missing = [
        module for module in needed(scenario, to_the_byte=to_the_byte) if module not in modules
    ]
    if not missing:
        return None
    return f"image {image} leaves out what {scenario.name} needs: {', '.join(missing)}"
