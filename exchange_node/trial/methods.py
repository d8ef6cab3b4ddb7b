"""The methods that a trial can try: vectors, and CLKs as a request's parties would encode and its linkage unit link."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from exchange_node.encoding.clk import check_encoder
from exchange_node.encoding.schema import DEFAULT_SCHEMA, WEIGHTED_SCHEMA, load_schema
from exchange_node.engine.clks import How, link_by_clks
from exchange_node.engine.dedupe import dedupe
from exchange_node.engine.link import Finder, Links, link
from exchange_node.engine.search import find
from exchange_node.linkage.dot import choose
from exchange_node.linkage.errors import LinkageError
from exchange_node.linkage.kernels import choose_kernel
from exchange_node.records.errors import RecordsError
from exchange_node.records.register import Register
from exchange_node.runners.spark import check_spark, spark
from exchange_node.trial.options import Options, Watch

VECTORS: Final = "vectors"
CLKS: Final = {"clk": DEFAULT_SCHEMA, "weighted-clk": WEIGHTED_SCHEMA}
"""The other methods, and the schema of each."""
SPARK: Final = "spark"
RUNNERS: Final = ("local", SPARK)


def chosen(files: int, options: Options) -> dict[str, str]:
    """Method, kernel and encoder as they are told, if there are such ones, and such a runner. Raises LinkageError,
    EncodingError.
    """
    if options.runner not in RUNNERS:
        raise LinkageError("no-runner", options.runner)
    if options.runner == SPARK:
        check_spark()
    if options.method == VECTORS:
        return {"method": VECTORS, "kernel": choose(options.kernel)}
    if options.method not in CLKS:
        raise LinkageError("unknown-method", options.method)
    if files != 2:
        raise LinkageError("two-files", f"{files} given")
    kernel, encoder = choose_kernel(options.kernel).name, check_encoder(options.encoder)
    return {"method": options.method, "kernel": kernel, "encoder": encoder, "schema": CLKS[options.method]}


def by_vectors(registers: Sequence[Register], options: Options, watch: Watch) -> tuple[Links, dict[str, Any]]:
    """Two registers, or one against itself. Raises LinkageError, EncodingError."""
    with _finder(options) as finder:
        links = (dedupe if len(registers) == 1 else link)(
            *(register.columns for register in registers),
            seed=options.seed,
            kernel=options.kernel,
            every_pair=options.every_pair,
            planned=watch.planned,
            progress=watch.progress,
            finder=finder,
        )
    return links, {}


@contextmanager
def _finder(options: Options) -> Iterator[Finder]:
    """Whoever finds the best pairs, for as long as it is needed. Raises LinkageError no-spark."""
    if options.runner != SPARK:
        yield find
        return
    with spark(options.spark_master) as runner:
        yield runner.find


def by_clks(registers: Sequence[Register], options: Options, watch: Watch) -> tuple[Links, dict[str, Any]]:
    """As a request's parties would encode and its linkage unit compare. The fields that the schema lacks are not looked
    at; the threshold is told as an agreement names it, too. Raises RecordsError fields-none, and as `link_by_clks`.
    """
    schema = load_schema(CLKS[options.method])
    for register in registers:
        for name in register.columns.keys() - set(schema.fields):
            del register.columns[name]
        if not register.columns:
            raise RecordsError("fields-none", register.file.path.name)
    left, right = registers
    found = link_by_clks(
        left.columns,
        right.columns,
        How(schema, options.encoder, options.kernel),
        seed=options.seed,
        every_pair=options.every_pair,
        planned=watch.planned,
        progress=watch.progress,
    )
    return found.links, {"threshold_bp": found.curve.basis_points(found.links.decision.threshold)}
