"""X509.md lists the reasons there are, with their alerts, and tests that exist."""

import ast
import pathlib
import re

from tlscore.errors import PeerMisbehaved
from tlscore.x509.refusal import refuse

TLS = pathlib.Path(__file__).parents[3]
TEXT = (TLS / "X509.md").read_text(encoding="utf-8")
REASONS = TEXT[TEXT.index("## Reasons") : TEXT.index("## Out of scope")]


def refusals_in_source():
    """Return every reason that a file of tlscore/x509 refuses with."""
    found = set()
    for path in (TLS / "tlscore" / "x509").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            if name not in ("refuse", "_refuse"):
                continue
            prefix = "der." if name == "_refuse" else ""
            for constant in ast.walk(node.args[0]):
                if isinstance(constant, ast.Constant):
                    found.add(prefix + constant.value)
    return found - {"der."}


def rows():
    """Return {reason: alert} of the document."""
    listed = {}
    for line in REASONS.splitlines():
        if line.startswith("| `"):
            _, names, alert, _ = line.split("|")
            reasons = re.findall(r"`([a-z0-9_.]+)`", names)
            listed.update(dict.fromkeys(reasons, int(alert.strip() or 42)))
    return listed


def test_every_reason_is_listed():
    assert refusals_in_source() == set(rows())


def test_every_alert_is_the_one_that_is_sent():
    sent = {}
    for reason in rows():
        try:
            refuse(reason)
        except PeerMisbehaved as refused:
            sent[reason] = refused.alert
    assert sent == rows()


def test_every_file_and_test_named_exists():
    named = TEXT[TEXT.index("## RFC 5280") : TEXT.index("## Reasons")].splitlines()
    table = [line.split("|") for line in named if line.startswith("| ") and "---" not in line][1:]
    assert len(table) > 10
    for _, _, _, files, tests, _ in table:
        for file in re.findall(r"`([a-z0-9_]+)`", files):
            assert (TLS / "tlscore" / "x509" / (file + ".py")).exists(), file
        for test in re.findall(r"`([a-z0-9_]+)`", tests):
            assert (pathlib.Path(__file__).parent / "test_{}.py".format(test)).exists(), test
