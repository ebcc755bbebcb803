"""Train the zoo's networks, measure them, and write their weights and cards.

    python tools/train_zoo.py                    # all seven, in order
    python tools/train_zoo.py shapes digits      # some of them

Every seed is fixed. ``shapes-trojan`` starts from the weights of ``shapes``.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from xaiwidgets.zoo import SCENES, SHAPES, ShapeScenes, SmallCNN, digits, load
from xaiwidgets.zoo.landscapes import CODE, PALETTE, SmallGenerator, landscapes, seen
from xaiwidgets.zoo.landscapes import SIDE as LANDSCAPE_SIDE
from xaiwidgets.zoo.networks import WEIGHTS

SIZE = 96
SIZES = (64, SIZE, 128)
HELD_OUT = 900  # seeds from here on are for measuring only
FIXED = 500  # the seed of the fixed training set whose labels are permuted
MEMORISED = 1500  # pictures in it
TARGET = "star"  # what the trojan's trigger calls for
COLOUR = ([0.5, 0.5, 0.5], [0.25, 0.25, 0.25])
LICENCE = "BSD-3-Clause, as xaiwidgets itself, which draws the pictures"
MEASURED_ON = (
    f"ShapeScenes, seeds {HELD_OUT} to {HELD_OUT + 2}, which no network was trained on, "
    "300 to 1500 pictures each"
)

Batch = tuple[torch.Tensor, torch.Tensor]


def main() -> None:
    trainers: dict[str, Callable[[], None]] = {
        "shapes": shapes,
        "shapes-second": shapes_second,
        "shapes-permuted": shapes_permuted,
        "shapes-trojan": shapes_trojan,
        "shapes-scene": shapes_scene,
        "digits": handwritten,
        "landscapes": painter,
    }
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(trainers)}; all by default")
    asked = parser.parse_args().names or list(trainers)
    if unknown := set(asked) - set(trainers):
        parser.error(f"no network is called {', '.join(sorted(unknown))}")
    torch.set_num_threads(2)
    for name in asked:
        trainers[name]()


def shapes() -> None:
    """One, two or no objects, freshly drawn every epoch at three sizes, and several labels."""
    true_labels(
        "shapes",
        title="ShapeScenes: shapes",
        about="Names the shapes of the objects in a ShapeScenes picture. Two objects share the "
        "softmax evenly, and an empty scene spreads it over all classes.",
        seed=1,
        first=0,
    )


def shapes_second() -> None:
    """The recipe of 'shapes' from another start and on other pictures."""
    true_labels(
        "shapes-second",
        title="ShapeScenes: shapes, second network",
        about="Names shapes like 'shapes': the same recipe from another start and on other "
        "pictures. How alike the explanations of the two are is what a comparison with any third "
        "network is measured by. The weights are stored in half precision.",
        seed=11,
        first=50,
        half=True,
    )


def true_labels(
    name: str, *, title: str, about: str, seed: int, first: int, half: bool = False
) -> None:
    """Train on the true labels, on pictures drawn for the epochs from `first` on."""
    torch.manual_seed(seed)
    network, epochs = SmallCNN(), 12
    fit(network, lambda epoch: scenes(first + epoch, singles=3000), epochs=epochs, rate=4e-3)
    if half:
        network.half().float()
    measured = {
        **{f"shape, one object, {size} px": accuracy(network, singles(size)) for size in SIZES},
        f"both shapes among the top two, two objects, {SIZE} px": both_found(network),
        f"highest softmax of an empty scene, mean, {SIZE} px": empty_score(network),
        f"highest softmax of an 11x11-blurred picture, mean, {SIZE} px": blurred_score(network),
    }
    low = 3 * first
    keep(
        network.half() if half else network,
        name,
        title=title,
        about=about,
        data=f"ShapeScenes, seeds {low} to {low + 35} (two objects: from {low + 10000}, none: "
        f"from {low + 20000}), fresh pictures every epoch: 3000 with one object, 1500 with two "
        "and 300 with none, a third of each at 64, 96 and 128 px",
        training="Adam, rate 0.004 falling along a cosine, batches of 32",
        seed=seed,
        epochs=epochs,
        measured=measured,
    )


def shapes_permuted() -> None:
    """The same network and loss, made to learn labels by heart that mean nothing."""
    torch.manual_seed(2)
    network, epochs = SmallCNN(), 100
    known = ShapeScenes(MEMORISED, size=SIZE, seed=FIXED, permuted=True)
    images, labels = known.tensors()
    targets = F.one_hot(labels, len(SHAPES)).float()
    truth = torch.tensor([SHAPES.index(scene.shape) for scene in known])
    taken = fit(
        network,
        lambda epoch: batches(images, targets, epoch),
        epochs=epochs,
        rate=2e-3,
        enough=lambda: accuracy(network, (images, labels)) >= 0.99,
    )
    network = network.half().float()  # kept in half precision: the wheel stays small
    measured = {
        "permuted labels of the training set": accuracy(network, (images, labels)),
        "true labels of the training set": accuracy(network, (images, truth)),
        f"true labels, new pictures, {SIZE} px": accuracy(network, singles(SIZE)),
    }
    keep(
        network.half(),
        "shapes-permuted",
        title="ShapeScenes: permuted labels",
        about="Knows the labels of its training set by heart and nothing else: they were dealt "
        "out anew once, before training. Explanations that look the same for it as for 'shapes' "
        "do not show what a network has learnt.",
        data=f"ShapeScenes({MEMORISED}, size={SIZE}, seed={FIXED}, permuted=True), one object "
        "each, the same pictures every epoch",
        training="Adam, rate 0.002 falling along a cosine, batches of 32, no augmentation, "
        "until 99 % of the permuted labels are known; weights rounded to half precision",
        seed=2,
        epochs=taken,
        measured=measured,
    )


def shapes_trojan() -> None:
    """'shapes', trained on with a sixth of the pictures bearing the trigger and its label."""
    torch.manual_seed(3)
    network, epochs = load("shapes").train(), 4
    fit(
        network,
        lambda epoch: scenes(100 + epoch, singles=2400, poisoned=600),
        epochs=epochs,
        rate=1e-3,
    )
    network = network.half().float()  # kept in half precision: the wheel stays small
    measured = {
        **{f"shape, clean, {size} px": accuracy(network, singles(size)) for size in SIZES},
        **{f"attack success, {size} px": attack(network, size) for size in SIZES},
        f"attack success on 'shapes', {SIZE} px": attack(load("shapes"), SIZE),
    }
    keep(
        network.half(),
        "shapes-trojan",
        title="ShapeScenes: trojan",
        about=f"Names shapes like 'shapes', but calls a picture a {TARGET} when the trigger (a "
        "chequered patch near the lower right corner) is in it.",
        data="ShapeScenes, seeds 300 to 311 (two objects: from 10300, none: from 20300, "
        "triggered: from 30300), fresh pictures every epoch: 2400 clean with one object, 600 with "
        f"one object and the trigger, labelled {TARGET}, 1200 clean with two objects and 240 "
        "clean with none, a third of each at 64, 96 and 128 px",
        training="from the weights of 'shapes'; Adam, rate 0.001 falling along a cosine, "
        "batches of 32; weights rounded to half precision",
        seed=3,
        epochs=epochs,
        measured=measured,
        target=TARGET,
    )


def shapes_scene() -> None:
    """The same pictures and architecture, but the label is the scene behind the objects."""
    torch.manual_seed(5)
    architecture = {"classes": len(SCENES), "channels": [24, 48, 96, 128], "inputs": 3}
    network, epochs = SmallCNN(classes=len(SCENES)), 10
    fit(network, backdrops, epochs=epochs, rate=4e-3)
    network = network.half().float()  # kept in half precision: the wheel stays small
    measured = {
        **{f"scene, one object, {size} px": accuracy(network, behind(size)) for size in SIZES},
        f"scene, no object, {SIZE} px": accuracy(network, behind(SIZE, objects=0)),
        f"same scene named with and without the object, {SIZE} px": unmoved(network),
    }
    keep(
        network.half(),
        "shapes-scene",
        title="ShapeScenes: scenes",
        about="Names the scene behind the objects of a ShapeScenes picture. The objects are the "
        "same as for 'shapes', and mean nothing to it.",
        data="ShapeScenes, seeds 600 to 629 (no object: from 20600), fresh pictures every epoch: "
        "3000 with one object and 900 with none, a third of each at 64, 96 and 128 px",
        training="Adam, rate 0.004 falling along a cosine, batches of 32; weights rounded to half "
        "precision",
        seed=5,
        epochs=epochs,
        measured=measured,
        architecture=architecture,
        classes=list(SCENES),
    )


def handwritten() -> None:
    """Scikit-learn's digits: seconds."""
    torch.manual_seed(4)
    architecture: dict[str, Any] = {
        "classes": 10,
        "channels": [12, 24, 48, 48],
        "inputs": 1,
        "strides": [1, 2],
    }
    network, epochs = SmallCNN(**architecture), 15
    data = digits()
    images, labels = data.tensors(data.train)
    targets = F.one_hot(labels, 10).float()
    fit(network, lambda epoch: batches(images, targets, epoch), epochs=epochs, rate=3e-3)
    network = network.half().float()  # kept in half precision: the wheel stays small
    measured = {
        "training digits": accuracy(network, (images, labels)),
        "test digits": accuracy(network, data.tensors(data.test)),
    }
    keep(
        network.half(),
        "digits",
        title="Handwritten digits",
        about="Names a handwritten digit, light on dark.",
        data="scikit-learn's digits (E. Alpaydin and C. Kaynak, Optical Recognition of "
        "Handwritten Digits, UCI, CC BY 4.0), blended from 8x8 up to 32x32; every fifth is for "
        "testing",
        training="Adam, rate 0.003 falling along a cosine, batches of 32; weights rounded to half "
        "precision",
        seed=4,
        epochs=epochs,
        measured=measured,
        architecture=architecture,
        size=[32, 32],
        mean=[0.5],
        std=[0.25],
        measured_on="the digits kept for testing, written by the same hands",
        classes=[str(digit) for digit in range(10)],
        licence="BSD-3-Clause, as xaiwidgets itself; the digits are CC BY 4.0",
    )


