"""A client with a certificate of its own (RFC 8446 §4.3.2, §4.4.2, §4.4.3)."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from server_messages import P256, vector

from tlscore.crypto.signature import KEY_EC_P256, KEY_EC_P384, KEY_ED25519, KEY_RSA
from tlscore.errors import UsageError

KINDS = {0x0403: KEY_EC_P256, 0x0503: KEY_EC_P384, 0x0804: KEY_RSA, 0x0807: KEY_ED25519}
ROOT_SCHEME = 0x0403  # what signs the certificates of the double
CONTEXT = b" " * 64 + b"TLS 1.3, client CertificateVerify\x00"


def private_tuple(identity):
    """Return a private key as the configuration takes it."""
    key, kind = identity.key, KINDS[identity.scheme]
    if kind in (KEY_EC_P256, KEY_EC_P384):
        return kind, key.private_numbers().private_value.to_bytes(key.key_size // 8, "big")
    if kind == KEY_ED25519:
        return kind, key.private_bytes_raw()
    return kind, key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def configured(identity, **more):
    return {
        "certificates": identity.chain,
        "private_key": private_tuple(identity),
        "send_buffer_bytes": 2048,
        **more,
    }


def verify(identity, signature, content):
    """Verify a signature of a client with the library's code, not ours."""
    public = identity.key.public_key()
    if identity.scheme == 0x0403:
        public.verify(signature, content, ec.ECDSA(hashes.SHA256()))
    elif identity.scheme == 0x0503:
        public.verify(signature, content, ec.ECDSA(hashes.SHA384()))
    elif identity.scheme == 0x0804:
        public.verify(
            signature, content, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
        )
    else:
        public.verify(signature, content)


def smallest_send_buffer(client_config, config):
    """Return the smallest size that the configuration accepts."""
    size = 400
    while True:
        try:
            client_config(**{**config, "send_buffer_bytes": size})
            return size
        except UsageError:
            size += 1


def types(messages):
    return [message[0] for message in messages]


@pytest.mark.parametrize("scheme", KINDS)
@pytest.mark.parametrize("suite", [0x1301, 0x1302])
def test_a_client_proves_its_certificate(identities, pair, scheme, suite):
    identity = identities(scheme)
    both = pair(
        config=configured(identity),
        suite=suite,
        request_certificate=(0x0203, 0x0401, scheme, ROOT_SCHEME),
    ).connect()
    server = both.server
    assert types(server.client_messages) == [1, 11, 15, 20]
    entry = vector(3, identity.chain[0]) + vector(2, b"")
    assert server.client_messages[1][4:] == vector(1, b"") + vector(3, entry)
    body = server.client_messages[2][4:]
    assert body[:2] == scheme.to_bytes(2, "big")
    assert body[2:4] == len(body[4:]).to_bytes(2, "big")
    signed = CONTEXT + server._digest(server.before_client_messages[2])
    verify(identity, body[4:], signed)
    with pytest.raises(InvalidSignature):
        verify(identity, body[4:], signed[:-1])


def test_the_scheme_is_the_servers_choice_among_ours(identities, pair):
    identity = identities(0x0804)
    both = pair(config=configured(identity), request_certificate=(0x0403, 0x0806, 0x0804))
    assert both.connect().server.client_messages[2][4:6] == b"\x08\x06"


@pytest.mark.parametrize("wanted", [(0x0503,), (0x0804, 0x0807), (0x0203, 0x0B0B)])
def test_without_a_scheme_in_common_no_certificate_is_sent(identities, pair, wanted):
    # RFC 8446 §4.4.2: "MUST send a Certificate message containing no certificates"
    both = pair(config=configured(identities(0x0403)), request_certificate=wanted).connect()
    assert both.server.client_messages[1:-1] == [bytes([11, 0, 0, 4, 0, 0, 0, 0])]


