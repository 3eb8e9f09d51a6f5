"""Records of TLS 1.3 under a key (RFC 8446 §5.2, §7.3), by the `cryptography` package."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM, AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from server_messages import APPLICATION_DATA, vector

# suite -> (hash, key size, AEAD of a key, tag size)
SUITES = {
    0x1301: ("sha256", 16, AESGCM, 16),
    0x1302: ("sha384", 32, AESGCM, 16),
    0x1303: ("sha256", 32, ChaCha20Poly1305, 16),
    0x1304: ("sha256", 16, AESCCM, 16),
    0x1305: ("sha256", 16, lambda key: AESCCM(key, tag_length=8), 8),
}


class TrafficKey:
    """One key of one direction."""

    def __init__(self, suite, secret):
        self.suite = suite
        self.secret = secret
        self.hash, key_bytes, aead, self.tag_bytes = SUITES[suite]
        self.aead = aead(expand_label(self.hash, secret, b"key", b"", key_bytes))
        self.iv = int.from_bytes(expand_label(self.hash, secret, b"iv", b"", 12), "big")
        self.sequence = 0

    def _nonce(self):
        nonce = (self.iv ^ self.sequence).to_bytes(12, "big")
        self.sequence += 1
        return nonce

    def protect(self, content_type, content, padding=0, outer_type=APPLICATION_DATA):
        inner = content + (b"" if content_type is None else bytes([content_type])) + bytes(padding)
        header = bytes([outer_type, 3, 3]) + (len(inner) + self.tag_bytes).to_bytes(2, "big")
        return header + self.aead.encrypt(self._nonce(), inner, header)

    def open(self, record):
        inner = self.aead.decrypt(self._nonce(), record[5:], record[:5]).rstrip(b"\x00")
        return inner[-1], inner[:-1]

    def update(self):
        secret = expand_label(self.hash, self.secret, b"traffic upd", b"", len(self.secret))
        return TrafficKey(self.suite, secret)


def expand_label(hash_, secret, label, context, length):
    info = length.to_bytes(2, "big") + vector(1, b"tls13 " + label) + vector(1, context)
    algorithm = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384()}[hash_]
    return HKDFExpand(algorithm, length, info).derive(secret)
