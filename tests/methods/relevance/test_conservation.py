"""Relevance adds up to the score: LRP-0 on sixteen architectures whose biases are off, and LRP-ε on
the same with biases, where the report says what these and the stabiliser took."""

import functools

import pytest
import torch
from golden import transformers_in_miniature as miniature
from networks import CLASSES, noise, seeded
from torch import nn
from torchvision import models

import xaiwidgets as xw
import xaiwidgets.zoo as zoo
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.relevance.lrp import relevance
from xaiwidgets.methods.relevance.presets import preset_table


def swin():
    return models.SwinTransformer(
        patch_size=[4, 4], embed_dim=12, depths=[2, 2], num_heads=[1, 2], window_size=[4, 4],
        num_classes=CLASSES,
    )  # fmt: skip


def vit():
    return models.VisionTransformer(
        image_size=64, patch_size=16, num_layers=3, num_heads=2, hidden_dim=16, mlp_dim=32,
        num_classes=CLASSES,
    )  # fmt: skip


def maxvit():
    return models.MaxVit(
        input_size=(64, 64), stem_channels=8, partition_size=4, block_channels=[8, 16],
        block_layers=[1, 2], head_dim=4, stochastic_depth_prob=0.1, num_classes=CLASSES,
    )  # fmt: skip


def convnext():
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt

    return ConvNeXt([CNBlockConfig(8, 16, 2), CNBlockConfig(16, None, 2)], num_classes=CLASSES)


def googlenet():
    return models.googlenet(num_classes=CLASSES, aux_logits=False, init_weights=False)


def inception():
    return models.inception_v3(num_classes=CLASSES, aux_logits=False, init_weights=False)


class FromEmbeddings(nn.Module):
    """A language model that takes (batch, 1, tokens, width) in place of words."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        logits = self.model(inputs_embeds=x[:, 0]).logits
        return logits if logits.ndim == 2 else logits[:, -1]


def of_words(name):
    return lambda: FromEmbeddings(miniature.MODELS[name]())


def from_torchvision(name):
    return lambda: getattr(models, name)(num_classes=CLASSES)


PICTURE, TEXT = (3, 64, 64), (1, miniature.TOKENS, miniature.WIDTH)
ZOO = {
    f"zoo: {name}": (functools.partial(zoo.load, name), (1 if name == "digits" else 3, 64, 64))
    for name in zoo.names()
}
ARCHITECTURES = {
    "VGG": (from_torchvision("vgg11_bn"), PICTURE),
    "ResNet": (from_torchvision("resnet50"), PICTURE),
    "ResNeXt": (from_torchvision("resnext50_32x4d"), PICTURE),
    "DenseNet": (from_torchvision("densenet121"), PICTURE),
    "MobileNetV2": (from_torchvision("mobilenet_v2"), PICTURE),
    "MobileNetV3": (from_torchvision("mobilenet_v3_small"), PICTURE),
    "EfficientNet": (from_torchvision("efficientnet_b0"), PICTURE),
    "ConvNeXt": (convnext, PICTURE),
    "ShuffleNet": (from_torchvision("shufflenet_v2_x0_5"), PICTURE),
    "GoogLeNet": (googlenet, PICTURE),
    "Inception": (inception, (3, 96, 96)),
    "ViT": (vit, PICTURE),
    "Swin": (swin, PICTURE),
    "MaxViT": (maxvit, PICTURE),
    "BERT": (of_words("bert"), TEXT),
    "GPT-2": (of_words("gpt2"), TEXT),
    "Llama": (of_words("llama"), TEXT),
    **ZOO,
}
LIGHT = ("ConvNeXt", "ShuffleNet", "ViT", "Swin", "BERT", "GPT-2", "Llama", *ZOO)
CONSTANT = (
    "bias", "position_emb", "pos_embedding", "class_token", "wpe", "token_type", "running_mean",
)  # fmt: skip


def prepared(network, shape, constants):
    """The network in doubles, with signals of size one. What scores without being asked by the
    input (biases, positions, means) is noise of this size, or 0."""
    network = network.double()
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
    with torch.no_grad():
        for name, tensor in [*network.named_parameters(), *network.named_buffers()]:
            if "layer_scale" in name or name.startswith("heads"):
                tensor.normal_(1.0, 0.3)
            constant = any(word in name for word in CONSTANT) and "_table" not in name
            if constant and tensor.is_floating_point():
                tensor.normal_(0.0, constants) if constants else tensor.zero_()
        if norms:
            network.train()(noise(4, *shape, seed=2, dtype=torch.float64))
            for norm in norms if not constants else ():
                norm.running_mean.zero_()
    return network.eval()


every_architecture = pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in LIGHT else pytest.mark.slow) for n in ARCHITECTURES],
)


@every_architecture
def test_relevance_adds_up_to_the_score_where_there_are_no_biases(name):
    make, shape = ARCHITECTURES[name]
    network = seeded(lambda: prepared(make(), shape, 0))
    x = noise(2, *shape, seed=3, dtype=torch.float64)
    subject = Subject(network)
    found = relevance(subject, x, subject.bind(2, x), preset_table("LRP-0"))
    scores = network(x)[:, 2].detach()
    sums = found.values.sum((1, 2, 3))
    assert found.warnings == []
    off = (sums - scores).abs()
    if name == "Llama":  # its norms compute in single precision
        assert float((off / found.values.abs().sum((1, 2, 3))).max()) <= 1e-7
    else:
        assert float((off / scores.abs()).max()) <= 1e-12


@every_architecture
def test_input_biases_and_stabiliser_make_up_the_score_where_there_are_biases(name):
    make, shape = ARCHITECTURES[name]
    network = seeded(lambda: prepared(make(), shape, 0.1))
    x = noise(1, *shape, seed=3, dtype=torch.float64)
    report = xw.LRP(preset="ε", epsilon=1e-4).explain_rules(network, x, 2)
    score = float(network(x)[0, 2].detach())
    nearly = 1e-9 * abs(score)
    if name == "Llama":  # its norms compute in single precision
        nearly = 1e-7 * float(abs(report.map).sum())
    assert report.unknown == []
    assert report.untold == 0
    rest = report.biases + report.stabilisers + report.constants
    assert abs(report.arrived + rest - score) <= nearly
    assert abs(report.arrived) > 1e-3 * abs(score)
    told = {"stabilisers": report.stabilisers}
    if name != "Llama":  # it has no biases
        told["biases"] = report.biases
    for who, took in told.items():
        assert abs(took) > nearly
        assert f"{who} {took:.4g}" in report.summary()
    # with ε the stabiliser is what is left over; without it nothing may be
    report = xw.LRP(preset="LRP-0").explain_rules(network, x, 2)
    assert abs(report.stabilisers) <= nearly
    assert abs(report.arrived + report.biases + report.constants - score) <= nearly