def asking_apart(schemes, certificate_schemes):
    """Return what has the double ask with signature_algorithms_cert."""
    listed = b"".join(scheme.to_bytes(2, "big") for scheme in certificate_schemes)
    extension = (50, vector(2, listed))
    edit = {"certificate_request": lambda request: request.extensions.append(extension)}
    return {"request_certificate": schemes, "edit": edit}


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ({"request_certificate": (0x0804, 0x0403)}, True),
        ({"request_certificate": (0x0804, 0x0401)}, False),
        (asking_apart((0x0804,), (0x0401, 0x0403)), True),
        (asking_apart((0x0804, 0x0403), (0x0804,)), False),
    ],
)
def test_a_chain_signed_otherwise_than_asked_for_is_not_sent(identities, pair, asked, shown):
    # RFC 8446 §4.4.2.3: "The certificates MUST be signed using an acceptable signature algorithm".
    both = pair(config=configured(identities(0x0804)), **asked).connect()
    expected = [1, 11, 15, 20] if shown else [1, 11, 20]
    assert types(both.server.client_messages) == expected


def test_a_self_signed_certificate_may_be_signed_in_any_way(identities, pair):
    # §4.2.3: such signatures "are not validated, since they begin a certification path".
    root = identities(0x0403).root
    config = configured(identities(0x0403), certificates=[identities(0x0403).chain[0], root])
    both = pair(config=config, request_certificate=(0x0403,)).connect()
    assert types(both.server.client_messages) == [1, 11, 15, 20]
    config["certificates"] = [root]
    both = pair(config=config, **asking_apart((0x0403,), (0x0804,))).connect()
    assert types(both.server.client_messages) == [1, 11, 15, 20]


def test_a_certificate_we_cannot_read_is_for_the_server_to_judge(identities, pair):
    config = configured(identities(0x0403), certificates=[b"not DER"])
    both = pair(config=config, request_certificate=(0x0403,)).connect()
    assert types(both.server.client_messages) == [1, 11, 15, 20]


def test_a_certificate_nobody_asks_for_is_not_sent(identities, pair):
    both = pair(config=configured(identities(0x0403))).connect()
    assert types(both.server.client_messages) == [1, 20]


def test_a_retry_changes_nothing_of_it(identities, pair):
    identity = identities(0x0403)
    both = pair(config=configured(identity), request_certificate=True, retry_group=P256)
    assert types(both.connect().server.client_messages) == [1, 1, 11, 15, 20]


def test_a_chain_goes_out_leaf_first(identities, pair):
    leaf, other = identities(0x0403), identities(0x0503)
    config = configured(leaf, certificates=[leaf.chain[0], other.root])
    message = pair(config=config, request_certificate=True).connect().server.client_messages[1]
    assert message.index(leaf.chain[0]) < message.index(other.root)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"private_key": None}, "config.private_key"),
        ({"private_key": (99, b"")}, "config.private_key"),
        ({"certificates": (b"",)}, "config.no_certificate"),
        ({"send_buffer_bytes": 600}, "config.send_buffer_bytes"),
    ],
)
def test_what_cannot_work_is_refused(client_config, identities, changes, reason):
    values = configured(identities(0x0403))
    values.update(changes)
    with pytest.raises(UsageError) as caught:
        client_config(**values)
    assert caught.value.reason == reason


def test_a_private_key_that_is_none_is_refused_before_anything_is_signed(identities, pair):
    config = configured(identities(0x0403), private_key=(KEY_EC_P256, bytes(32)))
    both = pair(config=config, request_certificate=True)
    both.hello()
    with pytest.raises(UsageError, match=r"credential\.bad_private_key"):
        both.tell_protected(b"".join(both.server.flight()))
    both.client_speaks()
    assert both.server.alerts == [(2, 80)]


@pytest.mark.parametrize("scheme", KINDS)
def test_the_smallest_send_buffer_holds_the_flight(client_config, identities, pair, scheme):
    identity = identities(scheme)
    config = configured(identity)
    config["send_buffer_bytes"] = smallest_send_buffer(client_config, config)
    pair(config=config, request_certificate=(scheme, ROOT_SCHEME), suite=0x1302).connect()
