"""A trial that goes on: what has changed in two files since an earlier one, and the links that came and went by it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from exchange_node.engine.decide import along
from exchange_node.records.errors import RecordsError
from exchange_node.records.read_columns import read_columns
from exchange_node.records.register import Register
from exchange_node.trial import standing
from exchange_node.trial.files import write_links
from exchange_node.trial.linked import Done, rounded
from exchange_node.trial.measure import measure_links
from exchange_node.trial.options import Options


def since(
    folder: Path,
    registers: Sequence[Register],
    ids: list[list[str]] | None,
    truth: list[list[str]] | None,
    options: Options,
) -> Done:
    """Raises RecordsError: file-missing, since, ids-doubled, column-missing."""
    before = standing.read(folder / standing.NAME)
    columns = registers[0].columns, registers[1].columns
    apart = _apart(options.unlink, [register.rows for register in registers]) if options.unlink else []
    kept, links, changes = standing.go_on(before, columns, ids, options.kernel, apart)
    old, new = before.links(), kept.links()
    likely = along(kept.curve, links.scores)
    figures: dict[str, Any] = {
        "rows_a": registers[0].rows,
        "rows_b": registers[1].rows,
        "links": len(links),
        "threshold": round(kept.search.least, 4),
        "changes": {side: asdict(of) for side, of in zip("ab", changes, strict=True)},
        "kept": len(old & new),
        "new": len(new - old),
        "undone": len(old - new),
        "held_apart": len(kept.apart),
        "compared": kept.pairs.compared,
    }
    if truth is not None:
        figures |= rounded(measure_links(links.left, links.right, *truth))

    def write(out: Path, document: dict[str, Any]) -> None:
        write_links(out / "links.csv", links.left, links.right, links.scores, likely)
        standing.write(out / standing.NAME, kept)

    return Done(figures, write)


def _apart(path: Path, rows: Sequence[int]) -> list[tuple[int, int]]:
    """Pairs of rows of the two files. Raises RecordsError: those of `read_columns`, column-missing, since."""
    columns = read_columns(path).columns
    if missing := [name for name in ("row_a", "row_b") if name not in columns]:
        raise RecordsError("column-missing", missing[0])
    pairs = list(zip(*(columns[name].all() for name in ("row_a", "row_b")), strict=True))
    if not all(
        cell.isdecimal() and int(cell) < count for pair in pairs for cell, count in zip(pair, rows, strict=True)
    ):
        raise RecordsError("since", f"{path.name}: row_a and row_b are numbers of rows, from 0 below the header")
    return [(int(a), int(b)) for a, b in pairs]
