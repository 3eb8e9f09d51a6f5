"""What explanations are made of: who offered what, what a chain says of itself, what was missing.

Offers are read from the ClientHello and ServerHello that were really on the wire; only what an end
was told but never said (a server's own lists) comes from the scenario. Every function returns
sentences for people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from hil.tlsrig import names
from hil.tlsrig.dissect.exchange import Exchange, Message
from hil.tlsrig.dissect.grammar import Field, is_grease
from hil.tlsrig.dissect.messages import TLS_1_3, sent_certificates
from hil.tlsrig.dissect.proof import UNREADABLE
from hil.tlsrig.scenario import BoardSide, PeerSide, Scenario

_SHOWN, _FEW = 14, 5
_WITHDRAWN = ("SSLv3", "TLSv1.0", "TLSv1.1")
_RENEGOTIATION_SIGNAL = 0x00FF  # RFC 5746 §3.3: among the suites, but none
_PURPOSES = {"1.3.6.1.5.5.7.3.1": "servers", "1.3.6.1.5.5.7.3.2": "clients"}
_CLIENT_HELLO = "client_hello"
_TLS_1_3 = "TLSv1.3"
_DATA = "data or close_notify: the handshake was complete"


def offer(exchange: Exchange) -> str:
    """Say what the client offered, as its last ClientHello has it."""
    hellos = exchange.of(_CLIENT_HELLO)
    if not hellos:
        return "The client's offer: none, no whole ClientHello came."
    hello = hellos[-1].field
    listed = hello.first("signature_algorithms")
    schemes = listed.codes("signature_scheme") if listed is not None else []
    shares = [share.codes("group") for share in hello.all("key_share_entry")]
    shared = _listed(_named(names.GROUPS, [code for one in shares for code in one]))
    is_older = not hello.codes("version")
    versions = versions_of(hello)
    # RFC 5246 appendix E.1: it says the newest, older ones are understood.
    spoken = f"up to {versions[-1]}" if is_older and versions else _listed(versions)
    said = [
        f"versions {spoken}",
        f"suites {_listed(suites_of(hello))}",
        f"groups {_listed(groups_of(hello))}",
        *([] if is_older else [f"key shares for {shared}"]),
        f"signature schemes {_listed(_named(names.SIGNATURES, schemes))}",
        f"ALPN {_listed(_texts(hello, 'application_layer_protocol_negotiation'))}",
        f"server name {_listed(_texts(hello, 'server_name_list'))}",
    ]
    identities = [identity.value for identity in hello.all("identity")]
    if identities:
        said.append(f"pre-shared keys {_listed(identities)}")
    which = " (in its second ClientHello)" if len(hellos) > 1 else ""
    return f"The client's offer{which}: {'; '.join(said)}."


def answer(exchange: Exchange) -> str:
    """Say what the server chose."""
    hellos = exchange.of("server_hello")
    if not hellos:
        retried = exchange.of("hello_retry_request")
        if retried:
            return "The server's answer: a HelloRetryRequest, but no ServerHello after it."
        return "The server's answer: no ServerHello."
    hello = hellos[0].field
    said = [
        names.name_of(names.VERSIONS, exchange.version) or "no version",
        *_named({**names.SUITES, **names.OLDER_SUITES}, hello.codes("cipher_suite")),
        *_named(names.GROUPS, hello.codes("group")),
    ]
    for exchanged in exchange.of("server_key_exchange"):  # of TLS 1.2
        said += _named(names.GROUPS, exchanged.field.codes("group"))
    if hello.first("selected_identity") is not None:
        said.append("with the pre-shared key")
    return f"The server's answer: {', '.join(said)}."


def told(side: BoardSide | PeerSide, who: str) -> str:
    """Say what an end was told to accept, where the wire does not show it."""
    said = [
        f"versions {_listed(side.versions)}",
        f"suites {_listed(side.suites, 'its own defaults')}",
        f"groups {_listed(side.groups, 'its own defaults')}",
    ]
    if isinstance(side, PeerSide) and side.signatures:
        said.append(f"signature schemes {_listed(side.signatures)}")
    if side.alpn:
        said.append(f"ALPN {_listed(side.alpn)}")
    if side.certificates is None:
        said.append("no certificate")
    return f"What {who} was set to accept: {'; '.join(said)}."


def mismatch(exchange: Exchange, scenario: Scenario, client: str, server: str) -> str | None:
    """Say which of the two ends' lists do not meet and what to change; None if all do.

    Args:
        exchange: with the client's real offer.
        scenario: with the server's lists.
        client, server: what to call them.
    """
    hellos = exchange.of(_CLIENT_HELLO)
    if not hellos:
        return None
    hello = hellos[-1].field
    side: BoardSide | PeerSide = scenario.board if scenario.role == "server" else scenario.peer
    groups = groups_of(hello)
    for what, offered, accepted in (
        ("TLS version", versions_of(hello), side.versions),
        ("cipher suite", suites_of(hello), side.suites),
        # RFC 8422 §4: a client of older versions that names none may be given any.
        ("group", groups, side.groups if groups or hello.codes("version") else ()),
    ):
        if accepted and not set(offered) & set(accepted):
            lists = _listed(offered, "none", _FEW)
            change = (
                f"Let {server} accept {_listed(offered, 'it', _FEW)}, or use a client that offers "
                f"{_listed(accepted)}."
            )
            if what == "TLS version":
                lists += f" with the suites {_listed(suites_of(hello), 'none', _FEW)}"
                change = _version_to_use(offered, accepted, client, server)
            return (
                f"{server} accepts only {_listed(accepted)}; {client} offered {lists}: no {what} "
                f"in common. {change}"
            )
    if _TLS_1_3 not in set(versions_of(hello)) & set(side.versions):
        return None
    return _psk_mismatch(scenario, side.suites, server)


def _version_to_use(
    offered: Iterable[str], accepted: Iterable[str], client: str, server: str
) -> str:
    """Say what to change so that two ends speak a version that is not withdrawn (RFC 8996)."""
    newer = [version for version in offered if version not in _WITHDRAWN]
    if newer:
        return f"Let {server} accept {_listed(newer)}."
    wanted = [version for version in accepted if version not in _WITHDRAWN]
    if wanted:
        return f"Use a client that offers {_listed(wanted)}; older versions are withdrawn."
    return f"All of these are withdrawn: let {client} and {server} speak TLSv1.3."


def _psk_mismatch(scenario: Scenario, accepted: Sequence[str], server: str) -> str | None:
    """Say whether a key is for another hash than the server's suites (RFC 8446 §4.2.11)."""
    if scenario.psk is None or not accepted:
        return None
    key_hash = "SHA384" if scenario.psk.wrong == "hash" else "SHA256"
    if any(suite.endswith(key_hash) for suite in accepted):
        return None
    return (
        f"the pre-shared key is for {key_hash}, but {server} accepts only {_listed(accepted)}, "
        "which goes with another hash. Give both ends a key for the hash of their suites."
    )


