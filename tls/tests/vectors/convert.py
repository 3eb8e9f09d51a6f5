"""Write the compact vector files of this folder from the published ones.

    python convert.py FOLDER

FOLDER holds `wycheproof/*_test.json` (the repository's testvectors), `nist/` with the files
of `cryptography_vectors` that the tables below name, and Botan's `tls/hkdf_label.vec`. README.md
describes the format. The script runs on CPython and needs nothing but it.
"""

import base64
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "portable"))
import vector_checks  # noqa: E402 -- it lives beside this folder, in no package

# A larger file is cut down to a sample: a board receives it over a console.
FILE_BYTES = 150_000
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
        # "acceptable" results are wrong encodings that some want read, of RSA; and public keys of
        # X25519, which is a function of any bytes.
        wrong = ("invalid",) if "x25519" in name else ("invalid", "acceptable")
        verdict = "invalid" if test["result"] in wrong else "valid"
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


def cases(folder, name, last):
    """Yield the cases of a NIST file whose cases have the key `last` as dicts.

    A case inherits what stands before it: section headers, keys that serve several cases.
    """
    state = {}
    for line in [*(folder / "nist" / name).read_text().splitlines(), ""]:
        key, equals, value = line.strip("[]").partition("=")
        if line.startswith("[") and not equals:
            state["section"] = key
        elif equals:
            for part in line.strip("[]").split(","):
                key, _, value = part.partition("=")
                state[key.strip().lower()] = value.strip()
        elif not line and last in state:
            yield dict(state)
            del state[last]


def aead_fields(_group, test):
    return [test[name] for name in ("key", "iv", "aad", "msg", "ct", "tag")]


def gcm_is_of_tls(group, _test):
    return group["ivSize"] == 96 and group["keySize"] in (128, 256)


def ccm_is_of_aes_128_or_256(group, _test):
    return group["keySize"] in (128, 256)


def ecdh_fields(_group, test):
    private = int(test["private"], 16).to_bytes(32, "big").hex()
    return [private, test["public"], test["shared"]]


def ecdsa_fields(group, test):
    return [group["publicKey"]["uncompressed"], test["msg"], test["sig"]]


def ed25519_fields(group, test):
    return [group["publicKey"]["pk"], test["msg"], test["sig"]]


def rsa_fields(scheme):
    return lambda group, test: [scheme, group["publicKeyAsn"], test["msg"], test["sig"]]


def hkdf_fields(_group, test):
    return [test["ikm"], test["salt"], test["info"], "{:04x}".format(test["size"]), test["okm"], ""]


def hmac_fields(_group, test):
    return [test["key"], test["msg"], test["tag"]]


def der(tag, body):
    size = len(body)
    if size < 128:
        return bytes((tag, size)) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body


def der_integer(value):
    return der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def reason(result):
    """Return the flag and the verdict of a NIST result.

    "F (3 - S changed)" becomes the flag S_changed, "P (0 )" becomes Passes.
    """
    text = result.partition("- ")[2].rstrip(") ").replace(" ", "_").replace(",", "") or "Passes"
    return text, "valid" if result.startswith("P") else "invalid"


def ecdsa_case(case):
    """Return public key and signature of a NIST case, in the encodings of TLS."""
    size = 96 if len(case["qx"]) > 64 else 64
    integers = der_integer(int(case["r"], 16)) + der_integer(int(case["s"], 16))
    public = "04" + case["qx"].zfill(size) + case["qy"].zfill(size)
    return public, der(0x30, integers).hex()


def cavp_signatures(folder):
    for number, case in enumerate(stanzas(folder, "SigVer_P256_SHA256.rsp"), 1):
        public, signature = ecdsa_case(case)
        yield [str(number), *reason(case["result"]), public, case["msg"], signature]


def cavp_signatures_of(sections):
    """Return a reader of sections of SigVer.rsp, {section: prefix fields}."""

    def read(folder):
        for number, case in enumerate(cases(folder, "SigVer.rsp", "result"), 1):
            if case.get("section") in sections:
                public, signature = ecdsa_case(case)
                prefix = sections[case["section"]]
                flags, verdict = reason(case["result"])
                yield [str(number), flags, verdict, *prefix, public, case["msg"], signature]

    return read


def cavp_rsa(folder):
    schemes = {"SHA256": "0401", "SHA384": "0501", "SHA512": "0601"}
    for number, case in enumerate(cases(folder, "SigVer15_186-3.rsp", "result"), 1):
        n, e = int(case["n"], 16), int(case["e"], 16)
        if n.bit_length() < 2048 or case["shaalg"] not in schemes:
            continue
        flags, verdict = reason(case["result"])
        public = der(0x30, der_integer(n) + der_integer(e)).hex()
        flags = "Modulus{},{}".format(n.bit_length(), flags)
        scheme = schemes[case["shaalg"]]
        yield [str(number), flags, verdict, scheme, public, case["msg"], case["s"]]


