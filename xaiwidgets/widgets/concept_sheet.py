"""The picture that the widget `concepts` leaves in a saved notebook."""

from __future__ import annotations

import io

from xaiwidgets.core.figure import contact_sheet
from xaiwidgets.methods.concepts import ConceptScores

from .concept_pictures import ConceptPictures

_MOST = 10


def sheet(pictures: ConceptPictures, answer: ConceptScores | None) -> bytes:
    """The scores as they are plotted, or the first pictures while there are none, as a PNG."""
    if answer is None:
        return contact_sheet(list(pictures.pixels[:_MOST]), [])
    buffer = io.BytesIO()
    answer.plot().savefig(buffer, format="png", dpi=100)
    return buffer.getvalue()