def versions_of(hello: Field) -> list[str]:
    """Return the versions a ClientHello offers (RFC 8446 §4.2.1, before it RFC 5246 §E.1)."""
    offered = _named(names.VERSIONS, hello.codes("version"))
    if offered:
        return offered
    newest = newest_of(hello)
    return [name for code, name in names.VERSIONS.items() if 0x0300 < code <= newest]


def newest_of(hello: Field) -> int:
    """Return the newest version of a ClientHello that names one only."""
    return next(iter(hello.codes("client_version") or hello.codes("legacy_version")), 0)


def suites_of(hello: Field) -> list[str]:
    """Return the names of the suites a ClientHello offers."""
    codes = [code for code in hello.codes("cipher_suite") if code != _RENEGOTIATION_SIGNAL]
    return _named({**names.SUITES, **names.OLDER_SUITES}, codes)


def groups_of(hello: Field) -> list[str]:
    """Return the names of the groups a ClientHello offers."""
    listed = hello.first("named_group_list")
    return _named(names.GROUPS, listed.codes("group")) if listed is not None else []


def chain_of(exchange: Exchange, from_client: bool, file: Path | None) -> list[x509.Certificate]:
    """Return the certificates an end sent; those of `file` if the wire does not show them."""
    for message in exchange.of("certificate", from_client=from_client):
        sent = sent_certificates(message.field)
        try:
            return [_readable(x509.load_der_x509_certificate(der)) for der in sent]
        except UNREADABLE:
            break
    return certificates(file)


def _readable(certificate: x509.Certificate) -> x509.Certificate:
    """Return a certificate whose parts that explanations need can all be read.

    Raises:
        Any of `UNREADABLE`: one of them cannot; they are not looked at before.
    """
    for part in ("subject", "issuer", "not_valid_before_utc", "signature_algorithm_oid"):
        getattr(certificate, part)
    certificate.public_key()
    return certificate


