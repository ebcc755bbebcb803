"""Units of a layer as they travel to the page."""

from __future__ import annotations

import numpy as np

from xaiwidgets.methods.concepts.dissection import Dissection
from xaiwidgets.methods.concepts.dissection.annotated import Labels, category_of, examples
from xaiwidgets.methods.concepts.dissection.answer import spread_of_mean
from xaiwidgets.methods.concepts.units import Filters, LayerUnits, UnitViews

from .pack import pack_bytes, pack_map
from .wire import Array, ConceptCard, ConceptMasks, FilterSheet, UnitConcepts, UnitSheet

BARS = 48
_FINEST = 56  # cells a side of a map that travels
_NEAR = 8
_CHANNELS = 12
_READ = 32  # items of the data whose masks are read together


def unit_sheets(views: UnitViews, filters: dict[str, Filters]) -> list[UnitSheet]:
    """Every layer of a survey."""
    place = {int(number): i for i, number in enumerate(views.numbers)}
    return [_sheet(units, place, filters) for units in views.layers.values()]


def unit_concepts(views: UnitViews, dissection: Dissection | None) -> list[UnitConcepts | None]:
    """What a dissection says of each layer of a survey, None of those that it was not asked
    about."""
    if dissection is None:
        return []
    known = {units.layer for units in dissection.layers}
    return [
        _concepts(dissection, units.layer, _block(units.maps)) if units.layer in known else None
        for units in views.layers.values()
    ]


def concept_cards(dissection: Dissection | None) -> list[ConceptCard]:
    """The concepts of a dissection, in the order of its columns."""
    names = [] if dissection is None else dissection.concepts
    return [{"name": name, "category": category_of(name)} for name in names]


