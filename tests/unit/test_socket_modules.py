"""tlscore.sockets is frozen where a recipe asks for it, and nowhere else."""

import pytest

from hil import build, image

WITH_SOCKETS = ("cortexm", "lm3s6965-sockets", "unix", "unix-mbedtls")


@pytest.mark.parametrize("name", image.available())
def test_images_have_sockets_if_their_recipe_says_so(name):
    recipe = image.load(name)
    found = {path for path in build.modules_of(recipe) if path.startswith("tlscore/sockets/")}
    assert recipe.sockets == (name in WITH_SOCKETS)
    assert ("tlscore/sockets/secure_sock.py" in found) == recipe.sockets
    assert bool(found) == recipe.sockets


def test_the_image_that_has_dtls_as_well_has_all_of_them():
    found = build.modules_of(image.load("unix"))
    assert build.socket_modules().items() <= found.items()
