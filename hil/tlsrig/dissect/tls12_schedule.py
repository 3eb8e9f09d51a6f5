"""Where the keys of a TLS 1.2 connection come from (RFC 5246 §6.3, §8.1), with values.

A key log holds the master secret; what it was made of, the premaster secret, is in none, unless it
is a pre-shared key alone (RFC 4279 §2) that is known here. From the master secret come all keys.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hil.tlsrig import names, tls12_keys
from hil.tlsrig.dissect import tls12_proofs
from hil.tlsrig.dissect.exchange import Exchange
from hil.tlsrig.dissect.proof import Proof
from hil.tlsrig.dissect.secret import UNKNOWN, Secret


def secrets(exchange: Exchange, found: Mapping[int, Sequence[Proof]]) -> list[Secret]:
    """Return the secrets of a connection, top to bottom; nothing for suites without an AEAD.

    Args:
        exchange: the connection.
        found: the proofs of its messages; a verified one says which pre-shared key there was.
    """
    suite = tls12_keys.find(exchange.suite)
    hellos = exchange.of("server_hello")
    if suite is None or not hellos:
        return []
    name = names.name_of(names.OLDER_SUITES, exchange.suite) or ""
    made = [_premaster(name, found)]
    master = exchange.secrets.get(tls12_keys.MASTER)
    source = f"{tls12_keys.MASTER} of the key log" if master is not None else UNKNOWN
    made.append(Secret(0, "master secret", _formula(exchange), master, source, "48 bytes"))
    if master is None:
        return made
    randoms = exchange.client_random, hellos[-1].data[6:38]
    block = tls12_keys.key_block(suite, master, *randoms)
    how = 'PRF(master secret, "key expansion", server_random + client_random)'
    made.append(Secret(0, "key_block", how, block, "computed", "cut into, in this order:"))
    position = 0
    for title, size, about in (
        ("client_write_key", suite.key_bytes, "seals what the client sends"),
        ("server_write_key", suite.key_bytes, "seals what the server sends"),
        ("client_write_IV", suite.iv_bytes, _iv_about(suite)),
        ("server_write_IV", suite.iv_bytes, "likewise"),
    ):
        value = block[position : position + size]
        made.append(Secret(1, title, f"{size} bytes of key_block", value, "computed", about))
        position += size
    return made


def _premaster(suite: str, found: Mapping[int, Sequence[Proof]]) -> Secret:
    if suite.startswith("TLS_PSK_"):
        proofs = [one for made in found.values() for one in made if one.steps]
        key = next((one.steps[0].data for one in proofs if one.steps[0].name == "PSK"), None)
        value = None
        if key is not None:
            size = len(key).to_bytes(2, "big")
            value = size + bytes(len(key)) + size + key
        how = "length, as many zeros, length, the pre-shared key (RFC 4279 §2)"
        source = "computed" if value is not None else UNKNOWN
        about = "there is no key exchange: who learns the key can read everything"
        return Secret(0, "premaster secret", how, value, source, about)
    if suite.startswith("TLS_ECDHE_PSK_"):
        how = "the ECDHE shared secret and the pre-shared key, each with its length (RFC 5489 §2)"
    else:
        how = "one end's private and the other's public key give it (RFC 8422 §5.10)"
    return Secret(0, "premaster secret", how, None, UNKNOWN, "never on the wire")


def _formula(exchange: Exchange) -> str:
    if tls12_proofs.is_extended(exchange):
        return (
            'PRF(premaster secret, "extended master secret", hash of all messages up to '
            "client_key_exchange)[0..47] (RFC 7627 §4)"
        )
    if not exchange.of("server_hello_done"):
        return "of the session that is resumed"
    return 'PRF(premaster secret, "master secret", client_random + server_random)[0..47]'


def _iv_about(suite: tls12_keys.Suite) -> str:
    if suite.iv_bytes == 4:
        return "the first part of every nonce; the rest travels with each record"
    return "XORed with a record's number"
