"""The same maps as pytorch-grad-cam 1.5.7, before and after its scaling of every map to 0...1."""

import numpy as np
import pytest
import torch
from networks import noise, seeded
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchvision import models

from xaiwidgets.core.subject import Subject
from xaiwidgets.methods import GradCam
from xaiwidgets.methods.cam.gradcam import grad_cam

# layers whose output nothing overwrites: pytorch-grad-cam keeps the tensor itself, so that behind
# DenseNet's `features` it finds what F.relu(inplace=True) has made of it; ours keeps a copy
ARCHITECTURES = {
    "resnet18": ("layer4", 96),
    "resnet50": ("layer3", 48),
    "vgg11": ("features.19", 48),
    "densenet121": ("features.denseblock3", 64),
    "mobilenet_v3_small": ("features", 96),
}


@pytest.fixture(params=list(ARCHITECTURES))
def case(request):
    layer, side = ARCHITECTURES[request.param]
    network = seeded(lambda: getattr(models, request.param)(num_classes=4)).double()
    return network, layer, noise(1, 3, side, side, seed=8, dtype=torch.float64)


@pytest.mark.slow
def test_maps_are_theirs_before_and_after_scaling(case):
    network, layer, x = case
    module, subject = dict(network.named_modules())[layer], Subject(network)
    compared = 0
    for target in range(3):
        theirs = GradCAM(network, [module])
        scaled = theirs(x.clone(), [ClassifierOutputTarget(target)])[0]
        keeper = theirs.activations_and_grads
        maps, slopes = keeper.activations[0].numpy(), keeper.gradients[0].numpy()
        raw = theirs.get_cam_image(x, module, [target], maps, slopes, False)
        keeper.release()
        network.zero_grad()

        small = grad_cam(subject, x, subject.bind(target, x), subject.layers(x)[layer])
        # float32 inside their hooks
        np.testing.assert_allclose(small[:, 0].numpy(), raw, rtol=1e-4, atol=1e-6 * abs(raw).max())

        ours = GradCam(layer=layer)(subject, x, target).values[0, 0].numpy()
        if ours.max() < 1e-3 * abs(raw).max():
            continue  # nothing speaks for this class; theirs divides rounding by 1e-7
        low, high = ours.min(), ours.max()
        # OpenCV's bilinear weights have eight bits: 1/256
        np.testing.assert_allclose((ours - low) / (high - low), scaled, atol=5e-3)
        compared += 1
    assert compared >= 1
