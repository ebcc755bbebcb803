"""Every variant as its paper writes it: one channel, one place at a time, in double precision."""

import numpy as np
import pytest
import torch
from methods.cam.two_parts import with_mlp_head, with_pooling_head
from networks import noise

from xaiwidgets.core.baselines import normal
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import (
    AblationCam,
    EigenCam,
    GradCam,
    GradCamPlusPlus,
    HiResCam,
    LayerCam,
    RespondCam,
    ScoreCam,
    SmoothGradCamPlusPlus,
    XGradCam,
)
from xaiwidgets.methods.cam.activation_map import enlarge
from xaiwidgets.methods.cam.eigencam import first_component, largest

TARGETS = [3, 1]


@pytest.fixture(params=[with_mlp_head, with_pooling_head], ids=["dense head", "pooling head"])
def network(request):
    return request.param()


@pytest.fixture
def x():
    return noise(2, 3, 6, 8, seed=3, dtype=torch.float64)


def ours(method, network, x):
    """The method's raw maps (batch, h, w), at the layer's own resolution."""
    subject = Subject(network)
    layers = [subject.layers(x)["body"]]
    target = method.aimed(subject.bind(TARGETS, x)) if hasattr(method, "aimed") else None
    return method.raw(subject, x, target, layers)[0][:, 0].numpy()


def theirs(paper, network, x):
    """What a paper's formula of (A, g) makes of every picture."""
    found = []
    for picture, target in zip(x, TARGETS, strict=True):
        maps, slopes = network.maps_and_slopes(picture, target)
        found.append(paper(maps.numpy(), slopes.numpy()))
    return np.stack(found)


def assert_same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
    assert np.abs(expected).max() > 0


def grad_cam(maps, slopes):
    return sum(g.mean() * a for a, g in zip(maps, slopes, strict=True))


def grad_cam_plus_plus(maps, slopes):
    found = 0
    for a, g in zip(maps, slopes, strict=True):
        weight = 0
        for i, j in np.ndindex(a.shape):
            if g[i, j]:
                alpha = g[i, j] ** 2 / (2 * g[i, j] ** 2 + a.sum() * g[i, j] ** 3)
                weight += alpha * max(g[i, j], 0)
        found = found + weight * a
    return found


def xgrad_cam(maps, slopes):
    found = 0
    for a, g in zip(maps, slopes, strict=True):
        if a.sum():
            found = found + sum(a[p] / a.sum() * g[p] for p in np.ndindex(a.shape)) * a
    return found


def hires_cam(maps, slopes):
    return sum(g * a for a, g in zip(maps, slopes, strict=True))


def layer_cam(maps, slopes):
    return sum(np.maximum(g, 0) * a for a, g in zip(maps, slopes, strict=True))


@pytest.mark.parametrize(
    ("method", "paper"),
    [
        (GradCam, grad_cam), (GradCamPlusPlus, grad_cam_plus_plus), (XGradCam, xgrad_cam),
        (HiResCam, hires_cam), (LayerCam, layer_cam),
    ],
    ids=lambda v: v.__name__,
)  # fmt: skip
def test_one_pass_methods_are_their_papers_formulas(method, paper, network, x):
    raw = theirs(paper, network, x)
    assert_same(ours(method(relu=False), network, x), raw)
    assert_same(ours(method(relu=True), network, x), np.maximum(raw, 0))
    turned = theirs(lambda maps, slopes: paper(maps, -slopes), network, x)
    assert_same(ours(method(relu=False, speaks="against"), network, x), turned)


def test_smooth_grad_cam_plus_plus_takes_means_of_the_derivatives_powers(network, x):
    method = SmoothGradCamPlusPlus(samples=5, noise=0.3, seed=2, relu=False)
    expected = []
    for picture, target in zip(x, TARGETS, strict=True):
        sigma = 0.3 * (picture.max() - picture.min())
        copies = [picture + sigma * normal(picture, 2, i) for i in range(5)]
        g = np.stack([network.maps_and_slopes(c, target)[1].numpy() for c in copies])
        d1, d2, d3 = g.mean(0), (g**2).mean(0), (g**3).mean(0)
        maps, found = network.maps_and_slopes(picture, target)[0].numpy(), 0
        for k, a in enumerate(maps):
            under = 2 * d2[k] + a.sum() * d3[k]
            alpha = np.divide(d2[k], under, out=np.zeros_like(a), where=under != 0)
            found = found + (alpha * np.maximum(d1[k], 0)).sum() * a
        expected.append(found)
    assert_same(ours(method, network, x), np.stack(expected))


