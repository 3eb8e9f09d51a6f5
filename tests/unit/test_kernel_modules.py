"""Machine code is frozen into the images whose cores run it, tables where flash has room."""

from dataclasses import replace

import pytest

from hil import build, image
from hil.errors import BuildError

THUMB = ("cortexm", "cortexm33", "cortexm4", "lpc1768")  # the flash of lm3s6965 is full
VIPER = ("riscv32",)  # an emitter, and no kernels for its core
TABLES = ("mips", "rtl8196")  # no emitter
KINDS = {**dict.fromkeys(THUMB, "thumb"), **dict.fromkeys(VIPER, "viper")} | dict.fromkeys(
    TABLES, "tables"
)


def kernels_of(recipe):
    """Return the kinds of machine code among an image's modules."""
    found = {path.split("/")[2] for path in build.modules_of(recipe) if path.count("/") == 3}
    return found & set(build.KERNELS)


@pytest.mark.parametrize("name", image.available())
def test_an_image_has_the_kernels_of_its_core(name):
    recipe = image.load(name)
    expected = (KINDS[name],) if name in KINDS else ()
    assert recipe.kernels == expected
    assert kernels_of(recipe) == set(expected)


def test_a_module_of_a_kernel_can_be_left_out():
    recipe = replace(image.load("cortexm"), leave_out=("tlscore.crypto.thumb.*aes*",))
    found = build.modules_of(recipe)
    assert "tlscore/crypto/thumb/ladder.py" in found
    assert "tlscore/crypto/thumb/aes_gcm_machine.py" not in found


def test_an_unknown_kind_of_machine_code_is_refused_by_name():
    recipe = replace(image.load("cortexm"), kernels=("z80",))
    with pytest.raises(
        BuildError, match=r"image\.toml: kernels: there are thumb, viper, tables and no 'z80'"
    ):
        build.modules_of(recipe)
