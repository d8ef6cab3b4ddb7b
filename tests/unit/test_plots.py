"""The plots of the documentation are those of the figures that were measured."""

from __future__ import annotations

import json

import pytest

from benchmarks import plots


@pytest.mark.parametrize("name", sorted(plots.NAMES))
def test_a_plot_is_drawn_from_its_figures(name: str) -> None:
    drawn = (plots.PLOTS / f"{name}.svg").read_text()
    assert plots.digest(name) in drawn, "make plots"


def test_every_plot_has_its_figures() -> None:
    assert plots.NAMES.keys() == plots.DRAW.keys() == {path.stem for path in plots.PLOTS.iterdir()}
    for name in set(plots.NAMES.values()):
        assert json.loads((plots.FIGURES / f"{name}.json").read_text())
