"""A copy made ready for many passes gives the same scores, and leaves the network alone."""

import copy

import pytest
import torch
import torch.nn.functional as F
from conftest import network_of
from networks import ResidualNetwork, lived_in, noise, seeded
from state import State
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core import folding
from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.evaluation import Case
from xaiwidgets.core.layout import PlanesConvolution
from xaiwidgets.core.method import Attribution
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import LIME, RISE, GradCam, Occlusion, Saliency, ScoreCam


def norms(network):
    return sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_every_normalisation_behind_a_convolution_is_folded(dtype):
    network, x = copy.deepcopy(network_of("resnet18")).to(dtype), noise(3, 3, 48, 48, dtype=dtype)
    state, subject = State(network), Subject(network)
    quick = subject.quick(x)
    assert norms(network) == 20
    assert norms(quick.model) == 0
    plain, other = subject.outputs(x), quick.outputs(x)
    near = 1e-5 if dtype == torch.float32 else 1e-13
    assert float((plain - other).abs().max() / plain.abs().max()) < near
    state.assert_unchanged()


@pytest.mark.parametrize("name", ["resnet18", "small-cnn"])
def test_layers_of_a_copy_that_is_asked_for_them_say_what_the_networks_own_do(name):
    network = xw.zoo.SmallCNN().eval() if name == "small-cnn" else network_of(name)
    x, subject, state = noise(4, 3, 48, 48), Subject(network), State(network)
    quick = subject.quick(x, layers=True)
    assert quick.model is not network
    names = [layer.name for layer in subject.layers(x)]
    own, other = (layer_outputs(each, x, names)[0] for each in (subject, quick))
    torch.testing.assert_close(other, own, rtol=1e-6, atol=1e-6)
    state.assert_unchanged()


def test_it_is_folded_anew_so_that_changed_numbers_count():
    network, x = seeded(ResidualNetwork), noise(2, 3, 32, 32)
    subject = Subject(network)
    before = subject.quick(x).outputs(x)
    network.layer1[0].bn1.running_mean.data.add_(3.0)  # no version counter sees it
    after = subject.quick(x).outputs(x)
    assert not torch.allclose(before, after, atol=1e-3)
    torch.testing.assert_close(after, network(x).detach(), rtol=1e-4, atol=1e-5)


