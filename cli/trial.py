"""`exchange trial`: files of one's own, linked on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from .output import Json, err, examples, number, say, show, table

if TYPE_CHECKING:
    from exchange_node.engine.plan import Planned
    from exchange_node.records.register import Register


def add_to(app: typer.Typer) -> None:
    """Put the command in its place."""
    app.command(
        epilog=examples(
            "exchange trial tenants.csv patients.csv --out trial",
            "exchange trial a.csv b.parquet --map trial/map.yaml --out trial",
            "exchange trial a.csv b.csv --truth person_id --json",
            "exchange trial a.csv b.csv --method weighted-clk",
            "exchange trial a.csv --out doubles",
            "exchange trial a.csv b.csv c.csv --out people",
            "exchange trial a.csv b.csv --id row_id --keep --out trial",
            "exchange trial a.csv b.csv --runner spark --spark-master spark://head:7077",
            "exchange trial a-new.csv b-new.csv --id row_id --since trial --out trial",
        )
    )(trial)


def trial(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="A [B] [C ...]",
            help="CSV or Parquet files, one person a row. In one alone doubles are looked for; two are linked one to "
            "one; the rows of three and more are grouped into people.",
            show_default=False,
        ),
    ],
    map_file: Annotated[
        Path | None, typer.Option("--map", help="YAML: which column is which field. A trial writes the one it guessed.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="A folder for links.csv or groups.csv, report.html and map.yaml.")
    ] = None,
    truth: Annotated[
        str | None, typer.Option(help="A column that says who is who: never used to link, only to measure.")
    ] = None,
    method: Annotated[
        str, typer.Option(help="vectors; or clk or weighted-clk, what a linkage unit would link of two files.")
    ] = "vectors",
    encoder: Annotated[str, typer.Option(help="What makes CLKs: native, or clkhash, which is slow.")] = "native",
    kernel: Annotated[
        str, typer.Option(help="What compares; `native` is the fastest that this machine runs.")
    ] = "native",
    every_pair: Annotated[
        bool | None, typer.Option("--every-pair/--keys", help="Compare all pairs, or only those that share a key.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31, help="The same files and seed give the same links.")] = 1,
    keep: Annotated[
        bool, typer.Option("--keep", help="Also write standing.npz, so that --since can go on from these two files.")
    ] = False,
    since: Annotated[
        Path | None,
        typer.Option(help="Folder of an earlier trial with --keep: only what has changed is linked.", metavar="DIR"),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option("--id", help="A column of both files by which rows are known again; else by all that is in them."),
    ] = None,
    unlink: Annotated[
        Path | None, typer.Option(help="With --since: a CSV row_a,row_b of rows that are not one person, for good.")
    ] = None,
    runner: Annotated[
        str, typer.Option(help="Where pairs are compared: `local`, on this machine's cores, or `spark`.")
    ] = "local",
    spark_master: Annotated[
        str, typer.Option(help="With --runner spark: `local[2]`, `spark://host:7077`, `yarn` and so on.")
    ] = "local[*]",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show how the columns are understood.")] = False,
    as_json: Json = False,
) -> None:
    """Link files of your own on this machine, and see how well. Nothing leaves it and no node is needed.

    Columns are guessed from their names and contents, and shown. Nobody labels anything: weights and threshold are
    learned from the files, and precision and recall are estimated; --truth measures them.
    """
    if len(files) > len(ascii_lowercase):
        raise typer.BadParameter(f"at most {len(ascii_lowercase)} files")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # its threads spin where cores are busy: ten times as slow
    from exchange_node.trial import trial as trials
    from exchange_node.trial.options import Options

    if unlink and not since:
        raise typer.BadParameter("--unlink goes with --since")
    if keep and not out:
        raise typer.BadParameter("--keep goes with --out")
    if encoder != "native" and method == "vectors":
        raise typer.BadParameter("--encoder goes with --method clk or weighted-clk")
    if out and out.exists():
        out.mkdir(exist_ok=True)  # a file of that name is told before the work and not after it
    if runner != "local" and (since or len(files) > 2 or method != "vectors"):
        raise typer.BadParameter("--runner goes with vectors of one file or two, and not with --since")
    options = Options(
        map_file, truth, out, kernel, seed, every_pair, keep, since, id_column, unlink, method, encoder, runner,
        spark_master,
    )  # fmt: skip
    if dry_run:
        document = trials.understood(files, options)
        show(document, as_json, lambda: _show_map(document))
        return
    with _watching(as_json) as watch:
        document = trials.run(files, options, watch)
    show(document, as_json, lambda: _show_result(document, out))


class _watching:
    """Progress on a terminal's standard error, and the map and the plan for people as soon as they are known."""

    def __init__(self, as_json: bool) -> None:
        self._people = not as_json
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=err(),
            disable=not sys.stderr.isatty(),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Any:
        from exchange_node.trial.options import Watch

        self._progress.start()
        return Watch(self._read, self._planned, self._tell)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def _tell(self, what: str, done: int, of: int) -> None:
        self._progress.update(self._task, description=what, completed=done, total=of)

    def _read(self, *registers: Register) -> None:
        if self._people:
            from exchange_node.trial.trial import mapping

            _show_map(mapping(registers))

    def _planned(self, plan: Planned) -> None:
        if self._people:
            how = f"those that share one of {len(plan.keys)} keys" if plan.keys else "all"
            missed = f"; some {100 * plan.loss:.2f} % of the links may be missed by that" if plan.keys else ""
            time = f"; that should take about {_long(plan.seconds)}" if plan.seconds else ""
            say(f"Comparing {plan.pairs:,} pairs, {how}{missed}{time}.")
            if plan.keys:
                say(f"Keys: {'; '.join(plan.keys)}.")


