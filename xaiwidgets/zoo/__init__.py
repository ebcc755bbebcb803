"""Embedded pictures with known truth, and small trained networks with cards."""

from xaiwidgets.zoo.digits import Digits, digits
from xaiwidgets.zoo.landscapes import SmallGenerator, generator, landscape_card, landscapes
from xaiwidgets.zoo.landscapes import seen as landscape_masks
from xaiwidgets.zoo.networks import Card, SmallCNN, card, load, names, subject
from xaiwidgets.zoo.photographs import PHOTOGRAPHS, Photograph, photographs
from xaiwidgets.zoo.shapescenes import (
    COLOURS,
    SCENES,
    SHAPES,
    TEXTURES,
    Scene,
    ShapeScenes,
    Thing,
)

__all__ = [
    "COLOURS",
    "PHOTOGRAPHS",
    "SCENES",
    "SHAPES",
    "TEXTURES",
    "Card",
    "Digits",
    "Photograph",
    "Scene",
    "ShapeScenes",
    "SmallCNN",
    "SmallGenerator",
    "Thing",
    "card",
    "digits",
    "generator",
    "landscape_card",
    "landscape_masks",
    "landscapes",
    "load",
    "names",
    "photographs",
    "subject",
]
