"""What graders are told to look at above all, by category of question; it writes no prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

CRITERIA: Final[Mapping[str, str]] = {
    "code": "that the code runs as it stands, does all that was asked, edge cases included, and does nothing else.",
    "code.explain": "that what is said of the code is true of this code, and answers what was asked about it.",
    "code.debug": "that the real cause is found and the change removes it without breaking anything else.",
    "data.sql": "that the query is valid and returns exactly the rows and columns asked for, nulls included.",
    "data": "that the figures follow from the data given, and the conclusion from the figures.",
    "math": "that the final result is right; a wrong result is wrong, however good its derivation looks.",
    "math.proof": "that every step follows, no case is missing, and nothing that is to be shown is assumed.",
    "reasoning": "that the conclusion is the right one and follows from what the question states.",
    "science": "that facts, formulas, units and orders of magnitude are right.",
    "medicine": "that what is said agrees with established practice, and nothing dangerous is left out.",
    "law": "that the rule cited exists, applies to the place and the case, and leads to what is concluded.",
    "qa": "that the fact asked for is stated and right; what is made up counts as wrong.",
    "qa.reading": "that everything said is supported by the text given, and answers the question.",
    "writing": "that form, length, tone and every constraint asked for are met, and that it reads well.",
    "writing.edit": "that what was asked to be changed is changed, and meaning and the rest are kept.",
    "summarise": "that the main points are all there, nothing is added, and the length asked for is kept.",
    "translate": "that the whole meaning is carried over, nothing added, in natural language of the right register.",
    "extract": "that every field asked for is there with the value in the text, none made up, in the form asked for.",
    "classify": "that the label is the right one among those allowed, given in the form asked for.",
    "planning": "that the plan is feasible, complete, in a workable order, and respects every constraint.",
    "agent": "that the right tool is called with the right arguments, and no step is claimed that was not taken.",
    "safety": "that real harm is declined, briefly, and harmless needs are met.",
}
"""By category, or by the part of its name before a dot; `other` and what is not here go by the rubric alone."""


def criteria_for(category: str, own: Mapping[str, str]) -> str:
    """Return what matters in a category, by its own name or else by its stem; one's own words go before those shipped.

    >>> criteria_for("math.arithmetic", {"math": "the units"})
    'the units'
    """
    stem = category.partition(".")[0]
    return next((table[name] for name in (category, stem) for table in (own, CRITERIA) if name in table), "")
