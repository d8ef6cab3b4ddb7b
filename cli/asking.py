"""A question from a file or from options, as the desk takes it; the cohort's ids are read here and sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from exchange_node.draft import DraftError, RequestDraft, parse_draft, validate_draft

from .errors import CliError
from .output import err, number
from .session import call, read_file

MAX_BODY = 3_500_000  # below what one message to the node may hold

TEMPLATE = """\
# A request to other agencies. Check it with `exchange policy check FILE`, send it with `exchange request submit FILE`.

# Under which agreement, and for which of its purposes: see `exchange agreement show {agreement}`.
agreement: {agreement}
purpose: {purpose}

# Who is asked. Each provider answers for itself, and none learns what another answered.
providers: {providers}

# Which attributes are asked of each; only those that the agreement names for this purpose.
attributes:
{attributes}

# Whose records: one of `condition`, on your own attributes; or `file`, your own ids, one on a line or a CSV column.
cohort:
{cohort}

# What you vouch for, where a gateway needs it: who (a role, not a name), when, and where the record is.
{assertions}

# The linkage unit; the agreement's first if left out.
{unit}

# After how many hours the request ends if it is not finished.
{hours}

# An emergency is reviewed by a person afterwards.
emergency: {emergency}
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `request new` and `request submit`."""

    agreement: str
    purpose: str
    providers: list[str]
    attributes: list[str]
    condition: str
    cohort_file: Path | None
    assertions: list[str]
    linkage_unit: str
    hours: int
    emergency: bool

    def draft(self) -> dict[str, Any]:
        """As `exchange_node.draft` describes it. Raises CliError `bad-argument`."""
        cohort: dict[str, Any] = {}
        if self.condition:
            cohort["condition"] = self.condition
        if self.cohort_file is not None:
            cohort["file"] = str(self.cohort_file)
        found: dict[str, Any] = {
            "agreement": self.agreement,
            "purpose": self.purpose,
            "providers": self.providers,
            "attributes": self._attributes(),
            "cohort": cohort,
            "assertions": [_assertion(text) for text in self.assertions],
            "emergency": self.emergency,
        }
        if self.linkage_unit:
            found["linkage_unit"] = self.linkage_unit
        if self.hours:
            found["hours"] = self.hours
        return found

    def _attributes(self) -> dict[str, list[str]]:
        wanted: dict[str, list[str]] = {}
        for text in self.attributes:
            provider, colon, name = text.partition(":")
            if not colon:
                if len(self.providers) != 1:
                    raise CliError("bad-argument", "--attribute: write PROVIDER:NAME where several are asked")
                provider, name = self.providers[0], text
            wanted.setdefault(provider, []).append(name)
        return wanted


def template(asked: Asked) -> str:
    """The request as a commented YAML file. Raises DraftError, CliError for what could not be submitted either."""
    draft = asked.draft()
    checked = validate_draft(draft)
    return TEMPLATE.format(
        agreement=checked.agreement,
        purpose=checked.purpose,
        providers=_inline(checked.providers),
        attributes="\n".join(f"  {provider}: {_inline(names)}" for provider, names in checked.attributes.items()),
        cohort="\n".join(f"  {name}: {json.dumps(value)}" for name, value in draft["cohort"].items()),
        assertions="assertions: " + json.dumps(draft["assertions"]),
        unit=f"linkage_unit: {checked.linkage_unit}" if checked.linkage_unit else "# linkage_unit: neutral-linkage",
        hours=f"hours: {checked.hours}" if checked.hours else "# hours: 72",
        emergency=json.dumps(checked.emergency),
    )


def body_of(ctx: typer.Context, file: Path | None, asked: Asked) -> dict[str, Any]:
    """The draft to send. Raises DraftError, CliError, RecordsError."""
    if file is None and not asked.agreement:
        raise CliError("bad-argument", "name a request file, or give --agreement and the other options")
    if file is not None:
        if asked.agreement or asked.purpose or asked.providers:
            raise CliError("bad-argument", "give a file or options, not both")
        draft = parse_draft(read_file(file))
        folder = file.parent
    else:
        draft, folder = validate_draft(asked.draft()), Path()
    body = draft.model_dump(mode="json", exclude_none=True)
    if draft.cohort.file is not None:
        body["cohort"] = {"ids": _ids(ctx, draft, folder)}
    if len(json.dumps(body)) > MAX_BODY:
        raise CliError("too-many-ids")
    return body


def _ids(ctx: typer.Context, draft: RequestDraft, folder: Path) -> list[str]:
    """The ids of a cohort file, each once; what cannot be read is told by line number."""
    from exchange_node.records.errors import RecordsError
    from exchange_node.records.report import ReadReport
    from exchange_node.records.table import read_header, read_list, read_rows

    column = str(call(ctx, "NodeStatus")["id_column"])
    path, report = folder / str(draft.cohort.file), ReadReport()
    try:
        header = read_header(path)
    except RecordsError as error:
        if error.code == "records.file-missing":
            raise
        raise CliError(
            "bad-file", f"{path}: ids are expected in UTF-8, one on a line, or a CSV with {column}"
        ) from None
    if column in header:
        rows = read_rows(path, [column], report)
    elif len(header) == 1:
        rows = read_list(path, report, "utf-8")
    else:
        raise RecordsError("cohort-header", f"the column {column} is expected")
    found = dict.fromkeys(text for _, cells in rows if (text := cells[0].strip()))
    if not found:
        raise DraftError("empty-cohort")
    for rule, tally in report.skipped.items():
        err().print(f"{path}: {number(tally.count, 'line')} skipped, {rule}; first at line {tally.rows[0]}")
    return list(found)


def _assertion(text: str) -> dict[str, str]:
    parts = text.split(":", 2)
    if len(parts) < 2:
        raise CliError("bad-argument", "--assert: write CONDITION:ROLE:REFERENCE")
    return {"condition": parts[0], "by": parts[1], "ref": parts[2] if len(parts) == 3 else ""}


def _inline(names: Any) -> str:
    return "[" + ", ".join(names) + "]"
