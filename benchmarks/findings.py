"""What the papers found, tried on the zoo: what they say, what came out here, whether it agrees.

python -m benchmarks.findings [--pictures 12] [--only sanity attack ...]
python -m benchmarks.findings --write       also write docs/findings.md; what was not asked for
                                            stays there as it is

The accuracies of ROAR's networks are kept in benchmarks/roar.jsonl; without that file they are
trained again, in some twenty minutes. The deep network that is attacked is trained where it is not
there yet, see benchmarks/deep.py.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import xaiwidgets as xw
import xaiwidgets.evaluation as ev
from xaiwidgets import zoo
from xaiwidgets.core.baselines import uniform
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.scores import Scores
from xaiwidgets.evaluation.attacks.differentiable import correlation
from xaiwidgets.evaluation.training import accuracy, built, fit

from .deep import shapes_resnet

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "findings.md"
FINISHED = ROOT / "benchmarks" / "roar.jsonl"
GRADIENT, SMOOTH, GUIDED = xw.Saliency(), xw.SmoothGrad(samples=16), xw.GuidedBackprop()
CAM, PATHS, TIMES = xw.GradCam(), xw.IntegratedGradients(steps=16), xw.GradientTimesInput()
LOT, EDGES = xw.RandomMap(), xw.EdgeDetector()


class Finding(NamedTuple):
    """What a paper says, what was found here, whether that agrees, and if not, why."""

    says: str
    found: str
    agrees: bool
    why: str = ""


class Zoo:
    """Pictures with their truth, and the network that names shapes."""

    def __init__(self, count: int) -> None:
        self.count = count
        scenes = zoo.ShapeScenes(count, size=96, seed=21)
        self.pictures = [scene.image for scene in scenes]
        self.masks = [scene.masks["object"] for scene in scenes]
        self.bare = [s.image for s in zoo.ShapeScenes(count, size=96, seed=21, objects=0)]
        self.subject = zoo.subject("shapes")


def sanity(data: Zoo) -> list[Finding]:
    """Adebayo et al. (2018), with the authors' erratum: maps and a network that forgets.

    Kaiming's initial values, from the top down, three draws; the class stays.
    """

    def kept(method: Any, measure: str, draws: int = 3) -> np.ndarray:
        """What is left after one block, two, and so on (stages,)."""
        check = ev.ParameterRandomisation(similarity=measure, start="kaiming", draws=draws)
        curve = check(data.subject, data.pictures, method).curves[measure]
        return np.nanmean(curve.y, 0)

    guided, gradient, edges = (kept(m, "ssim")[1] for m in (GUIDED, GRADIENT, EDGES))
    signed, guided_signed = (kept(m, "signed spearman") for m in (GRADIENT, GUIDED))
    cam = kept(CAM, "spearman", draws=6)
    return [
        Finding(
            "guided backprop stays when the two top layers forget",
            f"SSIM {guided:.2f}; the gradient {gradient:.2f}, an edge detector {edges:.2f}",
            guided > 0.85 > gradient,
        ),
        Finding("the gradient's signs are gone by then", f"{signed[1]:.2f}", abs(signed[1]) < 0.2),
        Finding(
            "guided backprop changes when all layers forget (erratum)",
            f"{guided_signed[-1]:.2f} of its ranks with signs", guided_signed[-1] < 0.5,
        ),
        Finding(
            "Grad-CAM changes",
            f"{cam[1]:.2f} of its ranks are left after two layers, {cam[2]:.2f} after three, "
            f"{cam[-1]:.2f} after all (six draws)",
            cam[1] < 0.6,
        ),
    ]  # fmt: skip


def labels(data: Zoo) -> list[Finding]:
    """Adebayo et al. (2018), permuted labels: maps of a network that learnt what is not there.

    Spearman's correlation of sizes; beside it two networks that learnt the true labels.
    """
    found = {
        name: ev.DataRandomisation()(data.subject, data.pictures, method).numbers
        for name, method in (("Grad-CAM", CAM), ("the gradient", GRADIENT), ("an edge map", EDGES))
    }
    return [
        Finding(
            f"{name} changes with the labels",
            f"{found[name]['permuted']:.2f}, between true labels {found[name]['control']:.2f}; an "
            f"edge map {found['an edge map']['permuted']:.2f}",
            found[name]["margin"] > 0.05,
        )
        for name in ("Grad-CAM", "the gradient")
    ]


def smoothed(method: Attribution, radius: float = 0.2, samples: int = 30) -> Callable[..., Any]:
    """The mean of a method's maps over even noise on the picture, as Yeh et al. smooth."""

    def explain(subject: Any, x: torch.Tensor, target: Any) -> torch.Tensor:
        span = x.amax((1, 2, 3), keepdim=True) - x.amin((1, 2, 3), keepdim=True)
        noise = (radius * span * (2 * uniform(x[0], 0, i) - 1) for i in range(samples))
        return torch.stack([method.values(subject, x + e, target) for e in noise]).mean(0)

    return explain


