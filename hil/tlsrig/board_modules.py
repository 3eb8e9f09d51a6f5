"""What of the core a scenario needs on its board: an image short of flash leaves modules out.

Such an image does not offer what it lacks, so a scenario about exactly that cannot be run on it.
Only what recipes leave out today is told apart here: a role, Ed25519, and TLS 1.2.
"""

from __future__ import annotations

from collections.abc import Container

from hil.tlsrig.scenario import Scenario

_ED25519 = "tlscore/crypto/ed25519.py"


def needed(scenario: Scenario) -> list[str]:
    """Return the modules beyond every scenario's needs, as `hil.build.modules_of` names them."""
    modules = [f"tlscore/{scenario.role}.py"]
    if scenario.board.versions != ("TLSv1.3",):
        modules.append(f"tlscore/tls12/{scenario.role}.py")
    # A board meets the keys of both ends: its own to sign with, the peer's to verify.
    variants = (scenario.board.certificates, scenario.peer.certificates)
    if any(variant is not None and variant.endswith("ed25519") for variant in variants):
        modules.append(_ED25519)
    return modules


def lacking(scenario: Scenario, image: str, modules: Container[str]) -> str | None:
    """Say what a board with these modules lacks for a scenario, None if nothing."""
    missing = [module for module in needed(scenario) if module not in modules]
    if not missing:
        return None
    return f"image {image} leaves out what {scenario.name} needs: {', '.join(missing)}"
