import numpy as np
import pytest
import torch
from networks import ModuleNetwork, noise, seeded
from state import State
from torch import nn

from xaiwidgets import zoo
from xaiwidgets.core.errors import Cancelled, ExplainError
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.sanity.data_randomisation import (
    DataRandomisation,
    TrainedPermuted,
    train_permuted,
)
from xaiwidgets.evaluation.similarity import similarity
from xaiwidgets.methods import EdgeDetector, GradCam, IntegratedGradients, Saliency

X = noise(3, 3, 32, 32, seed=2)
OWN, PERMUTED, SECOND = (seeded(ModuleNetwork, seed) for seed in (0, 1, 2))


@pytest.mark.parametrize("name", ["spearman", "signed spearman", "ssim"])
def test_it_is_the_similarity_of_the_two_networks_maps(name):
    test = DataRandomisation(permuted=PERMUTED, second=SECOND, similarity=name)
    found = test(OWN, X, Saliency(), target=2)
    own, theirs, third = (Saliency()(n, X, 2).numpy() for n in (OWN, PERMUTED, SECOND))
    expected, control = similarity(name, own, theirs), similarity(name, own, third)
    assert np.array_equal(found.values, expected)
    assert found.numbers["control"] == pytest.approx(control.mean())
    assert found.numbers["margin"] == pytest.approx((control - expected).mean())
    assert found.better == "lower"
    assert f"{expected.mean():.2f} alike" in found.facts[0]


def test_the_target_is_the_class_that_the_subject_predicts():
    predicted = OWN(X).argmax(1)
    assert (predicted != PERMUTED(X).argmax(1)).any()
    test = DataRandomisation(permuted=PERMUTED, second=SECOND)
    assert np.array_equal(test(OWN, X, Saliency()).values,
                          test(OWN, X, Saliency(), predicted).values)  # fmt: skip


def test_a_map_about_the_picture_alone_has_similarity_1_and_no_margin():
    found = DataRandomisation(permuted=PERMUTED, second=SECOND)(OWN, X, EdgeDetector())
    assert found.values == pytest.approx(1.0)
    assert found.numbers["margin"] == pytest.approx(0.0)
    assert "hardly tells" in found.facts[0]


def test_the_network_against_itself_is_alike_and_the_control_shows_it():
    found = DataRandomisation(permuted=SECOND, second=OWN)(OWN, X, Saliency(), 1)
    assert found.numbers["control"] == pytest.approx(1.0)
    assert found.numbers["margin"] > 0.15
    assert "tells what was learnt" in found.facts[0]


def test_without_a_control_it_warns():
    found = DataRandomisation(permuted=PERMUTED)(OWN, X, Saliency(), 1)
    assert "Without second=" in found.warnings[0]
    assert "control" not in found.numbers


def test_a_constant_map_has_no_similarity():
    def flat(subject, x, target):
        return torch.ones_like(x)

    found = DataRandomisation(permuted=PERMUTED, second=SECOND)(OWN, X, flat, 1)
    assert np.isnan(found.values).all()
    assert any("constant" in warning for warning in found.warnings)


def test_passes_are_those_declared_and_networks_are_left_alone():
    states = [State(network) for network in (OWN, PERMUTED, SECOND)]
    test = DataRandomisation(permuted=PERMUTED, second=SECOND)
    made = test(OWN, X, IntegratedGradients(steps=3), 1).provenance
    assert (made.forwards, made.backwards) == (3 * 5 * 3, 3 * 3 * 3)
    for state in states:
        state.assert_unchanged()


def test_an_input_scores_the_same_alone_and_in_company():
    test = DataRandomisation(permuted=PERMUTED, second=SECOND)
    together = test(OWN, X, Saliency(), [0, 1, 2]).values
    alone = [float(test(OWN, X[i : i + 1], Saliency(), i).values[0]) for i in range(3)]
    assert together == pytest.approx(alone, abs=1e-3)


def test_what_cannot_be_used_is_refused_in_one_sentence():
    for given, words in [
        ({}, "train_permuted"),
        ({"permuted": 3}, "a network or a Subject"),
        ({"permuted": seeded(ModuleNetwork).train()}, "training mode"),
    ]:
        with pytest.raises(ExplainError, match=words):
            DataRandomisation(**given)(OWN, X, Saliency(), 1)
    with pytest.raises(ExplainError, match="explains anew"):
        DataRandomisation(permuted=PERMUTED)(OWN, X, X)


# --- training -------------------------------------------------------------------------------------


def tiny() -> nn.Module:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(48, 64), nn.ReLU(), nn.BatchNorm1d(64), nn.Linear(64, 3)
    )


IMAGES, LABELS = noise(60, 3, 4, 4, seed=5), torch.arange(60) % 3


def test_permuted_labels_are_learnt_by_heart_by_a_copy():
    network = seeded(tiny)
    state, seen = State(network), []
    made = train_permuted(network, IMAGES, LABELS, rate=1e-2, progress=seen.append)
    state.assert_unchanged()
    assert made.accuracy >= 0.99
    assert made.truth < 0.6
    assert made.epochs < 100
    assert sorted(made.labels.tolist()) == sorted(LABELS.tolist())
    assert (made.labels != LABELS).any()
    assert not made.network.training
    assert (made.network(IMAGES).argmax(1) == made.labels).float().mean().item() == made.accuracy
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert "known by heart" in repr(made)


def test_the_same_seed_trains_the_same_network_and_true_labels_are_to_be_had():
    first, again = (
        train_permuted(seeded(tiny, seed), IMAGES, LABELS, epochs=2, seed=7) for seed in (0, 1)
    )
    assert torch.equal(first.network[1].weight, again.network[1].weight)  # nothing is inherited
    true = train_permuted(seeded(tiny), IMAGES, LABELS, rate=1e-2, permute=False)
    assert true.accuracy == true.truth >= 0.99
    built = train_permuted(seeded(tiny), IMAGES, LABELS, epochs=1, build=tiny)
    assert isinstance(built, TrainedPermuted)


def test_training_stops_when_asked():
    token = CancelToken()
    with pytest.raises(Cancelled):
        train_permuted(
            seeded(tiny), IMAGES, LABELS, progress=lambda share: token.cancel(), cancel=token
        )


def test_what_was_trained_is_taken_as_it_is():
    made = train_permuted(OWN, noise(12, 3, 32, 32), torch.arange(12) % 5, epochs=1)
    found = DataRandomisation(permuted=made, second=Subject(SECOND))(OWN, X, Saliency(), 1)
    assert np.isfinite(found.values).all()


# --- the zoo --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_zoo_shows_what_the_paper_found():
    subject = zoo.subject("shapes")
    pictures = [scene.image for scene in zoo.ShapeScenes(12, size=96, seed=77_020)]

    def numbers(method, name="spearman"):
        return DataRandomisation(similarity=name)(subject, pictures, method).numbers

    gradient, cam = numbers(Saliency()), numbers(GradCam())
    assert gradient["permuted"] == pytest.approx(0.48, abs=0.1)
    assert gradient["control"] == pytest.approx(0.72, abs=0.1)
    assert cam["permuted"] == pytest.approx(0.16, abs=0.1)
    assert cam["control"] == pytest.approx(0.88, abs=0.15)
    assert abs(numbers(Saliency(), "signed spearman")["permuted"]) < 0.1