def cavp_ccm(folder):
    for letter, name in enumerate(("VADT128", "VNT128", "VTT128", "DVPT128")):
        for number, case in enumerate(cases(folder, name + ".rsp", "ct"), 1):
            text, tag_size = 2 * int(case["plen"]), 2 * int(case["tlen"])
            fails = case.get("result", "Pass").startswith("F")
            yield [
                "{}{}".format("ANTD"[letter], number),
                "{},Nonce{},Tag{}".format(name[:-3], case["nlen"], case["tlen"]),
                "invalid" if fails else "valid",
                case["key"], case["nonce"],
                case["adata"][: 2 * int(case["alen"])],
                "" if fails else case["payload"][:text],
                case["ct"][:text], case["ct"][text : text + tag_size],
            ]  # fmt: skip


def cavp_sha(bits):
    """Return a reader of the short messages and of the first ten long ones."""

    def read(folder):
        for kind, count in (("Short", 999), ("Long", 10)):
            name = "SHA{}{}Msg.rsp".format(bits, kind)
            for case in list(cases(folder, name, "md"))[:count]:
                size = int(case["len"])
                message = case["msg"][: size // 4]
                yield ["{}{}".format(kind[0], size), kind, "valid", message, case["md"]]

    return read


def hkdf_labels(folder):
    """The expansions of Botan's hkdf_label.vec: labels of a draft, before they began with tls13."""
    fields, number = {}, 0
    for line in (folder / "tls" / "hkdf_label.vec").read_text().splitlines():
        key, equals, value = line.partition(" = ")
        if line.startswith("["):
            fields["hash"] = {"[SHA-256]": "20", "[SHA-384]": "30"}[line]
        elif equals:
            fields[key] = value
        if key == "Output":
            number += 1
            label, length = fields["Label"].encode().hex(), "{:02x}".format(len(value) // 2)
            row = [fields["hash"], fields["Secret"], label, fields["HashValue"], length, value]
            yield [str(number), "-", "valid", *row]


def rfc6979(folder):
    """The signatures on P-256 and P-384 under the hashes we have."""
    text = (folder / "nist" / "evppkey_ecdsa_rfc6979.txt").read_text()
    for curve, size in (("P-256", 32), ("P-384", 48)):
        keys = []
        for kind, before in (("PRIV", bytes((4, size))), ("PUB", b"\x00\x04")):
            pem = re.search("={}_{}\n-.*\n((?:[^-].*\n)+)".format(curve, kind), text)[1]
            octets = base64.b64decode(pem)
            start = octets.index(before) + (2 if kind == "PRIV" else 1)
            keys.append(octets[start : start + (size if kind == "PRIV" else 2 * size + 1)].hex())
        for hash_bits, message, signature in re.findall(
            "DigestSign = SHA(256|384|512)\nKey = {}_PRIV\nNonceType = deterministic\n"
            'Input = "(.*)"\nOutput = (.*)\n'.format(curve),
            text,
        ):
            name = "{}-SHA{}-{}".format(curve, hash_bits, message)
            hash_bytes = "{:02x}".format(int(hash_bits) // 8)
            yield [name, curve, "valid", hash_bytes, *keys, message.encode().hex(), signature]


def ed25519_sign(folder):
    """The first 64 lines, and RFC 8032's TEST 1024, which is the last."""
    lines = (folder / "nist" / "sign.input").read_text().splitlines()
    for number in [*range(1, 65), 1024]:
        secret, public, message, signed = lines[number - 1].split(":")[:4]
        yield [str(number), "-", "valid", secret[:64], public, message, signed[:128]]


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
RSA = "scheme public message signature"
MISSING_NULL = '"acceptable" cases (DigestInfo without NULL) count as invalid'

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
     hkdf_fields, None, "the source gives no prk"),
    ("hkdf_sha384-wycheproof", "ikm salt info length okm prk", "hkdf_sha384_test.json",
     hkdf_fields, None, "the source gives no prk"),
    ("hmac-wycheproof", "key message tag", "hmac_sha256_test.json",
     hmac_fields, None, "a tag of 16 bytes is the first half of the HMAC"),
    ("hmac_sha384-wycheproof", "key message tag", "hmac_sha384_test.json",
     hmac_fields, None, "a tag of 24 bytes is the first half of the HMAC"),
    ("aes_ccm-wycheproof", AEAD, "aes_ccm_test.json", aead_fields, ccm_is_of_aes_128_or_256,
     "left out: keys of 192 bits"),
    ("ecdsa_p384-wycheproof", "public message signature", "ecdsa_secp384r1_sha384_test.json",
     ecdsa_fields, None, ""),
    ("ed25519-wycheproof", "public message signature", "ed25519_test.json",
     ed25519_fields, None, ""),
    ("rsa_pss-wycheproof2048", RSA, "rsa_pss_2048_sha256_mgf1_32_test.json",
     rsa_fields("0804"), None, ""),
    ("rsa_pss-wycheproof3072", RSA, "rsa_pss_3072_sha256_mgf1_32_test.json",
     rsa_fields("0804"), None, ""),
    ("rsa_pkcs1-wycheproof2048", RSA, "rsa_signature_2048_sha256_test.json",
     rsa_fields("0401"), None, MISSING_NULL),
    ("rsa_pkcs1-wycheproof3072", RSA, "rsa_signature_3072_sha256_test.json",
     rsa_fields("0401"), None, MISSING_NULL),
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
    ("hkdf_label-boringssl", "hash_bytes secret label context length output",
     "BoringSSL, as Botan's hkdf_label.vec has them (BSD-2-Clause); labels of a draft of TLS 1.3",
     hkdf_labels),
    ("x25519-rfc7748", "private public shared", RFC.format("7748 §5.2"), rfc7748_x25519),
    ("x25519_iterated-rfc7748", "count result",
     RFC.format("7748 §5.2; the millionth iteration is left out"), rfc7748_x25519_iterated),
    ("aes_ccm-cavp", AEAD, CAVP.format("VADT128, VNT128, VTT128 and DVPT128.rsp"), cavp_ccm),
    ("sha256-cavp", "message digest",
     CAVP.format("SHA256ShortMsg.rsp, and the first ten of SHA256LongMsg.rsp"), cavp_sha(256)),
    ("sha384-cavp", "message digest",
     CAVP.format("SHA384ShortMsg.rsp, and the first ten of SHA384LongMsg.rsp"), cavp_sha(384)),
    ("sha512-cavp", "message digest",
     CAVP.format("SHA512ShortMsg.rsp, and the first ten of SHA512LongMsg.rsp"), cavp_sha(512)),
    ("ecdsa_p384-cavp", "public message signature",
     CAVP.format("SigVer.rsp, [P-384,SHA-384], (r, s) put into DER"),
     cavp_signatures_of({"P-384,SHA-384": ()})),
    ("ecdsa_mixed-cavp", "scheme public message signature",
     CAVP.format("SigVer.rsp, [P-256,SHA-384] and [P-384,SHA-256], (r, s) put into DER"),
     cavp_signatures_of({"P-256,SHA-384": ("0503",), "P-384,SHA-256": ("0403",)})),
    ("rsa_pkcs1-cavp", RSA,
     CAVP.format("SigVer15_186-3.rsp, 2048 bits and more, SHA-256, SHA-384, SHA-512"), cavp_rsa),
    ("ecdsa_sign-rfc6979", "hash_bytes private public message signature",
     RFC.format("6979 appendix A.2.5 and A.2.6, as OpenSSL's evppkey_ecdsa_rfc6979.txt has them "
                "(Apache-2.0)"), rfc6979),
    ("ed25519_sign-bernstein", "private public message signature",
     "ed25519.cr.yp.to/python/sign.input, lines 1 to 64 and 1024; public domain. "
     "Lines 1, 2, 3 and 1024 are in RFC 8032 §7.1", ed25519_sign),
)  # fmt: skip


def write(name, fields, source, rows, note=""):
    """Write one compact file."""
    texts = [" ".join(field or "-" for field in row) for row in rows]
    size = sum(map(len, texts))
    if size > FILE_BYTES:
        texts = vector_checks.sample(texts, len(texts) * FILE_BYTES * 9 // (10 * size))
        left_out = "left out for their size: {} cases of {}".format(
            len(rows) - len(texts), len(rows)
        )
        note = "; ".join(part for part in (note, left_out) if part)
    valid = sum(text.split()[2] == "valid" for text in texts)
    lines = ["# source: " + source]
    if note:
        lines.append("# note: " + note)
    lines.append("# cases: {} ({} valid, {} invalid)".format(len(texts), valid, len(texts) - valid))
    lines.append("# fields: id flags verdict " + fields)
    lines += texts
    path = HERE / (name + ".txt")
    path.write_text("\n".join(lines) + "\n")
    print("{}: {} cases, {} bytes".format(path.name, len(texts), path.stat().st_size))


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