def infidelity(data: Zoo) -> list[Finding]:
    """Yeh et al. (2019): sensitivity, infidelity, and what smoothing does to both."""
    sensitive = ev.MaxSensitivity(samples=5)
    moved = {m: sensitive(data.subject, data.pictures, m).mean for m in (GRADIENT, SMOOTH)}

    def unfaithful(test: ev.Infidelity, *methods: Any) -> list[float]:
        return [test(data.subject, data.pictures, m).mean for m in methods]

    squares = ev.Infidelity(perturbation="square")
    plain, calm = unfaithful(squares, GRADIENT, smoothed(GRADIENT))
    guided, calm_guided = unfaithful(squares, GUIDED, smoothed(GUIDED))
    turned, still = (unturned(data, m) for m in (GRADIENT, GUIDED))
    near, same, wide, other = unfaithful(
        ev.Infidelity(), GRADIENT, xw.SmoothGrad(samples=50, noise=0.05),
        xw.SmoothGrad(samples=50, noise=0.2), GUIDED,
    )  # fmt: skip
    return [
        Finding(
            "SmoothGrad is less sensitive than the gradient (max-sensitivity)",
            f"{moved[SMOOTH]:.2f} and {moved[GRADIENT]:.2f}", moved[SMOOTH] < moved[GRADIENT],
        ),
        Finding(
            "smoothing the gradient lowers its infidelity (squares taken to 0)",
            f"{calm:.3f}, unsmoothed {plain:.3f}", calm < plain,
        ),
        Finding(
            "smoothing guided backprop lowers its infidelity (squares taken to 0)",
            f"{calm_guided:.3f}, unsmoothed {guided:.3f}", calm_guided < 0.99 * guided,
            "Smoothing hardly changes guided backprop's map on this network: the smoothed one "
            f"correlates with it by {float(np.mean(still)):.2f} (the gradient's by "
            f"{float(np.mean(turned)):.2f}).",
        ),
        Finding(
            "under noise on every pixel, smoothing by that noise is best",
            f"{same:.4f}, unsmoothed {near:.4f}, four times as wide {wide:.4f}",
            same < min(near, wide),
        ),
        Finding(
            "guided backprop is less faithful than the gradient (the same noise)",
            f"{other:.4f} and {near:.4f}", other > near,
        ),
    ]  # fmt: skip


def unturned(data: Zoo, method: Attribution) -> np.ndarray:
    """Pearson's correlation of a method's map with the smoothed one (pictures,)."""
    x = data.subject.prepare(data.pictures).x
    target = data.subject.bind(None, x)
    own, smooth = method.values(data.subject, x, target), smoothed(method)(data.subject, x, target)
    return correlation(own.sum(1), smooth.sum(1))