def _long(seconds: float) -> str:
    return number(max(round(seconds), 1), "second") if seconds < 100 else number(round(seconds / 60), "minute")


def _show_map(document: dict[str, Any]) -> None:
    sides = list(document["map"])
    fields = dict.fromkeys(field for side in sides for field in document["map"][side])
    rows = [(field, *(_columns(document["map"][side].get(field)) for side in sides)) for field in fields]
    table(("Field", *(f"Column of {side.upper()}" for side in sides)), rows)
    ignored = [(side.upper(), *pair) for side in sides for pair in document["ignored"][side].items()]
    if ignored:
        table(("File", "Not used", "Why"), ignored)
    _show_quality(document["quality"])


def _show_quality(files: dict[str, Any]) -> None:
    shares = "{completeness:.1%} {valid:.1%} {distinct} {worth}"
    rows = [
        (side.upper(), one["field"], *shares.format(**one).split()) for side in files for one in files[side]["fields"]
    ]
    table(("File", "Field", "Filled", "Valid", "Values", "Worth, bits"), rows)
    for side, of in files.items():
        say(
            f"{side.upper()}: {of['rows']:,} rows, of which {of['duplicates']} repeat another in every field, "
            f"{of['alike']} in both names and date of birth, and {of['empty']} have nothing in any field."
        )
    advice = [(side.upper(), line) for side, of in files.items() for line in of["mend"][:3]]
    if advice:
        table(("File", "To mend first"), advice)


def _columns(found: Any) -> str:
    if isinstance(found, dict):
        found = found["columns"]
    return " + ".join(found) if isinstance(found, list) else str(found or "")


def _show_changes(document: dict[str, Any], out: Path | None) -> None:
    rows = [(side.upper(), *(str(of[name]) for name in ("same", "new", "changed", "gone")))
            for side, of in document["changes"].items()]  # fmt: skip
    table(("File", "Rows as they were", "new", "changed", "gone"), rows)
    say(
        f"{number(document['links'], 'link')}: {document['kept']} kept, {document['new']} new, "
        f"{document['undone']} undone."
    )
    if "f1" in document:
        _show_measured(document)
    say(f"{document['seconds']:.1f} seconds, {document['peak_mb']:,.0f} MB, kernel {document['kernel']}.")
    written = ", ".join(str(out / name) for name in ("links.csv", "standing.npz", "map.yaml")) if out else ""
    say(f"Written: {written}." if out else "Nothing was written; --out FOLDER writes the links and standing.npz.")


def _show_measured(document: dict[str, Any]) -> None:
    say(
        f"Measured against the truth: precision {100 * document['precision']:.2f} %, "
        f"recall {100 * document['recall']:.2f} %, F1 {document['f1']:.4f}."
    )


def _show_result(document: dict[str, Any], out: Path | None) -> None:
    if "changes" in document:
        _show_changes(document, out)
        return
    from exchange_node.trial.page import times

    table(
        ("Field", "if it agrees", "if it is similar", "if it differs"),
        [(f["field"], times(f["agrees"]), times(f["similar"]), times(f["differs"])) for f in document["fields"]],
        title="What a field does to the odds that two rows are one person",
    )
    say()
    if "groups" in document:
        say(f"{number(document['groups'], 'person', 'people')} with more than one row.")
    unsure = "row" if "rows" in document else "pair"  # of three files and more rows are in groups or not
    if document["links"]:
        say(
            f"{number(document['links'], 'link')}. Estimated precision {_percent(document, 'precision')}, "
            f"recall {_percent(document, 'recall')}; {number(document['uncertain'], unsure)} uncertain."
        )
    else:
        say("No link: no pair is likely enough to be one person.")
    if "threshold_bp" in document:
        say(f"Threshold of an agreement on schema {document['schema']}: {document['threshold_bp']} basis points.")
    if "f1" in document:
        _show_measured(document)
    say(f"{document['seconds']:.1f} seconds, {document['peak_mb']:,.0f} MB, kernel {document['kernel']}.")
    if out is not None:
        names = [*(["links.csv"] if "rows" not in document else []), *(["groups.csv"] if "groups" in document else [])]
        say(f"Written: {', '.join(str(out / name) for name in (*names, 'report.html', 'map.yaml'))}.")
    else:
        say("Nothing was written; --out FOLDER writes the links and a report.")


def _percent(document: dict[str, Any], what: str) -> str:
    low, high = document[f"{what}_interval"]
    return f"{100 * document[f'estimated_{what}']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
