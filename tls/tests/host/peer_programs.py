"""Programs at the other end: those of OpenSSL and GnuTLS, and our own server's command line.

What a test starts ends with it (the fixtures `peers` and `desk`).
"""

import shutil
import socket
import subprocess
import sys

import pexpect
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

PEM = serialization.Encoding.PEM
WAIT_S = 30
TLS_1_3 = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CTYPE-ALL:+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK"
# gnutls-serv cannot be told to take any free port, so one that was free a moment ago is tried.
PORTS_TRIED = 5

needs_gnutls = pytest.mark.skipif(
    shutil.which("gnutls-serv") is None or shutil.which("gnutls-cli") is None,
    reason="needs GnuTLS's programs: apt install gnutls-bin",
)
needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl program: apt install openssl"
)


def private_bytes(key, encoding=PEM, form=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(encoding, form, serialization.NoEncryption())


class Peers:
    """Servers of others that end with the test."""

    def __init__(self, directory):
        self.directory = directory
        self.running = []

    def write(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def spawn(self, program, arguments):
        process = pexpect.spawn(program, arguments, timeout=WAIT_S, echo=False)
        self.running.append(process)
        return process

    def gnutls(self, key, *options, more=""):
        """Start gnutls-serv with a raw public key; return its port and its handle."""
        public = key.public_key().public_bytes(PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        arguments = ["--rawpkkeyfile", self.write("server.key", private_bytes(key))]
        arguments += ["--rawpkfile", self.write("server.pub", public), "--echo"]
        arguments += ["--priority", TLS_1_3 + more, *options]
        for _ in range(PORTS_TRIED):
            with socket.create_server(("127.0.0.1", 0)) as probe:
                port = probe.getsockname()[1]
            server = self.spawn("gnutls-serv", ["--port", str(port), *arguments])
            if server.expect([rb"IPv4 \S+ port \d+\.\.\.done", pexpect.EOF]) == 0:
                return port, server
        raise AssertionError("gnutls-serv found no port")

    def openssl(self, identity, *options):
        """Start s_server; return its port and its handle."""
        certificate = x509.load_der_x509_certificate(identity.chain[0]).public_bytes(PEM)
        arguments = ["s_server", "-accept", "127.0.0.1:0"]
        arguments += ["-cert", self.write("server.pem", certificate)]
        arguments += ["-key", self.write("server.key", private_bytes(identity.key)), *options]
        server = self.spawn("openssl", arguments)
        server.expect(rb"ACCEPT \S*:(\d+)")
        return int(server.match.group(1)), server


class Desk:
    """Files for both ends, and servers that end with the test."""

    def __init__(self, directory, identities):
        self.directory = directory
        self.identities = identities
        self.servers = []

    def write(self, name, content):
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def files(self, scheme):
        """Return (certificate file, key file, file of the root) of an identity."""
        identity = self.identities(scheme)
        name = str(scheme)
        certificate = x509.load_der_x509_certificate(identity.chain[0]).public_bytes(PEM)
        root = x509.load_der_x509_certificate(identity.root).public_bytes(PEM)
        return (
            self.write(name + ".pem", certificate),
            self.write(name + ".key", private_bytes(identity.key)),
            self.write(name + ".ca", root),
        )

    def serve(self, *options, scheme=0x0403):
        """Start a server and return its port as a string."""
        certificate, key, _ = self.files(scheme)
        command = [sys.executable, "-m", "tlscore", "server", "--listen", "127.0.0.1:0"]
        command += ["--cert", certificate, "--key", key, *options]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.servers.append(server)
        line = server.stdout.readline().decode()
        assert line.startswith("listening on 127.0.0.1:"), server.stderr.read()
        return line.strip().rpartition(":")[2]

    def said(self):
        """Wait for the last server to end; return (exit status, what it said on stderr)."""
        _, err = self.servers[-1].communicate(timeout=WAIT_S)
        return self.servers[-1].returncode, err.decode()
