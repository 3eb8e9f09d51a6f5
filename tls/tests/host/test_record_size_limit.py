"""record_size_limit (RFC 8449): each side says how large the records it receives may be."""

import pytest
from server_messages import APPLICATION_DATA
from test_client_certificates import ROOT_SCHEME, configured, smallest_send_buffer


def announced(both):
    return both.server.client_hello()[3].get(28)


@pytest.mark.parametrize(
    ("buffer_bytes", "limit"),
    [(86, 65), (4096 + 22, 4097), (16384 + 21, 16384), (16384 + 22, None), (16645, None)],
)
def test_a_buffer_smaller_than_a_record_is_announced(pair, buffer_bytes, limit):
    both = pair(config={"record_buffer_bytes": buffer_bytes})
    both.client_speaks()
    assert announced(both) == (None if limit is None else limit.to_bytes(2, "big"))


@pytest.mark.parametrize("suite", [0x1301, 0x1305])
def test_the_largest_record_announced_is_taken_and_no_larger(pair, suite):
    config = {"record_buffer_bytes": 1024 + 22, "suites": (suite,)}
    both = pair(config=config, suite=suite, record_size_limit=16385).connect()
    # Content type and padding count (RFC 8449 §4).
    both.tell_protected(b"x" * 1024, APPLICATION_DATA)
    assert both.client.read() == b"x" * 1024
    both.tell_protected(b"x" * 1000, APPLICATION_DATA, padding=24)
    assert both.client.read() == b"x" * 1000
    reason, alert = both.refusal_protected(b"x" * 1000, APPLICATION_DATA, padding=25)
    assert alert == 22
    assert reason in ("record.exceeds_buffer", "record.plaintext_overflow")


@pytest.mark.parametrize("limit", [64, 65, 100, 512, 16385])
@pytest.mark.parametrize("suite", [0x1301, 0x1305])
def test_our_records_keep_to_the_limit_of_the_server(identities, pair, limit, suite):
    config = configured(identities(0x0804), suites=(suite,), send_buffer_bytes=4096)
    asked = (0x0804, ROOT_SCHEME)
    both = pair(
        config=config, suite=suite, record_size_limit=limit, request_certificate=asked
    ).connect()
    assert [message[0] for message in both.server.client_messages] == [1, 11, 15, 20]
    data, sent = bytes(range(256)) * 8, 0
    while sent < len(data):
        sent += both.client.write(data[sent:])
        both.client_speaks()
    assert both.server.data == data
    assert max(both.server.client_content_sizes) <= limit - 1


def test_many_small_records_need_a_larger_buffer_and_say_so(client_config, identities, pair):
    config = configured(identities(0x0804))
    config["send_buffer_bytes"] = smallest_send_buffer(client_config, config)
    both = pair(config=config, record_size_limit=64, request_certificate=(0x0804, ROOT_SCHEME))
    both.hello()
    with pytest.raises(Exception, match=r"send_buffer\.too_small"):
        both.tell_protected(b"".join(both.server.flight()))


@pytest.mark.parametrize("limit", [0, 63])
def test_a_limit_below_64_is_refused(pair, limit):
    both = pair(record_size_limit=limit)
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions.record_size_limit", 47)


def test_a_limit_nobody_asked_for_is_refused(pair):
    both = pair(config={"record_buffer_bytes": 16645}, record_size_limit=512)
    both.hello()
    refusal = both.refusal_protected(both.server.encrypted_extensions())
    assert refusal == ("encrypted_extensions.unsolicited_extension", 110)
