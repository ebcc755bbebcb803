"""Network dissection written slowly and plainly, with every activation held."""

import numpy as np
import torch
from torch.nn import functional as F

import xaiwidgets as xw
from xaiwidgets.core.activations import layer_outputs
from xaiwidgets.methods.concepts.dissection.annotated import example


def activations(network, data, layer):
    """All of a layer's maps (pictures, units, h, w), and the masks of each picture."""
    subject = xw.Subject.of(network)
    examples = [example(data, i) for i in range(len(data))]
    x = subject.prepare([each.picture for each in examples]).x
    maps = [layer_outputs(subject, part, [layer])[0][layer] for part in x.split(32)]
    return subject.layers(x)[layer].fold(torch.cat(maps)), [each.masks for each in examples]


def netdissect_lite(maps, masks, concepts, quantile):
    """NetDissect-Lite's algorithm: thresholds before, bilinear upsampling, then one unit, picture
    and concept after the other. IoU (units, concepts)."""
    pictures, units = maps.shape[:2]
    size = next(mask.shape for each in masks for mask in each.values())
    threshold = np.quantile(maps.movedim(1, 0).flatten(1).double().numpy(), 1 - quantile, axis=1)
    both, either = np.zeros((units, len(concepts))), np.zeros((units, len(concepts)))
    for i in range(pictures):
        large = F.interpolate(maps[i : i + 1].double(), size, mode="bilinear", align_corners=False)
        for k in range(units):
            active = large[0, k].numpy() > threshold[k]
            for c, name in enumerate(concepts):
                truth = masks[i].get(name, np.zeros(size, bool))
                both[k, c] += (active & truth).sum()
                either[k, c] += (active | truth).sum()
    return both / np.maximum(either, 1), threshold
