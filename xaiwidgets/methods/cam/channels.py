"""The channels of a layer tried one by one, in batches, with the map as far as it is known."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import torch

from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.answers import Findings
from xaiwidgets.core.declare import knob
from xaiwidgets.core.job import current_job
from xaiwidgets.core.layers import Layer
from xaiwidgets.core.method import Passes
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import BoundTarget

from .activation_map import TargetMap, in_passes, in_words, together, weighed
from .layer_choice import chosen_layers


@dataclass
class Trial:
    """What is tried at one layer: its `output` for inputs `x`, as `maps` (inputs, channels, *space)
    too, the network's own `outputs` (inputs, classes), and the numbers of the `chosen` channels
    (inputs, at most so many), in the order in which they are tried."""

    subject: Subject
    x: torch.Tensor
    target: BoundTarget
    layer: Layer
    output: torch.Tensor
    outputs: torch.Tensor
    maps: torch.Tensor
    chosen: torch.Tensor

    def weighed(self, weights: torch.Tensor) -> torch.Tensor:
        """The maps of the first inputs, as many as have weights (inputs, chosen), summed by them;
        0 for the other inputs: (inputs, 1, *space)."""
        made = torch.zeros_like(self.maps[:, :1])
        begun = torch.arange(len(weights), device=made.device)[:, None]
        own = self.maps[begun, self.chosen[: len(weights)]]
        made[: len(weights), 0] = weighed(weights.to(own), own)
        return made


class ByChannel(TargetMap):
    """A map whose channels are weighed by trying them one by one, without gradients. Those whose
    maps vary most come first, so that an unfinished map already tells something."""

    untried: ClassVar[float] = 0.0
    """The number of a channel that was not tried yet."""

    channels: int = knob(
        default=4096, low=1, high=4096, log=True, unit="channels",
        help="at most how many are tried, those whose maps vary most; fewer is quicker",
    )  # fmt: skip

    def cost(self, subject: Subject, x: torch.Tensor) -> Passes:
        """One forward pass for the layers' outputs, and one for every channel that is tried."""
        layers = chosen_layers(subject, self.layer, x)
        return Passes(1 + sum(min(self.channels, layer.channels) for layer in layers), 0)

    def tried(self, trial: Trial) -> Iterator[torch.Tensor]:
        """A number for every chosen channel, input by input, in batches that fit."""
        raise NotImplementedError

    def weights(self, numbers: torch.Tensor) -> torch.Tensor:
        """From the channels' numbers to their weights, (inputs, chosen) both."""
        return numbers

    def raw(
        self, subject: Subject, x: torch.Tensor, target: BoundTarget, layers: list[Layer]
    ) -> list[torch.Tensor]:
        """The weighed maps at every layer, shown after every batch."""
        names = [layer.name for layer in layers]
        passes = [
            layer_outputs(subject, p, names) for p, _ in in_passes(subject, x, backward=False)
        ]
        outputs = torch.cat([scores for _, scores in passes])
        found: list[torch.Tensor] = []
        for layer in layers:
            output = torch.cat([caught.pop(layer.name) for caught, _ in passes])
            maps = layer.fold(output)
            chosen = busiest(maps, self.channels)
            trial = Trial(subject, x, target, layer, output, outputs, maps, chosen)
            numbers, done = chosen.new_full(chosen.shape, self.untried, dtype=outputs.dtype), 0
            for batch in self.tried(trial):
                numbers.view(-1)[done : done + len(batch)] = batch
                done += len(batch)
                current_job().show(partial(self._so_far, trial, numbers, done, layers, found))
            found.append(self._made(trial, numbers))
        return found

    def _made(self, trial: Trial, numbers: torch.Tensor) -> torch.Tensor:
        return self.cut(trial.weighed(self.weights(numbers)))

    def _so_far(
        self,
        trial: Trial,
        numbers: torch.Tensor,
        done: int,
        layers: list[Layer],
        found: list[torch.Tensor],
    ) -> Findings:
        """The mean of the layers that are begun, from the channels that were tried."""
        begun = -(-done // numbers.shape[1])
        maps = [*found, self._made(trial, numbers[:begun])]
        facts = [f"{in_words(layer)}." for layer in layers[: len(maps)]]
        facts.append(f"{done} of {numbers.numel()} channels so far.")
        return Findings(together(maps, trial.x), facts=facts)


def busiest(maps: torch.Tensor, most: int) -> torch.Tensor:
    """The numbers of the channels whose maps (batch, channels, *space) vary most, the first of them
    most of all: (batch, at most `most`)."""
    spread = maps.flatten(2).float().var(2, correction=0)
    return spread.sort(dim=1, descending=True, stable=True).indices[:, :most]
