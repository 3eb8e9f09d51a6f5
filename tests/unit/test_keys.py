"""Keys made for a run: what boards are told is the key that is in the certificate."""

import ast
import hashlib

import pytest
from cryptography.hazmat.primitives import serialization

from hil.errors import HilError
from hil.tlsrig import keys
from hil.tlsrig.pki import Plan, make_chain
from tlscore.crypto import signature

NOW = 1_768_478_400


@pytest.mark.parametrize("kind", ["p256", "p384", "ed25519", "rsa2048"])
class TestBoardKeys:
    def test_a_private_key_is_plain_literals_and_belongs_to_the_leaf(self, kind):
        chain = make_chain(NOW, Plan(leaf_key=kind))
        assert ast.literal_eval(repr(chain.private_key)) == chain.private_key
        assert signature.public_of(chain.private_key) == keys.public_tuple(chain.leaf_key)

    def test_the_raw_public_key_is_the_one_in_the_leaf(self, kind, tmp_path):
        chain = make_chain(NOW, Plan(leaf_key=kind))
        assert chain.raw_public_key in chain.leaf
        assert chain.pin == hashlib.sha256(chain.raw_public_key).digest()
        written = serialization.load_pem_public_key(chain.write(tmp_path).public_key.read_bytes())
        assert written == chain.leaf_key.public_key()


def test_an_unknown_kind_of_key_is_refused_with_the_known_ones():
    with pytest.raises(HilError, match=r"'dsa'.*ed25519"):
        keys.make("dsa")