def test_score_cam_weighs_by_the_softmax_of_masked_scores(network, x):
    expected = []
    for picture, target in zip(x, TARGETS, strict=True):
        maps = network.maps_and_slopes(picture, target)[0]
        scores = []
        for a in maps:
            mask = enlarge(a[None, None], picture[None])[0, 0]
            span = mask.max() - mask.min()
            mask = (mask - mask.min()) / span if span else mask * 0
            scores.append(float(network((picture * mask)[None])[0, target]))
        weights = np.exp(scores) / np.exp(scores).sum()
        expected.append(sum(w * a.numpy() for w, a in zip(weights, maps, strict=True)))
    assert_same(ours(ScoreCam(relu=False), network, x), np.stack(expected))


def test_ablation_cam_weighs_by_the_fall_of_the_score_without_a_channel(network, x):
    expected = []
    for picture, target in zip(x, TARGETS, strict=True):
        maps = network.maps_and_slopes(picture, target)[0]
        whole, found = network.score(maps, target), 0
        for k, a in enumerate(maps):
            without = maps.clone()
            without[k] = 0
            found = found + (whole - network.score(without, target)) / abs(whole) * a.numpy()
        expected.append(found)
    assert_same(ours(AblationCam(relu=False), network, x), np.stack(expected))


def test_eigen_cam_is_the_first_component_with_its_sign_settled(network, x):
    for centred in (False, True):
        expected = []
        for picture in x:
            maps = network.body(picture[None])[0].numpy()
            rows = maps.reshape(len(maps), -1).T
            rows = rows - rows.mean(0) if centred else rows
            first = np.linalg.svd(rows)[2][0]
            found = rows @ first
            sign = found[np.abs(found).argmax()] if centred else found.sum()
            expected.append((found * np.sign(sign)).reshape(maps.shape[1:]))
        assert_same(ours(EigenCam(centred=centred), network, x), np.stack(expected))


def by_svd(maps, centred):
    rows = maps.flatten(2).mT
    rows = rows - rows.mean(1, keepdim=True) if centred else rows
    u, size, _ = torch.linalg.svd(rows, full_matrices=False)
    return u[..., 0] * size[..., :1], size


@pytest.mark.parametrize("shape", [(3, 40, 4, 5), (3, 6, 9, 11)], ids=["channels", "places"])
@pytest.mark.parametrize("centred", [False, True])
def test_the_first_component_is_that_of_a_singular_value_decomposition(shape, centred):
    maps = noise(*shape, seed=4, dtype=torch.float64)
    found, (expected, _) = first_component(maps, centred).flatten(1), by_svd(maps, centred)
    for one, other in zip(found, expected, strict=True):
        other = other * torch.sign(one @ other)
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11 * float(other.abs().max()))
        assert (one[one.abs().argmax()] if centred else one.sum()) > 0


def test_where_two_components_are_as_good_as_equal_one_of_them_is_found():
    spread = torch.linalg.qr(noise(20, 20, dtype=torch.float64))[0]
    sizes = torch.tensor([1.0, 1.0 - 1e-7, 0.1], dtype=torch.float64)
    gram = spread[:, :3] @ torch.diag(sizes**2) @ spread[:, :3].T
    strength, v = largest(gram[None])
    assert float(strength[0]) == pytest.approx(1, rel=1e-12)
    assert float((gram @ v[0] - strength[0] * v[0]).norm()) <= 1e-13


def test_maps_of_nothing_have_no_component():
    assert first_component(torch.zeros(2, 3, 4, 4), False).abs().max() == 0
    assert first_component(torch.ones(2, 3, 4, 4), True).abs().max() == 0


