"""A firmware image may leave modules of crypto/ out: what needs them is then not offered."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tlscore

ASK = """
import sys
from tlscore.crypto import installed, signature
before = set(sys.modules)
print(*["%04x" % scheme for scheme in signature.schemes()])
print(*["%04x" % scheme for kind in (1, 2, 3, 4) for scheme in signature.signing_schemes(kind)])
print(*sorted(set(sys.modules) - before))
"""
ALL = "0403 0804 0807 0503 0805 0806 0401 0501 0601"
ALL_SIGNING = "0403 0804 0805 0806 0503 0807"


def answers(tree: Path) -> list[str]:
    """Return what an interpreter that has only the core of `tree` offers."""
    result = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tree)!r})\n{ASK}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.splitlines()


@pytest.mark.parametrize(
    ("left_out", "schemes", "signing"),
    [
        ((), ALL, ALL_SIGNING),
        (("rsa", "rsa_sign"), "0403 0807 0503", "0403 0503 0807"),
        (("rsa_sign", "ecdsa_sign"), ALL, "0807"),
        (("ed25519",), "0403 0804 0503 0805 0806 0401 0501 0601", "0403 0804 0805 0806 0503"),
        (("p384",), "0403 0804 0807 0805 0806 0401 0501 0601", "0403 0804 0805 0806 0807"),
        (("rsa", "rsa_sign", "ed25519", "p384", "ecdsa_sign", "ccm", "sha512"), "0403", ""),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_schemes_without_their_module_are_not_offered(tmp_path, left_out, schemes, signing):
    shutil.copytree(Path(tlscore.__file__).parent, tmp_path / "tlscore")
    for module in left_out:
        (tmp_path / "tlscore" / "crypto" / (module + ".py")).unlink()
    assert answers(tmp_path)[:2] == [schemes, signing]


def test_asking_what_is_offered_loads_nothing(tmp_path):
    shutil.copytree(Path(tlscore.__file__).parent, tmp_path / "tlscore")
    assert answers(tmp_path)[2] == ""
