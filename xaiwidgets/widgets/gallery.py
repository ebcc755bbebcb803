"""The inputs of a widget, and what the network says about each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Inputs, Subject
from xaiwidgets.core.target import (
    BoundTarget,
    Contrast,
    Target,
    class_name,
    probabilities,
    true_classes,
)
from xaiwidgets.core.tokens import Tokens

from . import pack
from .given import read_masks
from .wire import Array, Prediction, Scene, StripItem, TargetCard, Token

_BARS = 8


class Gallery:
    """Every input, which one is on screen, what is explained there, and the scores so far."""

    def __init__(self, subject: Subject, images: Any, aim: Any, truths: Any, masks: Any) -> None:
        self.subject, self.aim, self.index = subject, aim, 0
        ready = subject.prepare(images)
        # kept on the CPU: a widget lives as long as its kernel, and would hold a GPU's memory
        self.inputs = Inputs(ready.x.cpu(), ready.names, ready.parts)
        self.pictures: np.ndarray | None = None
        self.note = ""
        if ready.parts is None:
            self.pictures, self.note = subject.preprocessing.pictures(self.inputs.x)
        self._known: tuple[str, dict[int, torch.Tensor]] = "", {}  # by the network they are of
        self.bound = self.bind(0)
        total = self.scores(0).shape[1]
        self.truths = true_classes(truths, len(self), subject.classes, total)
        deep = (self.depth,) if self.subject.kind == "volume" else ()
        self.masks = read_masks(masks, [(*deep, *self.shape(i)) for i in range(len(self))])

    def __len__(self) -> int:
        return len(self.inputs)

    def shape(self, index: int | None = None) -> tuple[int, int]:
        """Height and width of an input, by default of the one on screen; of a text 1 and its
        tokens, of a table 1 and its columns."""
        wide = self.inputs.lengths[self.index if index is None else index]
        return self.inputs.x.shape[-2], wide

    @property
    def depth(self) -> int:
        """How many slices an input has; 1 of anything but volumes."""
        return self.inputs.x.shape[2] if self.subject.kind == "volume" else 1

    def one(self, index: int) -> Inputs:
        """One input, where the network is."""
        alone = self.inputs.at([index])
        return Inputs(alone.x.to(self.subject.device), alone.names, alone.parts)

    def select(self, index: Any) -> None:
        """Put another input on screen."""
        if isinstance(index, np.integer):
            index = int(index)
        if type(index) is not int or not 0 <= index < len(self):
            raise ExplainError(
                f"There is no input {index!r}; there are {len(self)}, counted from 0."
            )
        self.bound = self.bind(index)
        self.index = index

    def explain(self, aim: Any) -> None:
        """Explain another target; one that cannot be bound leaves everything as it was."""
        before, self.aim = self.aim, aim
        try:
            self.bound = self.bind(self.index)
        except ExplainError:
            self.aim = before
            raise

    @property
    def written(self) -> str:
        """The inputs as code that needs nothing else: texts; others go by a name."""
        parts = self.inputs.parts
        if parts is not None and isinstance(parts[0], Tokens):
            return repr([own.text for own in parts if isinstance(own, Tokens)])
        return "image" if parts is None else "rows"

    @property
    def layer_names(self) -> list[str]:
        """The layers that a method may look at."""
        return [layer.name for layer in self.subject.layers(self.one(0).x).maps]

    def bind(self, index: int) -> BoundTarget:
        """The target of one input, from the scores that are known for it."""
        outputs = self.scores(index)
        aim = self.aim
        if isinstance(aim, (list, tuple, np.ndarray)) or torch.is_tensor(aim):
            if len(aim) != len(self):
                raise ExplainError(
                    f"{len(aim)} targets came for {len(self)} inputs; give one target, or one for "
                    "each input."
                )
            aim = aim[index].item() if torch.is_tensor(aim) else aim[index]
        bound = Target(aim).bind(1, outputs.shape[1], self.subject.classes, outputs)
        bound.score(outputs)
        return bound

    def scores(self, index: int) -> torch.Tensor:
        """Scores of one input (1, classes), asked for again once the network has changed."""
        network, known = self.subject.fingerprint, self._known
        if network != known[0]:
            known = self._known = network, {}
        if index not in known[1]:
            outputs = self.subject.outputs(self.one(index).x).float().cpu()
            if not torch.isfinite(outputs).all():
                raise ExplainError(
                    "The network answers with NaN or infinite scores for this input; check its "
                    "weights and the input's range."
                )
            known[1][index] = outputs
        return known[1][index]

    # --- as it travels ----------------------------------------------------------------------

    def target(self) -> TargetCard:
        """What is explained on screen."""
        return {"label": self.bound.label, "indices": self.bound.indices(0)}

    def scene(self) -> Scene:
        """The input on screen, and what the network says about it."""
        index = self.index
        return {
            "index": index,
            "name": self.inputs.names[index],
            "picture": None if self.pictures is None else pack.pack_picture(self.pictures[index]),
            "tokens": self._tokens(index),
            "predictions": self.predictions(self.scores(index)),
            "truth": self.truths[index],
            "masks": [
                {"name": name, "mask": pack.pack_bytes(mask)}
                for name, mask in self.masks[index].items()
            ],
            "note": self.note,
        }

    def strip(self) -> list[StripItem]:
        """Every input in small, with what is known of it so far."""
        return [self._strip_item(i) for i in range(len(self))]

    def predictions(self, outputs: torch.Tensor) -> list[Prediction]:
        """Outputs (1, classes) as bars: in the order of the input on screen, what is explained
        among them, and last a class that only these outputs put first."""
        own = self._known[1].get(self.index, outputs)[0]
        shown = own.topk(min(_BARS, len(own))).indices.tolist()
        order = [*shown, *self.bound.indices(0), int(outputs[0].argmax())]
        shares = probabilities(outputs)[0]
        return [
            {
                "index": i,
                "name": class_name(self.subject.classes, i),
                "probability": float(shares[i]),
                "logit": float(outputs[0, i]),
            }
            for i in dict.fromkeys(order)
        ]

    def picture_of(self, x: torch.Tensor, index: int) -> Array | None:
        """An input (1, channels, height, width) that was changed, as a picture in the colours of
        the one that it was made from; None where it is the same."""
        if self.pictures is None:
            return None
        own = self.inputs.x[index : index + 1]
        x = x.detach().to(own)
        if torch.equal(x, own):
            return None
        preprocessing = self.subject.preprocessing
        if not preprocessing.normalises:  # or colours would be stretched to what was added
            x = x.clamp(own.min(), own.max())
        return pack.pack_bytes(preprocessing.pictures(x)[0][0])

    def _tokens(self, index: int) -> list[Token]:
        parts = self.inputs.parts
        return [] if parts is None else pack.pack_parts(parts[index])

    def _strip_item(self, index: int) -> StripItem:
        truth, predicted = self.truths[index], ""
        outputs = self._known[1].get(index)
        if outputs is not None:
            best = int(outputs.argmax())
            predicted = class_name(self.subject.classes, best)
        return {
            "name": self.inputs.names[index],
            "thumb": None if self.pictures is None else pack.thumb(self.pictures[index]),
            "truth": truth,
            "predicted": predicted,
            "right": None if truth is None or not predicted else truth == predicted,
        }


def aim_of(bound: BoundTarget) -> Any:
    """What a method takes to explain a bound target."""
    if bound.scorer is not None:
        return bound.scorer
    first, *second = bound.indices(0)
    return Contrast(first, second[0]) if second else first