def test_respond_cam_adds_up_to_the_score_where_grad_cam_does_not():
    network = with_mlp_head()
    network.head[1].bias.zero_(), network.head[3].bias.zero_()
    network.head[2] = torch.nn.ReLU()
    x = noise(2, 3, 6, 8, seed=3, dtype=torch.float64)
    scores = network(x)[torch.arange(2), torch.tensor(TARGETS)].numpy()
    method = RespondCam(layer="body")
    found = method.attribute(Subject(network), x, Subject(network).bind(TARGETS, x))
    assert found.numbers["sum-to-score gap at body"] < 1e-13
    subject = Subject(network)
    maps = XGradCam(relu=False).raw(
        subject, x, subject.bind(TARGETS, x), [subject.layers(x)["body"]]
    )
    np.testing.assert_allclose(maps[0].sum((1, 2, 3)), scores, rtol=1e-12)
    assert np.abs(ours(GradCam(relu=False), network, x).sum((1, 2)) / scores - 1).max() > 0.1


def test_respond_cam_warns_where_more_than_half_of_the_score_is_elsewhere():
    network, x = with_mlp_head(), noise(2, 3, 6, 8, seed=3, dtype=torch.float64)
    network.head[1].bias.zero_(), network.head[3].bias.zero_()
    network.head[2] = torch.nn.ReLU()
    answer = RespondCam(layer="body")(network, x, TARGETS)
    assert "adds up to the score, but for below 0.01 % of it." in answer.facts[0]
    assert answer.warnings == []
    network.head[3].bias.add_(100)
    answer = RespondCam(layer="body")(network, x, TARGETS)
    assert "adds up to the score, but for 100 % of it." in answer.facts[0]
    assert "misses 100 % of the score" in answer.warnings[0]
    assert RespondCam(layer="body", relu=True)(network, x, TARGETS).warnings == []


def test_respond_cam_weighs_volumes_by_the_same_formula():
    maps, slopes = (noise(2, 3, 4, 5, 6, seed=s, dtype=torch.float64).abs() for s in (1, 2))
    found = XGradCam.formula(maps, slopes)
    for n in range(2):
        by_hand = 0
        for a, g in zip(maps[n].numpy(), slopes[n].numpy(), strict=True):
            by_hand = by_hand + (a * g).sum() / a.sum() * a
        np.testing.assert_allclose(found[n], by_hand, rtol=1e-12)
    np.testing.assert_allclose(found.sum((1, 2, 3)), (maps * slopes).sum((1, 2, 3, 4)), rtol=1e-12)


@pytest.mark.parametrize("method", [ScoreCam, AblationCam], ids=lambda m: m.__name__)
def test_fewer_channels_are_those_that_vary_most(method, x):
    network = with_pooling_head(channels=5)
    few = ours(method(channels=2, relu=False), network, x)
    for i, picture in enumerate(x):
        spread = network.body(picture[None])[0].flatten(1).var(1)
        kept = spread.topk(2).indices
        other = with_pooling_head(channels=5)
        own = ours(method(relu=False), other, x)[i]
        assert few[i].shape == own.shape
        maps = network.body(picture[None])[0][kept].flatten(1).numpy()
        left = np.linalg.lstsq(maps.T, few[i].ravel(), rcond=None)[0]
        np.testing.assert_allclose(left @ maps, few[i].ravel(), atol=1e-12)
        assert np.abs(own - few[i]).max() > 0


def test_a_network_that_joins_early_and_late_is_ablated_on_whole_passes(x):
    class Joined(torch.nn.Module):
        """What comes before the layer comes again behind it, so that rows cannot share it."""

        def __init__(self):
            super().__init__()
            self.parts = with_pooling_head()
            self.last = torch.nn.Linear(3 + 4, 4).double()

        def forward(self, x):
            return self.last(torch.cat([x.mean((2, 3)), self.parts(x)], 1))

    network = Joined().eval().requires_grad_(False)
    subject = Subject(network)
    layer, target = subject.layers(x)["parts.body"], subject.bind(TARGETS, x)
    found = AblationCam(relu=False).raw(subject, x, target, [layer])[0][:, 0]
    for i, aim in enumerate(TARGETS):
        maps, mean = network.parts.body(x[i : i + 1]), x[i : i + 1].mean((2, 3))

        def score(maps, mean=mean, aim=aim):
            return network.last(torch.cat([mean, network.parts.head(maps)], 1))[0, aim]

        whole, expected = score(maps), 0
        for k in range(5):
            without = maps.clone()
            without[:, k] = 0
            expected = expected + (whole - score(without)) / whole.abs() * maps[0, k]
        torch.testing.assert_close(found[i], expected, rtol=1e-12, atol=1e-14)
