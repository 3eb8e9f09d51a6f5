"""Write the compact vector files of this folder from the published ones.

    python convert.py FOLDER

FOLDER holds `wycheproof/*_test.json` (the repository's testvectors) and `nist/` with the files
of `cryptography_vectors` that SOURCES below names. README.md describes the format. The script
runs on CPython and needs nothing but it.
"""

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
WYCHEPROOF = "Wycheproof (github.com/C2SP/wycheproof), testvectors/{}; Apache-2.0"
CAVP = "NIST CAVP, {}; a work of the United States government, public domain"
RFC = "RFC {}; a code component of an IETF document, Revised BSD"


def wycheproof_cases(folder, name):
    """Yield (group, test) of a Wycheproof file."""
    for group in json.loads((folder / "wycheproof" / name).read_text())["testGroups"]:
        for test in group["tests"]:
            yield group, test


def wycheproof_rows(folder, name, fields, keep=lambda _group, _test: True):
    """Return rows of one Wycheproof file and the number of cases that `keep` left out."""
    rows = []
    left_out = 0
    for group, test in wycheproof_cases(folder, name):
        if not keep(group, test):
            left_out += 1
            continue
        verdict = "invalid" if test["result"] == "invalid" else "valid"
        flags = ",".join(test["flags"]) or "-"
        rows.append([str(test["tcId"]), flags, verdict, *fields(group, test)])
    return rows, left_out


