"""The key schedule of one connection (RFC 8446 §7.1): which secret comes from which, with values.

That of TLS 1.2 is in `tls12_schedule`.

A key log holds the traffic secrets and the exporter secret, but neither the shared secret of the
key exchange nor the master secret, which would give everything away: those stay unknown, unless
there was no key exchange (`psk_ke`). What follows from a known secret is computed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from hil.tlsrig import keylog, names
from hil.tlsrig.dissect import tls12_schedule
from hil.tlsrig.dissect.exchange import Exchange, Message
from hil.tlsrig.dissect.messages import TLS_1_3
from hil.tlsrig.dissect.proof import Proof, listed
from hil.tlsrig.dissect.proofs import Transcript, digest
from hil.tlsrig.dissect.secret import UNKNOWN, Secret

# What each traffic secret protects.
_TRAFFIC = (
    *(("CLIENT_HANDSHAKE_TRAFFIC_SECRET", "c hs traffic", "the client's handshake messages"),),
    *(("SERVER_HANDSHAKE_TRAFFIC_SECRET", "s hs traffic", "the server's handshake messages"),),
    *(("CLIENT_TRAFFIC_SECRET_0", "c ap traffic", "the client's application data"),),
    *(("SERVER_TRAFFIC_SECRET_0", "s ap traffic", "the server's application data"),),
)


def schedule(exchange: Exchange, found: Mapping[int, Sequence[Proof]]) -> list[Secret]:
    """Return the key schedule of a connection, top to bottom; nothing if it got no ServerHello.

    Args:
        exchange: the connection.
        found: the proofs of its messages; a verified binder says which pre-shared key there was.
    """
    if exchange.version is not None and exchange.version < TLS_1_3:
        return tls12_schedule.secrets(exchange, found)
    if exchange.suite not in names.SUITES or exchange.version != TLS_1_3:
        return []
    return _Schedule(exchange, found).secrets


class _Schedule:
    def __init__(self, exchange: Exchange, found: Mapping[int, Sequence[Proof]]) -> None:
        assert exchange.suite is not None
        self._exchange = exchange
        self._hash = keylog.row(exchange.suite).hash_name
        self._size = hashlib.new(self._hash).digest_size
        self._transcript = Transcript(exchange)
        (self._hello,) = exchange.of("server_hello")[:1]
        self.secrets: list[Secret] = []
        early = self._early(found)
        handshake = self._handshake(early)
        self._master(handshake)

    def _add(self, depth: int, name: str, formula: str, value: bytes | None, about: str) -> None:
        source = "computed" if value is not None else UNKNOWN
        if name in self._exchange.secrets:
            logged = self._exchange.secrets[name]
            if value is None:
                source = "key log"
            else:
                source = "computed; the key log says the same" if value == logged else "CONTRADICTS"
            value = logged
        self.secrets.append(Secret(depth, name, formula, value, source, about))

    def _early(self, found: Mapping[int, Sequence[Proof]]) -> bytes | None:
        used = self._hello.field.first("selected_identity")
        psk: bytes | None = bytes(self._size)
        about = "nothing is known to both ends yet, so it stands for zeros"
        if used is not None and used.code is not None:
            psk, about = None, "the key that both ends have already"
            hellos = self._exchange.of("client_hello")
            made = found.get(self._exchange.messages.index(hellos[-1]), []) if hellos else []
            if used.code < len(made) and made[used.code].right:
                psk = made[used.code].steps[0].data
        self._add(0, "PSK", "the pre-shared key, or zeros", psk, about)
        early = hmac.digest(bytes(self._size), psk, self._hash) if psk is not None else None
        self._add(0, "Early Secret", "HKDF-Extract(salt = 0, PSK)", early, "for 0-RTT and binders")
        if "CLIENT_EARLY_TRAFFIC_SECRET" in self._exchange.secrets:
            how = 'Derive-Secret(Early Secret, "c e traffic", ClientHello)'
            self._add(1, "CLIENT_EARLY_TRAFFIC_SECRET", how, None, "the client's 0-RTT data")
        return early

    def _handshake(self, early: bytes | None) -> bytes | None:
        derived = self._derived(early, "Early Secret")
        share = self._hello.field.first("key_share_entry")
        shared = None if share is not None else bytes(self._size)
        group = share.first("group") if share is not None else None
        about = (
            f"{group.value} of one end's private and the other's public key: never on the wire"
            if group is not None
            else "there is no key exchange (psk_ke): zeros; who learns the PSK can read everything"
        )
        self._add(0, "(EC)DHE shared secret", "from both key shares", shared, about)
        value = None
        if derived is not None and shared is not None:
            value = hmac.digest(derived, shared, self._hash)
        self._add(
            0, "Handshake Secret", "HKDF-Extract(salt = derived, (EC)DHE)", value, "from it come:"
        )
        messages = self._transcript.up_to(self._hello)
        for label, short, about in _TRAFFIC[:2]:
            self._traffic(value, "Handshake Secret", label, short, about, messages)
        return value

    def _master(self, handshake: bytes | None) -> None:
        derived = self._derived(handshake, "Handshake Secret")
        value = hmac.digest(derived, bytes(self._size), self._hash) if derived is not None else None
        self._add(0, "Master Secret", "HKDF-Extract(salt = derived, 0)", value, "from it come:")
        ended = self._exchange.of("finished", from_client=False)
        if not ended:
            return
        messages = self._transcript.up_to(ended[0])
        for label, short, about in _TRAFFIC[2:]:
            self._traffic(value, "Master Secret", label, short, about, messages)
        how = f'Derive-Secret(Master Secret, "exp master", {_until(messages)})'
        exporter = self._derive(value, "exp master", messages)
        about = "for keys of the application's own; the farm compares one of both ends"
        self._add(1, "EXPORTER_SECRET", how, exporter, about)
        self._updated()
        own = self._exchange.of("finished", from_client=True)
        if own:
            until = self._transcript.up_to(own[0])
            how = f'Derive-Secret(Master Secret, "res master", {_until(until)})'
            resumption = self._derive(value, "res master", until)
            self._add(1, "resumption_master_secret", how, resumption, "from it tickets' keys come")

    def _traffic(
        self,
        parent: bytes | None,
        parent_name: str,
        label: str,
        short: str,
        about: str,
        messages: Sequence[Message],
    ) -> None:
        how = f'Derive-Secret({parent_name}, "{short}", {_until(messages)})'
        self._add(1, label, how, self._derive(parent, short, messages), f"protects {about}")
        secret = self._exchange.secrets.get(label)
        if secret is None:
            return
        assert self._exchange.suite is not None
        keys = keylog.RecordKeys(self._exchange.suite, secret)
        self._add(2, "key", 'HKDF-Expand-Label(secret, "key", "")', keys.key, "of the AEAD")
        self._add(2, "iv", 'HKDF-Expand-Label(secret, "iv", "")', keys.iv, "XORed with the number")
        if short.endswith("hs traffic"):
            finished = keylog.expand_label(self._hash, secret, "finished", b"", self._size)
            how = 'HKDF-Expand-Label(secret, "finished", "")'
            self._add(2, "finished_key", how, finished, "of the MAC in Finished")

    def _updated(self) -> None:
        """Add the secrets that came of KeyUpdates (RFC 8446 §7.2)."""
        seen = set(self._exchange.secrets)
        for record in self._exchange.records:
            if record.label is None or record.keys is None or record.label in seen:
                continue
            seen.add(record.label)
            stem, _, number = record.label.rpartition("_")
            how = f'HKDF-Expand-Label({stem}_{int(number) - 1}, "traffic upd", "", Hash.length)'
            self._add(1, record.label, how, record.secret, "after a KeyUpdate")
            self._add(2, "key", 'HKDF-Expand-Label(secret, "key", "")', record.keys.key, "likewise")
            self._add(2, "iv", 'HKDF-Expand-Label(secret, "iv", "")', record.keys.iv, "likewise")

    def _derived(self, parent: bytes | None, name: str) -> bytes | None:
        value = self._derive(parent, "derived", [])
        how = f'Derive-Secret({name}, "derived", "")'
        self._add(0, "derived", how, value, "the salt of the next step")
        return value

    def _derive(
        self, parent: bytes | None, label: str, messages: Sequence[Message]
    ) -> bytes | None:
        """Derive-Secret (RFC 8446 §7.1), or None if the parent is not known."""
        if parent is None:
            return None
        hashed = digest(self._hash, messages)
        return keylog.expand_label(self._hash, parent, label, hashed, self._size)


def _until(messages: Sequence[Message]) -> str:
    first, last = messages[0].name, messages[-1]
    who = "" if last.name == "server_hello" else "client " if last.from_client else "server "
    return f"{first}…{who}{last.name}" if len(messages) > 3 else listed(messages)
