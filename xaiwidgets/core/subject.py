"""The network under study, with what is needed to ask it questions. It is never changed."""

from __future__ import annotations

import copy
import re
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import nn

from . import folding, mosaic, windows
from .answers import Seen
from .blackbox import BlackBox
from .cells import Cells
from .draws import uniform
from .errors import Cancelled, ExplainError, InPlaceError, blamed, one_line, shown
from .fingerprint import NetworkFingerprint, every_module, finite, tensor_fingerprint
from .hearing import say
from .job import Job, count_backward, current_job, working
from .layers import Layers, trace
from .layout import NEVER, channels_last, pays_from
from .preprocessing import (
    Preprocessing,
    is_picture,
    read_numbers,
    read_preprocessing,
    read_size,
)
from .spelling import is_exported
from .target import BoundTarget, Target
from .tokens import Tokens
from .words import Words

Kind = Literal["picture", "text", "volume", "table"]
Selector = int | str | Callable[[Any], torch.Tensor]
_UNNAMED = "picture"
_OF_SIZES = re.compile(
    "size|shape|dim|channel|mat1|element|height|width|length|divisible|broadcast|feature|column",
    re.IGNORECASE,
)
"""What torch and others speak of where an input has another size than they take."""
_CPU_QUICK = 250_000_000
"""Bytes of activations in a pass: with more, ResNet-18, VGG-16 and MobileNetV2 take longer an
example, for memory is slow; with less than `_CPU_ROWS` rows, ResNet-50 does, for weights are read
again and again; and with more rows, so does the zoo's CNN."""
_CPU_ROWS = 4, 32
_CPU_MOST = 2_000_000_000


@dataclass
class Inputs:
    """Inputs made ready: x (batch, channels, height, width), a name for each, and of texts and rows
    what they consist of: tokens, cells. Behind the end of a shorter text x is NaN, so that nobody
    takes it for a part of it."""

    x: torch.Tensor
    names: list[str]
    parts: Sequence[Tokens | Cells] | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def lengths(self) -> list[int]:
        """How wide each input is: of a text its tokens."""
        wide = self.x.shape[-1]
        return [wide] * len(self) if self.parts is None else [len(own) for own in self.parts]

    @property
    def uneven(self) -> bool:
        """Whether these are texts of several lengths."""
        return self.parts is not None and len(set(self.lengths)) > 1

    def at(self, rows: Sequence[int]) -> Inputs:
        """Some of the inputs, no wider than the longest of them."""
        wide = max(self.lengths[row] for row in rows)
        parts = None if self.parts is None else [self.parts[row] for row in rows]
        return Inputs(self.x[list(rows), ..., :wide], [self.names[row] for row in rows], parts)

    def of_one_length(self) -> list[tuple[list[int], Inputs]]:
        """The inputs in groups of one length, each with its rows."""
        lengths = self.lengths
        groups = [[i for i, own in enumerate(lengths) if own == each] for each in set(lengths)]
        return [(rows, self.at(rows)) for rows in sorted(groups)]


# Who takes inputs with so many axes.
_ELSEWHERE = {
    **dict.fromkeys((1, 2), " TableSubject(model, data) takes rows of a table."),
    5: " VolumeSubject(model) takes volumes.",
}


