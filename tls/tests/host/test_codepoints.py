"""Names of code points, for messages to people."""

import ast
import pathlib

import pytest

from tlscore import codepoints, key_exchange, suites
from tlscore.crypto import signature


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (codepoints.SUITE_NAMES, set(suites.codes())),
        (codepoints.GROUP_NAMES, set(key_exchange.codes())),
        (codepoints.SIGNATURE_NAMES, set(signature.schemes())),
    ],
    ids=["suites", "groups", "signature schemes"],
)
def test_everything_that_is_implemented_has_a_name(table, codes):
    assert codes <= {code for code, _ in table}


def test_names_and_codes_translate_into_each_other():
    for table in (codepoints.SUITE_NAMES, codepoints.GROUP_NAMES, codepoints.ALERT_NAMES):
        for code, name in table:
            assert codepoints.name_of(table, code) == name
            assert codepoints.code_of(table, name.upper()) == code


def test_the_unknown_is_named_as_such():
    assert codepoints.alert_name(199) == "unknown_199"
    assert codepoints.code_of(codepoints.GROUP_NAMES, "x448") is None


def test_every_alert_that_is_sent_has_a_name():
    alerts = {name: code for name, code in vars(codepoints).items() if name.startswith("ALERT_")}
    del alerts["ALERT_NAMES"]
    for name, code in alerts.items():
        assert name == "ALERT_" + codepoints.alert_name(code).upper()


def copies():
    """Yield (file, name, value) of the private constants that have a code point's name."""
    for path in sorted(pathlib.Path(codepoints.__file__).parent.glob("*.py")):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
                continue
            name = statement.targets[0].id
            if name.startswith("_") and hasattr(codepoints, name[1:]):
                yield path.name, name[1:], ast.literal_eval(statement.value.args[0])


def test_copies_of_code_points_are_true():
    found = list(copies())
    assert len(found) > 50
    assert [row for row in found if row[2] != getattr(codepoints, row[1])] == []
