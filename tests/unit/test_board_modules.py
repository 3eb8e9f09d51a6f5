"""A scenario is skipped on an image that leaves out what it is about, and on no other."""

from __future__ import annotations

import pytest

from hil import build, image
from hil.tlsrig import board_modules, scenario


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("tls13-x509-p256", []),
        ("tls13-psk", []),
        ("tls13-mutual", ["tlscore/client_authentication.py"]),
        ("tls13-x509-p384", []),
        ("tls13-wrong-name", []),
        ("tls13-x509-ed25519", ["tlscore/crypto/ed25519.py"]),
        ("tls13-server-x509-p256", ["tlscore/server.py"]),
        ("tls13-server-psk", ["tlscore/server.py"]),
    ],
)
def test_the_client_of_64_kilobytes_lacks_only_what_its_recipe_leaves_out(
    name: str, left_out: list[str]
) -> None:
    chosen = scenario.load_all()[name]
    modules = build.modules_of(image.load("lm3s6965"))
    told = board_modules.lacking(chosen, "lm3s6965", modules)
    assert told == (
        f"image lm3s6965 leaves out what {name} needs: {', '.join(left_out)}" if left_out else None
    )


@pytest.mark.parametrize(
    ("name", "left_out"),
    [
        ("tls12-ecdsa-gcm", []),
        ("tls12-psk-ccm8", []),
        ("tls12-resumption", []),
        ("tls12-resumption-id", []),
        ("tls12-max-fragment", []),
        ("tls12-ecdsa-gcm256", ["tlscore/crypto/sha512.py"]),
        ("tls12-rsa-gcm", ["tlscore/crypto/rsa.py"]),
        ("tls12-group-p384", ["tlscore/crypto/p384.py"]),
        ("tls12-mutual", ["tlscore/tls12/client_authentication.py"]),
        ("tls12-psk-store", ["tlscore/credentials.py"]),
        ("tls12-server-psk-gcm", ["tlscore/server.py", "tlscore/tls12/server.py"]),
    ],
)
def test_the_other_image_of_that_board_has_tls12_and_fewer_kinds_of_keys(
    name: str, left_out: list[str]
) -> None:
    chosen = scenario.load_all()[name]
    modules = build.modules_of(image.load("lm3s6965-tls12"))
    told = board_modules.lacking(chosen, "small", modules)
    assert told == (
        f"image small leaves out what {name} needs: {', '.join(left_out)}" if left_out else None
    )


def test_what_has_to_be_said_to_the_byte_takes_all_that_others_offer() -> None:
    known = scenario.load_all()
    modules = build.modules_of(image.load("lm3s6965-tls12"))
    told = board_modules.lacking(known["tls12-ecdsa-gcm"], "small", modules, to_the_byte=True)
    assert told is not None
    assert "tlscore/crypto/rsa.py" in told
    assert board_modules.lacking(known["tls12-psk-gcm"], "small", modules, to_the_byte=True) is None


def test_an_image_that_leaves_nothing_out_lacks_nothing() -> None:
    modules = build.modules_of(image.load("unix"))
    for chosen in scenario.load_all().values():
        assert board_modules.lacking(chosen, "unix", modules) is None


def test_an_image_without_tls12_lacks_it_for_scenarios_of_both_versions() -> None:
    known = scenario.load_all()
    modules = set(build.modules_of(image.load("unix")))
    modules = {module for module in modules if "tls12" not in module}
    for name, role in (("tls12-both-newer", "client"), ("tls12-server-ecdsa-gcm", "server")):
        told = board_modules.lacking(known[name], "small", modules)
        assert told == f"image small leaves out what {name} needs: tlscore/tls12/{role}.py"
    assert board_modules.lacking(known["tls12-only-client"], "small", modules) is None
