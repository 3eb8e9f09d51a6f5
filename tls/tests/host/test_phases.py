"""The core says what it works at: phases that exclude each other, in both roles."""

import pytest

MESSAGES = {
    *("client_hello", "server_hello", "encrypted_extensions"),
    *("certificate", "certificate_verify", "finished"),
}
WORK = {"record", "key_share", "key_schedule"}


class Watch:
    """Notes what it is told, and answers with what it was told before."""

    def __init__(self):
        self.told = ["client_hello"]

    def __call__(self, name):
        assert isinstance(name, str)
        self.told.append(name)
        return self.told[-2]

    def work(self):
        """Return everything that was worked at; a method stands for its message."""
        return {name[name.find("_", 1) + 1 :] if name[0] == "_" else name for name in self.told}


@pytest.fixture
def watch():
    return Watch()


def test_a_client_names_messages_and_work_and_ends_in_the_record_layer(pair, watch):
    pair(config={"phase": watch}).connect()
    assert watch.work() == MESSAGES | WORK
    assert watch.told[-1] == "record"


def test_a_server_names_messages_and_work_and_ends_in_the_record_layer(loopback, watch):
    loopback(phase=watch).connect()
    assert watch.work() == MESSAGES | WORK | {"certificate_request"}
    assert watch.told[-1] == "record"