class Awkward(nn.Module):
    """A convolution read twice, one used twice, and a normalisation that comes first."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.first, self.conv, self.norm = nn.BatchNorm2d(3), nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)
        self.head = nn.Linear(3, 4)
        for norm in (self.first, self.norm):
            norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2)

    def forward(self, x):
        made = self.conv(self.first(x))
        if self.how == "read twice":
            made = self.norm(made) + made
        elif self.how == "used twice":
            made = self.norm(self.norm(made))
        elif self.how == "weight read":
            made = self.norm(made) * self.conv.weight.mean()
        return self.head(made.mean((2, 3)))


@pytest.mark.parametrize("how", ["read twice", "used twice", "weight read", "norm first"])
def test_what_cannot_be_folded_stays_as_it_is(how):
    network = seeded(lambda: Awkward(how))
    subject = Subject(network)
    assert subject.quick(noise(2, 3, 16, 16)) is subject


def test_a_network_that_somebody_watches_is_asked_itself():
    network, x = seeded(ResidualNetwork), noise(2, 3, 32, 32)
    subject = Subject(network)
    assert subject.quick(x) is not subject
    handle = network.layer1[0].bn1.register_forward_hook(lambda *_: None)
    assert subject.quick(x) is subject
    handle.remove()
    assert subject.quick(x) is not subject
    assert Subject(network.to(torch.bfloat16)).quick(x.bfloat16()).model is network


def test_no_more_rows_than_a_batch_are_asked_of_the_network_itself(monkeypatch):
    def batch_size(self, x, *, backward=True):
        return 4 if backward else 8

    monkeypatch.setattr(Subject, "batch_size", batch_size)
    subject, x = Subject(seeded(ResidualNetwork)), noise(2, 3, 32, 32)
    assert subject.quick(x, 8) is subject
    assert subject.quick(x, 9) is not subject
    assert subject.quick(x, 4, backward=True) is subject
    assert subject.quick(x, 5, backward=True) is not subject


def test_a_network_that_cannot_be_copied_is_asked_itself():
    network = seeded(ResidualNetwork)
    network.kept = torch.ones(3, requires_grad=True) * 2  # torch copies no tensor with a history
    subject, x = Subject(network), noise(2, 3, 32, 32)
    subject.prepare(x)
    assert subject.quick(x) is subject


class Keeping(nn.Module):
    """A network that keeps the map of its last pass, as hand-written Grad-CAMs do."""

    def __init__(self):
        super().__init__()
        self.conv, self.after, self.head = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3), nn.Linear(8, 3)

    def forward(self, x):
        self.kept = F.relu(self.conv(x))
        return self.head(F.relu(self.after(self.kept)).mean((2, 3)))


def test_a_network_that_keeps_its_last_map_is_asked_itself_once_a_gradient_hangs_on_that():
    subject, x = Subject(seeded(Keeping)), noise(1, 3, 16, 16)
    before = RISE(samples=300)(subject, x, 1).values
    assert subject.quick(x) is not subject
    Saliency()(subject, x, 1)
    assert subject.quick(x) is subject
    assert torch.allclose(RISE(samples=300)(subject, x, 1).values, before, atol=1e-5)


def test_filters_are_put_in_order_where_channels_come_last_also_without_a_normalisation():
    network, x = copy.deepcopy(network_of("modules")), noise(2, 3, 32, 32)
    subject = Subject(network)
    subject._channels_last[3, 32, 32] = 1.0
    quick = subject.quick(x)
    assert quick.model[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert network[0].weight.is_contiguous()
    assert quick.model[7].weight is network[7].weight
    torch.testing.assert_close(quick.outputs(x), subject.outputs(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "method",
    [RISE(samples=32), Occlusion(), LIME(samples=32, segments=9), ScoreCam(relu=False)],
    ids=lambda method: type(method).__name__,
)
def test_methods_that_ask_for_many_scores_give_the_same_maps(method, monkeypatch):
    network, x = seeded(ResidualNetwork).double(), noise(2, 3, 32, 32, dtype=torch.float64)
    found = method(network, x, [0, 1]).values
    monkeypatch.setattr(Subject, "quick", lambda self, x: self)
    torch.testing.assert_close(method(network, x, [0, 1]).values, found, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", [LIME, xw.KernelShap, xw.ShapleySampling, xw.FeatureAblation])
def test_one_copy_is_asked_about_all_inputs_of_an_answer(method, monkeypatch):
    subject, x, made = Subject(seeded(ResidualNetwork)), noise(3, 3, 32, 32), []
    subject.quick(x)  # the first is planned with some more
    ready = folding.ready
    monkeypatch.setattr(folding, "ready", lambda *given: made.append(1) or ready(*given))
    settings = {"samples": 16} if "samples" in method.knobs else {}
    method(segments=4, **settings)(subject, x, 1)
    assert len(made) == 1


def test_layers_are_the_networks_own_where_a_copy_is_asked_first():
    network, x = seeded(ResidualNetwork), noise(2, 3, 32, 32)
    subject = Subject(network)
    subject.quick(x).batch_size(x)
    assert [*subject.layers(x)] == [*Subject(network).layers(x)]


FROM_OUTSIDE = [m for m in xw.declared(Attribution) if not m.looks_inside]


@pytest.mark.parametrize("method", FROM_OUTSIDE, ids=lambda m: m.__name__)
def test_a_copy_stands_in_where_nothing_looks_inside(method):
    network, x = copy.deepcopy(seeded(ResidualNetwork)).double(), noise(2, 3, 32, 32).double()
    subject = Subject(network)
    case = Case(subject, x, subject.bind(1, x), method())
    stand_in = case.asked_for(100)
    assert norms(stand_in.model) == 0
    values = case.explain(x, subject=stand_in)
    torch.testing.assert_close(values, case.values, rtol=1e-7, atol=1e-12)


def test_what_looks_inside_keeps_its_network():
    subject, x = Subject(seeded(ResidualNetwork)), noise(2, 3, 32, 32)
    assert Case(subject, x, subject.bind(1, x), GradCam()).asked_for(100) is subject


def test_what_came_as_values_cannot_be_asked_for_more():
    subject, x = Subject(seeded(ResidualNetwork)), noise(2, 3, 32, 32)
    with pytest.raises(ExplainError, match="explains anew"):
        Case(subject, x, subject.bind(1, x), x).asked_for(100)


class Deep(nn.Module):
    """Many filters where few pixels are left."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64)
        self.deep, self.after = nn.Conv2d(64, 96, 3, padding=1), nn.BatchNorm2d(96)
        self.head = nn.Linear(96, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm(self.first(x))), 16)
        return self.head(F.relu(self.after(self.deep(x))).mean((2, 3)))


@pytest.mark.parametrize("backward", [False, True])
def test_many_filters_for_few_pixels_work_in_planes(backward):
    network = lived_in(seeded(Deep))
    subject = Subject(network)
    x = subject.prepare(noise(40, 3, 32, 32)).x
    subject._channels_last[3, 32, 32] = 1.0
    quick = subject.quick(x, backward=backward)
    assert type(quick.model.deep) is PlanesConvolution
    assert quick.model.first.weight.is_contiguous(memory_format=torch.channels_last)
    for count in (1, 20, 40):
        own, ours = (
            each.gradient_and_score(x[:count], each.bind(1, x[:count])) for each in (subject, quick)
        )
        for a, b in zip(own, ours, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
    assert type(network.deep) is nn.Conv2d