def certificates(file: Path | None) -> list[x509.Certificate]:
    """Return the certificates of a PEM file; none if it is not there or holds none."""
    if file is None or not file.is_file():
        return []
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except ValueError:
        return []


def names_in(certificate: x509.Certificate) -> list[str]:
    """Return the names a certificate is good for (RFC 6125 §6.4, RFC 9525)."""
    try:
        found = certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        ).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return []
    assert isinstance(found, x509.SubjectAlternativeName)
    return [str(name.value) for name in found]


def purposes(certificate: x509.Certificate) -> list[str]:
    """Return what a certificate's key may be used for."""
    try:
        found = certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
    except (x509.ExtensionNotFound, *UNREADABLE):
        return ["anything"]
    assert isinstance(found, x509.ExtendedKeyUsage)
    return [_PURPOSES.get(use.dotted_string, use.dotted_string) for use in found]


def lifetimes(chain: Sequence[x509.Certificate], utc_seconds: int, whose: str) -> str:
    """Say when each certificate is valid and what time it is for who judges them."""
    said = [
        f"{_common_name(one.subject)} is valid from {_time(one.not_valid_before_utc)} "
        f"to {_time(one.not_valid_after_utc)}"
        for one in chain
    ]
    now = datetime.fromtimestamp(utc_seconds, timezone.utc)
    return f"{'; '.join(said)}; {whose} clock says {_time(now)}."


def path(chain: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate], whose: str) -> str:
    """Say who issued each certificate and what the judge trusts."""
    said = [
        f"{_common_name(one.subject)} was issued by {_common_name(one.issuer)}" for one in chain
    ]
    roots = _listed([_common_name(one.subject) for one in trusted], "nobody")
    last = f"; {whose} trust store has {roots}"
    if chain and trusted and trusted[0].subject == chain[-1].issuer:
        last += ", which has the right name but another key"
    return "; ".join(said) + last + "."


def awaited(exchange: Exchange) -> tuple[bool, str]:
    """Say whose turn it was when the exchange stopped: (the client's, what it owed)."""
    for message in exchange.messages:
        if not message.whole:
            have, name = len(message.data), message.name
            size = 4 + int.from_bytes(message.data[1:4], "big") if have >= 4 else None
            of = f" of {size:,}" if size is not None else ""
            return message.from_client, f"the rest of {name}, of which {have:,}{of} bytes came"
    hellos = len(exchange.of(_CLIENT_HELLO))
    retries = len(exchange.of("hello_retry_request"))
    if not hellos:
        return True, "its ClientHello"
    if not exchange.of("server_hello"):
        if retries == hellos:
            return True, "its second ClientHello"
        return False, "its ServerHello"
    if exchange.version is not None and exchange.version < TLS_1_3:
        return _awaited_of_older(exchange)
    if not exchange.of("finished", from_client=False):
        return False, "its messages up to Finished"
    if not exchange.of("finished", from_client=True):
        return True, "its Finished"
    return not exchange.messages[-1].from_client, _DATA


def _awaited_of_older(exchange: Exchange) -> tuple[bool, str]:
    """Say the same of TLS 1.2 after its ServerHello (RFC 5246 §7.3): who is asked first ends it."""
    is_full = bool(exchange.of("server_hello_done"))
    changed = {one.from_client for one in exchange.of("change_cipher_spec")}
    if not is_full and not changed:
        return False, "its messages up to ServerHelloDone, or to Finished of a resumed session"
    if is_full and not exchange.of("client_key_exchange"):
        return True, "its ClientKeyExchange"
    for is_client in (is_full, not is_full):
        if is_client not in changed:
            return is_client, "its Finished"
    return not exchange.messages[-1].from_client, _DATA


def last_of(exchange: Exchange, from_client: bool) -> Message | None:
    """Return the last thing an end sent that was a message."""
    return next(
        (one for one in reversed(exchange.messages) if one.from_client == from_client), None
    )


def _named(table: Mapping[int, str], codes: Iterable[int]) -> list[str]:
    return [table.get(code, f"0x{code:04x}") for code in codes if not is_grease(code)]


def _texts(hello: Field, extension: str) -> list[str]:
    return [name.value for found in hello.all(extension) for name in found.all("name")]


def _listed(items: Iterable[str], nothing: str = "none", most: int = _SHOWN) -> str:
    all_of_them = list(items)
    more = len(all_of_them) - most
    shown = ", ".join(all_of_them[:most]) or nothing
    return f"{shown} and {more} more" if more > 0 else shown


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return f"“{found[0].value!s}”" if found else f"“{name.rfc4514_string()}”"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
