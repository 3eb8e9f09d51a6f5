"""The store of pre-shared keys, by itself and in connections of either version."""

import pytest

from tlscore.credentials import CredentialStore, from_bytes
from tlscore.errors import PeerMisbehaved, UsageError

PUMP, VALVE = (b"pump", bytes(range(16))), (b"valve", bytes(range(32)))
NAME = "server.example"
VERSIONS = [(0x0304, 0x0303), (0x0303,)]


@pytest.fixture
def store():
    store = CredentialStore()
    store.add(*PUMP)
    store.add(*VALVE, peer=NAME)
    return store


def test_a_key_is_found_by_its_identity(store):
    assert store.key_of(b"pump") == (PUMP[1], 32)
    assert store.key_of(b"valve") == (VALVE[1], 32)
    assert store.key_of(b"") is store.key_of(b"pum") is store.key_of(b"pumq") is None
    assert store.identities() == [b"pump", b"valve"]


def test_a_client_offers_what_is_for_its_server(store):
    assert store.keys_for(NAME) == ((*VALVE, 32), (*PUMP, 32))
    assert store.keys_for("another.example") == store.keys_for(None) == ((*PUMP, 32),)


def test_a_key_can_be_changed_and_withdrawn(store):
    store.add(b"pump", bytes(20))
    assert store.key_of(b"pump") == (bytes(20), 32)
    assert len(store) == 2
    assert store.remove(b"pump")
    assert not store.remove(b"pump")
    assert store.key_of(b"pump") is None


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((b"", bytes(16)), "config.psk_identity"),
        (("pump", bytes(16)), "config.psk_identity"),
        ((b"pump", bytes(15)), "config.psk_key"),
        ((b"pump", bytes(16), None, 33), "config.psk_hash"),
    ],
)
def test_what_cannot_be_a_key_is_refused(store, arguments, reason):
    with pytest.raises(UsageError) as caught:
        store.add(*arguments)
    assert caught.value.reason == reason


def test_a_store_has_room_for_so_many():
    store = CredentialStore(entries_max=1)
    store.add(*PUMP)
    store.add(b"pump", bytes(16))
    with pytest.raises(UsageError) as caught:
        store.add(*VALVE)
    assert caught.value.reason == "credentials.full"


def test_a_store_is_stored_and_read(store):
    store.add(b"long", bytes(48), "x.example", 48)
    stored = store.to_bytes()
    again = from_bytes(stored)
    assert again.to_bytes() == stored
    assert again.keys_for(NAME) == store.keys_for(NAME)
    for cut in range(len(stored)):
        with pytest.raises(UsageError):
            from_bytes(stored[:cut])


@pytest.mark.parametrize("versions", VERSIONS)
@pytest.mark.parametrize("who", [PUMP, VALVE])
def test_a_server_knows_its_clients_apart(pair12, store, versions, who):
    client = {"psks": ((*who, 32),), "versions": versions}
    pair = pair12(psk=store.key_of, client=client, versions=versions).connect()
    assert pair.client.version == versions[0]
    assert pair.client.psk_identity == pair.server.psk_identity == who[0]


@pytest.mark.parametrize("versions", VERSIONS)
def test_who_is_not_known_and_who_has_another_key_get_the_same_answer(pair12, store, versions):
    refusals = []
    for identity in (b"pump", b"nobody"):
        client = {"psks": ((identity, bytes(32), 32),), "versions": versions}
        pair = pair12(psk=store.key_of, client=client, versions=versions)
        with pytest.raises(PeerMisbehaved) as caught:
            pair.carry()
        refusals.append((caught.value.alert, pair.server.psk_identity))
    assert refusals == [(51, None), (51, None)]
