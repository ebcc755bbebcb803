import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from xaiwidgets.core.answers import Heatmap, Provenance, Seen
from xaiwidgets.core.baselines import normal
from xaiwidgets.core.declare import Declared, knob
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.figure import figure_type
from xaiwidgets.core.job import CancelToken, Job, working
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.numbers import percent
from xaiwidgets.core.subject import Subject, differentiating
from xaiwidgets.core.target import BoundTarget
from xaiwidgets.methods.gradient import Smoothing

from ..knobs import seed_knob
from .differentiable import attackable, correlation, even, rows_in_a_pass, sizes, values_of

MAP_WEIGHT = 1e11 / 50176**2  # the authors' 10¹¹ at 224², for maps whose mean is 1 at any size
PROBABILITY_WEIGHT = 1e6 / 1000  # the authors' 10⁶ is that of a mean over ImageNet's classes
SHARPNESS = (3.0, 10.0)  # β at the first and the last step


class InputAttack(Declared, title="Attack on the input", source="dombrowski2019"):
    """Change a picture invisibly so that the prediction stays and the explanation becomes another.

    x' = argmin ‖h(x') − h*‖² + γ ‖p(x') − p(x)‖², with h = Σ_c|R| divided by its mean, h* the map
    that is aimed at, and p the class probabilities: Adam from the picture on, cut to the colours
    there are. A ReLU network's map does not follow small steps, so the search goes through a
    network whose ReLUs are softplus_β, β growing from 3 to 10; p is held, and everything is judged,
    on the network itself. The weights are the authors' at 224² and for ImageNet's thousand classes,
    and scale with picture and classes.

    The authors' β grows from 10 to 100 over 1500 steps. On the zoo's network, whose activations are
    smaller, that search hardly moves: after 250 steps the map's correlation with the goal had gone
    from −0.08 to 0.11, with β from 3 to 10 and a smaller rate to 0.71 (three pictures of 96²).

    Beside it stand a control, random noise of the same size as the change, and the defence: the map
    of the network smoothed with β = `defence`, for the attacked picture against the untouched one.
    It undoes an attack on the ReLU network's map, for which it was made. An attack on the smoothed
    map itself (`BetaSmoothedGradient` as the explanation) is no failure: at β = 1 it reached 0.71
    too, with a change 1.6 times as large.

    Use it to test whether an explanation can be forged without a trace in the picture.

    It misleads when it fails, which is no proof of robustness: more steps may succeed.

    It costs the explanation, and a pass back through it, once a step.

    >>> InputAttack()(subject, cat, Saliency(), goal=dog)
    """

    family = "attacks"

    steps: int = knob(
        default=250, low=10, high=3000, unit="steps", log=True, help="how long the search lasts"
    )
    rate: float = knob(
        default=5e-4, low=1e-6, high=1e-1, unit="of the colour range", log=True,
        help="how far a pixel moves at each step, as a share of the way from black to white",
    )  # fmt: skip
    hold: float = knob(
        default=1.0, low=0.0, high=1000.0,
        help="how strongly the prediction is held: 1 is the authors' weight",
    )  # fmt: skip
    defence: float = knob(
        default=1.0, low=0.1, high=100.0, log=True, help="β of the smoothed map that is shown"
    )
    seed: int = seed_knob("which noise is the control")

    def __call__(
        self,
        subject: Any,
        inputs: Any,
        explanation: Any,
        goal: Any,
        target: Any = None,
        *,
        progress: Callable[[float], None] | None = None,
        cancel: CancelToken | None = None,
    ) -> "AttackedInput":
        """Attack the explanation of `target` (default: the predicted class) for every input.

        `explanation` is Saliency, GradientTimesInput, IntegratedGradients, SmoothGrad,
        BetaSmoothedGradient or GradCam: it is differentiated itself. `goal` is the map to become: a
        Heatmap, a map (height, width) of floats, or a picture, whose own map is taken. Raises
        ExplainError for what cannot be used, Cancelled when stopped.
        """
        method = attackable(explanation, "InputAttack")
        subject = Subject.of(subject)
        subject.need_pictures("InputAttack")
        ready = subject.prepare(inputs)
        job = Job(None, cancel or CancelToken())
        job.check()
        start = time.perf_counter()
        with working(job), differentiating():
            x = ready.x
            bound = subject.bind(target, x)
            wanted = self._goal(goal, subject, method, x)
            before = sizes(method.values(subject, x, bound))
            attacked = self._search(subject, method, x, bound, wanted, progress)
            found = self._judged(subject, method, x, attacked, bound, before, wanted)
            seen = Seen(subject.preprocessing, x.to("cpu", copy=True))
        found.provenance = Provenance.of_work(
            type(self).__name__, {**self.settings, "explanation": repr(method)}, bound.labels,
            subject.title, subject.glance(), seen, job, time.perf_counter() - start,
        )  # fmt: skip
        if progress:
            progress(1.0)
        return found

    def _goal(
        self, goal: Any, subject: Subject, method: Attribution, x: torch.Tensor
    ) -> torch.Tensor:
        """The maps aimed at, (1 or inputs, height, width), none negative, on the CPU."""
        if isinstance(goal, Heatmap):
            maps = sizes(goal.values)
        elif getattr(goal, "ndim", 0) == 2 and not str(goal.dtype).endswith("uint8"):
            maps = torch.as_tensor(goal).detach().cpu().abs()[None]
        else:
            other = subject.prepare(goal).x
            maps = sizes(method.values(subject, other, subject.bind(None, other)))
        maps = maps.to(torch.promote_types(maps.dtype, torch.float32))
        if maps.shape[1:] != x.shape[2:] or len(maps) not in (1, len(x)):
            raise ExplainError(
                f"The goal has shape {tuple(maps.shape)} for inputs {tuple(x.shape)}; it takes "
                "one map, or one an input, of the picture's height and width."
            )
        if not bool(torch.isfinite(maps).all()) or bool((maps.amax((1, 2)) <= 0).any()):
            raise ExplainError("The goal is 0 everywhere or not finite; give a map with a shape.")
        return maps

    def _search(
        self,
        subject: Subject,
        method: Attribution,
        x: torch.Tensor,
        target: BoundTarget,
        wanted: torch.Tensor,
        progress: Callable[[float], None] | None,
    ) -> torch.Tensor:
        smooth = Smoothing(subject, SHARPNESS[0])
        low, high = colour_range(subject, x)
        held = probabilities(subject.outputs(x))
        aim = even(wanted.to(x)).expand(len(x), -1, -1)
        step_size = self.rate * (high - low)
        # Adam moves by its rate a step, whatever the gradient's size: in shares of the range
        share = torch.zeros_like(x, requires_grad=True)
        adam = torch.optim.Adam([share], lr=1.0)
        size = rows_in_a_pass(method, subject, x)
        rows = torch.arange(len(x), device=x.device)
        for step in range(self.steps):
            smooth.beta = SHARPNESS[0] * (SHARPNESS[1] / SHARPNESS[0]) ** (
                step / max(self.steps - 1, 1)
            )
            parts = []
            for which in rows.split(size):
                part = share[which].detach().requires_grad_()
                moved = x[which] + step_size[which] * part
                maps = even(sizes(values_of(method, smooth, moved, target, which.cpu())))
                loss = MAP_WEIGHT * (maps - aim[which]).square().mean((1, 2))
                if self.hold:
                    away = probabilities(subject(moved)) - held[which]
                    loss = loss + self.hold * PROBABILITY_WEIGHT * away.square().sum(1)
                parts.append(torch.autograd.grad(loss.sum(), part)[0])
            share.grad = torch.cat(parts)
            adam.step()
            with torch.no_grad():
                moved = (x + step_size * share).clamp(low, high)
                share.copy_((moved - x) / step_size)
            if progress:
                progress((step + 1) / (self.steps + 1))
        with torch.no_grad():
            return (x + step_size * share).clamp(low, high)

    def _judged(
        self,
        subject: Subject,
        method: Attribution,
        x: torch.Tensor,
        attacked: torch.Tensor,
        target: BoundTarget,
        before: torch.Tensor,
        wanted: torch.Tensor,
    ) -> "AttackedInput":
        low, high = colour_range(subject, x)
        change = attacked - x
        rms = change.square().mean((1, 2, 3), keepdim=True).sqrt()
        noisy = (x + rms * normal(x[0], self.seed, 0)).clamp(low, high)
        smooth = Smoothing(subject, self.defence)

        def maps(asked: Subject, at: torch.Tensor) -> torch.Tensor:
            return sizes(method.values(asked, at, target))

        after, noise = maps(subject, attacked), maps(subject, noisy)
        calm = [maps(smooth, at) for at in (x, attacked, noisy)]
        goals = wanted.expand(len(x), -1, -1)
        numbers = {
            "goal before": correlation(before, goals),
            "goal after": correlation(after, goals),
            "own": correlation(after, before),
            "noise": correlation(noise, before),
            "noise goal": correlation(noise, goals),
            "smoothed": correlation(calm[1], calm[0]),
            "smoothed goal": correlation(calm[1], goals),
            "smoothed noise": correlation(calm[2], calm[0]),
            "size": (rms / (high - low)).amax((1, 2, 3)).double().cpu().numpy(),
        }
        found = AttackedInput(
            x.detach().cpu(), attacked.detach().cpu(), goals, before, after,
            calm[0], calm[1], noise,
            probabilities(subject.outputs(x)).double().cpu().numpy(),
            probabilities(subject.outputs(attacked)).double().cpu().numpy(),
            numbers,
        )  # fmt: skip
        found.pictures = subject.preprocessing.pictures(torch.cat([found.x, found.attacked]))[0]
        _say(found, smooth.met)
        return found


