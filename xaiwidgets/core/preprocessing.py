"""From a picture to what the network takes, and back to something a person can look at."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .errors import ExplainError, shown

_LONGEST_PATH = 255
_reading = threading.Lock()  # an opened picture is read when it is needed, by one thread
Picture = Any  # a PIL image, a uint8 or 0...1 array (H, W, 3), or a path


@dataclass(frozen=True)
class Preprocessing:
    """How pictures become input: a callable where one was given, else resize, crop, normalise.

    `mean` and `std` are one number a channel in units of 0...1; `size` is (height, width).
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    size: tuple[int, int] | None = None
    call: Callable[[Any], Any] | None = None
    classes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse what would spoil every picture."""
        sides = () if self.size is None else self.size
        if any(side < 1 for side in sides):
            raise ExplainError(f"size is {sides}; both sides take at least 1 pixel.")
        for name, given in (("mean", self.mean), ("std", self.std)):
            if given is not None and not (given and np.isfinite(given).all()):
                raise ExplainError(f"{name} is {given}; it takes finite numbers, one a channel.")
        if min(self.std or (1.0,)) <= 0:
            raise ExplainError(f"std is {self.std}; it divides, and takes numbers above 0.")

    @property
    def normalises(self) -> bool:
        """Whether mean and standard deviation are known."""
        return self.mean is not None and self.std is not None

    def tensor(self, picture: Picture, channels: int | None) -> torch.Tensor:
        """One picture as a (channels, height, width) tensor in the network's own units."""
        image = as_image(picture)
        image = image.convert("L" if channels == 1 else "RGB")
        if self.call is not None:
            return _unbatched(self.call(image))
        if self.size is not None:
            image = _fit(image, self.size)
        values = torch.from_numpy(np.array(image, dtype=np.float32) / 255)
        values = values[None] if values.ndim == 2 else values.permute(2, 0, 1)
        if not self.normalises:
            return values.contiguous()
        mean, std = self._columns(values)
        return ((values - mean) / std).contiguous()

    def mask(self, mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """A mask (height, width) that goes the way of its picture, at that size where the picture
        is resized: booleans. A callable is shown the mask as a picture, white on black."""
        from PIL import Image

        image = Image.fromarray(np.asarray(mask, bool).astype(np.uint8) * 255)
        if self.call is None:
            if self.size is None or mask.shape == size:
                return np.asarray(mask, bool)
            return np.asarray(_fit(image, size, Image.Resampling.NEAREST)) > 0
        black = Image.new("RGB", image.size)
        low, shown, high = (
            _unbatched(self.call(one)).float().mean(0)
            for one in (black, image.convert("RGB"), Image.new("RGB", image.size, "white"))
        )
        return (shown > (low + high) / 2).numpy()

    def pictures(self, x: torch.Tensor) -> tuple[np.ndarray, str]:
        """Input (N, C, H, W) as uint8 pictures (N, H, W, 3), and a note on how they were made; of
        volumes (N, C, D, H, W) their slices (N, D, H, W, 3)."""
        values = x.detach().float().cpu()
        note = ""
        if self.normalises:
            mean, std = self._columns(values)
            values = values * std + mean
        elif values.min() < -1e-3 or values.max() > 1 + 1e-3:
            every = tuple(range(1, values.ndim))
            low, high = values.amin(every, True), values.amax(every, True)
            values = (values - low) / (high - low).clamp_min(1e-12)
            note = (
                "Colours are stretched from the lowest to the highest value: no mean/std is known."
            )
        if values.shape[1] not in (1, 3):
            values = values.mean(1, keepdim=True)
            note = f"Shown is the mean of {x.shape[1]} channels."
        pixels = (values.clamp(0, 1) * 255).round().to(torch.uint8).movedim(1, -1)
        return pixels.expand(*pixels.shape[:-1], 3).contiguous().numpy(), note

    def absent(self, level: float, like: torch.Tensor) -> torch.Tensor:
        """A picture of one grey level (0 black, 1 white) in the network's units, shaped like x."""
        if not self.normalises:
            return torch.full_like(like, level)
        mean, std = self._columns(like)
        return ((level - mean) / std).to(like).expand_as(like).clone()

    def _columns(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        assert self.mean is not None
        assert self.std is not None
        channels = like.shape[-3]
        for name, given in (("mean", self.mean), ("std", self.std)):
            if len(given) not in (1, channels):
                raise ExplainError(
                    f"{name} has {len(given)} numbers but the input has {channels} channels; "
                    "give one number a channel."
                )
        shape = (-1, 1, 1)
        mean = torch.tensor(self.mean, dtype=like.dtype, device=like.device).view(shape)
        return mean, torch.tensor(self.std, dtype=like.dtype, device=like.device).view(shape)


def read_preprocessing(source: Any) -> Preprocessing:
    """Read what is given: torchvision weights or transforms, a timm config, a transformers
    image processor, or any callable from a PIL image to a tensor."""
    if source is None:
        return Preprocessing()
    if isinstance(source, Preprocessing):
        return source
    if hasattr(source, "transforms") and hasattr(source, "meta"):
        found = read_preprocessing(source.transforms())
        classes = tuple(source.meta.get("categories", ())) or None
        return Preprocessing(found.mean, found.std, found.size, found.call, classes)
    if isinstance(source, dict) and "mean" in source and "std" in source:
        size = source.get("input_size") or source.get("size")
        return Preprocessing(
            _numbers(source["mean"]), _numbers(source["std"]), _size(size[-2:] if size else None)
        )
    if hasattr(source, "image_mean") and callable(source):
        return Preprocessing(
            _numbers(source.image_mean),
            _numbers(source.image_std),
            _processor_size(source),
            lambda image: source(images=image.convert("RGB"), return_tensors="pt")["pixel_values"],
        )
    if callable(source):
        mean, std = _normalisation(source)
        return Preprocessing(mean, std, _size(getattr(source, "crop_size", None)), source)
    raise ExplainError(
        f"preprocess is a {type(source).__name__}; it takes torchvision weights or transforms, "
        "a timm data config, a transformers image processor, or a function from a PIL image to "
        "a tensor."
    )


def as_image(picture: Picture) -> Any:
    """A PIL image from a PIL image, a path, or an array (H, W), (H, W, 3) of uint8 or 0...1."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(picture, Image.Image):
        with _reading:
            picture.load()
        return picture
    if isinstance(picture, (str, Path)):
        try:
            with Image.open(picture) as image:
                return image.convert("RGB")
        except FileNotFoundError:
            advice = "" if Path(picture).suffix else " TextSubject(model, tokenizer) takes texts."
            raise ExplainError(
                f"No picture is found at {str(picture)!r}; check the path.{advice}"
            ) from None
        except (UnidentifiedImageError, OSError) as error:
            if len(str(picture)) > _LONGEST_PATH:
                raise ExplainError(
                    f"{str(picture)[:40]!r} ... is no path to a picture; a text takes "
                    "TextSubject(model, tokenizer)."
                ) from None
            raise ExplainError(f"{str(picture)!r} cannot be read as a picture: {error}.") from None
    values = picture.cpu().numpy() if isinstance(picture, torch.Tensor) else np.asarray(picture)
    if values.ndim == 3 and values.shape[0] in (1, 3) and values.shape[2] not in (1, 3, 4):
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        raise ExplainError(
            f"A picture array has shape {tuple(values.shape)}; it takes (height, width) or "
            "(height, width, 3)."
        )
    if values.dtype != np.uint8:
        values = _bytes(values)
    return Image.fromarray(values)


def is_picture(value: Any) -> bool:
    """Whether a value still has to be preprocessed; float tensors are taken as they are."""
    if isinstance(value, torch.Tensor):
        return value.dtype == torch.uint8
    if isinstance(value, np.ndarray):
        floats = np.issubdtype(value.dtype, np.floating)
        return not floats or (value.ndim == 3 and value.shape[-1] in (3, 4)) or value.ndim == 2
    return isinstance(value, (str, Path)) or type(value).__module__.startswith("PIL.")


def _bytes(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise ExplainError(
            f"The picture has {count} NaN or infinite values; replace them first, "
            "for instance with numpy.nan_to_num."
        )
    if values.min() < 0 or values.max() > 255 or (values.max() > 1 and values.min() < 0):
        raise ExplainError(
            f"The picture's values run from {values.min():.4g} to {values.max():.4g}; a picture "
            "takes 0 to 1 or 0 to 255. Hand preprocessed input over as a float tensor "
            "(channels, height, width)."
        )
    return np.round(values * (255 if values.max() <= 1 else 1)).astype(np.uint8)


def _unbatched(result: Any) -> torch.Tensor:
    if not isinstance(result, torch.Tensor):
        result = torch.as_tensor(np.asarray(result))
    if result.ndim == 4 and len(result) == 1:
        result = result[0]
    if result.ndim != 3:
        raise ExplainError(
            f"preprocess returned shape {tuple(result.shape)}; it has to return one input of "
            "shape (channels, height, width)."
        )
    return result


def _fit(image: Any, size: tuple[int, int], how: Any = None) -> Any:
    """Scale until both sides reach `size`, then cut the centre out; bilinear unless said how."""
    from PIL import Image

    height, width = size
    scale = max(height / image.height, width / image.width)
    scaled = (max(width, round(image.width * scale)), max(height, round(image.height * scale)))
    if scaled != image.size:
        image = image.resize(scaled, Image.Resampling.BILINEAR if how is None else how)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def _normalisation(transform: Any) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """Mean and std of the last Normalize inside a transform; a preset carries them itself."""
    mean, std = getattr(transform, "mean", None), getattr(transform, "std", None)
    if mean is not None and std is not None:
        return _numbers(mean), _numbers(std)
    for inner in reversed(getattr(transform, "transforms", None) or []):
        mean, std = _normalisation(inner)
        if mean is not None:
            return mean, std
    return None, None


def _numbers(values: Any) -> tuple[float, ...]:
    if isinstance(values, (int, float)):
        return (float(values),)
    return tuple(float(value) for value in values)


def _size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    numbers = (size,) if isinstance(size, int) else tuple(int(value) for value in size)
    return (numbers[0], numbers[0]) if len(numbers) == 1 else (numbers[-2], numbers[-1])


def _processor_size(processor: Any) -> tuple[int, int] | None:
    size = getattr(processor, "crop_size", None) or getattr(processor, "size", None)
    if size is None:
        return None
    get = size.get if hasattr(size, "get") else lambda key: getattr(size, key, None)
    height, width = get("height"), get("width")
    if height and width:
        return int(height), int(width)
    edge = get("shortest_edge")
    return (int(edge), int(edge)) if edge else None


def read_numbers(name: str, values: float | Sequence[float] | None) -> tuple[float, ...] | None:
    """A mean or std as a tuple of floats."""
    if values is None:
        return None
    try:
        found = np.asarray(values, float).reshape(-1)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if not found.size:
        raise ExplainError(
            f"{name} is {shown(values)}; it takes a number from 0 to 1, or one for each channel."
        )
    return tuple(found.tolist())


def read_size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """A size as (height, width)."""
    try:
        sides = np.asarray([] if size is None else size, float).reshape(-1)
        whole = bool((np.isfinite(sides) & (sides == sides.round())).all())
    except (TypeError, ValueError):
        whole = False
    if not whole or not (size is None or 1 <= len(sides) <= 3):
        raise ExplainError(
            f"size is {shown(size)}; it takes a whole number of pixels, or (height, width)."
        )
    return None if size is None else _size([int(side) for side in sides])
