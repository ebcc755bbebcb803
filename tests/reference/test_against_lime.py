"""LIME against the paper's own package, on the same segments and the same copies."""

import numpy as np
import pytest
import torch

from xaiwidgets import zoo
from xaiwidgets.methods import LIME
from xaiwidgets.methods.perturbation.segments import superpixels

lime_image = pytest.importorskip("lime.lime_image")
COPIES, LABEL = 200, 2


def theirs(subject, picture, labels, seed):
    """Their explanation: weights by segment, R², and which segments were on in each copy."""
    mean, std = (np.array(part) for part in (subject.preprocessing.mean, subject.preprocessing.std))

    def ask(pictures):
        x = ((np.stack(pictures) - mean) / std).transpose(0, 3, 1, 2).astype(np.float32)
        return subject.outputs(torch.from_numpy(x)).softmax(1).double().numpy()

    explainer = lime_image.LimeImageExplainer(random_state=seed)
    found = explainer.explain_instance(
        picture / 255, ask, labels=(LABEL,), top_labels=None, num_features=100_000,
        num_samples=COPIES, segmentation_fn=lambda _: labels,
    )  # fmt: skip
    count, draw = labels.max() + 1, np.random.RandomState(seed)
    draw.randint(0, high=1000)  # a seed for their segmentation
    on = draw.randint(0, 2, COPIES * count).reshape(COPIES, count)
    on[0] = 1
    return dict(found.local_exp[LABEL]), found.score, on


@pytest.mark.parametrize("seed", [0, 1])
def test_it_gives_the_weights_and_the_fit_of_the_papers_package(seed, monkeypatch):
    subject = zoo.subject("shapes")
    picture = np.asarray(zoo.ShapeScenes(3, size=96, seed=11)[seed].image)
    labels = superpixels(picture, 20, 10.0).numpy()
    weights, r2, on = theirs(subject, picture, labels, seed)

    monkeypatch.setattr(LIME, "copies", lambda self, players: torch.from_numpy(on).bool())
    found = LIME(samples=COPIES, segments=20)(
        subject, picture, lambda outputs: outputs.softmax(1)[:, LABEL]
    )
    ours = [float(found.values[0, 0][labels == i].mean()) for i in range(len(weights))]
    expected = np.array([weights[i] for i in range(len(weights))])
    np.testing.assert_allclose(ours, expected, atol=1e-4 * np.abs(expected).max())
    assert found.numbers["r2"] == pytest.approx(r2, abs=1e-4)
