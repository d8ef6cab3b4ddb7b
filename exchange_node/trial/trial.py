"""One trial, read top to bottom: read the files, link them, measure, and write what was found.

links.csv     row_a,row_b,score,probability; rows counted from 0 below the header: of one file, or two
groups.csv    group,file,row,probability: of one file, or three and more
report.html   quality of the files, threshold, estimates, what the fields are worth
standing.npz  with --keep, of two files: what --since needs to go on
map.yaml      which column was taken for which field, to be corrected and given back with --map
"""

from __future__ import annotations

import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from exchange_node.records.column_map import SIDES, write_maps
from exchange_node.records.errors import RecordsError
from exchange_node.records.register import Register, read_one, read_several
from exchange_node.trial.files import write_text
from exchange_node.trial.linked import groups, pairs
from exchange_node.trial.methods import chosen
from exchange_node.trial.options import Options, Watch
from exchange_node.trial.since import since


def run(paths: Sequence[Path], options: Options, watch: Watch) -> dict[str, Any]:
    """The figures as JSON types; files are written only at the end. Of one file doubles are looked for; three and more
    are grouped.

    Raises RecordsError, LinkageError, EncodingError.
    """
    began = time.monotonic()
    words = chosen(len(paths), options)
    watch.progress("reading the files", 0, 1)
    registers = _read(paths, options)
    truth = [register.column(options.truth) for register in registers] if options.truth else None
    ids = [register.column(options.id_column) for register in registers] if options.id_column else None
    watch.read(*registers)
    for register in registers:
        register.forget()
    if options.since is not None:
        found = since(options.since, registers, ids, truth, options)
    elif len(paths) < 3:
        found = pairs(registers, ids, truth, options, watch)
    else:
        found = groups(registers, truth, options, watch)
    document = mapping(registers) | words | found.figures
    document["seconds"] = round(time.monotonic() - began, 2)
    document["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        found.write(options.out, document)
        write_text(options.out / "map.yaml", write_maps(dict(zip(SIDES, (r.map for r in registers), strict=False))))
    return document


def understood(paths: Sequence[Path], options: Options) -> dict[str, Any]:
    """How the files would be read, and their quality; nothing is linked."""
    registers = _read(paths, options)
    if options.truth:
        for register in registers:
            register.column(options.truth)
    return mapping(registers)


def mapping(registers: Sequence[Register]) -> dict[str, Any]:
    """Which column was taken for which field, and the quality of each file."""
    sides = dict(zip(SIDES, registers, strict=False))
    return {
        "map": {side: register.map.as_dict() for side, register in sides.items()},
        "ignored": {side: dict(register.map.ignored) for side, register in sides.items()},
        "quality": {side: register.report.to_json() for side, register in sides.items()},
    }


def _read(paths: Sequence[Path], options: Options) -> tuple[Register, ...]:
    if len(paths) != 2 and (options.keep or options.since):
        raise RecordsError("since", f"{len(paths)} files; a trial of two can go on")
    exclude = frozenset(name for name in (options.truth, options.id_column) if name)
    if len(paths) == 1:
        return (read_one(paths[0], options.map_file, exclude),)
    map_file = options.map_file or (options.since / "map.yaml" if options.since is not None else None)
    return read_several(paths, map_file, exclude)
