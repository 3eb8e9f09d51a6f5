"""What a refusal means, in words: one sentence and one piece of advice for each reason and alert.

Keys of `REASONS` are the board's dotted reasons (stable by the core's promise); of `ALERTS` the
alerts of RFC 8446 §6 by name, for when only the other end refused. A reason without a row of its
own is explained by its halves: the message that was wrong, and what was wrong with it. Written for
somebody with a board on the desk, so the sentences say what happened before what it is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Words(NamedTuple):
    """What happened, and what to do about it."""

    meaning: str
    advice: str


_ITS_BUG = "this is a bug of the other end, or of something between: look at the bytes on the page"
_BUFFER = "give the board a larger buffer (max_record_bytes), or let the other end send less"
_ASK_FOR_LESS = "let both ends share one: add one of the other's to one end's list"

REASONS: Mapping[str, Words] = {
    "certificate.name_mismatch": Words(
        "the certificate is good, but for another name than the one the board asked for",
        "connect by a name that is in the certificate, or have one issued with this name in its "
        "subjectAltName (the common name alone does not count)",
    ),
    "certificate.expired": Words(
        "a certificate is no longer valid by the board's clock",
        "renew it; if it should still be valid, set the board's clock",
    ),
    "certificate.not_yet_valid": Words(
        "a certificate is not valid yet by the board's clock",
        "set the board's clock: one that was never set usually shows a time long ago",
    ),
    "certificate.unknown_ca": Words(
        "the chain leads to no root that the board trusts",
        "put the root that issued the chain into the board's trust store (`hil trust build`), or "
        "let the other end send the intermediates that are missing",
    ),
    "certificate.bad_signature": Words(
        "a certificate's signature does not fit: it was changed, or another key signed it",
        "install the chain anew; if only this board refuses, compare the bytes it got",
    ),
    "certificate.extended_key_usage": Words(
        "the certificate is for another purpose: one for servers is no proof of a client, nor the "
        "other way round",
        "have one issued with the right extendedKeyUsage (serverAuth or clientAuth)",
    ),
    "certificate.key_usage": Words(
        "the certificate's keyUsage does not allow what its key is used for",
        "have one issued with digitalSignature (leaf) or keyCertSign (authority)",
    ),
    "certificate.not_a_ca": Words(
        "a certificate in the chain signed another one without being an authority",
        "send the real intermediates; a leaf may not issue certificates",
    ),
    "certificate.path_too_long": Words(
        "the chain has more levels than one of its authorities allows (pathLenConstraint)",
        "use an intermediate nearer to the root",
    ),
    "certificate.chain_too_long": Words(
        "the chain has more certificates than the board looks at",
        "send only the leaf and the intermediates that are needed",
    ),
    "certificate.too_long": Words(
        "a certificate is longer than the board accepts", "use smaller certificates"
    ),
    "certificate.empty_chain": Words(
        "the Certificate message has no certificate in it", "give the server its certificate"
    ),
    "certificate.weak_signature_algorithm": Words(
        "a certificate is signed with MD5 or SHA-1, which can be forged",
        "have it issued with SHA-256 or better",
    ),
    "certificate.unsupported_signature_algorithm": Words(
        "a certificate is signed in a way that the board's image has no code for",
        "use ECDSA P-256, or an image with the algorithm",
    ),
    "certificate.unsupported_key": Words(
        "a certificate's key is of a kind that the board's image has no code for",
        "use a P-256 key, or an image with the algorithm",
    ),
    "certificate.key_size": Words(
        "a certificate's RSA key is too short or too long", "use RSA keys of 2048 to 4096 bits"
    ),
    "certificate.not_pinned": Words(
        "the key that was shown is not one the board has pinned",
        "pin the new key on the board, or give the other end its old one back",
    ),
    "certificate.name_not_permitted": Words(
        "an authority in the chain may not issue for this name (name constraints)",
        "have the certificate issued by an authority that may",
    ),
    "certificate.name_excluded": Words(
        "an authority in the chain is forbidden to issue for this name (name constraints)",
        "have the certificate issued by an authority that may",
    ),
    "certificate.unknown_critical_extension": Words(
        "a certificate has a critical extension that the board does not know",
        "have it issued without, or not marked critical",
    ),
    "certificate_message.required": Words(
        "the board demands a certificate, and the client has shown none",
        "give the client a certificate and its key, or do not demand one",
    ),
    "certificate_verify.bad_signature": Words(
        "the other end could not prove that it has the certificate's key",
        "certificate and private key do not belong together, or somebody is in between",
    ),
    "certificate_verify.unoffered_scheme": Words(
        "the proof is signed by a scheme that was not offered", _ITS_BUG
    ),
    "certificate_verify.wrong_key": Words(
        "the proof's scheme is for another kind of key than the certificate's", _ITS_BUG
    ),
    "finished.bad_verify_data": Words(
        "the two ends have not seen the same handshake: Finished does not fit what the board saw",
        "a message was changed on the way, or one end computes its keys wrongly",
    ),
    "record.bad_record_mac": Words(
        "a record does not open with the keys: a byte was changed, lost or added on the way",
        "check the link (lost bytes on a UART without flow control look like this); if it happens "
        "always and at the same record, one end computes its keys wrongly",
    ),
    "record.exceeds_buffer": Words("a record is longer than the board has room for", _BUFFER),
    "record.overflow": Words("a record is longer than the protocol allows", _ITS_BUG),
    "record.unknown_type": Words(
        "what came is no TLS record",
        "the other end may not speak TLS on this port, or bytes were lost on the link",
    ),
    "record.unprotected": Words(
        "a message came in the clear that has to be encrypted",
        "an alert in the clear at this point usually means that the other end could not follow",
    ),
    "record.early_application_data": Words(
        "data came before the handshake was over", "0-RTT is not accepted here: switch it off"
    ),
    "record.key_not_updated": Words(
        "more records came under one key than it is safe for", "let the other end update its key"
    ),
    "connection.truncated": Words(
        "the connection ended without close_notify, so something may be missing at its end",
        "the other end died or hung up: look at its log; or the link was cut",
    ),
    "link.silent": Words(
        "the board waited, and nothing came any more; over a UART the end of a connection looks "
        "like this too",
        "look at the other end's log, and at the link: bytes may be lost on their way",
    ),
    "connection.timed_out": Words(
        "the handshake took longer than it may; of a server: that of a client which had begun",
        "see in the other end's log whether it has gone, and of the link how much it loses",
    ),
    "peer.not_connected": Words(
        "the board was connected, and the other end never said so: it has gone, or the last flight "
        "did not get through",
        "look at the other end's log: one that gives up before the board does says so there",
    ),
    "link.ended": Words(
        "the other end closed the connection and did not say why",
        "look at its log; one that hangs up before its ServerHello usually has no use for this "
        "ClientHello: compare versions, suites and groups with what it accepts",
    ),
    "entropy.absent": Words(
        "the board has no source of random bytes, and without one TLS would have keys that can be "
        "guessed: it refuses to begin",
        "name its noise in the target file (`noise`, and `noise_pin` of an open analogue input), "
        "or flash a firmware whose os.urandom works",
    ),
    "entropy.health_repetition": Words(
        "the board's noise is stuck: it says the same over and over, so no key is made of it",
        "check what the target file names as `noise`; an analogue input must be left open",
    ),
    "entropy.health_proportion": Words(
        "the board's noise is far from random: one value comes too often, so no key is made of it",
        "check what the target file names as `noise`; an analogue input must be left open",
    ),
    "echo.surplus": Words(
        "more data came back than was sent", "the other end is no echo server, or sends on its own"
    ),
    "handshake.unexpected_message": Words(
        "a message came that has no place at this point of the handshake", _ITS_BUG
    ),
    "handshake.message_too_long": Words(
        "a handshake message is longer than the board has room for",
        "give the board a larger handshake buffer, or let the other end send less",
    ),
    "handshake.not_at_record_end": Words(
        "something followed in the same record after a message that changes the keys", _ITS_BUG
    ),
    "client_hello.version_not_supported": Words(
        "the client offers no TLS version that the board speaks",
        "use a client that speaks TLS 1.2 or 1.3, whichever the board has",
    ),
    "client_hello.no_common_suite": Words(
        "no cipher suite is on both lists that also goes with the server's key and a group of both",
        _ASK_FOR_LESS,
    ),
    "client_hello.no_common_group": Words(
        "no group for the key exchange is on both lists", _ASK_FOR_LESS
    ),
    "client_hello.no_common_scheme": Words(
        "the client accepts no signature that the board's key can make",
        "give the board a key that the client's signature_algorithms have, or extend them",
    ),
    "client_hello.no_common_protocol": Words(
        "no application protocol (ALPN) is on both lists", _ASK_FOR_LESS
    ),
    "client_hello.unknown_server_name": Words(
        "the client asks for another server name (SNI) than the board's",
        "connect by the board's name, or add the name on the board",
    ),
    "client_hello.missing_extension": Words(
        "the client left out something that TLS 1.3 demands", _ITS_BUG
    ),
    "client_hello.unknown_psk": Words(
        "the board has no key of the identity that the client offers, or it is for another hash",
        "give both ends the same identity, key and hash",
    ),
    "client_hello.wrong_binder": Words(
        "the client offers a known identity but has another key for it",
        "give both ends the same key: a typing error, or a text taken for hexadecimal, is usual",
    ),
    "client_hello.psk_required": Words(
        "the board takes only pre-shared keys, and the client offers none",
        "give the client the key",
    ),
    "client_hello.psk_only": Words(
        "the client offers a key without a key exchange, which fits nothing the board has",
        "let the client offer groups too (psk_dhe_ke)",
    ),
    "client_hello.wrong_cookie": Words(
        "the cookie that came back is not the one the board gave",
        "the client took too long, or the board was restarted in between",
    ),
    "client_hello.no_extended_master_secret": Words(
        "the client does not offer extended master secret (RFC 7627), which the board demands",
        "update the client (BearSSL has none to this day); a board that may do without says "
        "extended_master_secret_required=False",
    ),
    "client_hello.inappropriate_fallback": Words(
        "the client came back with an older version than both ends have (RFC 7507)",
        "let it offer its newest version at once, or find what broke its first try",
    ),
    "server_hello.version_not_supported": Words(
        "the server chose a TLS version that the board does not speak",
        "let the server accept TLS 1.3, or 1.2 where the board has it",
    ),
    "server_hello.unoffered_version": Words(
        "the server chose a version that was not offered", _ITS_BUG
    ),
    "server_hello.downgrade": Words(
        "the server marked its answer as a downgrade: it knows TLS 1.3, and yet the "
        "ClientHello it got made it answer with TLS 1.2",
        "something in between changes ClientHellos: find it",
    ),
    "server_hello.unoffered_suite": Words(
        "the server chose a suite that the board did not offer", _ITS_BUG
    ),
    "server_hello.unoffered_group": Words(
        "the server's key share is of a group that the board did not send one for", _ITS_BUG
    ),
    "server_hello.no_key_share": Words("the server's answer has no key share", _ITS_BUG),
    "server_hello.no_pre_shared_key": Words(
        "the server did not take the board's key, and there is no other way to trust it",
        "give both ends the same identity, key and hash",
    ),
    "server_hello.no_extended_master_secret": Words(
        "the server lacks extended master secret (RFC 7627), which the board demands",
        "update the server (BearSSL has none to this day); a board that may do without says "
        "extended_master_secret_required=False",
    ),
    "server_hello.no_secure_renegotiation": Words(
        "the server lacks secure renegotiation (RFC 5746), which the board demands",
        "update the server",
    ),
    "hello_retry_request.no_change": Words(
        "the server asks for another ClientHello but for nothing to be different in it", _ITS_BUG
    ),
    "hello_retry_request.unoffered_group": Words(
        "the server asks for a group that the board does not have", _ITS_BUG
    ),
    "encrypted_extensions.unoffered_protocol": Words(
        "the server chose an application protocol (ALPN) that was not offered", _ITS_BUG
    ),
    "key_share.invalid": Words("the other end's public key is no point of its curve", _ITS_BUG),
    "session.expired": Words(
        "the ticket is too old, and the board has no other way to trust the server",
        "make a full handshake",
    ),
    "send_buffer.too_small": Words(
        "a message of the board's own does not fit into its send buffer",
        "make the send buffer larger, or offer less",
    ),
}

ALERTS: Mapping[str, Words] = {
    "close_notify": Words("the connection was ended in order", "nothing"),
    "user_canceled": Words("the user ended the handshake", "nothing: try again"),
    "unexpected_message": REASONS["handshake.unexpected_message"],
    "bad_record_mac": REASONS["record.bad_record_mac"],
    "record_overflow": Words("a record was longer than the receiver allows", _BUFFER),
    "handshake_failure": Words(
        "the two ends have no set of parameters in common",
        "compare the lists of both ends: versions, suites, groups and signature schemes must each "
        "meet",
    ),
    "bad_certificate": Words(
        "the certificate is corrupt, its signature is wrong, or something else about it is",
        "check name, times and issuer of the certificate",
    ),
    "unsupported_certificate": Words(
        "the certificate is of a kind that is not accepted",
        "use another kind of key or signature; see the signature schemes that are offered",
    ),
    "certificate_revoked": Words("the issuer revoked the certificate", "have a new one issued"),
    "certificate_expired": REASONS["certificate.expired"],
    "certificate_unknown": Words(
        "something else is wrong with the certificate", "look into the other end's log"
    ),
    "illegal_parameter": Words(
        "a field is wrong in itself, or does not fit another one; with a pre-shared key usually "
        "that the two ends' keys differ",
        "with a pre-shared key: compare identity and key of both ends; otherwise: " + _ITS_BUG,
    ),
    "unknown_ca": Words(
        "the chain leads to no root that the receiver trusts",
        "give the receiver the root, or let the sender add the missing intermediates",
    ),
    "access_denied": Words(
        "the certificate or key is good, but its owner is not let in", "ask who runs the other end"
    ),
    "decode_error": Words(
        "a message could not be read: a length is wrong or something is missing", _ITS_BUG
    ),
    "decrypt_error": Words(
        "a proof did not hold: a signature, a Finished or a binder",
        "with a pre-shared key: compare the keys of both ends; with certificates: certificate and "
        "private key may not belong together",
    ),
    "protocol_version": Words(
        "no version is known to both ends", "let both ends speak TLS 1.3; 1.0 and 1.1 are withdrawn"
    ),
    "insufficient_security": Words(
        "the receiver demands stronger parameters than were offered",
        "offer larger keys, or relax the receiver's policy",
    ),
    "internal_error": Words(
        "the other end failed for a reason of its own, such as no memory", "look into its log"
    ),
    "inappropriate_fallback": Words(
        "the client retried with an older version than the server's best", "do not fall back"
    ),
    "missing_extension": Words(
        "something is missing that the sender would need; a server without the offered pre-shared "
        "key looks for certificates and then misses signature_algorithms",
        "with a pre-shared key: compare identity, key and hash of both ends",
    ),
    "unsupported_extension": Words("an answer was sent to what was not asked", _ITS_BUG),
    "unrecognized_name": Words(
        "the server has no certificate for the name that was asked for (SNI)",
        "connect by a name the server knows",
    ),
    "bad_certificate_status_response": Words(
        "the proof that the certificate is not revoked is not good", "renew the server's OCSP proof"
    ),
    "unknown_psk_identity": Words(
        "the server does not know the identity of the pre-shared key",
        "give both ends the same identity",
    ),
    "certificate_required": Words(
        "the server demands a client certificate and got none", "give the client one"
    ),
    "no_application_protocol": Words(
        "no application protocol (ALPN) is on both lists", _ASK_FOR_LESS
    ),
}

# The second half of a reason, where many messages share it.
_OFFENCES: Mapping[str, str] = {
    "truncated": "ends too early",
    "trailing_data": "goes on after its end",
    "trailing_bytes": "goes on after its end",
    "bad_length": "has a length that does not fit",
    "missing_element": "lacks something",
    "missing_extension": "lacks an extension that is needed",
    "duplicate_extension": "has an extension twice",
    "unsolicited_extension": "answers what was not asked",
    "too_many": "comes too often",
}


def words_for(reason: str | None, alert: str | None) -> Words | None:
    """Return what a board's reason means, or failing that the alert; None if there is neither.

    Args:
        reason: dotted, as the board gives it.
        alert: registered name of the alert that ended the connection.
    """
    if reason is not None:
        if reason in REASONS:
            return REASONS[reason]
        subject, _, offence = reason.partition(".")
        if subject == "alert_received":
            return ALERTS.get(offence) or _unknown(f"the other end broke off with {offence}")
        if offence in _OFFENCES:
            return Words(
                f"the board cannot take {_spoken(subject)}: it {_OFFENCES[offence]}", _ITS_BUG
            )
        if alert is None or alert not in ALERTS:
            return _unknown(f"the board refused {_spoken(subject)}: {_spoken(offence)}")
        meaning = (
            f"the board refused {_spoken(subject)} ({_spoken(offence)}): {ALERTS[alert].meaning}"
        )
        return Words(meaning, ALERTS[alert].advice)
    if alert is not None:
        return ALERTS.get(alert) or _unknown(f"the connection was broken off with {alert}")
    return None


def _unknown(what: str) -> Words:
    return Words(
        what, "look at the last messages on the page that `hil explain` makes of this cell"
    )


def _spoken(dotted: str) -> str:
    return dotted.replace("_", " ").replace(".", ", ") or "something"
