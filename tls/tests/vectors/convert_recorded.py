"""Write recorded.traces and recorded_*.traces from handshakes between other people's stacks.

    python convert_recorded.py FOLDER

FOLDER holds `recorded/*.json` (what went over the wire, its key log, a pre-shared key where
one was used) and `seed_wire/`, what clients and servers of older versions say. README.md tells
where they come from. Octets are written as they are; only the form changes, and what the reader
of a handshake has to trust is added, taken out of the recordings: the authority that one of the
servers sends along, and the raw public key of another. The script needs `cryptography`.
"""

import hmac
import json
import sys
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = Path(__file__).parent
HEAD = """\
# Handshakes between other stacks, octets in hexadecimal. README.md says where they come from.
#
# flight_NN_client, flight_NN_server: records in the order they went over the wire.
# secret_<label>: the key log, SSLKEYLOGFILE labels in lower case. psk, psk_identity: as configured.
# authority: certificate of who issued those in the handshake. raw_key: SubjectPublicKeyInfo.
"""
# Handshakes of older versions: their hello messages are what is to be refused.
OLDER = (
    ("axtls149_esp8266_tls11", "TLS 1.1: axTLS 1.4.9, the client of ESP8266's SDK 1.3.0"),
    ("bearssl_2018-03", "TLS 1.2: BearSSL's samples of March 2018"),
)


def fields_of(recording):
    """Return {field: octets} of a recording."""
    fields = {}
    for number, (sender, octets) in enumerate(recording["flights"]):
        name = "flight_{:02}_{}".format(number, {"C": "client", "S": "server"}[sender])
        fields[name] = bytes.fromhex(octets)
    for line in recording["keylog"]:
        label, _random, secret = line.split()
        fields["secret_" + label.lower()] = bytes.fromhex(secret)
    if "psk" in recording:
        fields["psk"] = bytes.fromhex(recording["psk"])
        fields["psk_identity"] = recording["psk_identity"].encode()
    return fields


def certificate_entries(fields):
    """Return the entries of the server's Certificate, of TLS_AES_128_GCM_SHA256."""
    secret = fields["secret_server_handshake_traffic_secret"]
    key, iv = expanded(secret, b"key", 16), expanded(secret, b"iv", 12)
    handshake, sequence = b"", 0
    for name in sorted(name for name in fields if name.endswith("_server")):
        for record in records(fields[name]):
            if record[0] == 23 and b"\x14\x00\x00\x20" not in handshake:  # until Finished
                nonce = (int.from_bytes(iv, "big") ^ sequence).to_bytes(12, "big")
                handshake += AESGCM(key).decrypt(nonce, record[5:], record[:5])[:-1]
                sequence += 1
    while handshake[0] != 11:
        handshake = handshake[4 + int.from_bytes(handshake[1:4], "big") :]
    rest, entries = handshake[8 : 8 + int.from_bytes(handshake[5:8], "big")], []
    while rest:
        end = 3 + int.from_bytes(rest[:3], "big")
        entries.append(rest[3:end])
        rest = rest[end + 2 + int.from_bytes(rest[end : end + 2], "big") :]
    return entries


def expanded(secret, label, size):
    """Return HKDF-Expand-Label of RFC 8446 §7.1, without context and in one block."""
    label = b"tls13 " + label
    info = size.to_bytes(2, "big") + bytes([len(label)]) + label + b"\x00\x01"
    return hmac.digest(secret, info, "sha256")[:size]


def records(octets):
    """Return the records of a flight."""
    found = []
    while octets:
        end = 5 + int.from_bytes(octets[3:5], "big")
        found.append(octets[:end])
        octets = octets[end:]
    return found


def traces(folder):
    """Return [(name, comment, fields)] of every trace."""
    found = []
    for path in sorted((folder / "recorded").glob("tls13-*.json")):
        name, server, client = path.stem.split("__")
        comment = "server {}, client {}".format(server, client)
        found.append((name, comment, fields_of(json.loads(path.read_text()))))
    by_name = {name: fields for name, _, fields in found}
    authority = certificate_entries(by_name["tls13-mutual"])[-1]
    for name in ("tls13-hrr", "tls13-mutual", "tls13-x509"):
        by_name[name]["authority"] = authority
    by_name["tls13-rpk"]["raw_key"] = certificate_entries(by_name["tls13-rpk"])[0]
    for name, comment in OLDER:
        path = folder / "seed_wire" / (name + "_transcript.json")
        fields = fields_of({**json.loads(path.read_text()), "keylog": []})
        hello = {field: fields[field] for field in ("flight_00_client", "flight_01_server")}
        found.append((name, comment, hello))
    return found


def traces_of(folder, version):
    """Return [(name, comment, fields)] of every trace of a version: tls12, dtls12."""
    found = []
    for path in sorted((folder / "recorded").glob(version + "-*.json")):
        name, server, client = path.stem.split("__")
        comment = "server {}, client {}".format(server, client)
        found.append((name, comment, fields_of(json.loads(path.read_text()))))
    return found


def main(folder):
    write("recorded.traces", traces(folder))
    write("recorded_tls12.traces", traces_of(folder, "tls12"))
    write("recorded_dtls12.traces", traces_of(folder, "dtls12"))


def write(name, found):
    """Write a file of traces."""
    lines = [HEAD]
    for name_of_trace, comment, fields in found:
        lines += ["[{}]".format(name_of_trace), "# " + comment]
        lines += ["{} = {}".format(field, octets.hex()) for field, octets in fields.items()]
        lines.append("")
    path = HERE / name
    path.write_text("\n".join(lines))
    print("{}: {} bytes".format(path.name, path.stat().st_size))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: convert_recorded.py FOLDER with recorded/ and seed_wire/ in it")
    main(Path(sys.argv[1]))
