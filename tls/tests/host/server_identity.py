"""Keys and certificates that servers of the tests prove themselves with, made for the occasion."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

# scheme -> (key of a server, its signature of a content)
SCHEMES = {
    0x0403: (
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda key, content: key.sign(content, ec.ECDSA(hashes.SHA256())),
    ),
    0x0503: (
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda key, content: key.sign(content, ec.ECDSA(hashes.SHA384())),
    ),
    0x0804: (
        lambda: rsa.generate_private_key(65537, 2048),
        lambda key, content: key.sign(
            content, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()
        ),
    ),
    0x0807: (ed25519.Ed25519PrivateKey.generate, lambda key, content: key.sign(content)),
}


class Identity:
    """A root and a server certificate for one name, made for the occasion.

    Args:
        scheme: the signature scheme the server's key is for, one of SCHEMES.
        padding_bytes: size of an extension of the server's certificate that nobody reads.
    """

    def __init__(
        self, name="server.example", root_name="test root", scheme=0x0403, padding_bytes=0
    ):
        self.name = name
        self.scheme = scheme
        self._padding_bytes = padding_bytes
        self.utc_seconds = 1_800_000_000
        root_key = ec.generate_private_key(ec.SECP256R1())
        self.key = SCHEMES[scheme][0]()
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, root_name)])
        root = self._certificate(subject, root_key.public_key(), subject, root_key, is_ca=True)
        leaf_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test server")])
        leaf = self._certificate(leaf_name, self.key.public_key(), subject, root_key, is_ca=False)
        self.root = root.public_bytes(serialization.Encoding.DER)
        self.chain = [leaf.public_bytes(serialization.Encoding.DER)]

    def _certificate(self, subject, public_key, issuer, issuer_key, *, is_ca):
        now = datetime.datetime.fromtimestamp(self.utc_seconds, datetime.timezone.utc)
        day = datetime.timedelta(days=1)
        unused = (
            "content_commitment key_encipherment data_encipherment key_agreement crl_sign "
            "encipher_only decipher_only"
        )
        usage = dict.fromkeys(unused.split(), False)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(
                x509.KeyUsage(digital_signature=not is_ca, key_cert_sign=is_ca, **usage),
                critical=True,
            )
        )
        if not is_ca:
            names = x509.SubjectAlternativeName([x509.DNSName(self.name)])
            builder = builder.add_extension(names, critical=False)
            if self._padding_bytes:
                padding = bytes(i * i & 0xFF for i in range(self._padding_bytes))
                unread = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.1"), padding)
                builder = builder.add_extension(unread, critical=False)
        return builder.sign(issuer_key, hashes.SHA256())


def public_key_info(key):
    """Return the SubjectPublicKeyInfo of a private key."""
    return key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def private_key(key):
    """Return a private key in the form of tlscore's tuples (crypto/signature.py)."""
    if isinstance(key, rsa.RSAPrivateKey):
        pkcs1 = serialization.PrivateFormat.TraditionalOpenSSL
        no = serialization.NoEncryption()
        return 2, key.private_bytes(serialization.Encoding.DER, pkcs1, no)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return 4, key.private_bytes_raw()
    size = key.key_size // 8
    return {32: 1, 48: 3}[size], key.private_numbers().private_value.to_bytes(size, "big")