def bam(data: Zoo) -> list[Finding]:
    """Yang and Kim (2019), BAM: objects that matter, or do not."""
    behind = zoo.subject("shapes-scene")
    contrast, depends = (
        ev.ModelContrast(other=behind),
        ev.InputDependence(pairs=(data.pictures, data.bare)),
    )
    more = {
        m: contrast(data.subject, data.pictures, m, masks=data.masks).mean
        for m in (GRADIENT, EDGES)
    }
    less = {m: depends(behind, data.pictures, m, masks=data.masks).mean for m in (CAM, TIMES, LOT)}
    unseen, noise = scenes_alone(), ev.InputIndependence()
    objects = ev.InputIndependence(pairs=(data.bare, data.pictures))
    still, seen, faint = (
        {m: test(network, data.bare, m, masks=data.masks) for m in (CAM, GRADIENT, GUIDED)}
        for network, test in ((unseen, objects), (behind, objects), (unseen, noise))
    )

    def said(found: dict[Any, Scores]) -> str:
        names = {CAM: "Grad-CAM", GRADIENT: "gradient", GUIDED: "guided backprop"}
        return ", ".join(f"{name} {found[method].mean:.2f}" for method, name in names.items())

    def stays(found: dict[Any, Scores]) -> bool:
        return found[CAM].mean > 0.5 > found[GUIDED].mean

    def shares(found: Scores) -> str:
        return f"from {found.numbers['g before']:.2f} to {found.numbers['g after']:.2f}"

    return [
        Finding(
            "the object gets more where it matters (model contrast); an edge detector sees nothing",
            f"the gradient {more[GRADIENT]:.2f}, edges {more[EDGES]:.2f}",
            more[GRADIENT] > 0.1 > more[EDGES],
        ),
        Finding(
            "Grad-CAM gives an object that means nothing less than what it hides (input "
            "dependence)",
            f"{less[CAM]:.2f}; gradient × input {less[TIMES]:.2f}, by lot {less[LOT]:.2f}",
            less[CAM] > 0.8 > less[LOT],
        ),
        Finding(
            "Grad-CAM stays when what means nothing changes, guided backprop does not (input "
            "independence): the change starts as an object, on a network that never saw one, as in "
            "the paper",
            said(still),
            stays(still),
        ),
        Finding(
            "the same on a network that learnt to look past objects",
            said(seen),
            stays(seen),
            "Only the network differs. On the one that learnt to look past objects, what the "
            f"object was turned into takes Grad-CAM's mean share of its place {shares(seen[CAM])}, "
            f"on the one that never saw any {shares(still[CAM])}. The search holds the scores, "
            "which are sums over places, and not what each place adds.",
        ),
        Finding(
            "the same on the first network, where the change starts as faint noise",
            said(faint),
            stays(faint),
        ),
    ]


def scenes_alone() -> xw.Subject:
    """A network that names scenes and has never seen an object in one."""
    network = built(partial(zoo.SmallCNN, classes=len(zoo.SCENES)), 5)
    for size, count, epochs in ((64, 1200, 8), (96, 600, 3)):
        fit(network, *bare_scenes(count, 700 + size, size), epochs=epochs, seed=1)
    print(f"  scenes alone: {accuracy(network, *bare_scenes(200, 999, 96)):.2f} of 200 right")
    return xw.Subject(
        network, mean=(0.5,) * 3, std=(0.25,) * 3, size=(96, 96), classes=list(zoo.SCENES)
    )


