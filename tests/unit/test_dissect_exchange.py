"""Recorded handshakes taken apart: no byte missing, none twice, and every proof comes out."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hil.link import Chunk
from hil.tlsrig.dissect.exchange import EARLY, Exchange
from hil.tlsrig.dissect.proofs import proofs
from hil.tlsrig.dissect.schedule import schedule

TLS_1_2 = ("tls12-gcm", "tls12-ccm8", "tls12-psk-ccm8")
TLS_1_3 = ("tls13-hrr", "tls13-mutual", "tls13-psk", "tls13-rpk", "tls13-x509")
NAMES = (
    *("simple_1rtt", "hello_retry_request", "client_authentication", "middlebox_compatibility"),
    *("resumed_0rtt", *TLS_1_3, *TLS_1_2, "axtls149_esp8266_tls11", "bearssl_2018-03"),
)


def exchange_of(trace: object) -> Exchange:
    transcript, key_log, _ = trace  # type: ignore[misc]
    return Exchange(transcript, key_log, board_is_client=True)


def accounted(exchange: Exchange) -> bool:
    """Whether the named bytes of each direction are those that came, in order."""
    for is_client in (True, False):
        named = b"".join(
            leaf.data
            for record in exchange.records
            if record.from_client == is_client
            for field in record.wire_fields
            for leaf in field.leaves()
        )
        if named + exchange.tails[is_client] != exchange.streams[is_client]:
            return False
    for record in exchange.records:
        inner = [leaf.data for field in record.inner_fields for leaf in field.leaves()]
        if record.inner is not None and b"".join(inner) != record.inner:
            return False
    return True


@pytest.mark.parametrize("name", NAMES)
def test_every_byte_of_both_directions_is_named_once(
    traces: Mapping[str, object], name: str
) -> None:
    exchange = exchange_of(traces[name])
    assert exchange.streams[True]
    assert accounted(exchange)
    assert exchange.tails == {True: b"", False: b""}


@pytest.mark.parametrize("name", ["tls13-mutual", "tls13-x509", "simple_1rtt"])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces_of_any_size_come_to_the_same_records(traces, name: str, size: int) -> None:
    transcript, key_log, _ = traces[name]
    pieces = [
        Chunk(chunk.direction, chunk.data[start : start + size], chunk.at_s)
        for chunk in transcript
        for start in range(0, len(chunk.data), size)
    ]
    whole, cut = exchange_of(traces[name]), Exchange(pieces, key_log, board_is_client=True)
    assert [one.body for one in cut.records] == [one.body for one in whole.records]
    assert [one.name for one in cut.messages] == [one.name for one in whole.messages]


def test_the_messages_of_a_full_handshake_are_found_in_order(traces) -> None:
    exchange = exchange_of(traces["tls13-mutual"])
    assert [(one.name, one.from_client, one.epoch) for one in exchange.messages][:10] == [
        ("client_hello", True, "plaintext"),
        ("server_hello", False, "plaintext"),
        ("change_cipher_spec", False, "plaintext"),
        ("encrypted_extensions", False, "handshake"),
        ("certificate_request", False, "handshake"),
        ("certificate", False, "handshake"),
        ("certificate_verify", False, "handshake"),
        ("finished", False, "handshake"),
        ("change_cipher_spec", True, "plaintext"),
        ("certificate", True, "handshake"),
    ]


@pytest.mark.parametrize("name", TLS_1_3)
def test_every_proof_of_a_recorded_handshake_comes_out(traces, name: str) -> None:
    facts = traces[name].facts
    psks = [facts["psk"]] if "psk" in facts else []
    anchors = [facts["authority"]] if "authority" in facts else []
    exchange = exchange_of(traces[name])
    made = proofs(exchange, psks, anchors)
    finished = [
        made[index] for index, one in enumerate(exchange.messages) if one.name == "finished"
    ]
    assert [proof.right for found in finished for proof in found] == [True, True]
    assert {proof.right for found in made.values() for proof in found} == {True}


def test_the_signature_and_keys_of_rfc_8448_come_out(traces) -> None:
    exchange = exchange_of(traces["simple_1rtt"])
    made = {exchange.messages[index].name: found for index, found in proofs(exchange).items()}
    assert made["certificate_verify"][0].right is True
    signed = b"".join(step.data or b"" for step in made["certificate_verify"][0].steps)
    assert signed == traces["simple_1rtt"].facts["server_signed_content"]
    secrets = {(one.name, one.value.hex()) for one in schedule(exchange, {}) if one.value}
    assert ("key", "3fce516009c21727d0f2e4e86ee403bc") in secrets  # section 3, {server}
    assert ("iv", "5d313eb2671276ee13000b30") in secrets
    assert ("key", "dbfaa693d1762c5b666af5d950258d01") in secrets  # section 3, {client}
    assert (
        "Early Secret",
        "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a",
    ) in secrets


def test_the_binder_of_rfc_8448_is_made_by_the_ticket_key_of_its_first_handshake(traces) -> None:
    exchange = exchange_of(traces["resumed_0rtt"])
    psk = traces["resumed_0rtt"].facts["resumption_psk"]
    assert proofs(exchange, [bytes(32), psk])[0][0].right is True
    (unchecked,) = proofs(exchange, [bytes(32)])[0]
    assert unchecked.right is None
    assert "none of the keys" in unchecked.outcome


def test_early_data_has_keys_of_its_own(traces) -> None:
    exchange = exchange_of(traces["tls13-psk"])
    assert "CLIENT_EARLY_TRAFFIC_SECRET" in exchange.secrets
    assert EARLY not in {record.epoch for record in exchange.records}  # offered, but none was sent
    assert [record.trouble for record in exchange.records if record.trouble] == []


@pytest.mark.parametrize("position", [-1, 60])
def test_a_record_that_was_changed_stays_sealed_and_proves_nothing(traces, position: int) -> None:
    transcript, key_log, _ = traces["tls13-x509"]
    number = next(index for index, one in enumerate(transcript) if b"\x17\x03\x03" in one.data)
    data = bytearray(transcript[number].data)
    start = data.index(b"\x17\x03\x03")
    end = start + 5 + int.from_bytes(data[start + 3 : start + 5], "big")
    data[end - 1 if position == -1 else start + 5] ^= 1
    changed = [*transcript]
    changed[number] = transcript[number]._replace(data=bytes(data))
    exchange = Exchange(changed, key_log, board_is_client=True)
    troubles = [record.trouble for record in exchange.records if record.trouble]
    assert len(troubles) == 1
    assert "changed on the way" in troubles[0]
    assert accounted(exchange)
    right = {proof.right for found in proofs(exchange).values() for proof in found}
    assert True not in right


def test_without_a_key_log_encrypted_records_say_why_they_stay_sealed(traces) -> None:
    exchange = Exchange(traces["tls13-x509"].transcript, "", board_is_client=True)
    sealed = [record for record in exchange.records if record.is_sealed]
    assert {record.trouble for record in sealed} == {
        "the key log has no SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "the key log has no CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    }
    assert accounted(exchange)


def test_a_wrong_secret_opens_nothing(traces) -> None:
    transcript, key_log, _ = traces["tls13-x509"]
    wrong = "".join(line[:-2] + "00\n" for line in key_log.splitlines())
    exchange = Exchange(transcript, wrong, board_is_client=True)
    assert not any(record.inner for record in exchange.records)


def test_hellos_of_old_stacks_are_read(traces) -> None:
    esp = exchange_of(traces["axtls149_esp8266_tls11"])
    (hello,) = esp.of("client_hello")
    assert hello.field.codes("client_version") == [0x0302]
    assert hello.field.codes("cipher_suite") == [0x002F, 0x0035, 0x0005, 0x0004]
    assert exchange_of(traces["bearssl_2018-03"]).version == 0x0303


def test_what_is_no_record_is_the_tail_of_its_stream(traces) -> None:
    transcript, key_log, _ = traces["tls13-x509"]
    extra = [Chunk(transcript[1].direction, b"HTTP/1.0 400", 1.0)]
    exchange = Exchange([*transcript, *extra], key_log, board_is_client=True)
    assert exchange.tails[False] == b"HTTP/1.0 400"
    assert accounted(exchange)


# --- TLS 1.2


def test_the_messages_of_a_handshake_of_tls12_are_found_in_order(traces) -> None:
    exchange = exchange_of(traces["tls12-gcm"])
    assert [(one.name, one.from_client, one.epoch) for one in exchange.messages][:12] == [
        ("client_hello", True, "plaintext"),
        ("server_hello", False, "plaintext"),
        ("certificate", False, "plaintext"),
        ("server_key_exchange", False, "plaintext"),
        ("server_hello_done", False, "plaintext"),
        ("client_key_exchange", True, "plaintext"),
        ("change_cipher_spec", True, "plaintext"),
        ("finished", True, "connection"),
        ("new_session_ticket", False, "plaintext"),
        ("change_cipher_spec", False, "plaintext"),
        ("finished", False, "connection"),
        ("application_data", True, "connection"),
    ]
    assert not [record.trouble for record in exchange.records if record.trouble]


@pytest.mark.parametrize("name", TLS_1_2)
def test_every_proof_of_a_recorded_handshake_of_tls12_comes_out(traces, name: str) -> None:
    facts = traces[name].facts
    exchange = exchange_of(traces[name])
    made = proofs(exchange, [facts["psk"]] if "psk" in facts else [])
    found = {
        (exchange.messages[index].name, exchange.messages[index].from_client): one.right
        for index, proved in made.items()
        for one in proved
    }
    assert found["finished", True] is found["finished", False] is True
    if "psk" in facts:
        assert found["client_key_exchange", True] is True  # the master secret itself
    else:
        assert found["server_key_exchange", False] is True
    assert False not in found.values()


@pytest.mark.parametrize("name", TLS_1_2)
def test_every_field_of_a_handshake_of_tls12_is_known_and_has_its_source(traces, name: str) -> None:
    exchange = exchange_of(traces[name])
    for message in exchange.messages:
        assert message.field.rfc or message.content_type in (20, 23), message.name
        leaves = list(message.field.leaves())
        assert not [leaf for leaf in leaves if leaf.kind == "unknown" or leaf.name == "body"]
        older = [leaf for leaf in leaves if "RFC 8446 §" in leaf.rfc]

        assert message.name == "client_hello" or not older, (message.name, older)


def test_a_signature_with_sha1_is_checked_and_not_called_wrong(traces) -> None:
    exchange = exchange_of(traces["axtls149_esp8266_tls11"])
    assert exchange.version == 0x0302
    (index,) = (i for i, one in enumerate(exchange.messages) if one.name == "certificate")
    assert [proof.right for proof in proofs(exchange)[index]] == [True]
    assert not [
        proof for made in proofs(exchange).values() for proof in made if proof.right is False
    ]


def test_a_finished_of_tls12_that_was_changed_proves_nothing(traces) -> None:
    transcript, key_log, _ = traces["tls12-gcm"]
    exchange = exchange_of(traces["tls12-gcm"])
    hello = transcript[0]
    changed = bytearray(hello.data)
    position = changed.index(exchange.client_random) + 40
    changed[position] ^= 1
    other = Exchange(
        [hello._replace(data=bytes(changed)), *transcript[1:]], key_log, board_is_client=True
    )
    found = [
        one.right
        for index, made in proofs(other).items()
        for one in made
        if other.messages[index].name == "finished"
    ]
    assert found == [False, False]


def test_without_its_master_secret_tls12_stays_sealed_and_says_so(traces) -> None:
    exchange = Exchange(traces["tls12-ccm8"].transcript, "", board_is_client=True)
    sealed = [record for record in exchange.records if record.is_sealed]
    assert sealed
    assert {record.trouble for record in sealed} == {
        "the key log has no CLIENT_RANDOM of this connection"
    }
    assert accounted(exchange)
    wrong = f"CLIENT_RANDOM {exchange.client_random.hex()} {bytes(48).hex()}\n"
    exchange = Exchange(traces["tls12-ccm8"].transcript, wrong, board_is_client=True)
    assert {record.inner for record in exchange.records if record.is_sealed} == {None}


def test_the_keys_of_tls12_are_shown_with_what_they_come_from(traces) -> None:
    made = schedule(exchange_of(traces["tls12-gcm"]), {})
    assert [one.name for one in made] == [
        *("premaster secret", "master secret", "key_block", "client_write_key"),
        *("server_write_key", "client_write_IV", "server_write_IV"),
    ]
    assert made[0].value is None
    assert made[1].value == traces["tls12-gcm"].facts["secret_client_random"]
    assert "extended master secret" in made[1].formula
    assert made[2].value == b"".join(one.value or b"" for one in made[3:])
    exchange = exchange_of(traces["tls12-psk-ccm8"])
    psk = traces["tls12-psk-ccm8"].facts["psk"]
    made = schedule(exchange, proofs(exchange, [psk]))
    assert made[0].value is not None
    assert made[0].value.endswith(psk)


POSITION = st.integers(0, 1 << 16)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    name=st.sampled_from(NAMES),
    number=POSITION,
    changes=st.lists(st.tuples(POSITION, st.integers(0, 255)), min_size=1, max_size=4),
    kept=POSITION,
)
def test_whatever_comes_every_byte_is_accounted_for(
    traces, name: str, number: int, changes: list[tuple[int, int]], kept: int
) -> None:
    transcript, key_log, _ = traces[name]
    number %= len(transcript)
    mutated = bytearray(transcript[number].data)
    for position, value in changes:
        mutated[position % len(mutated)] = value
    changed = [*transcript]
    changed[number] = transcript[number]._replace(data=bytes(mutated[: kept or None]))
    exchange = Exchange(changed, key_log, board_is_client=True)
    assert accounted(exchange)
    found = proofs(exchange, [bytes(32)])
    schedule(exchange, found)
