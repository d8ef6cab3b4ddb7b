"""Who takes part, all of them invented, in words for the screen and for `exchange init`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Agency:
    """One organisation. `holds` says whose records it has; a linkage unit has nobody's."""

    org: str
    name: str
    operator: str
    type: str
    who: str
    holds: str = ""

    @property
    def linkage_unit(self) -> bool:
        """Whether it compares for others and holds no register."""
        return self.type == "linkage-unit"


_ALL: Final = (
    Agency("northgate-homes", "Northgate Homes", "Northgate Homes", "housing", "a landlord", "its tenants"),
    Agency("castle-nhs", "Castle NHS Trust", "Castle NHS Trust", "health", "a hospital", "its patients"),
    Agency(
        "riverside-care", "Riverside Council, social care", "Riverside Council", "social-care",
        "a council's social care", "people it helps",
    ),
    Agency("crown-revenue", "Crown Revenue", "Crown Revenue", "revenue", "a tax department", "taxpayers"),
    Agency(
        "neutral-linkage", "Neutral Linkage", "Neutral Operator Ltd", "linkage-unit",
        "a linkage unit: it compares scrambled records for others",
    ),
)  # fmt: skip
AGENCIES: Final = {agency.org: agency for agency in _ALL}
LINKAGE_UNIT: Final = "neutral-linkage"