def concept_masks(views: UnitViews, dissection: Dissection) -> ConceptMasks:
    """Where concepts are in the pictures that units rank, at the size of the small pictures; none
    where the dissection was read from a file, without its data."""
    size, source = views.pictures.shape[1:3], dissection.source
    if source is None:
        nothing = np.zeros((0, -(-size[0] * size[1] // 8)))
        return {"pairs": numbers(np.zeros((0, 2))), "bits": pack_bytes(nothing)}
    column = {name: i for i, name in enumerate(dissection.concepts)}
    pairs: list[tuple[int, int]] = []
    bits: list[np.ndarray] = []
    for start in range(0, len(views.numbers), _READ):
        read = examples(source.data, views.numbers[start : start + _READ])
        labels = Labels.of(source.subject, read, set(column), source.counting.size)
        for i, concept in zip(*np.nonzero(labels.areas), strict=True):
            mask = labels.mask(i, concept)
            pairs.append((start + i, column[labels.concepts[concept]]))
            bits.append(np.packbits(_thinned(mask, size)))
    return {"pairs": numbers(pairs), "bits": pack_bytes(np.stack(bits))}


def _thinned(mask: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A mask at another size: the value at the middle of each new pixel."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(int)
        for new, old in zip(size, mask.shape, strict=True)
    )
    return mask[np.ix_(rows, columns)]


def _concepts(dissection: Dissection, layer: str, block: int) -> UnitConcepts:
    """What the units of a layer detect, where so many cells a side travel as one."""
    units = dissection.layer(layer)
    turned = [each for each in dissection.rotated if each.layer == layer]
    none = np.zeros((0, len(units)))
    found: UnitConcepts = {
        "level": numbers(units.thresholds),
        "ious": numbers(units.iou),
        "bounds": pack_map(units.bound),
        "chances": pack_map(units.chance_high),
        "draws": numbers(units.chance_best),
        "p": numbers(np.nan_to_num(units.p)),
        "turned": numbers([each.best for each in turned] or none),
        "turned_concepts": numbers([each.label for each in turned] or none),
        "spread": spread_of_mean(len(turned)),
    }
    if dissection.source is not None:
        sides = dissection.source.counting.layers[layer]
        found["anchors"] = [
            float(value)
            for side in sides
            for value in (side.first + side.step * (block - 1) / 2, side.step * block)
        ]
    return found


def _sheet(units: LayerUnits, place: dict[int, int], filters: dict[str, Filters]) -> UnitSheet:
    count, top = units.values.shape
    bars, low, high = _bars(units)
    near, alike = _near(units)
    span = np.where(high > low, high - low, 1)[:, None, None, None]
    maps = 255 * (units.maps - low[:, None, None, None]) / span
    sheet: UnitSheet = {
        "layer": units.layer,
        "units": count,
        "values": numbers(np.where(units.numbers >= 0, units.values, 0)),
        "pictures": numbers([[place.get(int(n), -1) for n in row] for row in units.numbers]),
        "peaks": numbers(units.maps.reshape(count, top, -1).argmax(2)),
        "maps": pack_bytes(_coarse(maps).clip(0, 255).round()),
        "low": numbers(low),
        "high": numbers(high),
        "level": numbers([units.level(unit) for unit in range(count)]),
        "rows": numbers(units.rows),
        "columns": numbers(units.columns),
        "bars": numbers(bars),
        "active": numbers(units.active),
        "silent": pack_bytes(units.silent),
        "places": numbers(np.nan_to_num(units.places())),
        "near": numbers(near),
        "alike": numbers(alike),
    }
    found = filters.get(units.layer)
    if found is not None:
        sheet["filters"] = _filters(found)
    return sheet


def numbers(values: object) -> Array:
    """Numbers as single floats."""
    plain = np.ascontiguousarray(values, "<f4")
    return {"data": plain.tobytes(), "dtype": "float32", "shape": list(plain.shape), "scale": 1.0}


def _coarse(maps: np.ndarray) -> np.ndarray:
    """Maps of at most so many cells a side: the largest of each block, so that no peak is lost."""
    height, width = maps.shape[2:]
    block = _block(maps)
    if block == 1:
        return maps
    fill = ((0, 0), (0, 0), (0, -height % block), (0, -width % block))
    padded = np.pad(maps, fill, mode="edge")
    tall, wide = (side // block for side in padded.shape[2:])
    coarse: np.ndarray = padded.reshape(*maps.shape[:2], tall, block, wide, block).max((3, 5))
    return coarse


def _block(maps: np.ndarray) -> int:
    """How many cells a side become one on their way to the page."""
    return -(-max(maps.shape[2:]) // _FINEST)


def _bars(units: LayerUnits) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every unit's histogram in so many bars of equal width, and where it begins and ends."""
    bars, ends = np.zeros((len(units), BARS)), np.zeros((len(units), 2))
    for unit in range(len(units)):
        counts, borders = units.histogram(unit)
        ends[unit] = borders[0], borders[-1]
        below = np.concatenate([[0], counts.cumsum()])
        cuts = np.linspace(borders[0], borders[-1], BARS + 1)
        bars[unit] = np.diff(np.interp(cuts, borders, below))
    return bars, ends[:, 0], ends[:, 1]


def _near(units: LayerUnits) -> tuple[np.ndarray, np.ndarray]:
    """The most similar units of every unit, and their correlations; −1 where there are fewer."""
    like = np.where(np.isnan(units.correlation), -np.inf, units.correlation)
    np.fill_diagonal(like, -np.inf)
    order = np.argsort(-like, axis=1, kind="stable")[:, :_NEAR]
    alike = np.take_along_axis(like, order, 1)
    return np.where(np.isfinite(alike), order, -1), np.where(np.isfinite(alike), alike, 0)


def _filters(found: Filters) -> FilterSheet:
    """The weights of the channels that each unit weighs most."""
    many = min(found.weights.shape[1], _CHANNELS)
    if found.colours:
        channels = np.tile(np.arange(many), (len(found), 1))
    else:
        channels = np.argsort(-found.strength, axis=1, kind="stable")[:, :many]
    weights = np.take_along_axis(found.weights, channels[:, :, None, None], 1)
    size = np.abs(weights).max((1, 2, 3), keepdims=True)
    steps = 128 + 127 * weights / np.where(size > 0, size, 1)
    return {
        "colours": found.colours,
        "weights": pack_bytes(steps.round()),
        "channels": numbers(channels),
    }
