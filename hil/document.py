"""A report as data: the form of `report.json`, checked against the schema in the package.

Everything that shows or compares reports works on this form, so that a report read back from a
file looks exactly like the one of the run that just ended. A document that breaks the schema is
refused with the path of the offending value. How a document comes to be is `hil.report`'s.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hil.errors import HilError

SCHEMA_NAME = "hil-report/1"
SCHEMA_FILE = Path(__file__).resolve().parent / "schema" / "hil-report-1.json"

VERDICTS = ("pass", "fail", "skip", "hang", "error", "locked", "wedged", "infra", "flaky")

# A report or a part of one, exactly as `report.json` holds it.
Document = dict[str, Any]


class ReportError(HilError):
    """A report could not be made, written or read."""


def validate(document: Document) -> None:
    """Check a report against the schema shipped with the farm.

    Raises:
        ReportError: names the path of every value that breaks it.
    """
    import jsonschema  # noqa: PLC0415  (slow to import, and every pytest run loads the plugin)

    schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    offences = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
    if not offences:
        try:
            json.dumps(document, allow_nan=False)
        except ValueError as error:  # the schema takes NaN for a number, JSON does not
            offences = [f"$: not a JSON value: {error}"]
    if offences:
        raise ReportError(f"report breaks {SCHEMA_NAME}: " + "; ".join(sorted(offences)))


def read(path: Path) -> Document:
    """Read a `report.json`, or the one in a folder, and validate it.

    Raises:
        ReportError: there is no such file, it is not JSON, or it breaks the schema.
    """
    file = _file(path)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ReportError(f"{file}: not a readable report: {error}") from error
    _refuse_other_schemas(file, document)
    try:
        validate(document)
    except ReportError as error:
        raise ReportError(f"{file}: {error}") from error
    checked: Document = document
    return checked


def _file(path: Path) -> Path:
    if not path.is_dir() or (path / "report.json").is_file():
        return path / "report.json" if path.is_dir() else path
    below = sorted(found.parent.name for found in path.glob("*/report.json"))
    hint = f"; it has folders with one: {', '.join(below[-3:])}" if below else ""
    raise ReportError(f"{path}: no report.json in this folder{hint}")


def _refuse_other_schemas(file: Path, document: object) -> None:
    """Say which version a report has before saying what its keys lack."""
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA_NAME:
        what = f"schema {schema!r}" if schema else "no report of the farm: it names no schema"
        raise ReportError(f"{file}: {what}; this version reads {SCHEMA_NAME!r}")