def bare_scenes(count: int, seed: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures without an object, ready for a network, and which scene they show."""
    scenes = list(zoo.ShapeScenes(count, size=size, seed=seed, objects=0))
    images = torch.from_numpy(np.stack([scene.image for scene in scenes]))
    names = torch.tensor([zoo.SCENES.index(scene.scene) for scene in scenes])
    return (images.permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25, names


def held_fast(data: Zoo) -> list[Finding]:
    """Vu et al. (2019), c-Eval: how hard is it to change the class elsewhere?"""
    test = ev.CEval()
    found = {m: test(data.subject, data.pictures, m) for m in (GRADIENT, PATHS, EDGES)}
    chance = found[GRADIENT].numbers["random"]
    return [
        Finding(
            f"holding {name} fast makes it harder than holding as many random pixels",
            f"{found[m].mean:.2f}, random {chance:.2f}; edges {found[EDGES].mean:.2f}",
            found[m].mean > 1.1 * chance,
        )
        for name, m in (
            ("the gradient's tenth of the pixels", GRADIENT),
            ("integrated gradients' tenth", PATHS),
        )
    ]


def trojan(data: Zoo) -> list[Finding]:
    """Lin et al. (2021): does the explanation find the trigger?"""
    scenes = zoo.ShapeScenes(data.count, size=96, seed=31, trigger=1.0)
    pictures = [scene.image for scene in scenes]
    masks = [scene.masks["trigger"] for scene in scenes]
    network = zoo.subject("shapes-trojan")
    found = {
        m: ev.TrojanDetection()(network, pictures, m, masks=masks).mean for m in (GRADIENT, CAM)
    }
    return [
        Finding(
            "explanations miss most of a planted trigger (IoU)",
            f"the gradient {found[GRADIENT]:.2f}, Grad-CAM {found[CAM]:.2f}",
            max(found.values()) < 0.5,
            "Here the trigger is a chequered patch in full contrast and the network has four "
            "layers: the gradient finds it. Grad-CAM's map is too coarse for it.",
        ),
        Finding(
            "the gradient finds more of it than Grad-CAM",
            f"{found[GRADIENT]:.2f} and {found[CAM]:.2f}", found[GRADIENT] > found[CAM],
        ),
    ]  # fmt: skip


def attack(data: Zoo) -> list[Finding]:
    """Dombrowski et al. (2019): a picture whose map is another's, and smoothing that undoes it.

    Pearson's correlations of maps, three pictures.
    """
    return attacked(data.subject, data.pictures[:3], data.pictures[3])


def deep_attack(data: Zoo) -> list[Finding]:
    """Dombrowski et al. (2019) on a deep network: the same attack on a ResNet-18.

    torchvision's, trained on ShapeScenes; two pictures of 96 × 96 and no more, since every step
    differentiates the map of eighteen layers.
    """
    return attacked(shapes_resnet(96), data.pictures[:2], data.pictures[3])


def attacked(subject: xw.Subject, pictures: Any, goal: Any) -> list[Finding]:
    """The attack on the gradient of some pictures, and the smoothed maps of what came of it."""
    found = ev.InputAttack()(subject, pictures, GRADIENT, goal=goal)
    c = {name: float(np.mean(values)) for name, values in found.correlations.items()}
    smooth = []
    for beta in (10.0, 3.0, 1.0):
        method = xw.BetaSmoothedGradient(beta=beta)
        target = subject.bind(None, found.x)
        before, after = (
            method.values(subject, x, target).abs().sum(1) for x in (found.x, found.attacked)
        )
        own, aim = correlation(after, before).mean(), correlation(after, found.goal).mean()
        smooth.append(f"β = {beta:g}: {own:.2f} with its own, {aim:.2f} with the goal")
    return [
        Finding(
            "a picture can be changed so that its map becomes another one",
            f"with the goal {c['goal before']:.2f} → {c['goal after']:.2f} (noise of the same size "
            f"{c['noise goal']:.2f}), with its own {c['own']:.2f} (noise {c['noise']:.2f})",
            c["goal after"] > 0.5 > c["own"],
        ),
        Finding(
            "by a small change, without the prediction noticing",
            f"root mean square {100 * c['size']:.1f} % of the colour range, probabilities moved by "
            f"at most {found.moved.max():.3f}",
            c["size"] < 0.05 and found.moved.max() < 0.05,
        ),
        Finding(
            "smoothing undoes it: the attack fails on softplus",
            f"{'; '.join(smooth)} (noise at β = 1: {c['smoothed noise']:.2f})",
            c["smoothed"] > 0.9 * c["smoothed noise"]
            and c["smoothed goal"] < c["goal before"] + 0.1,
        ),
    ]


def manipulation(data: Zoo) -> list[Finding]:
    """Heo et al. (2019): a network that keeps its accuracy while its explanations lie.

    Grad-CAM, pictures that were not trained on; the untouched network's rate in brackets. From
    where a map counts as fooled is our choice, see ModelManipulation.
    """

    def tensors(scenes: zoo.ShapeScenes) -> tuple[torch.Tensor, torch.Tensor]:
        x, truth = scenes.tensors()
        return (x - 0.5) / 0.25, truth

    x, truth = tensors(zoo.ShapeScenes(600, size=64, seed=51))
    test = tensors(zoo.ShapeScenes(160, size=64, seed=52))

    def fooled(
        fooling: str, method: Any, fool: Any = None, classes: Any = None, **settings: float
    ) -> ev.ManipulatedNetwork:
        attack = ev.ModelManipulation(fooling=fooling, **settings)
        return attack(data.subject, x, truth, method, test=test, fool=fool, classes=classes)

    def said(found: ev.ManipulatedNetwork) -> str:
        return (
            f"{100 * found.rate:.0f} % of maps ({100 * found.rate_before:.0f} %), by limits twice "
            f"as strict {100 * found.stricter:.0f} %, accuracy {found.accuracy_before:.3f} → "
            f"{found.accuracy:.3f}"
        )

    def succeeded(found: ev.ManipulatedNetwork) -> bool:
        return (
            found.rate > found.rate_before + 0.5 and found.accuracy > found.accuracy_before - 0.03
        )

    passive = [
        (f"passive fooling works: {fooling}", fooled(fooling, CAM))
        for fooling in ("location", "top pixels", "centre of mass")
    ]
    harder: dict[str, Any] = {"strength": 30.0, "rate": 4e-3}
    input_map = fooled("location", xw.Saliency(form="absolute"), **harder)
    both = fooled("active", CAM, two_shapes(64), (0, 3), rate=4e-3)
    return [
        *(Finding(says, said(found), succeeded(found)) for says, found in passive),
        Finding(
            "location fooling of the gradient at the input (not in the paper; strength 30)",
            said(input_map), succeeded(input_map),
            "The gradient follows the border at a cost: "
            f"{100 * (input_map.accuracy_before - input_map.accuracy):.1f} points of accuracy, "
            "where 3 are allowed here.",
        ),
        Finding(
            "active fooling: two classes exchange their maps",
            f"{said(both)}; the grade goes from {both.grades_before.mean():.2f} to "
            f"{both.grades.mean():.2f}, 0.5 is asked for", succeeded(both),
            f"{both.facts[-1]} The two maps share places, so that what is asked for is nearly all "
            "that an exchange can give.",
        ),
    ]  # fmt: skip


def two_shapes(count: int) -> torch.Tensor:
    """Pictures that show a disc and a cross (classes 0 and 3), ready for the network."""
    scenes = zoo.ShapeScenes(10_000, size=64, seed=53, objects=2)
    both = (scene.image for scene in scenes if set(scene.labels) == {0, 3})
    images = np.stack([next(both) for _ in range(count)])
    return (torch.from_numpy(images).permute(0, 3, 1, 2) / 255 - 0.5) / 0.25


def retraining(data: Zoo) -> list[Finding]:
    """Hooker et al. (2019), ROAR: take away what a map calls important, and train anew.

    ShapeScenes at 32 × 32, named by their scene, which is told everywhere, or by their object's
    colour, which is told in one place; 0.1, 0.3, 0.5, 0.7 and 0.9 of the pixels, three seeds each.
    Accuracy lost beyond pixels by lot, with the standard error over seeds; in brackets how many
    pictures a network names rightly that sees the holes alone (half of the pixels).
    """
    kinds = ("scene", "colour")
    summaries = {kind: roar(FINISHED, kind).summary for kind in kinds}
    told = {kind: of_holes(FINISHED, kind) for kind in kinds}
    lies = on_the_object()
    *base, squared, variance = ROAR_METHODS

    def ahead(kind: str, method: Any) -> tuple[float, float]:
        row = summaries[kind].loc[repr(method)]
        return float(row["better than random"]), float(row["standard error"])

    def lost(kind: str, *names: str) -> str:
        """What every map took beyond the lot, and what its holes tell."""
        each = []
        for name in names:
            method = BY_NAME[name]
            mean, error = ahead(kind, method)
            holes = f"{100 * told[kind][repr(method)]:.0f} %"
            each.append(f"{name + ' ' if names[1:] else ''}{mean:+.3f} ± {error:.3f} ({holes})")
        return ", ".join(each)

    def beats(kind: str, method: Any, limit: float = 0.0) -> bool:
        """Better by more than its error."""
        mean, error = ahead(kind, method)
        return mean - error > limit

    best = max(ahead("scene", method)[0] for method in base)
    why = outlines(told, lies)
    names, ensembles = list(BY_NAME)[:4], list(BY_NAME)[4:]
    return [
        *(
            Finding(
                f"{name} is no better than the lot: scenes", lost("scene", name),
                not beats("scene", BY_NAME[name]),
            )
            for name in names
        ),
        *(
            Finding(
                f"{name} is better than all of these: scenes", lost("scene", name),
                beats("scene", BY_NAME[name], best), why,
            )
            for name in ensembles
        ),
        Finding(
            "both are better than the lot: scenes", lost("scene", *ensembles),
            beats("scene", squared) and beats("scene", variance), why,
        ),
        Finding(
            "the four are no better than the lot: colours", lost("colour", *names),
            not any(beats("colour", method) for method in base), why,
        ),
        Finding(
            "both are better than the lot: colours", lost("colour", *ensembles),
            beats("colour", squared) and beats("colour", variance),
        ),
    ]  # fmt: skip


def outlines(told: dict[str, dict[str, float]], lies: dict[Any, float]) -> str:
    """What ROAR's order comes from, with the figures that tell it apart."""
    *_, paths, smooth, squared, variance = ROAR_METHODS

    def from_holes(kind: str, method: Any) -> str:
        return f"{100 * told[kind][method if isinstance(method, str) else repr(method)]:.0f} %"

    return (
        "ROAR counts what the taken pixels told, less what the outline of their holes tells "
        "instead. Every map's holes name the scene: a network that sees nothing else is right in "
        f"{from_holes('scene', squared)} (squared SmoothGrad) to {from_holes('scene', paths)} "
        "(integrated gradients) of the pictures, from an edge detector's in "
        f"{from_holes('scene', 'Sobel')}, from those by lot in {from_holes('scene', 'random')}; "
        "by and large, the more they tell, the worse the map does. One object's colour is "
        "told by few outlines, and a map that lies on the object beats the lot: integrated "
        "gradients (holes "
        f"{from_holes('colour', paths)}, by lot {from_holes('colour', 'random')}; "
        f"{100 * lies[paths]:.0f} % of their top pixels on the object) by most. How SmoothGrad and "
        "its square spread their pixels gives the colour away "
        f"({from_holes('colour', smooth)} and {from_holes('colour', squared)}), which puts them "
        f"behind the gradient; VarGrad has {100 * lies[variance]:.0f} % of its top pixels on the "
        "object, and comes last."
    )


BY_NAME = {
    "the gradient": xw.Saliency(), "guided backprop": xw.GuidedBackprop(),
    "integrated gradients": PATHS, "SmoothGrad": xw.SmoothGrad(samples=15),
    "squared SmoothGrad": xw.SmoothGrad(samples=15, form="squared"),
    "VarGrad": xw.SmoothGrad(samples=15, form="variance"),
}  # fmt: skip
ROAR_METHODS = list(BY_NAME.values())
LABELS = {"scene": zoo.SCENES, "colour": zoo.COLOURS}


def on_the_object() -> dict[Any, float]:
    """By method, how many of the top pixels (as many as the object has) lie on it, on a network
    that names its colour."""
    network = built(network_for("colour"), 0)
    fit(network, *small_scenes("colour", 1000, 100), epochs=5)
    scenes = list(zoo.ShapeScenes(100, size=64, seed=200))
    masks = [scene.masks["object"][::2, ::2] for scene in scenes]
    x, _ = small_scenes("colour", 100, 200)
    return {m: ev.RelevanceRank()(network, x, m, masks=masks).mean for m in ROAR_METHODS}


def roar(finished: Path, kind: str) -> ev.Retrained:
    """The retraining for every method; what the file holds is not done again."""
    return retrained(ev.Roar(), finished, kind, (0.1, 0.3, 0.5, 0.7, 0.9), (0, 1, 2))


def of_holes(finished: Path, kind: str) -> dict[str, float]:
    """By method, the accuracy of a network that sees the holes alone, half of the pixels."""
    found = retrained(ev.Roar(fill="holes alone"), finished, kind, (0.5,), (0,))
    return {name: value for (name, _, _), value in found.cells.items()}


def retrained(
    test: ev.Roar, finished: Path, kind: str, fractions: tuple[float, ...], seeds: tuple[int, ...]
) -> ev.Retrained:
    """ROAR on scenes of one size, named by one of their sides."""
    return test(
        ROAR_METHODS, small_scenes(kind, 1000, 100), small_scenes(kind, 600, 200),
        network_for(kind), partial(fit, epochs=5), fractions=fractions, seeds=seeds,
        resume=finished,
    )  # fmt: skip


def network_for(kind: str) -> Callable[[], torch.nn.Module]:
    """Builds an untrained network that names scenes or colours."""
    return partial(
        zoo.SmallCNN, classes=len(LABELS[kind]), channels=(12, 24, 32, 48), strides=(2, 1)
    )


def small_scenes(kind: str, count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of 32 × 32, ready for a network, and which scene or which object's colour it is."""
    scenes = list(zoo.ShapeScenes(count, size=64, seed=seed))
    images = torch.from_numpy(np.stack([scene.image for scene in scenes]))
    images = torch.nn.functional.avg_pool2d(images.permute(0, 3, 1, 2).float() / 255, 2)
    names = [LABELS[kind].index(getattr(scene, kind)) for scene in scenes]
    return (images - 0.5) / 0.25, torch.tensor(names)


FINDINGS: dict[str, Callable[[Zoo], list[Finding]]] = {
    "sanity": sanity, "labels": labels, "infidelity": infidelity, "bam": bam, "c-eval": held_fast,
    "trojan": trojan, "attack": attack, "deep attack": deep_attack, "manipulation": manipulation,
    "roar": retraining,
}  # fmt: skip


# --- telling ------------------------------------------------------------------------------------


def page(sections: dict[str, list[Finding]], count: int, before: str = "") -> str:
    """docs/findings.md; a section that was not asked for is taken from the page as it was."""
    known = {part.partition("\n")[0]: part for part in before.split("\n## ")[1:]}
    lines = [
        "# What the papers found, tried on the zoo",
        "",
        "Written by `python -m benchmarks.findings --write`; do not edit by hand. What a paper",
        "found on ImageNet need not hold for 165 560 parameters on drawn scenes. Where",
        f"it does not, the reason that was found stands below. {count} pictures of 96 × 96 where",
        "nothing else is said, networks of the zoo, fixed seeds.",
    ]
    for name, section in FINDINGS.items():
        heading, about = titled(section)
        if name in sections:
            lines += ["", f"## {heading}", "", about, *table(sections[name])]
        elif heading in known:
            lines += ["", "## " + known[heading].rstrip("\n")]
    return "\n".join(lines) + "\n"


def titled(section: Callable[[Zoo], list[Finding]]) -> tuple[str, str]:
    """A section's heading, and what stands below it."""
    heading, _, about = " ".join((section.__doc__ or "").split()).partition(": ")
    return heading, about[:1].upper() + about[1:]


def table(found: list[Finding]) -> list[str]:
    """The lines of a section."""
    lines = ["", "| the paper | here | agrees |", "|---|---|---|"]
    lines += [f"| {f.says} | {f.found} | {'yes' if f.agrees else '**no**'} |" for f in found]
    return lines + [line for why in reasons(found) for line in ("", why)]


def reasons(found: list[Finding]) -> list[str]:
    """Why some do not agree, each once."""
    return list(dict.fromkeys(f.why for f in found if f.why and not f.agrees))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=list(FINDINGS), choices=list(FINDINGS))
    parser.add_argument("--write", action="store_true", help="docs/findings.md")
    options = parser.parse_args()
    data, sections = Zoo(options.pictures), {}
    for name in options.only:
        start = time.perf_counter()
        print(f"\n{name}: {(FINDINGS[name].__doc__ or '').splitlines()[0]}")
        sections[name] = FINDINGS[name](data)
        for says, found, agrees, _ in sections[name]:
            print(f"  {'agrees ' if agrees else 'DIFFERS'}  {says}: {found}")
        for why in reasons(sections[name]):
            print(f"  why: {why}")
        print(f"  {time.perf_counter() - start:.0f} s", flush=True)
    if options.write:
        before = PAGE.read_text("utf-8") if PAGE.exists() else ""
        PAGE.write_text(page(sections, options.pictures, before), "utf-8")


if __name__ == "__main__":
    main()
