"""A few of the commonest names of several countries: enough to tell a column of forenames from one of surnames."""

from __future__ import annotations

import re
from typing import Final

from exchange_node.records.standardise import ascii_lower


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_FORENAMES: Final = _set(
    """
        john james david william robert michael thomas george mary peter paul joseph richard charles daniel andrew
        mark christopher matthew stephen steven anthony kevin brian alan ian jack harry oliver joshua samuel adam
        ryan jacob susan margaret sarah elizabeth patricia karen linda jennifer barbara helen emma laura emily
        jessica amy sophie olivia grace charlotte hannah lucy chloe rebecca rachel victoria catherine anne ann jane
        julie dorothy nancy mohammed muhammad mohammad ahmed ali fatima aisha maria jose juan carlos luis ana carmen
        pedro hans karl heinz klaus wolfgang jurgen stefan andreas anna ursula monika petra sabine claudia jean
        pierre michel jacques philippe marie nathalie isabelle sylvie francoise giuseppe giovanni mario piotr jan
        krzysztof katarzyna agnieszka lachlan joel liam ethan noah mia ella jasmine georgia chelsea brandon tyler
        kayla ashley amanda
    """
)
_SURNAMES: Final = _set(
    """
        smith jones taylor brown williams wilson johnson davies robinson wright thompson evans walker white roberts
        green hall wood jackson clarke clark patel khan lewis harris turner cooper hill ward morris moore baker
        hughes edwards harrison king lee martin morgan allen scott young mitchell watson phillips davis miller
        garcia rodriguez martinez hernandez lopez gonzalez perez sanchez anderson campbell murray stewart robertson
        macdonald murphy kelly obrien singh begum hussain mueller muller schmidt schneider fischer weber meyer
        wagner becker schulz hoffmann bernard dubois durand moreau laurent simon lefebvre rossi russo ferrari nowak
        kowalski nguyen fernandez ruiz diaz silva santos webb bell bailey carter cook richardson shaw adams collins
    """
)
_WORD: Final = re.compile(r"[a-z]+")


def name_shares(texts: list[str]) -> tuple[float, float]:
    """The shares of common forenames and of common surnames among the words of some cells."""
    found = [word for text in texts for word in _WORD.findall(ascii_lower(text))]
    size = max(len(found), 1)
    return sum(word in _FORENAMES for word in found) / size, sum(word in _SURNAMES for word in found) / size
