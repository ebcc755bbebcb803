"""Any layer or several; tokens are folded; what speaks against the target; boxes."""

import pytest
import torch
from conftest import inputs_for, network_of
from networks import CLASSES, noise, seeded
from torch import nn

from xaiwidgets.core.declare import declared
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import AblationCam, GradCam, GradCamPlusPlus, GuidedGradCam, LayerCam
from xaiwidgets.methods.cam.activation_map import ActivationMap, GradientMap, enlarge

FAMILY = [m for m in declared(ActivationMap) if m.__module__.startswith("xaiwidgets.")]


def light(method, **settings):
    few = {"channels": 3, "samples": 2}
    return method(**{k: v for k, v in few.items() if k in method.knobs}, **settings)


@pytest.mark.parametrize("method", FAMILY, ids=lambda m: m.__name__)
def test_several_layers_are_averaged_each_by_its_own_largest_value(method):
    network, x = network_of("modules"), inputs_for("modules")
    subject, names = Subject(network), ("1", "4")
    target, chosen = subject.bind(1, x), [subject.layers(x)[name] for name in names]
    both = light(method, layer="1, 4 ,1")(subject, x, 1)
    assert [fact.split(",")[0] for fact in both.facts[:2]] == ["Layer 1", "Layer 4"]
    each = [enlarge(light(method).raw(subject, x, target, [one])[0], x) for one in chosen]
    small = [light(method).raw(subject, x, target, [one])[0] for one in chosen]
    sizes = [maps.abs().amax((2, 3), keepdim=True).clamp_min(1e-30) for maps in small]
    expected = sum(maps / size for maps, size in zip(each, sizes, strict=True)) / 2
    torch.testing.assert_close(both.values, expected, rtol=1e-4, atol=1e-5)


def swin(kind):
    if kind == "torchvision":
        from torchvision.models import SwinTransformer

        return SwinTransformer([4, 4], 8, [1, 1, 2], [2, 2, 2], [4, 4], num_classes=CLASSES)
    if kind == "timm":
        import timm

        settings = {"img_size": 64, "window_size": 4, "embed_dim": 8, "depths": (1, 1, 2)}
        return timm.models.swin_transformer.SwinTransformer(
            **settings, num_heads=(2, 2, 2), num_classes=CLASSES
        )
    from transformers import SwinConfig, SwinForImageClassification

    return SwinForImageClassification(
        SwinConfig(
            image_size=64, embed_dim=8, depths=[1, 1, 2], num_heads=[2, 2, 2], window_size=4,
            num_labels=CLASSES, initializer_range=0.3,
        )
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["torchvision", "timm", "transformers"])
def test_the_tokens_of_a_swin_transformer_are_folded_at_every_stage(kind):
    network, x = seeded(lambda: swin(kind)), noise(1, 3, 64, 64)
    grids = {layer.grid for layer in Subject(network).layers(x).maps}
    assert {(16, 16), (8, 8), (4, 4)} <= grids
    for method in (GradCam(relu=False), AblationCam(channels=2, relu=False)):
        answer = method(network, x, 1)
        assert "a map of 4×4" in answer.facts[0]
        assert answer.values.abs().max() > 0


def test_merged_tokens_lie_as_the_patches_do_in_the_picture():
    class Merging(nn.Module):
        """Patches of 4, merged two by two; the score reads the merged patch in row 0, column 2."""

        def __init__(self) -> None:
            super().__init__()
            self.patches, self.merged = nn.Conv2d(1, 1, 4, 4, bias=False), nn.Identity()

        def forward(self, x):
            tokens = nn.functional.avg_pool2d(self.patches(x), 2).flatten(2).transpose(1, 2)
            return self.merged(tokens)[:, 2]

    network = seeded(Merging)
    nn.init.ones_(network.patches.weight)
    x = torch.zeros(1, 1, 24, 32)
    x[0, 0, :8, 16:24] = 1.0
    answer = GradCam(layer="merged")(network, x, 0)
    assert answer.facts == ["Layer merged, a map of 3×4."]
    top, left = divmod(int(answer.values[0, 0].argmax()), 32)
    assert top < 8
    assert 16 <= left < 24


def test_what_speaks_against_the_target_is_the_map_of_the_negated_score():
    network, x = network_of("functional"), inputs_for("functional")
    against = GradCam(speaks="against", relu=False)(network, x, 1)
    assert torch.equal(against.values, -GradCam(relu=False)(network, x, 1).values)
    by_hand = GradCam()(network, x, target=lambda outputs: -outputs[:, 1])
    torch.testing.assert_close(GradCam(speaks="against")(network, x, 1).values, by_hand.values)
    other = GradCamPlusPlus(speaks="against", relu=False)(network, x, 1)
    assert not torch.allclose(other.values, -GradCamPlusPlus(relu=False)(network, x, 1).values)


@pytest.mark.parametrize("region", GuidedGradCam.knobs["region"].choices)
def test_guided_grad_cam_keeps_lines_in_any_of_the_regions(region):
    network, x = network_of("functional"), inputs_for("functional")
    method = next(m for m in declared(GradientMap) if m.title == region)
    found = GuidedGradCam(region=region)(network, x, 1).values
    outside = (method(relu=True)(network, x, 1).values <= 0).expand_as(found)
    assert outside.any()
    assert (found[outside] == 0).all()
    assert found.abs().max() > 0


def test_the_box_goes_around_the_main_patch_of_what_reaches_a_fifth_of_the_maximum():
    answer = LayerCam()(network_of("functional"), inputs_for("functional"), 1)
    answer.values = torch.zeros(2, 1, 20, 20)
    answer.values[0, 0, 3:9, 4:14] = 0.3
    answer.values[0, 0, 5, 5] = 1.0
    answer.values[0, 0, 15:18, 2] = 0.9
    answer.values[1] = -1
    assert answer.boxes() == [(3, 4, 9, 14), None]
    assert answer.boxes(0.5) == [(15, 2, 18, 3), None]
    with pytest.raises(ExplainError, match="fraction is 0; it takes a share"):
        answer.boxes(0)


def test_a_name_that_is_not_there_is_refused_also_among_several():
    with pytest.raises(ExplainError, match=r"No layer is called 'layer9'"):
        GradCam(layer="layer2,layer9")(network_of("resnet18"), inputs_for("resnet18"), 1)
