"""A private key is checked against the certificate and the raw public key it is given with."""

import pytest
import server_identity

from tlscore import identity as checked
from tlscore.errors import UsageError

SCHEMES = (0x0403, 0x0503, 0x0804, 0x0807)


def parts(identity):
    info = server_identity.public_key_info(identity.key)
    return server_identity.private_key(identity.key), identity.chain[0], info


@pytest.mark.parametrize("scheme", SCHEMES)
def test_what_belongs_together_passes(identities, scheme):
    key, leaf, info = parts(identities(scheme))
    checked.check(key)
    checked.check(key, certificate=leaf)
    checked.check(key, public_key_info=info)
    checked.check(key, leaf, info)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("part", ["certificate", "public_key_info"])
def test_what_does_not_is_named(identities, scheme, part):
    key = parts(identities(scheme))[0]
    other = server_identity.Identity(scheme=scheme) if scheme != 0x0804 else identities(0x0403)
    mismatch = {
        "certificate": other.chain[0],
        "public_key_info": server_identity.public_key_info(other.key),
    }
    with pytest.raises(UsageError, match=r"identity\.other_key"):
        checked.check(key, **{part: mismatch[part]})


@pytest.mark.parametrize("part", ["certificate", "public_key_info"])
def test_what_cannot_be_read_is_named(identities, part):
    key, leaf, info = parts(identities(0x0403))
    for damaged in (b"", b"\x30\x00", leaf[:-1], info[:-1], leaf if part[0] == "p" else info):
        with pytest.raises(UsageError, match=r"identity\." + part):
            checked.check(key, **{part: damaged})


def test_a_private_key_that_is_none_is_named(identities):
    for key in ((1, bytes(32)), (1, b"short"), (2, b"\x30\x00"), (9, b"")):
        with pytest.raises(UsageError, match=r"identity\.private_key"):
            checked.check(key)


def test_a_server_configuration_checks_it_when_told_to(server_config, identities):
    other = server_identity.private_key(identities(0x0503).key)
    server_config(check_private_key=True)
    server_config(private_key=other)
    with pytest.raises(UsageError, match=r"identity\.other_key"):
        server_config(private_key=other, check_private_key=True)


def test_a_client_configuration_checks_it_when_told_to(client_config, identities):
    client_config(check_private_key=True)  # there is nothing to check
    ours, other = identities(0x0403), identities(0x0503)
    values = {"private_key": server_identity.private_key(ours.key), "send_buffer_bytes": 2048}
    info = server_identity.public_key_info
    for right, wrong in (
        ({"certificates": ours.chain}, {"certificates": other.chain}),
        ({"public_key_info": info(ours.key)}, {"public_key_info": info(other.key)}),
    ):
        client_config(**values, **right, check_private_key=True)
        client_config(**values, **wrong)
        with pytest.raises(UsageError, match=r"identity\.other_key"):
            client_config(**values, **wrong, check_private_key=True)
