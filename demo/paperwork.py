"""The demo's own copies of what has dates: agreements and choices, moved so that they hold on whatever day it is."""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import yaml

from demo.choices import Choice
from demo.population import TODAY

EXAMPLES: Final = Path(__file__).parents[1] / "deploy" / "examples" / "agreements"
THRESHOLD_BP: Final = 8000
"""How alike two encodings must be to be called one person, of 10,000.

The examples say 8600, which fits registers that nobody has looked at yet. On the demo's people, who have two fields
wrong more often, 8000 finds more of them and the precision stays above what the agreement asks (`python -m
demo.thresholds`).
"""


def today() -> datetime.date:
    """As the nodes count days, in UTC."""
    return datetime.datetime.now(datetime.UTC).date()


def shift() -> datetime.timedelta:
    """From the invented people's first of June 2026 to today."""
    return today() - TODAY


def adapt_agreement(name: str, target: Path) -> dict[str, Any]:
    """Copy an example with dates around today and the demo's threshold; returns it as it reads now."""
    text = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
    begin, end = today() - datetime.timedelta(days=30), today() + datetime.timedelta(days=365)
    for field, value in (("valid_from", begin), ("valid_to", end), ("review_by", end), ("threshold_bp", THRESHOLD_BP)):
        text, found = re.subn(rf"(?m)^(\s*{field}: )[\w-]+", rf"\g<1>{value}", text)
        if not found:
            raise ValueError(f"{name}.yaml has no {field}")
    target.write_text(text, encoding="utf-8")
    agreement: dict[str, Any] = yaml.safe_load(text)
    return agreement


def write_choices(choices: Sequence[Choice], target: Path) -> None:
    """choices.csv as `exchange choice import` takes it, with dates moved by `shift`."""
    rows = [choice.row() for choice in choices]
    for row in rows:
        for field in ("valid_from", "valid_to"):
            if row[field]:
                row[field] = (datetime.date.fromisoformat(row[field]) + shift()).isoformat()
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["local_id", "kind"])
        writer.writeheader()
        writer.writerows(rows)