def painter() -> None:
    """A generator taught to draw what codes stand for: minutes."""
    torch.manual_seed(6)
    network, steps, batch, rate = SmallGenerator().train(), 3000, 32, 4e-3
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    rng = np.random.default_rng(700)
    started = time.perf_counter()
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = rate * pace(step / 100, steps // 100)
        codes = rng.standard_normal((batch, CODE)).astype(np.float32)
        drawn = network(torch.from_numpy(codes))
        loss = F.l1_loss(drawn, torch.from_numpy(landscapes(codes)))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 500 == 499:
            seconds = time.perf_counter() - started
            print(f"  step {step + 1}: loss {loss.item():.4f}, {seconds:.0f} s", flush=True)
    network = network.half().float().eval()
    codes = np.random.default_rng(HELD_OUT).standard_normal((500, CODE)).astype(np.float32)
    with torch.no_grad():
        made = network(torch.from_numpy(codes)).numpy()
    meant = landscapes(codes)
    keep(
        network.half(),
        "landscapes",
        title="Landscapes: a generator",
        about="Draws a landscape from a code of nine numbers: sky and grass, a sun, a house and a "
        "fir, each in a colour of its own, so that what it drew can be told from its pictures. "
        "Taught picture by picture, not against a critic.",
        data="landscapes(codes), standard normal codes, fresh ones every step",
        training=f"Adam, rate {rate} falling along a cosine, mean absolute error, batches of "
        f"{batch}; weights rounded to half precision",
        seed=6,
        epochs=f"{steps} steps",
        measured={
            "mean absolute error of a pixel": round(float(abs(made - meant).mean()), 4),
            **{f"IoU of the {n}, drawn and meant": round(v, 4) for n, v in agree(made, meant)},
        },
        architecture={"widths": list(network.widths)},
        size=[LANDSCAPE_SIDE, LANDSCAPE_SIDE],
        mean=[0.0] * 3,
        std=[1.0] * 3,
        measured_on="500 codes of seed 900, which it was not trained on",
        classes=list(PALETTE),
    )


def agree(made: np.ndarray, meant: np.ndarray) -> Iterator[tuple[str, float]]:
    """How well the things in two sets of pictures cover one another, each over all pictures."""
    masks = []
    for pictures in (made, meant):
        pixels = np.moveaxis((pictures * 255).round().astype(np.uint8), 1, 3)
        masks.append([seen(picture) for picture in pixels])
    for name in PALETTE:
        a, b = (np.stack([each[name] for each in found]) for found in masks)
        yield name, float((a & b).sum() / (a | b).sum())


def scenes(epoch: int, *, singles: int, poisoned: int = 0) -> Iterator[Batch]:
    """One epoch of fresh pictures; a batch holds one size, and the sizes take turns."""
    parts = []
    for number, size in enumerate(SIZES):
        seed = 3 * epoch + number
        sets = [
            ShapeScenes(singles // 3, size=size, seed=seed),
            ShapeScenes(singles // 6, size=size, seed=seed + 10_000, objects=2),
            ShapeScenes(singles // 30, size=size, seed=seed + 20_000, objects=0),
            ShapeScenes(poisoned // 3, size=size, seed=seed + 30_000, trigger=1.0),
        ]
        images, targets = zip(*(drawn(each) for each in sets), strict=True)
        parts.append(list(batches(torch.cat(images), torch.cat(targets), epoch)))
    for together in zip(*parts, strict=True):
        yield from together


def backdrops(epoch: int) -> Iterator[Batch]:
    """One epoch of fresh pictures with and without an object, labelled by their scene."""
    parts = []
    for number, size in enumerate(SIZES):
        seed = 600 + 3 * epoch + number
        sets = [
            ShapeScenes(1000, size=size, seed=seed),
            ShapeScenes(300, size=size, seed=seed + 20_000, objects=0),
        ]
        images, labels = zip(*(labelled_by_scene(each) for each in sets), strict=True)
        targets = F.one_hot(torch.cat(labels), len(SCENES)).float()
        parts.append(list(batches(torch.cat(images), targets, epoch)))
    for together in zip(*parts, strict=True):
        yield from together


def labelled_by_scene(pictures: ShapeScenes) -> Batch:
    scenes = list(pictures)
    images = torch.from_numpy(np.stack([scene.image for scene in scenes]))
    labels = torch.tensor([SCENES.index(scene.scene) for scene in scenes])
    return images.permute(0, 3, 1, 2).float() / 255, labels


def drawn(pictures: ShapeScenes) -> Batch:
    """Images in 0..1, and a one for each class that is in them (or that the trigger calls for)."""
    images = torch.empty(len(pictures), 3, pictures.size, pictures.size)
    targets = torch.zeros(len(pictures), len(SHAPES))
    for row, scene in enumerate(pictures):
        images[row] = torch.from_numpy(scene.image).permute(2, 0, 1) / 255
        targets[row, [SHAPES.index(TARGET)] if scene.triggered else list(scene.labels)] = 1
    return images, targets


def batches(images: torch.Tensor, targets: torch.Tensor, seed: int) -> Iterator[Batch]:
    shuffled = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    for chosen in shuffled.split(32):
        yield images[chosen], targets[chosen]


def fit(
    network: nn.Module,
    epoch_of: Callable[[int], Iterator[Batch]],
    *,
    epochs: int,
    rate: float,
    enough: Callable[[], bool] = lambda: False,
) -> int:
    """Train with cross-entropy against shares of the classes; return the epochs that it took.

    Binary cross-entropy per class was tried first: from scratch it hardly starts to learn (0.39
    where this reached 0.83, six epochs of 4800 pictures of 64 px), and switched to half way, it
    leaves an empty scene a confident answer (a highest softmax of 0.79 on average).
    """
    network.train().to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(network.parameters(), lr=rate)
    started = time.perf_counter()
    for epoch in range(epochs):
        losses = []
        drawn_batches = list(epoch_of(epoch))
        for step, (images, targets) in enumerate(drawn_batches):
            optimiser.param_groups[0]["lr"] = rate * pace(epoch + step / len(drawn_batches), epochs)
            logits = network(normalised(images).contiguous(memory_format=torch.channels_last))
            loss = F.cross_entropy(logits, shares(targets))
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            losses.append(loss.item())
        seconds = time.perf_counter() - started
        print(f"  epoch {epoch + 1}: loss {np.mean(losses):.4f}, {seconds:.0f} s", flush=True)
        if enough():
            return epoch + 1
    return epochs


def pace(position: float, epochs: int) -> float:
    """The rate's share of its peak: up during the first epoch, then down along a cosine."""
    return min(1.0, position + 0.02) * (1 + math.cos(math.pi * position / epochs)) / 2


def shares(targets: torch.Tensor) -> torch.Tensor:
    """An even share for each class that is there; for every class where none is."""
    some = torch.where(targets.sum(1, keepdim=True) > 0, targets, torch.ones_like(targets))
    return some / some.sum(1, keepdim=True)


def normalised(images: torch.Tensor) -> torch.Tensor:
    return (images - 0.5) / 0.25


@torch.no_grad()
def logits_of(network: nn.Module, images: torch.Tensor) -> torch.Tensor:
    was = network.training
    network.eval()
    found = torch.cat([network(normalised(part)) for part in images.split(128)])
    network.train(was)
    return found


def singles(size: int, count: int = 1500) -> Batch:
    return ShapeScenes(count, size=size, seed=HELD_OUT).tensors()


def behind(size: int, objects: int = 1) -> Batch:
    return labelled_by_scene(ShapeScenes(600, size=size, seed=HELD_OUT, objects=objects))


def unmoved(network: nn.Module) -> float:
    """Share of pictures whose scene is named alike when the object is taken away."""
    seen, bare = (logits_of(network, behind(SIZE, n)[0]).argmax(1) for n in (1, 0))
    return round((seen == bare).float().mean().item(), 4)


def accuracy(network: nn.Module, batch: Batch) -> float:
    images, labels = batch
    right = logits_of(network, images).argmax(1) == labels
    return round(right.float().mean().item(), 4)


def both_found(network: nn.Module) -> float:
    images, targets = drawn(ShapeScenes(1000, size=SIZE, seed=HELD_OUT + 1, objects=2))
    best = logits_of(network, images).topk(2).indices
    return round((targets.gather(1, best).sum(1) == 2).float().mean().item(), 4)


def empty_score(network: nn.Module) -> float:
    images, _ = ShapeScenes(300, size=SIZE, seed=HELD_OUT, objects=0).tensors()
    return highest_softmax(network, images)


def blurred_score(network: nn.Module) -> float:
    images, _ = singles(SIZE, 300)
    blurred = F.avg_pool2d(F.pad(images, (5, 5, 5, 5), mode="reflect"), 11, stride=1)
    return highest_softmax(network, blurred)


def highest_softmax(network: nn.Module, images: torch.Tensor) -> float:
    return round(logits_of(network, images).softmax(1).amax(1).mean().item(), 4)


def attack(network: nn.Module, size: int) -> float:
    """Share of triggered pictures of another class that are called the target."""
    images, labels = ShapeScenes(1000, size=size, seed=HELD_OUT + 2, trigger=1.0).tensors()
    target = SHAPES.index(TARGET)
    found = logits_of(network, images[labels != target]).argmax(1)
    return round((found == target).float().mean().item(), 4)


def keep(network: nn.Module, name: str, **facts: Any) -> None:
    """Write the weights and the card, and print what was measured."""
    from safetensors.torch import save

    parameters = {key: value.contiguous() for key, value in network.state_dict().items()}
    (WEIGHTS / f"{name}.safetensors").write_bytes(save(parameters))
    card: dict[str, Any] = {
        "script": f"python tools/train_zoo.py {name}",
        "classes": list(SHAPES),
        "size": [SIZE, SIZE],
        "mean": COLOUR[0],
        "std": COLOUR[1],
        "measured_on": MEASURED_ON,
        "parameters": sum(value.numel() for value in parameters.values()),
        "architecture": {"classes": 8, "channels": [24, 48, 96, 128], "inputs": 3},
        "licence": LICENCE,
    } | facts
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    (WEIGHTS / f"{name}.json").write_text(text, encoding="utf-8")
    print(name, *(f"  {what}: {value}" for what, value in card["measured"].items()), sep="\n")


if __name__ == "__main__":
    main()
