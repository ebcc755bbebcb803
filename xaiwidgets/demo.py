"""The demo: scenes with known truth, real handwritten digits, a photograph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .core.errors import ExplainError
from .core.subject import Subject

if TYPE_CHECKING:
    from .widgets.compare import Compare


def shape_scenes(count: int = 12) -> Compare:
    """Scenes drawn with pixel-exact truth, explained for the embedded network.

    The truth switch outlines the object: an explanation that lies elsewhere is about something
    else.
    """
    from . import zoo
    from .widgets.compare import compare

    scenes = [zoo.ShapeScenes(count, size=96, seed=2026)[i] for i in range(count)]
    return compare(
        zoo.subject("shapes"),
        [scene.image for scene in scenes],
        truths=[scene.label for scene in scenes],
        masks=[{"object": scene.masks["object"]} for scene in scenes],
    )


def handwritten_digits(count: int = 12) -> Compare:
    """Real handwritten digits that the network never saw; those it gets wrong come first."""
    import torch

    from . import zoo
    from .widgets.compare import compare

    digits = zoo.digits()
    subject = zoo.subject("digits")
    images, labels = digits.tensors(digits.test)
    mean, std = subject.preprocessing.mean or (0.0,), subject.preprocessing.std or (1.0,)
    with torch.no_grad():
        predicted = subject.model((images - mean[0]) / std[0]).argmax(1)
    wrong_first = np.argsort((predicted == labels).numpy(), kind="stable")[:count]
    chosen = digits.test[wrong_first]
    return compare(subject, list(digits.images[chosen]), truths=digits.labels[chosen].tolist())


def imagenet_subject(name: str = "resnet18") -> Subject:
    """A torchvision network with its trained weights, loaded the ordinary way.

    Raises ExplainError, in one sentence, where torchvision or the weights cannot be had.
    """
    try:
        from torchvision import models

        weights = models.get_model_weights(name).DEFAULT
        network = models.get_model(name, weights=weights).eval()
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ExplainError(
            f"The trained weights of torchvision's {name} cannot be had here ({reason}); "
            "the embedded networks need no download."
        ) from None
    return Subject(network, preprocess=weights, title=name)


def photograph(name: str = "chelsea") -> Compare:
    """One of scikit-image's photographs, explained for a torchvision network."""
    from . import zoo
    from .widgets.compare import compare

    return compare(imagenet_subject(), zoo.photographs()[name])


def widgets() -> tuple[list[Compare], list[str]]:
    """Every part of the demo that works here, and a sentence for each that does not."""
    made, missing = [], []
    for part in (shape_scenes, handwritten_digits, photograph):
        try:
            made.append(part())
        except (ExplainError, ImportError) as error:
            missing.append(str(error))
    return made, missing
