"""The traces of RFC 8448, replayed by tests/portable/rfc8448_checks.py, here on CPython."""

import importlib.util
import pathlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

TESTS = pathlib.Path(__file__).parent.parent


def read_traces():
    """Return {trace name: {field: octets}} of the vector file."""
    traces = {}
    for line in (TESTS / "vectors" / "rfc8448.traces").read_text("ascii").splitlines():
        if line.startswith("["):
            fields = traces.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            name, _, octets = line.partition(" = ")
            fields[name] = bytes.fromhex(octets)
    return traces


TRACES = read_traces()


@pytest.fixture(scope="module")
def checks():
    path = TESTS / "portable" / "rfc8448_checks.py"
    specification = importlib.util.spec_from_file_location("rfc8448_checks", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", TRACES)
def test_trace_is_replayed_to_the_octet(checks, name):
    assert len(checks.replay(TRACES[name])) == 5


def test_a_trace_with_one_bit_changed_is_noticed(checks):
    trace = dict(TRACES["simple_1rtt"])
    flight = bytearray(trace["record_server_flight"])
    flight[-1] ^= 1
    trace["record_server_flight"] = bytes(flight)
    with pytest.raises(Exception, match="bad_record_mac"):
        checks.replay(trace)


@pytest.mark.parametrize("name", [name for name in TRACES if name != "client_authentication"])
def test_the_rsa_signatures_compared_in_the_replay_are_genuine(name):
    trace = TRACES[name]
    certificate = x509.load_der_x509_certificate(trace["message_certificate"][11:-2])
    certificate.public_key().verify(
        trace["server_signature"],
        trace["server_signed_content"],
        padding.PSS(padding.MGF1(hashes.SHA256()), 32),
        hashes.SHA256(),
    )
