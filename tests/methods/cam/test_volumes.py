"""Class activation maps of volumes: the same formulas, one dimension more."""

import numpy as np
import pytest
import torch
from networks import noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.declare import declared
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods.cam.activation_map import ActivationMap

FAMILY = [m for m in declared(ActivationMap) if m.__module__.startswith("xaiwidgets.")]
ALL = [*FAMILY, xw.CAM, xw.FullGrad, xw.GuidedGradCam]
FEW = {"channels": 3, "samples": 3}


class Scan(nn.Module):
    """Two convolutions of a volume, pooled between, and a head."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv3d(1, 4, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool3d(2),
            nn.Conv3d(4, 5, 3, padding=1), nn.ReLU(),
        )  # fmt: skip
        self.head = head

    def forward(self, x):
        return self.head(self.body(x))


def averaging():
    return Scan(nn.Sequential(nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(5, 3)))


def without_biases():
    layers = [nn.Linear(5 * 3 * 4 * 5, 9, bias=False), nn.ReLU(), nn.Linear(9, 3, bias=False)]
    return Scan(nn.Sequential(nn.Flatten(), *layers))


def light(method):
    return method(**{"relu": False} if "relu" in method.knobs else {}).having(
        **{k: v for k, v in FEW.items() if k in method.knobs}
    )


@pytest.fixture
def x():
    return noise(2, 1, 6, 8, 10, seed=3)


@pytest.mark.parametrize("method", ALL, ids=lambda m: m.__name__)
def test_every_class_activation_map_takes_volumes(method, x):
    answer = light(method)(xw.VolumeSubject(seeded(averaging)), x, [0, 2])
    assert answer.values.shape == (2, 1, 6, 8, 10)
    assert answer.map().shape == (2, 6, 8, 10)
    assert answer.pictures.shape == (2, 6, 8, 10, 3)
    assert answer.values.abs().max() > 0


@pytest.mark.parametrize("method", FAMILY, ids=lambda m: m.__name__)
def test_a_volume_that_is_the_same_at_every_depth_has_the_map_of_its_picture(method, x):
    flat = seeded(lambda: _pictured(averaging()))
    deep = seeded(averaging)
    for name, parameter in deep.named_parameters():
        own = dict(flat.named_parameters())[name]
        parameter.data = own.data[:, :, None] if own.ndim == 4 else own.data
        if own.ndim == 4:  # one slice of the filter, so that no depth reads another
            whole = torch.zeros(*own.shape[:2], 3, *own.shape[2:])
            whole[:, :, 1] = own.data
            parameter.data = whole
    pictures = x[:, :, 0]
    volumes = pictures[:, :, None].expand(-1, -1, 6, -1, -1).contiguous()
    settings = {"noise": 0.0} if "noise" in method.knobs else {}
    one = light(method).having(**settings)(flat, pictures, 1).values
    many = light(method).having(**settings)(xw.VolumeSubject(deep), volumes, 1).values
    for depth in range(6):
        away = many[:, :, depth] / many.norm() - one / one.norm() / 6**0.5
        assert float(away.abs().max()) < 1e-5


def _pictured(network):
    """The same network for pictures."""
    flat = {nn.Conv3d: nn.Conv2d, nn.MaxPool3d: nn.MaxPool2d}
    body = [
        nn.Conv2d(m.in_channels, m.out_channels, 3, padding=1) if isinstance(m, nn.Conv3d)
        else flat[type(m)](2) if type(m) in flat else m
        for m in network.body
    ]  # fmt: skip
    network.body = nn.Sequential(*body)
    network.head[0] = nn.AdaptiveAvgPool2d(1)
    return network


def test_several_layers_of_a_volume_are_averaged(x):
    subject = xw.VolumeSubject(seeded(averaging))
    early, late = (xw.LayerCam(layer=layer)(subject, x, 1).values for layer in ("body.1", "body.4"))
    both = xw.LayerCam(layer="body.1, body.4")(subject, x, 1).values
    assert both.shape == early.shape
    sizes = [
        xw.LayerCam().raw(subject, x, subject.bind(1, x), [subject.layers(x)[layer]])[0]
        .flatten(1).amax(1).view(-1, 1, 1, 1, 1)
        for layer in ("body.1", "body.4")
    ]  # fmt: skip
    torch.testing.assert_close(both, (early / sizes[0] + late / sizes[1]) / 2)


def test_respond_cam_adds_up_to_the_score_of_a_volume_where_grad_cam_does_not(x):
    network, volume = seeded(without_biases).double(), x.double()
    subject = xw.VolumeSubject(network)
    bound, layer = subject.bind(1, volume), subject.layers(volume)["body"]
    scores = network(volume)[:, 1].detach()
    respond, grad = (
        method(relu=False).raw(subject, volume, bound, [layer])[0].flatten(1).sum(1)
        for method in (xw.RespondCam, xw.GradCam)
    )
    torch.testing.assert_close(respond, scores, rtol=1e-12, atol=1e-14)
    assert float((grad / scores - 1).abs().max()) > 0.05
    found = xw.RespondCam()(subject, volume, 1)
    assert found.facts[0].startswith("Layer body, a map of 3×4×5, which adds up")
    assert max(found.numbers.values()) < 1e-12


def test_the_map_is_bright_where_the_object_is_in_all_three_dimensions():
    network = seeded(averaging)
    for parameter in network.parameters():
        parameter.data.abs_()
    x = torch.zeros(1, 1, 12, 12, 12)
    x[0, 0, 8:12, 0:4, 4:8] = 1
    answer = xw.GradCam()(xw.VolumeSubject(network), x, 0)
    front, top, left, back, bottom, right = answer.boxes(0.6)[0]
    middle = [(front + back) / 2, (top + bottom) / 2, (left + right) / 2]
    assert np.abs(np.array(middle) - (10, 2, 6)).max() <= 1


def test_full_grads_terms_add_up_to_the_score_of_a_volume(x):
    found = xw.FullGrad()(xw.VolumeSubject(seeded(averaging).double()), x.double(), 0)
    assert found.numbers["completeness_gap"] < 1e-12
    assert "biases at 6×8×10" in [frame.label for frame in found.frames]


def test_a_volume_is_drawn_as_slices_on_one_scale(x, tmp_path):
    answer = xw.GradCam(relu=False)(xw.VolumeSubject(seeded(averaging)), x, 1)
    figure = answer.plot(1, slices=3, box=20)
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    assert titles == ["depth 0", "depth 2", "depth 5"]
    ends = {tuple(t.get_text() for t in a.get_xticklabels()) for a in figure.axes[3:]}
    assert len(ends) == 1
    figure.savefig(tmp_path / "slices.png")
    assert answer._repr_mimebundle_()["image/png"]
    loaded = xw.Heatmap.load(answer.save(tmp_path / "answer.safetensors"))
    assert torch.equal(loaded.values, answer.values)
    with pytest.raises(ExplainError, match="slices is 7; this volume takes a number from 1 to 6"):
        answer.plot(slices=7)


def test_what_a_volume_cannot_be_used_for_is_said_in_a_sentence(x):
    network = seeded(averaging)
    subject = xw.VolumeSubject(network)
    with pytest.raises(ExplainError, match=r"VolumeSubject\(model\) takes volumes"):
        xw.GradCam()(network, x)
    with pytest.raises(
        ExplainError, match="takes a picture, a text or a table, and the input is a volume"
    ):
        xw.Occlusion()(subject, x)
    with pytest.raises(ExplainError, match="Masking works on pictures, texts and tables"):
        xw.masking(subject, x)
    with pytest.raises(ExplainError, match=r"it takes \(channels, depth, height, width\)"):
        xw.GradCam()(subject, x[0, 0])
    with pytest.raises(ExplainError, match="it takes a tensor or an array"):
        xw.GradCam()(subject, "scan.nii")
    with pytest.raises(ExplainError, match="different shapes"):
        xw.GradCam()(subject, [x[0], x[0, :, 1:]])
    with pytest.raises(ExplainError, match="give at least one volume"):
        xw.GradCam()(subject, [])


def test_volumes_come_as_tensors_arrays_or_lists(x):
    subject = xw.VolumeSubject(seeded(averaging))
    one = xw.GradCam()(subject, x, 1).values
    for same in (x.numpy(), list(x), [x[:1], x[1].numpy()]):
        assert torch.equal(xw.GradCam()(subject, same, 1).values, one)
    assert xw.GradCam()(subject, x[0], 1).values.shape[0] == 1
