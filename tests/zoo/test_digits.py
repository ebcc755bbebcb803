import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

from xaiwidgets import zoo


@pytest.fixture(scope="module")
def data():
    return zoo.digits()


def test_the_digits_are_pictures_of_32_pixels_with_their_labels(data):
    assert data.images.shape == (1797, 32, 32)
    assert data.images.dtype == np.uint8
    assert (data.images.min(), data.images.max()) == (0, 255)
    assert np.array_equal(data.labels, load_digits().target)


def test_the_digits_are_enlarged_as_torch_would_blend_them(data):
    small = torch.from_numpy(load_digits().images)[:, None] * 255 / 16
    blended = F.interpolate(small, size=(32, 32), mode="bilinear", align_corners=False)[:, 0]
    assert np.abs(blended.numpy() - data.images).max() <= 1


def test_every_digit_is_for_training_or_for_testing_and_never_for_both(data):
    assert sorted([*data.train, *data.test]) == list(range(1797))
    assert len(data.test) == 359
    assert np.array_equal(data.test, zoo.digits().test)


def test_the_digits_network_reads_the_test_digits(data):
    images, labels = data.tensors(data.test)
    with torch.no_grad():
        found = zoo.load("digits")((images - 0.5) / 0.25).argmax(1)
    assert (found == labels).float().mean() >= 0.97


def test_tensors_hold_the_digits_asked_for_between_zero_and_one(data):
    images, labels = data.tensors([3, 1])
    assert images.shape == (2, 1, 32, 32)
    assert images.max() <= 1
    assert labels.tolist() == [3, 1]
    assert np.array_equal((images[0, 0] * 255).round().byte(), data.images[3])


def test_a_missing_scikit_learn_is_named_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match="not installed; pip install scikit-learn"):
        zoo.digits()
