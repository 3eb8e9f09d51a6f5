"""The cases of x509-limbo (`limbo.txt`) through `python -m tlscore verify`.

Each is judged as published, or differs for a reason that stands here. The commands run in this
process, which is the same code without an interpreter started for each.
"""

import base64
import pathlib

import pytest

from tlscore.__main__ import main

NOW = "2026-01-15T12:00:00Z"

# Cases judged otherwise than published, and why.
DIFFERENT = {
    "rfc5280::aki::cross-signed-root-missing-aki": (
        "RFC 5280 §4.2.1.1 demands authorityKeyIdentifier of authorities; path validation (§6.1) "
        "does not read it, and the private authorities of devices often leave it out"
    ),
    "rfc5280::aki::leaf-missing-aki": "path validation does not read it, as above",
    "rfc5280::root-non-critical-basic-constraints": (
        "a trust anchor is a name and a key (RFC 5280 §6.1.1 d), what limits it is kept "
        "(RFC 5937); whether its certificate said so critically is moot"
    ),
    "webpki::san::san-critical-with-nonempty-subject": (
        "RFC 5280 §4.2.1.6: SHOULD mark it non-critical; only the Web PKI's profile forbids it"
    ),
}


def cases():
    """Return the lines of the file as lists of fields, by id."""
    lines = (pathlib.Path(__file__).parent / "limbo.txt").read_text().splitlines()
    return {line.split()[0]: line.split()[1:] for line in lines if not line.startswith("#")}


CASES = cases()


def pem(*fields):
    """Return a PEM bundle of the certificates in fields of the file."""
    bodies = [body for field in fields if field != "-" for body in field.split(",")]
    label = "-----{} CERTIFICATE-----\n"
    return "".join(
        label.format("BEGIN")
        + base64.encodebytes(base64.b64decode(body)).decode()
        + label.format("END")
        for body in bodies
    )


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_is_the_published_one_or_differs_for_a_reason(case, tmp_path, capsys):
    published, kind, name, time, max_depth, trusted, leaf, intermediates = CASES[case]
    chain, trust = tmp_path / "chain.pem", tmp_path / "trust.pem"
    chain.write_text(pem(leaf, intermediates))
    trust.write_text(pem(trusted))
    command = ["verify", "--chain", str(chain), "--trust", str(trust), "--usage", kind]
    command += ["--time", NOW if time == "-" else time]
    command += [] if name == "-" else ["--name", name]
    # Published depths count intermediates.
    command += [] if max_depth == "-" else ["--max-certificates", str(int(max_depth) + 1)]
    status = main(command)
    verdict = capsys.readouterr().out.splitlines()[0].partition(":")[0]
    assert (status, verdict) in {(0, "valid"), (1, "refused")}
    assert (verdict == "valid") == ((published == "valid") == (case not in DIFFERENT))


def test_most_cases_are_judged_as_published():
    assert set(DIFFERENT) <= set(CASES)
    assert (len(CASES), len(DIFFERENT)) == (50, 4)
