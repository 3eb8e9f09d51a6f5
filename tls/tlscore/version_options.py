"""Which versions of TLS the command line is to speak, and the names of what goes with them.

CPython only, in no firmware image.
"""

import argparse

from tlscore import client, codepoints, config, server, server_config
from tlscore.codepoints import TLS_1_2, TLS_1_3
from tlscore.tls12 import client as client12
from tlscore.tls12 import config as config12
from tlscore.tls12 import server as server12
from tlscore.tls12 import server_config as server_config12

_VERSIONS = {"1.3": TLS_1_3, "1.2": TLS_1_2}

# RFC 5289, RFC 7251, RFC 5487, RFC 6655, RFC 7905, RFC 8442
SUITE_NAMES = (
    *codepoints.SUITE_NAMES,
    (0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xC02C, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xC02F, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xCCA8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xCCA9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xC0AC, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM"),
    (0xC0AE, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"),
    (0x00A8, "TLS_PSK_WITH_AES_128_GCM_SHA256"),
    (0xC0A4, "TLS_PSK_WITH_AES_128_CCM"),
    (0xC0A8, "TLS_PSK_WITH_AES_128_CCM_8"),
    (0xCCAB, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256"),
    (0xCCAC, "TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256"),
    (0xD001, "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"),
    (0xD003, "TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256"),
    (0xD005, "TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256"),
)


def add_options(parser):
    """Add the option for versions."""
    help_ = "1.3 (the default), 1.2 or both"
    parser.add_argument(
        "--versions", default=(TLS_1_3,), type=_versions, metavar="V,...", help=help_
    )


def _versions(text):
    found = []
    for name in text.split(","):
        if name not in _VERSIONS:
            raise argparse.ArgumentTypeError("{!r} is none of 1.3, 1.2".format(name))
        found.append(_VERSIONS[name])
    return tuple(found)


def client_config(versions, **arguments):
    """Return the configuration of a client of some versions."""
    if TLS_1_2 not in versions:
        return config.ClientConfig(**arguments)
    return config12.ClientConfig(versions=versions, **arguments)


def client_connection(configuration):
    """Return a client with a configuration."""
    if isinstance(configuration, config12.ClientConfig):
        return client12.ClientConnection(configuration)
    return client.ClientConnection(configuration)


def server_configuration(versions, entropy, **arguments):
    """Return the configuration of a server of some versions."""
    if TLS_1_2 not in versions:
        return server_config.ServerConfig(entropy, **arguments)
    return server_config12.ServerConfig(entropy, versions=versions, **arguments)


def server_connection(configuration):
    """Return a server with a configuration."""
    if isinstance(configuration, server_config12.ServerConfig):
        return server12.ServerConnection(configuration)
    return server.ServerConnection(configuration)


def suite_name(code) -> str:
    """Return the name of a suite of any version."""
    return codepoints.name_of(SUITE_NAMES, code)
