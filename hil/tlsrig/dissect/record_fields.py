"""What records look like on the wire: their headers, and in TLS 1.2 the parts of a sealed one."""

from __future__ import annotations

from hil.tlsrig import names, tls12_keys
from hil.tlsrig.dissect.grammar import Field, group, number

_NONCE_BYTES = 12
HEADER = group(
    "record header",
    number("type", 1, "RFC 8446 §5.1", "what the record holds", names=names.CONTENT_TYPES),
    number(
        "legacy_record_version",
        2,
        "RFC 8446 §5.1",
        "means nothing any more: frozen at TLS 1.2, in a first ClientHello often TLS 1.0",
        names=names.VERSIONS,
    ),
    number("length", 2, "RFC 8446 §5.1", "of what follows", kind="length", unit="bytes"),
)
OLDER_HEADER = group(
    "record header",
    number("type", 1, "RFC 5246 §6.2.1", "what the record holds", names=names.CONTENT_TYPES),
    number(
        "version",
        2,
        "RFC 5246 §6.2.1",
        "of the protocol; in a first ClientHello often an older one (appendix E.1)",
        names=names.VERSIONS,
    ),
    number("length", 2, "RFC 5246 §6.2.1", "of what follows", kind="length", unit="bytes"),
)


def older_sealed(body: bytes, cipher: tls12_keys.Suite | None) -> tuple[Field, ...]:
    """Name the parts of the body of a record that TLS 1.2 sealed (RFC 5246 §6.2.3.3).

    Args:
        body: without the header.
        cipher: what sealed it, None if that is not known.
    """
    explicit = _NONCE_BYTES - cipher.iv_bytes if cipher is not None else 0
    tag = cipher.tag_bytes if cipher is not None else 0
    cut = max(len(body) - tag, explicit)
    where = "RFC 5246 §6.2.3.3"
    nonce = "the part of the nonce that travels; with the IV in front it is the whole one"
    content = "the AEAD's output: nobody without the key can read or change it"
    proof = "the AEAD's tag: the record is refused if one bit was changed"
    fields = (
        Field("nonce_explicit", body[:explicit], "random", "", where, nonce),
        Field("encrypted content", body[explicit:cut], "sealed", "", where, content),
        Field("tag", body[cut:], "proof", "", where, proof),
    )
    return tuple(one for one in fields if one.data)


def no_keys(cipher: tls12_keys.Suite | None) -> str:
    """Say why there are no keys to open a record with."""
    if cipher is None:
        return "its suite has no AEAD"
    return f"the key log has no {tls12_keys.MASTER} of this connection"


def older_keys(
    cipher: tls12_keys.Suite, master: bytes, randoms: tuple[bytes, bytes], *, of_client: bool
) -> tls12_keys.RecordKeys:
    """Return what opens the records of one direction.

    Args:
        cipher: what seals them.
        master: the master secret.
        randoms: the client's and the server's.
        of_client: which direction.
    """
    return tls12_keys.RecordKeys(
        cipher, tls12_keys.key_block(cipher, master, *randoms), of_client=of_client
    )
