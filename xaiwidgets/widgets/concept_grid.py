"""Scores of concepts as they travel: every concept at every layer, in both measures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from xaiwidgets.methods.concepts import ConceptScore, ConceptScores

from . import pack
from .concept_pictures import ConceptPictures
from .wire import (
    ConceptCell,
    ConceptChoice,
    ConceptGrid,
    ConceptMeasure,
    ConceptMeasureName,
)


def grid_of(
    answer: ConceptScores, pictures: ConceptPictures, asked: list[int], names: Sequence[str]
) -> ConceptGrid:
    """An answer about the pictures `asked`, its concepts in the order of `names`."""
    place = {name: at for at, name in enumerate(names)}
    entries = sorted(answer.entries, key=lambda entry: place[entry.concept])
    made = answer.provenance
    return {
        "target": ", ".join(dict.fromkeys(made.target)),
        "asked": len(asked),
        "cells": [_cell(answer, entry, pictures, asked) for entry in entries],
        "facts": answer.facts,
        "warnings": answer.warnings,
        "seconds": made.seconds,
        "forwards": made.forwards,
        "backwards": made.backwards,
    }


def best_cell(grid: ConceptGrid, measure: ConceptMeasureName) -> ConceptChoice:
    """The cell to begin with: among those that have a score, the one that a random set would lie
    as far out the least."""

    def unlikely(cell: ConceptCell) -> tuple[bool, float]:
        p = cell[measure]["p"]
        return bool(cell["refusal"]), 1.0 if p is None else p

    found = min(grid["cells"], key=unlikely)
    return {"concept": found["concept"], "layer": found["layer"]}


def _cell(
    answer: ConceptScores, entry: ConceptScore, pictures: ConceptPictures, asked: list[int]
) -> ConceptCell:
    vector = answer.vector(entry.concept, entry.layer)
    slopes = np.full(len(pictures), np.nan)
    slopes[asked] = entry.direction.sensitivities
    questions = len(answer)
    return {
        "concept": entry.concept,
        "layer": entry.layer,
        "refusal": entry.refusal,
        "accuracy": entry.accuracy,
        "agreement": entry.agreement,
        "published_p": _said(entry.published_p),
        "magnitude": _measure(
            entry.judged("magnitude", questions), entry.magnitude,
            (entry.magnitude_low, entry.magnitude_high), entry.random.magnitudes,
        ),
        "score": _measure(
            entry.judged("score", questions), entry.score, (entry.low, entry.high),
            entry.random.shares,
        ),
        "likeness": pack.pack_floats(pictures.likeness(vector)),
        "along": pack.pack_floats(pictures.along(vector)),
        "slopes": pack.pack_floats(slopes),
    }  # fmt: skip


def _measure(
    judged: ConceptScore, value: float, reach: tuple[float, float], random: np.ndarray
) -> ConceptMeasure:
    return {
        "value": value,
        "low": _said(reach[0]),
        "high": _said(reach[1]),
        "random": random.tolist(),
        "random_low": _said(judged.random_low),
        "random_high": _said(judged.random_high),
        "p": _said(judged.p),
        "significant": judged.significant,
    }


def _said(number: float) -> float | None:
    """A number that JSON can say."""
    return number if math.isfinite(number) else None
