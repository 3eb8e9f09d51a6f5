"""RSASSA-PKCS1-v1_5 signatures (RFC 8017 §8.2.1), which TLS 1.3 has only in certificates."""

from tlscore.crypto.rsa import bit_length, pkcs1_encoding
from tlscore.crypto.rsa_sign import private_numbers, signature_of


def sign_pkcs1(hash_function, private_key, digest, entropy) -> bytes:
    """Return the signature over a digest.

    Args:
        private_key: (kind, DER RSAPrivateKey of two primes).
        entropy: source with `fill(buffer)`, of the blinding.

    Raises:
        ValueError: "rsa.private_key", "rsa.fault".
    """
    numbers = private_numbers(private_key)
    size = (bit_length(numbers[0]) + 7) >> 3
    return signature_of(numbers, pkcs1_encoding(hash_function, digest, size), entropy)