def stanzas(folder, name):
    """Yield the `Key = value` groups of a NIST-style file as dicts with lower-case keys.

    A group ends where its first key comes again: some files have blank lines inside groups.
    """
    stanza = {}
    for line in (folder / "nist" / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        key = key.strip().lower()
        if line.startswith(("#", "[")) or not equals:
            continue
        if stanza and key == next(iter(stanza)):
            yield stanza
            stanza = {}
        stanza[key] = value.strip()
    yield stanza


def aead_fields(_group, test):
    return [test[name] for name in ("key", "iv", "aad", "msg", "ct", "tag")]


def gcm_is_of_tls(group, _test):
    return group["ivSize"] == 96 and group["keySize"] in (128, 256)


def ecdh_fields(_group, test):
    private = int(test["private"], 16).to_bytes(32, "big").hex()
    return [private, test["public"], test["shared"]]


def ecdsa_fields(group, test):
    return [group["publicKey"]["uncompressed"], test["msg"], test["sig"]]


def der_integer(value):
    data = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return bytes((2, len(data))) + data


def cavp_signatures(folder):
    for number, case in enumerate(stanzas(folder, "SigVer_P256_SHA256.rsp"), 1):
        integers = der_integer(int(case["r"], 16)) + der_integer(int(case["s"], 16))
        # "F (3 - S changed)" becomes the flag S_changed, "P (0 )" becomes Passes.
        reason = case["result"].partition("- ")[2].rstrip(")").replace(" ", "_") or "Passes"
        verdict = "valid" if case["result"].startswith("P") else "invalid"
        public = "04" + case["qx"].zfill(64) + case["qy"].zfill(64)
        signature = (bytes((0x30, len(integers))) + integers).hex()
        yield [str(number), reason, verdict, public, case["msg"], signature]


def cavp_gcm(folder):
    for number, case in enumerate(stanzas(folder, "gcmEncrypt128_iv96_tag128.rsp"), 1):
        flag = "Text{}_Aad{}".format(len(case["pt"]) * 4, len(case["aad"]) * 4)
        yield [
            str(number), flag, "valid",
            case["key"], case["iv"], case["aad"], case["pt"], case["ct"], case["tag"],
        ]  # fmt: skip


def openssl_chacha20_poly1305(folder):
    for case in stanzas(folder, "openssl.txt"):
        wrong = "result" in case
        yield [
            case["count"], "WrongTag" if wrong else "RightTag", "invalid" if wrong else "valid",
            case["key"], case["iv"], case["aad"],
            case["plaintext"], case["ciphertext"], case["tag"],
        ]  # fmt: skip


def rfc8439_chacha20(folder):
    for case in stanzas(folder, "chacha20_rfc7539.txt"):
        counter = "{:08x}".format(int(case["initial_block_counter"]))
        yield [
            case["count"], "-", "valid",
            case["key"], counter, case["nonce"], case["plaintext"], case["ciphertext"],
        ]  # fmt: skip


def rfc8439_poly1305(folder):
    for case in stanzas(folder, "poly1305_rfc7539.txt"):
        yield [case["count"], "-", "valid", case["key"], case["msg"], case["tag"].lower()]


def rfc5869_hkdf(folder):
    for case in stanzas(folder, "rfc-5869-HKDF-SHA256.txt"):
        length = "{:04x}".format(int(case["l"]))
        yield [
            case["count"], "-", "valid",
            case["ikm"], case["salt"], case["info"], length, case["okm"], case["prk"],
        ]  # fmt: skip


def rfc7748_x25519(folder):
    """The two single vectors; the file's third is the iterated one, see below."""
    for case in list(stanzas(folder, "rfc7748.txt"))[:2]:
        yield [
            case["count"], "-", "valid", case["input_scalar"], case["input_u"], case["output_u"],
        ]  # fmt: skip


def rfc7748_x25519_iterated(folder):
    once = list(stanzas(folder, "rfc7748.txt"))[2]["output_u"]
    thousand = "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"
    return [["1", "-", "valid", "0001", once], ["1000", "-", "valid", "03e8", thousand]]


AEAD = "key nonce aad plaintext ciphertext tag"

# Compact file, names of the fields behind verdict, source, what to read with.
FROM_WYCHEPROOF = (
    ("aes_gcm-wycheproof", AEAD, "aes_gcm_test.json", aead_fields, gcm_is_of_tls,
     "left out: keys of 192 bits and nonces of other sizes than 96 bits, which TLS never uses"),
    ("chacha20_poly1305-wycheproof", AEAD, "chacha20_poly1305_test.json", aead_fields, None, ""),
    ("x25519-wycheproof", "private public shared", "x25519_test.json",
     lambda _group, test: [test["private"], test["public"], test["shared"]], None,
     "\"acceptable\" cases count as valid: the function must compute them; the key exchange "
     "refuses an all-zero secret"),
    ("ecdh_p256-wycheproof", "private public shared", "ecdh_secp256r1_ecpoint_test.json",
     ecdh_fields, None, "private keys brought to 32 bytes"),
    ("ecdsa_p256-wycheproof", "public message signature", "ecdsa_secp256r1_sha256_test.json",
     ecdsa_fields, None, ""),
    ("hkdf-wycheproof", "ikm salt info length okm prk", "hkdf_sha256_test.json",
     lambda _group, test: [
         test["ikm"], test["salt"], test["info"], "{:04x}".format(test["size"]), test["okm"], ""
     ], None, "the source gives no prk"),
    ("hmac-wycheproof", "key message tag", "hmac_sha256_test.json",
     lambda _group, test: [test["key"], test["msg"], test["tag"]], None,
     "a tag of 16 bytes is the first half of the HMAC"),
)  # fmt: skip

FROM_NIST_STYLE = (
    ("aes_gcm-cavp", AEAD, CAVP.format("gcmEncryptExtIV128.rsp, 96-bit IV and 128-bit tag"),
     cavp_gcm),
    ("ecdsa_p256-cavp", "public message signature",
     CAVP.format("SigVer.rsp, [P-256,SHA-256], (r, s) put into DER"), cavp_signatures),
    ("chacha20_poly1305-openssl", AEAD, "OpenSSL, test/evpciph.txt; Apache-2.0",
     openssl_chacha20_poly1305),
    ("chacha20-rfc8439", "key counter nonce plaintext ciphertext",
     RFC.format("8439 appendix A.2"), rfc8439_chacha20),
    ("poly1305-rfc8439", "key message tag", RFC.format("8439 appendix A.3"), rfc8439_poly1305),
    ("hkdf-rfc5869", "ikm salt info length okm prk",
     RFC.format("5869 appendix A, the SHA-256 cases"), rfc5869_hkdf),
    ("x25519-rfc7748", "private public shared", RFC.format("7748 §5.2"), rfc7748_x25519),
    ("x25519_iterated-rfc7748", "count result",
     RFC.format("7748 §5.2; the millionth iteration is left out"), rfc7748_x25519_iterated),
)  # fmt: skip


def write(name, fields, source, rows, note=""):
    """Write one compact file."""
    valid = sum(row[2] == "valid" for row in rows)
    lines = ["# source: " + source]
    if note:
        lines.append("# note: " + note)
    lines.append("# cases: {} ({} valid, {} invalid)".format(len(rows), valid, len(rows) - valid))
    lines.append("# fields: id flags verdict " + fields)
    lines += [" ".join(field or "-" for field in row) for row in rows]
    path = HERE / (name + ".txt")
    path.write_text("\n".join(lines) + "\n")
    print("{}: {} cases, {} bytes".format(path.name, len(rows), path.stat().st_size))


def main(folder):
    for name, fields, source, read, keep, note in FROM_WYCHEPROOF:
        rows, left_out = wycheproof_rows(folder, source, read, keep or (lambda _g, _t: True))
        counted = "; {} cases".format(left_out) if left_out else ""
        write(name, fields, WYCHEPROOF.format(source), rows, note + counted)
    for name, fields, source, read in FROM_NIST_STYLE:
        write(name, fields, source, list(read(folder)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: convert.py FOLDER with wycheproof/ and nist/ in it")
    main(Path(sys.argv[1]))
