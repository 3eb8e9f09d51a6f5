"""hil.image: what is accepted as a recipe, and what a wrong one is told."""

from pathlib import Path

import pytest

from hil import image
from hil.errors import BuildError

RECIPE = """
name = "demo"
description = "for tests"
source = "micropython"
output = "demo.elf"
compiler = "gcc"
shares = ["shared"]
nm = "nm"
exports = "hil_"

[requires]
make = "make"
"/usr/include/stdio.h" = "libc6-dev"
"""


@pytest.fixture
def images(tmp_path):
    (tmp_path / "demo").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "demo" / "image.toml").write_text(RECIPE)
    return tmp_path


def change(images: Path, old: str, new: str) -> None:
    path = images / "demo" / "image.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_recipe_is_read_as_written(images):
    demo = image.load("demo", images)
    assert demo.output == "demo.elf"
    assert demo.shares == ("shared",)
    assert demo.requires == {"make": "make", "/usr/include/stdio.h": "libc6-dev"}
    assert demo.folder == images / "demo"


def test_every_shipped_image_loads():
    names = image.available()
    assert {"unix", "cortexm"} <= set(names)
    assert [image.load(name).name for name in names] == names


def test_what_is_optional_is_not_built_unless_it_is_named(images):
    assert image.by_default(images) == ["demo"]
    change(images, 'nm = "nm"', "optional = true")
    assert image.by_default(images) == []
    assert image.available(images) == ["demo"]


def test_the_reference_images_are_optional_and_have_no_micropython():
    for name in ("ref-bearssl", "ref-mbedtls"):
        assert name not in image.by_default()
        assert image.load(name).bare


def test_a_folder_without_a_recipe_is_not_an_image(images):
    assert image.available(images) == ["demo"]


@pytest.mark.parametrize("name", ["nosuch", "shared", "../demo", ""])
def test_an_unknown_image_is_refused_and_the_known_are_listed(images, name):
    with pytest.raises(BuildError, match="there are: demo"):
        image.load(name, images)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('output = "demo.elf"', "", "output: is missing"),
        ('output = "demo.elf"', "output = 3", "output: must be a non-empty string, not 3"),
        ('output = "demo.elf"', 'output = ""', "output: must be a non-empty string, not ''"),
        ('shares = ["shared"]', "shares = [1]", "shares: must be a list of strings"),
        ('shares = ["shared"]', 'shares = ["gone"]', "shares: there is no folder"),
        ('make = "make"', "make = 1", "requires: must be a table of strings"),
        ('nm = "nm"', 'nmm = "nm"', "nmm: unknown key"),
        ('nm = "nm"', "bare = 1", "bare: must be true or false, not 1"),
        ('nm = "nm"', 'optional = "yes"', "optional: must be true or false, not 'yes'"),
        ('name = "demo"', 'name = "other"', "name: is 'other', but the folder is called 'demo'"),
        ('name = "demo"', 'name = "demo', "not valid TOML"),
    ],
)
def test_a_wrong_recipe_is_told_file_and_key(images, old, new, told):
    change(images, old, new)
    with pytest.raises(BuildError) as caught:
        image.load("demo", images)
    assert told in str(caught.value)
    assert str(images / "demo" / "image.toml") in str(caught.value)
