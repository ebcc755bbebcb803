"""TCAV on networks whose concepts are known, on networks that know none, and beside Captum's.

    python -m benchmarks.tcav               all of it
    python -m benchmarks.tcav --only truth  or: chance, patches, time

Truth: the zoo's network that names shapes, and the one that names scenes, asked about shapes,
colours and scenes. Chance: networks with random weights, 13 concepts × 5 initialisations; what is
significant there is so by chance. Patches: concepts from a few brushed patches beside those from
whole pictures. Time: processor seconds of one thread, call by call in turn.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.widgets.patches import laid_into

SIZE = 50
SETS = 32
CLASSES = {
    "shapes": ("disc", "cross", "star", "bar"), "shapes-scene": ("dusk", "bricks", "tiles", "snow"),
}  # fmt: skip
TRUTHS = (("shapes", "shape", "colour"), ("shapes-scene", "scene", "shape"))
FACTORS = {"shape": zoo.SHAPES, "colour": zoo.COLOURS, "scene": zoo.SCENES}


@functools.cache
def pictures(count: int, seed: int, **held: str) -> tuple[np.ndarray, ...]:
    """Pictures of one object, with some factor held fixed."""
    return tuple(scene.image for scene in zoo.ShapeScenes(count, size=96, seed=seed, **held))


def concepts(*factors: str) -> dict[str, list[np.ndarray]]:
    """Examples of every value of the factors: whole pictures in which all else varies."""
    return {
        f"{factor} {value}": list(pictures(SIZE, 100 + i, **{factor: value}))
        for factor in factors
        for i, value in enumerate(FACTORS[factor])
    }


def ask(subject: xw.Subject, held: dict[str, str], target: Any, given: dict[str, Any]) -> Any:
    """TCAV at its defaults of 40 pictures of a class."""
    x = list(pictures(40, 900, **held))
    random = list(pictures(SETS * SIZE, 999))
    return xw.TCAV()(subject, x, target, random=random, **given)


# --- truth ------------------------------------------------------------------------------------


def truth() -> None:
    """What is significant where the truth is known."""
    for name, own, other in TRUTHS:
        print(f"\n{name}: {own}s of the class, and {other}s, which should not matter (conv4)")
        columns = f"{'score':>7}{'magnitude':>11}{'accuracy':>10}{'p':>9}"
        print(f"{'class':10}{columns}   significant {own}s and {other}s, corrected")
        for target, answer in answers(name, own, other):
            print(_row(answer, own, other, target), flush=True)


def answers(name: str, own: str, other: str) -> Iterator[tuple[str, xw.ConceptScores]]:
    """What TCAV says of each class of a network, asked about two factors of the pictures."""
    subject, given = zoo.subject(name), {"concepts": concepts(own, other), "layers": "conv4"}
    with tempfile.TemporaryDirectory() as folder:
        for target in CLASSES[name]:
            yield target, ask(subject, {own: target}, target, {**given, "folder": folder})


def found(answer: xw.ConceptScores, factor: str) -> list[str]:
    """The values of a factor that are significant."""
    concepts = [entry.concept.split() for entry in answer.entries if entry.significant]
    return [value for of, value in concepts if of == factor]


def _row(answer: xw.ConceptScores, own: str, other: str, target: str) -> str:
    entry = answer.entry(f"{own} {target}")
    numbers = f"{entry.score:7.2f}{entry.magnitude:11.3f}{entry.accuracy:10.2f}{entry.p:9.1e}"
    told = (", ".join(found(answer, factor)) or "none" for factor in (own, other))
    return f"{target:10}{numbers}   {'; '.join(told)}"


# --- chance -----------------------------------------------------------------------------------


def chance() -> None:
    """What is significant where nothing was learnt: 13 concepts, 5 networks with random weights."""
    print("\nRandom weights, 13 concepts × 5 initialisations: shares with p < 0.05, uncorrected")
    print(f"{'layer':10}{'scored':>8}{'ours':>8}{'of all':>8}{'t-test':>8}{'corrected':>11}")
    for layer, rates in null_rates().iterrows():
        scored, ours, every, published, corrected = rates
        shares = f"{ours:8.3f}{every:8.3f}{published:8.3f}{corrected:11.3f}"
        print(f"{layer:10}{scored:8.0f}{shares}")


def null_rates(networks: int = 5) -> pd.DataFrame:
    """By layer: how many concepts get a score, and the share that is significant by chance: of all
    concepts those that have a score and p < 0.05; those with p < 0.05, refused or not; by the
    t-test; and corrected."""
    mean, std = zoo.card("shapes")["mean"], zoo.card("shapes")["std"]
    given = dict(list(concepts("shape", "colour").items())[:13])
    rows = []
    for seed in range(networks):
        torch.manual_seed(seed)
        subject = xw.Subject(zoo.SmallCNN().eval(), mean=mean, std=std, size=96)
        answer = ask(subject, {}, 0, {"concepts": given, "layers": ["relu3", "conv4"]})
        rows += [entry.plain() for entry in answer.entries]
    table = pd.DataFrame(rows)
    table["scored"], low = table.refusal == "", table.p < 0.05
    table["ours"], table["every"] = low & table.scored, low
    table["published"] = table.published_p < 0.05
    rates = table.groupby("layer")[["ours", "every", "published", "significant"]].mean()
    rates.insert(0, "scored", table.groupby("layer").scored.sum())
    return rates


# --- patches ----------------------------------------------------------------------------------


def patches() -> None:
    """How near vectors of patches from 8 pictures come to those of 50 whole pictures: patches that
    are enlarged to the network's input, and patches that are laid into random pictures. They are
    painted three pixels beyond the object, as a hand would."""
    from scipy.ndimage import binary_dilation

    subject, random = zoo.subject("shapes"), list(pictures(SETS * SIZE, 999))
    grounds = subject.prepare(random[:256]).x
    print("\nVectors of 8 patches: cosine with the vector of 50 whole pictures, and accuracy")
    print(f"{'class':10}{'layer':8}{'enlarged':>16}{'laid into random':>20}")
    for shape in CLASSES["shapes"]:
        scenes = list(zoo.ShapeScenes(8, size=96, seed=700, shape=shape))
        masks = [binary_dilation(scene.masks["object"], iterations=3) for scene in scenes]
        x = subject.prepare([scene.image for scene in scenes]).x
        given = {
            "whole": list(pictures(SIZE, 100, shape=shape)),
            "enlarged": xw.cut_out([scene.image for scene in scenes], masks),
            "laid": laid_into(x, dict(enumerate(masks)), grounds),
        }
        with tempfile.TemporaryDirectory() as folder:
            asked = {"concepts": given, "layers": ["relu3", "conv4"], "folder": folder}
            answer = ask(subject, {"shape": shape}, shape, asked)
        for layer in ("relu3", "conv4"):
            whole = answer.vector("whole", layer).values
            told = [
                f"{whole @ answer.vector(name, layer).values:.2f} "
                f"({answer.entry(name, layer).accuracy:.2f})"
                for name in ("enlarged", "laid")
            ]
            print(f"{shape:10}{layer:8}{told[0]:>16}{told[1]:>20}", flush=True)


# --- time -------------------------------------------------------------------------------------


def timing(rounds: int) -> None:
    """A concept and 6 stand-ins against 6 negative sets of 30, linear SVM on a flattened layer."""
    subject = zoo.subject("shapes")
    sets = [subject.prepare(list(pictures(30, 50 + i))).x for i in range(12)]
    stripes = subject.prepare(list(pictures(30, 70, texture="stripes"))).x
    x = subject.prepare(list(pictures(40, 900, shape="cross"))).x
    runs = {
        "ours": functools.partial(_ours, subject, x, stripes, sets, "linear SVM"),
        "ours, ridge": functools.partial(_ours, subject, x, stripes, sets, "ridge"),
        "Captum": functools.partial(_captum, subject.model, x, stripes, sets),
    }
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            spent[name].append(_cpu_seconds(run))
    print("\n42 CAVs of 13 824 features, 40 inputs: processor seconds ÷ Captum's")
    for name, seconds in spent.items():
        ratio = statistics.median(a / b for a, b in zip(seconds, spent["Captum"], strict=True))
        print(f"{name:14}{statistics.median(seconds):8.2f} s{ratio:8.2f}", flush=True)


def _cpu_seconds(run: Callable[[], Any]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def _ours(
    subject: xw.Subject, x: torch.Tensor, concept: torch.Tensor, sets: list[Any], classifier: str
) -> None:
    tcav = xw.TCAV(classifier=classifier, pooling="none", size=30)
    tcav(subject, x, 3, concepts={"stripes": concept}, random=sets, layers="pool")


def _captum(model: Any, x: torch.Tensor, concept: torch.Tensor, sets: list[Any]) -> None:
    from captum.concept import TCAV, Concept

    loaders = [torch.utils.data.DataLoader(each, batch_size=30) for each in (concept, *sets)]
    every = [Concept(i, f"set {i}", loader) for i, loader in enumerate(loaders)]
    positives, negatives = [every[0], *every[2::2]], every[1::2]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reference = TCAV(model, ["pool"], save_path=folder)
        reference.interpret(x, [[p, n] for p in positives for n in negatives], target=3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("truth", "chance", "patches", "time"))
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.only in (None, "truth"):
        truth()
    if given.only in (None, "chance"):
        chance()
    if given.only in (None, "patches"):
        patches()
    if given.only in (None, "time"):
        timing(given.rounds)


if __name__ == "__main__":
    main()