class Subject:
    """A trained network with its preprocessing, class names and layers.

    `Subject(model)` is enough for inputs that are already tensors. Pictures (PIL images, uint8
    arrays, paths) are preprocessed: by `preprocess` (torchvision `weights` or transforms, a timm
    data config, a transformers image processor, any callable from a PIL image to a tensor), or by
    `size` (height, width), `mean` and `std` in units of 0...1. `classes` are names, one for each in
    order, or some by index. `output` picks the scores (batch, classes) out of several outputs: a
    position, a key or attribute, or a function. `absent` is one input or several that stand for
    "nothing to see", used where a method's baseline is "given". The network's device is used as it
    is, and the network is never changed.

    Any callable from a NumPy array (batch, channels, height, width) to scores (batch, classes) is a
    subject too, a black box: for methods that only cover or resample the input. Texts are explained
    by a `TextSubject`, tables by a `TableSubject`.
    """

    kind: ClassVar[Kind] = "picture"
    axes: ClassVar[tuple[str, ...]] = ("channels", "height", "width")
    words: ClassVar[Words] = Words("picture", "pixel")
    background: int = 1
    """How many inputs together stand for an absent part, where a filling averages over them."""

    baselines: ClassVar[tuple[str, ...]] = (
        "zero", "black", "white", "mean", "blur", "noise", "given",
    )  # fmt: skip
    lacks: ClassVar[frozenset[str]] = frozenset(("median", "rows"))
    """What baselines and fillings of other kinds of input it has no notion of."""

    def __init__(
        self,
        model: nn.Module | Callable[[np.ndarray], Any],
        *,
        preprocess: Any = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        size: int | Sequence[int] | None = None,
        classes: Sequence[str] | Mapping[int, str] | None = None,
        output: Selector | None = None,
        absent: Any = None,
        title: str | None = None,
    ) -> None:
        if isinstance(model, Subject):
            raise ExplainError(
                f"{shown(model)} is a Subject already; use it as it is, or make another from its "
                "network: Subject(subject.model)."
            )
        if not isinstance(model, nn.Module):
            if not callable(model) or isinstance(model, type):
                raise ExplainError(
                    f"The network is a {type(model).__name__}; a Subject takes a torch.nn.Module, "
                    "or a function from an array to scores."
                )
            model = BlackBox(model)
        self.model = model
        self.title = title or (model.title if isinstance(model, BlackBox) else type(model).__name__)
        self.output = output
        read = read_preprocessing(preprocess if preprocess is not None else _own_config(model))
        chosen = (read_numbers("mean", mean) or read.mean, read_numbers("std", std) or read.std)
        if (chosen[0] is None) != (chosen[1] is None):
            raise ExplainError("mean and std belong together; give both or neither.")
        self.preprocessing = Preprocessing(
            *chosen, read_size(size) or read.size, read.call, read.classes
        )
        self.classes = _class_names(classes, read.classes, model)
        self._named: Literal["", "some", "all"] = ""  # how many names were given
        if classes is not None:
            self._named = "some" if isinstance(classes, Mapping) else "all"
        self.lock = threading.RLock()
        self._fingerprint = NetworkFingerprint()
        self._layers: dict[tuple[int, ...], Layers] = {}
        self._channels_last: dict[tuple[int, ...], float] = {}  # from how many pictures on
        self._plans: dict[Hashable, folding.Plan | None] = {}  # for many passes
        self._stages: dict[Hashable, tuple[windows.Stage, ...]] = {}
        self._local: dict[Hashable, tuple[windows.Stage, ...]] = {}
        self._parted: dict[Hashable, tuple[windows.Stage, ...]] = {}
        self._near: tuple[windows.Stage, ...] = ()  # of a copy made ready
        self._windows: windows.Windows | mosaic.Mosaic | None = None
        self._made_ready = False
        self._total: int | None = None
        self.read_tokens: str | None = None
        self._first_channels = _input_channels(model)
        self.absent = None if absent is None else self.prepare(absent).x

    @classmethod
    def of(cls, thing: Any) -> Subject:
        """`thing` itself when it is a Subject, else a Subject made from a network."""
        return thing if isinstance(thing, Subject) else cls(thing)

    def __getstate__(self) -> dict[str, Any]:
        """What travels to another process: all but locks and what is found again there."""
        kept = dict(vars(self))
        del kept["lock"], kept["_fingerprint"]
        return kept

    def __setstate__(self, kept: dict[str, Any]) -> None:
        """Come back from another process."""
        vars(self).update(kept, lock=threading.RLock(), _fingerprint=NetworkFingerprint())

    def quick(
        self, x: torch.Tensor, rows: int | None = None, *, backward: bool = False,
        layers: bool = False,
    ) -> Subject:  # fmt: skip
        """What to ask for many scores of inputs like x: itself, or a copy of the network that is
        made ready for many passes (see `folding`). With `rows`, how many will be asked for, it is
        itself where they fit into one batch (see `batch_size`), which a copy does not repay. All
        `layers` of a copy that is asked for them say what the network's own do."""
        if rows is not None and rows <= self.batch_size(x, backward=backward):
            return self
        if self._made_ready or not folding.fits(self.model, x):
            return self
        shape = tuple(x.shape[1:])
        kind = repr(self.model), shape  # a plan is no longer true once a module was exchanged
        with self.lock:
            if kind not in self._plans:
                last = self._channels_last.get(shape, NEVER) < NEVER
                with uncounted():
                    self._plans[kind] = folding.plan_for(
                        self.model, lambda network: self.with_network(network).outputs(x[:1]), last
                    )
        plan = self._plans[kind]
        stages = () if backward or layers else self._early_stages(x, plan, kind)
        if plan is None and not stages:
            return self
        self.layers(x)  # or a copy, which has others, would be traced for both
        done = plan or folding.NOTHING
        try:
            ready = folding.ready(self.model, done.layered if layers else done)
        except Exception:  # one that keeps what a pass made cannot be copied any more
            return self
        other = self.with_network(ready)
        other._made_ready = True
        other._near = () if backward or layers else self._local.get(kind, ())
        if stages:
            other._windows = windows.Windows(other.model, stages)
        return other

    def pieced(
        self, labels: torch.Tensor, whole: torch.Tensor, absent: torch.Tensor, rows: int
    ) -> Subject:
        """Of a copy made ready for many passes, one that is asked for about so many `rows` of
        pictures of which every piece, by number in `labels` (height, width), is that of `whole` or
        of `absent` (1, channels, height, width), and for no others: see `mosaic`. Itself where that
        saves little."""
        if not self._near:
            return self
        many = whole.expand(rows, -1, -1, -1)[: self.batch_size(whole, backward=False)]
        own = self._own_copy(many)[:1]
        pictures = own, absent.clone(memory_format=windows.format_of(own))
        kind = repr(self.model), tuple(own.shape[1:])
        with self.lock:
            if kind not in self._parted:
                self._parted[kind] = windows.in_parts(self.model, self._near, own)
        stages = self._parted[kind]
        made = mosaic.mosaic_for(self.model, stages, labels, pictures, rows, self._select)
        if made is None:
            return self
        other = copy.copy(self)
        other._windows = made
        return other

    def _early_stages(
        self, x: torch.Tensor, plan: folding.Plan | None, kind: Hashable
    ) -> tuple[windows.Stage, ...]:
        """The stages of a copy made by that plan which pictures like x pass in windows."""
        with self.lock:
            if self.kind != "picture" or x.device.type != "cpu":  # elsewhere a pass waits for us
                self._stages[kind] = ()
            if kind not in self._stages:
                try:
                    ready = folding.ready(self.model, plan or folding.NOTHING)
                except Exception:  # a network that cannot be copied
                    self._stages[kind] = ()
                else:
                    one = self._own_copy(x[:1].expand(8, -1, -1, -1))[:1]
                    local = self._local[kind] = windows.local_stages(ready, one)
                    self._stages[kind] = windows.plan_for(ready, local, one, self._select)
            return self._stages[kind]

    def with_network(self, model: nn.Module) -> Subject:
        """This subject with another network of the same architecture in its place."""
        other = copy.copy(self)
        other.model = model
        other._fingerprint = NetworkFingerprint()
        other._made_ready, other._windows, other._near = False, None, ()
        return other

    def __repr__(self) -> str:
        names = f"{len(self.classes)} classes" if self.classes else "classes without names"
        return f"Subject({self.title}, {names}, on {self.device})"

    # --- what it is -------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where the network's parameters live: CPU, CUDA or MPS."""
        first = next(self.model.parameters(), None)
        return first.device if first is not None else torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        """The type of the network's numbers."""
        floats = (p.dtype for p in self.model.parameters() if p.is_floating_point())
        return next(floats, torch.get_default_dtype())

    @property
    def black_box(self) -> bool:
        """Whether it can only be asked: it has neither gradients nor layers."""
        return isinstance(self.model, BlackBox)

    @property
    def fingerprint(self) -> str:
        """A short hash of every parameter and buffer as they are now."""
        return self._fingerprint.of(self.model)

    def glance(self) -> str:
        """The fingerprint by a look at a part of every large tensor: see NetworkFingerprint."""
        return self._fingerprint.of(self.model, glance=True)

    @property
    def key(self) -> Hashable:
        """What besides its numbers tells this subject's answers from another's, for caches."""
        output = self.output if isinstance(self.output, Hashable) else id(self.output)
        absent = None if self.absent is None else tensor_fingerprint(self.absent)
        colours = self.preprocessing.mean, self.preprocessing.std
        return type(self.model), output, absent, colours

    def need_pictures(self, who: str) -> None:
        """Refuse other inputs than pictures on behalf of what works on pixels."""
        if self.kind != "picture":
            raise ExplainError(f"{who} works on pictures; this subject's inputs are {self.kind}s.")

    def layers(self, x: torch.Tensor | None = None) -> Layers:
        """The layers by name, with kinds and shapes, found by one traced pass on `x` (or on a
        grey picture of the known size); traced once for every size of input."""
        with self.lock:
            if x is None:
                known = next(reversed(self._layers), None) or self._usual_shape()
                x = torch.zeros(1, *known, dtype=self.dtype, device=self.device)
            shape = tuple(x.shape[1:])
            if shape not in self._layers:
                one = x[:1]
                with uncounted():
                    self._layers[shape] = self._traced(one)
            return self._layers[shape]

    def _traced(self, one: torch.Tensor) -> Layers:
        return trace(self.model, lambda: self.outputs(one), tuple(one.shape[2:]))

    def _usual_shape(self) -> tuple[int, ...]:
        return self._first_channels or 3, *(self.preprocessing.size or (224, 224))

    def batch_size(self, x: torch.Tensor, *, backward: bool = True) -> int:
        """How many rows like `x` to take in one pass: by the activations that a traced pass
        counted, as many as a CPU is quickest with and at most 2 GB of them, or what fits into half
        of what a GPU has free."""
        each = self.layers(x).activation_bytes
        needed = each * (3 if backward else 1) + x[0].numel() * 8
        if x.device.type == "cuda":
            return max(1, min(512, torch.cuda.mem_get_info(x.device)[0] // 2 // needed))
        few, many = _CPU_ROWS
        quick = max(few if backward else 2 * few, min(many, _CPU_QUICK // max(each, 1)))
        quick *= 4 if isinstance(self._windows, mosaic.Mosaic) else 1  # the largest maps are kept
        return max(1, min(quick, _CPU_MOST // needed))

    # --- asking it --------------------------------------------------------------------------

    def prepare(self, inputs: Any) -> Inputs:
        """Make inputs ready for the network.

        Float tensors (channels, height, width) or (batch, ...) and float arrays in that layout are
        taken as they are; pictures, and so tensors of torch.uint8, are preprocessed. Refuses empty
        batches, NaN and infinite values, wrong channels, and tensors of other whole numbers.
        """
        if isinstance(inputs, Inputs):
            return inputs
        with torch.inference_mode(False):  # or nothing made here could be differentiated later
            ready = self._prepared(inputs)
            self._settle_layout(ready.x)
            return ready

    def _prepared(self, inputs: Any) -> Inputs:
        if isinstance(inputs, (list, tuple)):
            if not inputs:
                raise ExplainError("The list of inputs is empty; give at least one picture.")
            made = [self._prepared(one) if not isinstance(one, Inputs) else one for one in inputs]
            shapes = {tuple(one.x.shape[1:]) for one in made}
            if len(shapes) > 1:
                raise ExplainError(
                    f"The inputs have different shapes: {sorted(shapes)}; give Subject(..., "
                    "size=(height, width)) so that pictures are brought to one size."
                )
            names = [name for one in made for name in one.names]
            if len(set(names)) < len(names):
                names = [_numbered(name, i + 1) for i, name in enumerate(names)]
            return Inputs(torch.cat([one.x for one in made]), names)
        x = self._tensor(inputs)
        return Inputs(self._checked(x), _names(inputs, len(x)))

    def preprocess(self, picture: Any) -> torch.Tensor:
        """One picture as the tensor (1, channels, height, width) that the network takes."""
        return self.prepare(picture).x

    def seen(self, ready: Inputs) -> Seen:
        """What an answer keeps of its inputs."""
        return Seen(self.preprocessing, ready.x.to("cpu", copy=True), ready.parts)

    def given(self, x: torch.Tensor) -> torch.Tensor:
        """The absent inputs that this subject was made with, each of the size of x."""
        if self.absent is None:
            raise ExplainError(
                "The baseline is 'given', but the subject has no absent input; make it with "
                "Subject(model, absent=picture)."
            )
        if self.absent.shape[1:] != x.shape[1:]:
            raise ExplainError(
                f"The subject's absent input has shape {tuple(self.absent.shape[1:])} and the "
                f"input {tuple(x.shape[1:])}; they have to be alike."
            )
        return self.absent.to(x)

    def centre(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """The "mean" of each input's own values in the place of all of them, shaped like x."""
        return x.mean((2, 3), keepdim=True).expand_as(x).clone()

    def noise(self, x: torch.Tensor, seed: int) -> Callable[[int], torch.Tensor]:
        """From a sample's number to inputs of noise shaped like x, within the range of each."""
        low, high = x.amin((2, 3), keepdim=True), x.amax((2, 3), keepdim=True)
        return lambda sample: torch.addcmul(low, high - low, uniform(x[0], seed, sample))

    def __call__(self, x: torch.Tensor, rows: int | None = None) -> torch.Tensor:
        """Scores (batch, classes) of one batch; differentiable, counted, and cancellable. `rows` is
        how many come out, where what watches the pass makes more of them than x has."""
        job, rows = current_job(), len(x) if rows is None else rows
        job.forward(rows)
        self._refuse_training()
        try:
            alone = isinstance(self._windows, mosaic.Mosaic)  # which leaves x as it is
            raw = self._run(x if alone else self._own_copy(x))
        except (ExplainError, Cancelled):
            raise
        except Exception as error:
            raise self._cannot_take(x, error) from error
        outputs = self._select(raw, rows)
        self._count(outputs)
        say(x, outputs)
        if outputs.requires_grad:
            count_backward(outputs, job)
        else:
            job.report()
        return outputs

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """Scores (batch, classes) without gradients, in passes that fit in memory."""
        with torch.no_grad():
            if tuple(x.shape[1:]) not in self._layers:
                return torch.cat([self(part) for part in x.split(8)])
            size = self.batch_size(x, backward=False)
            return self(x) if len(x) <= size else torch.cat([self(part) for part in x.split(size)])

    def scores(
        self, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Target scores (rows,) without gradients, in passes that fit in memory."""
        rows = torch.arange(len(x)) if rows is None else rows
        size = self.batch_size(x, backward=False)
        with torch.no_grad():
            parts = [
                target.score(self(part), which)
                for part, which in zip(x.split(size), rows.split(size), strict=True)
            ]
        return torch.cat(parts)

    def gradient(
        self, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor | None = None
    ) -> torch.Tensor:
        """∂ score / ∂ x for every row, shaped like x, in passes that fit in memory."""
        return self.gradient_and_score(x, target, rows)[0]

    def gradient_and_score(
        self, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """∂ score / ∂ x shaped like x, and the scores (rows,)."""
        rows = torch.arange(len(x)) if rows is None else rows
        size = 1 if len(x) == 1 else self.batch_size(x)
        if len(x) <= size:
            return self._gradient(x, target, rows)
        parts = [
            self._gradient(part, target, which)
            for part, which in zip(x.split(size), rows.split(size), strict=True)
        ]
        return torch.cat([grad for grad, _ in parts]), torch.cat([score for _, score in parts])

    def bind(self, target: Any, x: torch.Tensor) -> BoundTarget:
        """Settle a target for the inputs `x`, with a forward pass only where one is needed."""
        aim = Target(target)
        needs = aim.needs_outputs(self.classes)
        outputs = self.outputs(x) if needs else None
        if self._total is None:
            with uncounted():
                self.outputs(x[:1])
        if outputs is not None and not finite(outputs):
            raise ExplainError(
                "The network answers with NaN or infinite scores for this input; check its "
                "weights and the input's range."
            )
        assert self._total is not None
        return aim.bind(len(x), self._total, self.classes, outputs)

    # --- inside -----------------------------------------------------------------------------

    def _run(self, x: torch.Tensor) -> Any:
        return self.model(x) if self._windows is None else self._windows(x)

    def _gradient(
        self, x: torch.Tensor, target: BoundTarget, rows: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        _refuse_quantised(self.model)
        with differentiating():
            leaf = x.detach().requires_grad_()
            score = target.score(self(leaf), rows)
            if not score.requires_grad:
                raise ExplainError(
                    "The network's output does not depend on its input by a gradient: something "
                    "in its forward pass detaches it or runs without gradients. Occlusion works "
                    "on any network."
                )
            (gradient,) = torch.autograd.grad(score.sum(), leaf)
        return gradient, score.detach()

    def _own_copy(self, x: torch.Tensor) -> torch.Tensor:
        """A copy for the network, which may write into its input."""
        last = len(x) >= self._channels_last.get(tuple(x.shape[1:]), NEVER)
        return channels_last(x) if last and x.dtype == torch.float32 else x.clone()

    def _settle_layout(self, x: torch.Tensor) -> None:
        """Find out once for every size of input from how many pictures on the network is faster
        with the channels last: one that flattens with `view` cannot take them."""
        shape = tuple(x.shape[1:])
        if shape in self._channels_last:
            return
        with self.lock:
            if shape in self._channels_last:  # another thread found out meanwhile
                return
            try:
                self._refuse_training()
                pays = pays_from(self.model, x[:1], self._tried)
            except Exception:  # said in words when an answer is asked for
                pays = NEVER
            self._channels_last[shape] = pays

    def _tried(self, one: torch.Tensor) -> torch.Tensor:
        outputs = self._select(self.model(one), 1)
        self._count(outputs)
        return outputs

    def _count(self, outputs: torch.Tensor) -> None:
        """Learn how many classes there are. Names that were given have to fit; those read from
        weights or a config belong to another head if they do not, and are forgotten."""
        total, names = outputs.shape[1], len(self.classes)
        if names > total or (0 < names < total and self._named != "some"):
            if self._named:
                raise ExplainError(
                    f"The names in classes are {names}, and the network's scores {total}; give one "
                    "name for each, in order, or a dict with some, such as {0: 'cat'}."
                )
            self.classes = ()
        self._total = total

    def _tensor(self, inputs: Any) -> torch.Tensor:
        if isinstance(inputs, (torch.Tensor, np.ndarray)) and not is_picture(inputs):
            x = torch.as_tensor(np.ascontiguousarray(inputs) if _is_array(inputs) else inputs)
            x = x[None] if x.ndim == 3 else x
        elif isinstance(inputs, (torch.Tensor, np.ndarray)) and inputs.ndim == 4:
            if len(inputs) == 0:
                raise ExplainError("The batch of inputs is empty; give at least one picture.")
            x = torch.stack([self._picture(one) for one in inputs])
        elif is_picture(inputs):
            x = self._picture(inputs)[None]
        else:
            raise ExplainError(
                f"The input is a {type(inputs).__name__}; it takes a PIL image, a path, an array "
                "or a tensor, or a list of these."
            )
        if x.ndim == 4 and not x.is_floating_point():
            raise ExplainError(
                f"The input is a tensor of {x.dtype}; a tensor is a picture when it is of "
                "torch.uint8, from 0 to 255, and preprocessed when it is of floats. Write "
                "x.to(torch.uint8) or x.float()."
            )
        x = x.detach().to(device=self.device, dtype=self.dtype)
        return x.clone() if x.is_inference() else x

    def _picture(self, picture: Any) -> torch.Tensor:
        return self.preprocessing.tensor(picture, self._first_channels)

    def _checked(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) == 0:
            raise ExplainError(f"The batch of inputs is empty; give at least one {self.kind}.")
        if x.ndim != len(self.axes) + 1:
            axes = ", ".join(self.axes)
            advice = _ELSEWHERE.get(x.ndim, "")
            raise ExplainError(
                f"The input has shape {tuple(x.shape)}; it takes ({axes}) or (batch, {axes})."
                f"{advice}"
            )
        if self._first_channels and x.shape[1] != self._first_channels and not self._runs(x[:1]):
            raise ExplainError(
                f"The input has {x.shape[1]} channels (shape {tuple(x.shape)}); this network's "
                f"first convolution takes {self._first_channels}."
            )
        if not finite(x):
            bad = ~torch.isfinite(x)
            where = tuple(bad.nonzero()[0].tolist())
            raise ExplainError(
                f"The input has {int(bad.sum())} NaN or infinite values, the first at {where}; "
                "replace them first, for instance with torch.nan_to_num."
            )
        return x

    def _runs(self, x: torch.Tensor) -> bool:
        """Whether a pass works: the convolution named first need not be the one run first."""
        try:
            with uncounted():
                self.outputs(x)
        except ExplainError:
            return False
        return True

    def _refuse_training(self) -> None:
        if is_exported(self.model):  # its operations are settled, and eval() refuses
            return
        if self.model.training or any(m.training and _random(m) for m in every_module(self.model)):
            raise ExplainError(
                "The network is in training mode, in which dropout and batch normalisation change "
                "every answer; call model.eval() first."
            )

    def _select(self, raw: Any, count: int) -> torch.Tensor:
        output = self._selected(raw)
        if not isinstance(output, torch.Tensor):
            raise ExplainError(
                f"The network returns a {type(output).__name__}{_inside(output)}; pass "
                "Subject(model, output=...) to pick the scores (batch, classes): a position, a "
                "key, or a function."
            )
        if not output.is_floating_point():
            raise ExplainError(
                f"The network's output is of {output.dtype}, which has no gradient; explanations "
                "take scores. Leave out the argmax, or pick scores with Subject(model, output=...)."
            )
        if output.ndim == 1 and len(output) == count:
            output = output[:, None]
        if output.ndim != 2 or len(output) != count:
            such = f", such as lambda out: out.mean({tuple(range(2, output.ndim))})"
            raise ExplainError(
                f"The network's output has shape {tuple(output.shape)}; explanations take scores "
                f"({count}, classes). Pass Subject(model, output=...) with a function that makes "
                f"them{such if output.ndim > 2 else ''}."
            )
        return output

    def _selected(self, raw: Any) -> Any:
        if self.output is None:
            if isinstance(raw, torch.Tensor):
                return raw
            logits = raw.get("logits") if hasattr(raw, "get") else getattr(raw, "logits", None)
            return raw if logits is None else logits
        if callable(self.output):
            with blamed("The function given as output=", raw):
                return self.output(raw)
        try:
            if isinstance(self.output, str) and hasattr(raw, self.output):
                return getattr(raw, self.output)
            return raw[self.output]
        except (KeyError, IndexError, TypeError, AttributeError):
            keys = list(raw.keys()) if hasattr(raw, "keys") else f"a {type(raw).__name__}"
            raise ExplainError(
                f"output={self.output!r} is not in what the network returns: {keys}."
            ) from None

    def _cannot_take(self, x: torch.Tensor, error: Exception) -> Exception:
        if InPlaceError.told_by(error):
            return InPlaceError()
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        if isinstance(error, torch.OutOfMemoryError) or "out of memory" in str(error):
            return ExplainError(f"A batch of {len(x)} does not fit in memory: {reason}.")
        who = self.title if self.black_box else "The network"
        if _reads_tokens(self.model) or _about_the_input(error):
            return ExplainError(f"{who} cannot take {self._described(x)}: {reason}.{self._advice}")
        said = one_line(error).rstrip(".")
        return ExplainError(
            f"{who} fails on {self._described(x)}: {said}. Call it by itself to see where."
        )

    def _described(self, x: torch.Tensor) -> str:
        """Inputs x, in an error about them."""
        return f"an input of shape {tuple(x.shape)}"

    @property
    def _advice(self) -> str:
        """What to do about inputs that the network cannot take."""
        if _reads_tokens(self.model):
            return " It begins with an nn.Embedding: TextSubject(model, tokenizer) gives it texts."
        return " Check its size and channels, or give Subject(model, size=(height, width))."


@contextmanager
def differentiating() -> Iterator[None]:
    """Gradients on in this thread, whatever the caller had set. Raises ExplainError where the
    network overwrites in place what they are made from."""
    with torch.inference_mode(False), torch.enable_grad():
        try:
            yield
        except RuntimeError as error:
            if InPlaceError.told_by(error):
                raise InPlaceError from error
            raise


@contextmanager
def uncounted() -> Iterator[None]:
    """Passes made here are not counted: they belong to the subject, not to one answer."""
    with working(Job()):
        yield


def _refuse_quantised(network: nn.Module) -> None:
    """torch warns of a gradient through them, and gives 0."""
    for module in every_module(network):
        if type(module).__module__.startswith("torch.ao.nn.quantized"):
            raise ExplainError(
                "The network has quantised layers, and whole numbers have no gradient; explain the "
                "network that it was made from. Occlusion works as it is."
            )


def _about_the_input(error: Exception) -> bool:
    """Whether a network's error is about what it was given, and not its own."""
    kinds = (RuntimeError, ValueError, AssertionError, IndexError)
    if not isinstance(error, kinds) or isinstance(error, NotImplementedError):
        return False
    return _OF_SIZES.search(str(error)) is not None


def _random(module: nn.Module) -> bool:
    return isinstance(module, (nn.modules.dropout._DropoutNd, nn.modules.batchnorm._BatchNorm))


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)


def _inside(output: Any) -> str:
    """What a network's output that is no tensor holds."""
    if hasattr(output, "keys"):
        return f" with {', '.join(map(repr, output.keys()))}"
    return f" of {len(output)}" if isinstance(output, (tuple, list)) else ""


def _own_config(model: nn.Module) -> Any:
    """timm's networks carry their mean, std and size with them."""
    config = getattr(model, "pretrained_cfg", None)
    return config if isinstance(config, dict) and "mean" in config else None


def _class_names(
    given: Sequence[str] | Mapping[int, str] | None, read: Sequence[str] | None, model: nn.Module
) -> tuple[str, ...]:
    if given is not None and not _are_names(given):
        raise ExplainError(
            f"classes is {shown(given)}; it takes a list of names, in order, or a dict from index "
            "to name, such as {0: 'cat'}."
        )
    if given is None:
        given = read
    if given is None:
        labels = getattr(getattr(model, "config", None), "id2label", None)
        if labels and not all(str(name).startswith("LABEL_") for name in labels.values()):
            given = labels
    if isinstance(given, Mapping):
        given = [given.get(i, f"class {i}") for i in range(max(given, default=-1) + 1)]
    return tuple(str(name) for name in (() if given is None else given))


def _are_names(given: Any) -> bool:
    """Whether these are names in an order, or by index."""
    if isinstance(given, Mapping):
        return all(isinstance(key, (int, np.integer)) and key >= 0 for key in given)
    return isinstance(given, Iterable) and not isinstance(given, (str, bytes, Set))


def _input_channels(model: nn.Module) -> int | None:
    """The channels of the first convolution, when the network begins with one."""
    for module in model.modules():
        if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            return module.in_channels
        if isinstance(module, (nn.Linear, nn.Embedding)):
            return None
    return None


def _reads_tokens(model: nn.Module) -> bool:
    """Whether the network begins with an embedding."""
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, nn.Embedding)
    first = next((module for module in model.modules() if isinstance(module, kinds)), None)
    return isinstance(first, nn.Embedding)


def _names(inputs: Any, count: int) -> list[str]:
    if isinstance(inputs, (str, Path)):
        return [Path(inputs).stem]
    filename = getattr(inputs, "filename", "")
    if filename:
        return [Path(str(filename)).stem]
    return [_numbered(_UNNAMED, i + 1) for i in range(count)]


def _numbered(name: str, number: int) -> str:
    """A name with its number, which replaces that of a picture without a name of its own."""
    return f"{_UNNAMED if name.startswith(_UNNAMED) else name} {number}"
