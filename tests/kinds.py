"""Every kind of input in small: a subject, inputs, and a method that explains them."""

import numpy as np
import texts
from conftest import inputs_for, network_of
from networks import noise, seeded
from tables import cancer, forest, wine, wine_network
from torch import nn

import xaiwidgets as xw


class Solid(nn.Sequential):
    """A network of volumes."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool3d(1), nn.Flatten(),
            nn.Linear(4, 3),
        )  # fmt: skip


def volumes():
    return xw.VolumeSubject(seeded(Solid)), noise(2, 1, 6, 12, 12, seed=3), xw.GradCam()


def rows():
    return wine(), wine_network()[1].data[:2], xw.IntegratedGradients(steps=3)


def forest_rows():
    return cancer(), forest()[1].data[:2], xw.Occlusion()


def sentences():
    subject = xw.TextSubject(texts.bert(), texts.word_tokenizer())
    return subject, ["a splendid film", "a dreadful film"], xw.IntegratedGradients(steps=3)


def pixels():
    def ask(x):
        return np.stack([x.mean((1, 2, 3)), -x.mean((1, 2, 3))], 1)

    return xw.Subject(ask), inputs_for("modules"), xw.Occlusion(patch=16, stride=16)


def pictures():
    return xw.Subject(network_of("modules")), inputs_for("modules"), xw.Saliency()


BESIDES_PICTURES = [pixels, sentences, rows, forest_rows, volumes]
