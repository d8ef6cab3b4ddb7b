"""The states of the USA and of Australia, by name, with their letters."""

from __future__ import annotations

from typing import Final

_TEXT: Final = """
al alabama, ak alaska, az arizona, ar arkansas, ca california, co colorado, ct connecticut, de delaware, fl florida,
ga georgia, hi hawaii, id idaho, il illinois, in indiana, ia iowa, ks kansas, ky kentucky, la louisiana, me maine,
md maryland, ma massachusetts, mi michigan, mn minnesota, ms mississippi, mo missouri, mt montana, ne nebraska,
nv nevada, nh new hampshire, nj new jersey, nm new mexico, ny new york, nc north carolina, nd north dakota, oh ohio,
ok oklahoma, or oregon, pa pennsylvania, ri rhode island, sc south carolina, sd south dakota, tn tennessee, tx texas,
ut utah, vt vermont, va virginia, wa washington, wv west virginia, wi wisconsin, wy wyoming, dc district of columbia,
nsw new south wales, vic victoria, qld queensland, wa western australia, sa south australia, tas tasmania,
act australian capital territory, nt northern territory
"""
STATES: Final = {name.strip(): letters for letters, name in (part.split(maxsplit=1) for part in _TEXT.split(","))}
