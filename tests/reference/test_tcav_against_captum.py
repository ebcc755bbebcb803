"""The same scores as Captum's TCAV, given the same classifier on the same split."""

import numpy as np
import pytest
import torch
from captum.concept import TCAV, Classifier, Concept
from methods.concepts.stripes import plain, small_network, striped
from sklearn.linear_model import SGDClassifier

import xaiwidgets as xw
from xaiwidgets.methods.concepts.space import split

COUNT, SEED = 12, 4


class OnOurSplit(Classifier):
    """scikit-learn's SVM on the examples that we learn from, in our order."""

    def __init__(self):
        self.model = None

    def train_and_eval(self, dataloader, **_):
        batches = list(dataloader)
        A, labels = (torch.cat([batch[i] for batch in batches]).numpy() for i in (0, 1))
        first, second = (
            split(np.random.default_rng(SEED).permutation(np.flatnonzero(labels == label)), SEED)
            for label in (labels[0], labels[-1])
        )
        rows = np.r_[first[0], second[0]]
        self.labels = [int(labels[0]), int(labels[-1])]
        y = np.repeat([1.0, -1.0], [len(first[0]), len(second[0])])
        self.model = SGDClassifier(alpha=0.01, max_iter=1000, tol=1e-3, random_state=SEED)
        self.model.fit(A[rows].astype(float), y)
        right = [
            self.model.score(A[held], [sign] * len(held))
            for (_, held), sign in ((first, 1), (second, -1))
        ]
        return {"accs": torch.tensor(np.mean(right))}

    def weights(self):
        v = torch.tensor(self.model.coef_[0])
        return torch.stack([v, -v])

    def classes(self):
        return self.labels


@pytest.mark.parametrize("layer", ["relu2", "conv4"])
def test_shares_magnitudes_and_accuracies(layer, tmp_path):
    network, x = small_network(), plain(9, 4)
    concept, sets = striped(COUNT, 1, 0.5), [plain(COUNT, 20 + i) for i in range(6)]
    ours = xw.TCAV(classifier="linear SVM", pooling="none", size=COUNT, seed=SEED)(
        network, x, 1, concepts={"stripes": concept}, random=sets, layers=layer
    ).entry("stripes")

    every = [Concept(i, f"set {i}", [part]) for i, part in enumerate([concept, *sets])]
    pairs = [[every[0], negative] for negative in every[1::2]]
    reference = TCAV(network, [layer], classifier=OnOurSplit(), save_path=str(tmp_path))
    found = reference.interpret(x, pairs, target=1)
    shares, lengths, magnitudes, accuracies = [], [], [], []
    for key in (f"0-{negative.id}" for _, negative in pairs):
        scores, stats = found[key][layer], reference.cavs[key][layer].stats
        shares.append(float(scores["sign_count"][0]))
        lengths.append(float(stats["weights"][0].norm()))
        magnitudes.append(float(scores["magnitude"][0]))
        accuracies.append(float(stats["accs"]))
    assert ours.direction.shares == pytest.approx(shares)
    assert ours.direction.accuracies == pytest.approx(accuracies)
    mean = np.divide(magnitudes, lengths).mean()
    assert ours.magnitude * ours.agreement == pytest.approx(mean, rel=1e-4)
    assert 0 < ours.accuracy < 1 or layer == "relu2"
