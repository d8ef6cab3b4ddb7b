"""Charts as inline SVG: no scripts, no fonts or files from elsewhere."""

from __future__ import annotations

from html import escape

import numpy as np
from numpy.typing import NDArray

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 720, 260, 60, 40
Numbers = NDArray[np.float64]


def histogram(scores: Numbers, threshold: float) -> str:
    """One-to-one pairs by score; those at or above the threshold are links. Heights are square roots of counts."""
    if not len(scores):
        return "<p>No pair was found that is alike at all.</p>"
    low, high = float(np.quantile(scores, 0.002)), float(scores.max())
    low = min(low, threshold - 1)
    edges = np.linspace(low, max(high, threshold + 1), 61)
    counts, _ = np.histogram(scores, edges)
    top = max(float(np.sqrt(counts.max())), 1.0)
    bars = []
    for at, count in enumerate(counts.tolist()):
        height = np.sqrt(count) / top * (_HEIGHT - _BOTTOM - 20)
        colour = "#1b7f5c" if edges[at] >= threshold else "#9aa5b1"
        bars.append(
            f'<rect x="{_x(edges[at], edges):.1f}" y="{_HEIGHT - _BOTTOM - height:.1f}" width="9.6" '
            f'height="{height:.1f}" fill="{colour}"/>'
        )
    line = _x(threshold, edges)
    bars.append(_upright(line) + f'<text x="{line + 4:.1f}" y="20" fill="#b00020">threshold {threshold:.2f}</text>')
    return _svg(bars, edges, "evidence that a pair is one person (log odds)", "pairs, square root scale")


def curves(thresholds: Numbers, precision: Numbers, recall: Numbers, threshold: float) -> str:
    """Estimated precision and recall at each threshold."""
    shown = (thresholds >= threshold - 8) & (thresholds <= threshold + 12)
    x = thresholds[shown]
    parts = []
    for values, colour, name, height in ((precision, "#1b7f5c", "precision", 40), (recall, "#2b5fb3", "recall", 60)):
        points = " ".join(
            f"{_x(at, x):.1f},{_HEIGHT - _BOTTOM - value * (_HEIGHT - _BOTTOM - 20):.1f}"
            for at, value in zip(x, np.clip(values[shown], 0, 1), strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{_LEFT + 10}" y="{_HEIGHT - _BOTTOM - height}" fill="{colour}">{name}</text>')
    line = _x(threshold, x)
    parts.append(_upright(line))
    return _svg(parts, x, "threshold (log odds)", "estimate, 0 to 1")


def _upright(at: float) -> str:
    base = _HEIGHT - _BOTTOM
    return f'<line x1="{at:.1f}" x2="{at:.1f}" y1="10" y2="{base}" stroke="#b00020" stroke-dasharray="4"/>'


def _x(value: float, edges: Numbers) -> float:
    return _LEFT + float((value - edges[0]) / max(edges[-1] - edges[0], 1e-9)) * (_WIDTH - _LEFT - 20)


def _svg(parts: list[str], edges: Numbers, along: str, up: str) -> str:
    base = _HEIGHT - _BOTTOM
    ticks = "".join(
        f'<text x="{_x(at, edges):.1f}" y="{base + 16}" text-anchor="middle">{at:.0f}</text>'
        for at in np.linspace(edges[0], edges[-1], 7)
    )
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(along)}">'
        f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{base}" y2="{base}" stroke="#444"/>{"".join(parts)}{ticks}'
        f'<text x="{_WIDTH / 2}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(along)}</text>'
        f'<text x="14" y="{base / 2}" transform="rotate(-90 14 {base / 2})" text-anchor="middle">{escape(up)}</text>'
        "</svg>"
    )