@dataclass(repr=False)
class AttackedInput:
    """An attack on explanations by way of the picture, with its control and its defence.

    `x` and `attacked` are the inputs; maps are (inputs, height, width), Σ_c|R|: `goal`, `before`,
    `after`, `noise` (of a picture with random noise of the same size), `smoothed_before` and
    `smoothed` (of the β-smoothed network, untouched and attacked). `probabilities_before` and
    `probabilities_after` are (inputs, classes). `correlations` has one Pearson correlation an input
    under "goal before", "goal after", "own" (after with before), "noise" (noise with before),
    "noise goal", "smoothed" (smoothed with smoothed_before), "smoothed goal", "smoothed noise" (the
    same map with noise); and the change's "size", its root mean square as a share of the colour
    range.
    """

    x: torch.Tensor
    attacked: torch.Tensor
    goal: torch.Tensor
    before: torch.Tensor
    after: torch.Tensor
    smoothed_before: torch.Tensor
    smoothed: torch.Tensor
    noise: torch.Tensor
    probabilities_before: np.ndarray
    probabilities_after: np.ndarray
    correlations: dict[str, np.ndarray]
    facts: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    provenance: Provenance | None = None
    pictures: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.x)

    @property
    def gain(self) -> np.ndarray:
        """How much nearer to the goal the map came (inputs,): correlation after − before."""
        return self.correlations["goal after"] - self.correlations["goal before"]

    @property
    def moved(self) -> np.ndarray:
        """The largest change of any class's probability (inputs,)."""
        return np.abs(self.probabilities_after - self.probabilities_before).max(1)

    def __repr__(self) -> str:
        mean = {name: float(np.nanmean(values)) for name, values in self.correlations.items()}
        return (
            f"AttackedInput({len(self)} inputs: correlation with the goal "
            f"{mean['goal before']:.2f} → {mean['goal after']:.2f}, with its own map "
            f"{mean['own']:.2f} (noise of that size {mean['noise']:.2f}, smoothed "
            f"{mean['smoothed']:.2f}), probabilities moved by at most {self.moved.max():.2g})"
        )

    def plot(self, index: int = 0) -> Any:
        """A matplotlib figure: the pictures, the change × 10, and the six maps."""
        assert self.pictures is not None
        before, after = self.pictures[index], self.pictures[len(self) + index]
        change = np.clip(128 + 10.0 * (after.astype(float) - before), 0, 255).astype(np.uint8)
        c = {name: values[index] for name, values in self.correlations.items()}
        p = self.probabilities_before[index], self.probabilities_after[index]
        top = int(p[0].argmax())
        panels: list[tuple[str, Any]] = [
            (f"picture, p = {p[0][top]:.3f}", before),
            (f"attacked, p = {p[1][top]:.3f}", after),
            ("change × 10", change),
            ("goal", self.goal[index]),
            (f"map before: {c['goal before']:.2f} to goal", self.before[index]),
            (f"map after: {c['goal after']:.2f} to goal", self.after[index]),
            (f"with noise: {c['noise']:.2f} to own", self.noise[index]),
            (f"smoothed: {c['smoothed']:.2f} to own", self.smoothed[index]),
        ]
        figure = figure_type()(figsize=(10, 5.4), layout="constrained")
        for axis, (title, what) in zip(figure.subplots(2, 4).ravel(), panels, strict=True):
            if isinstance(what, torch.Tensor):
                axis.imshow(what, cmap="magma", vmin=0, vmax=float(what.double().quantile(0.99)))
            else:
                axis.imshow(what)
            axis.set_title(title, fontsize=9)
            axis.set_axis_off()
        return figure


