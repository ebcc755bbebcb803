"""Grad-CAM for networks that give embeddings: weights of the nearest training picture."""

import itertools

import pytest
import torch
from methods.cam.two_parts import with_mlp_head
from networks import noise

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import EmbeddingGradCam, GradCam, Neighbours, likeness
from xaiwidgets.methods.cam.activation_map import enlarge

LABELS = ["a", "b", "a", "b", "a"]


@pytest.fixture
def network():
    return with_mlp_head()


@pytest.fixture
def pictures():
    return noise(5, 3, 6, 8, seed=6, dtype=torch.float64)


def test_weights_are_the_mean_of_grad_cams_over_every_triplet(network, pictures):
    found = Neighbours.of(network, pictures, LABELS, layer="body")
    z = network(pictures)
    for a in range(5):
        each = []
        for p, n in itertools.permutations(range(5), 2):
            if p != a and LABELS[p] == LABELS[a] and LABELS[n] != LABELS[a]:
                maps = network.body(pictures[a : a + 1]).requires_grad_()
                own = network.head(maps)[0]
                nearer = (own - z[n]).square().sum() - (own - z[p]).square().sum()
                each.append(torch.autograd.grad(nearer, maps)[0].mean((0, 2, 3)))
        torch.testing.assert_close(
            found.weights[a], torch.stack(each).mean(0), rtol=1e-10, atol=1e-13
        )


def test_a_picture_is_explained_by_the_weights_of_its_nearest_neighbour(network, pictures):
    neighbours = Neighbours.of(network, pictures, LABELS, layer="body")
    x = pictures[[3, 0]] + 1e-3
    answer = EmbeddingGradCam(neighbours)(network, x)
    assert (answer.provenance.forwards - 2, answer.provenance.backwards) == (2, 0)  # 2 to bind
    for i, who in enumerate((3, 0)):
        maps = torch.einsum("k,khw->hw", neighbours.weights[who], network.body(x)[i])
        expected = enlarge(maps.clamp_min(0)[None, None], x)[0]
        torch.testing.assert_close(answer.values[i], expected.detach(), rtol=1e-12, atol=1e-14)
    assert answer.facts[1].startswith("Input 0: nearest is picture 3 (b), ")


def test_without_neighbours_it_is_grad_cam_of_the_target_and_says_so(network, pictures):
    target = likeness(network, pictures[4])
    answer = EmbeddingGradCam()(network, pictures, target)
    assert torch.equal(answer.values, GradCam()(network, pictures, target).values)
    assert any("No neighbours were given" in warning for warning in answer.warnings)


def test_likeness_is_the_cosine_to_another_pictures_embedding(network, pictures):
    target = likeness(Subject(network), pictures[4])
    z = network(pictures)
    expected = (z @ z[4]) / z.norm(dim=1) / z[4].norm()
    torch.testing.assert_close(target(z), expected)
    assert float(target(z)[4]) == pytest.approx(1)


def test_neighbours_stay_with_copies_and_tell_methods_apart(network, pictures):
    one, other = (Neighbours.of(network, pictures, LABELS) for _ in range(2))
    assert EmbeddingGradCam(one) == EmbeddingGradCam(one).having()
    assert EmbeddingGradCam(one) != EmbeddingGradCam(other)
    assert repr(EmbeddingGradCam(one)) == "EmbeddingGradCam(<neighbours: 5 pictures of 2 kinds>)"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a", "b"], "2 labels came for 5 pictures"),
        (["a", "a", "b", "b", "c"], "'c' has one picture"),
        (["a"] * 5, "there is one label"),
    ],
)
def test_labels_without_triplets_are_refused_in_words(network, pictures, labels, words):
    with pytest.raises(ExplainError, match=words):
        Neighbours.of(network, pictures, labels)


def test_neighbours_of_something_else_are_refused_in_words(network, pictures):
    with pytest.raises(ExplainError, match=r"was given a list; .* Neighbours.of\("):
        EmbeddingGradCam([1, 2])
    elsewhere = Neighbours("body", LABELS, torch.zeros(5, 9), torch.zeros(5, 5))
    with pytest.raises(ExplainError, match="collected from another network"):
        EmbeddingGradCam(elsewhere)(network, pictures)