def probabilities(outputs: torch.Tensor) -> torch.Tensor:
    """Class probabilities of outputs (rows, classes); of a single score, its sigmoid."""
    return outputs.sigmoid() if outputs.shape[1] == 1 else outputs.softmax(1)


def colour_range(subject: Subject, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Black and white in the network's units, shaped like x; where they are not known, each input's
    own lowest and highest value."""
    low, high = subject.preprocessing.absent(0.0, x), subject.preprocessing.absent(1.0, x)
    inside = bool((x >= low - 1e-4).all()) and bool((x <= high + 1e-4).all())
    if subject.preprocessing.normalises or inside:
        return torch.minimum(low, x), torch.maximum(high, x)
    lowest, highest = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return lowest.expand_as(x), torch.maximum(highest, lowest + 1e-6).expand_as(x)


def _say(found: AttackedInput, met: int) -> None:
    mean = {name: float(np.nanmean(values)) for name, values in found.correlations.items()}
    found.facts.append(
        f"The change is {percent(mean['size'])} of the colour range (root mean square); noise "
        f"of that size leaves {mean['noise']:.2f} of the map's correlation with itself, the "
        f"attack {mean['own']:.2f}."
    )
    same = found.probabilities_before.argmax(1) == found.probabilities_after.argmax(1)
    if not same.all():
        found.warnings.append(
            f"{int((~same).sum())} of {len(found)} predictions changed: there the attack is on the "
            "prediction as well."
        )
    if not met:
        found.warnings.append(
            "This network has no ReLU, so the smoothed map is the map itself and no defence."
        )
