import importlib.util
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from sklearn.datasets import load_sample_image

from xaiwidgets import zoo


def imagenet_categories():
    """Torchvision's list, read from its file, so that torchvision itself need not be loaded."""
    torchvision = importlib.util.find_spec("torchvision")
    assert torchvision is not None
    assert torchvision.origin is not None
    file = Path(torchvision.origin).parent / "models" / "_meta.py"
    return runpy.run_path(str(file))["_IMAGENET_CATEGORIES"]


def test_the_photographs_are_those_of_the_two_packages():
    found = zoo.photographs()
    assert sorted(found) == sorted(zoo.PHOTOGRAPHS)
    assert np.array_equal(found["astronaut"], skimage.data.astronaut())
    assert np.array_equal(found["coffee"], skimage.data.coffee())
    assert np.array_equal(found["china"], load_sample_image("china.jpg"))
    for picture in found.values():
        assert picture.dtype == np.uint8
        assert picture.shape[2] == 3
        assert picture.std() > 20


def test_every_photograph_has_a_credit_and_a_class_that_torchvision_knows():
    categories = imagenet_categories()
    for photograph in zoo.PHOTOGRAPHS.values():
        assert photograph.shows in categories
        assert "CC" in photograph.credit or "public domain" in photograph.credit


@pytest.mark.parametrize(
    ("package", "distribution"), [("skimage", "scikit-image"), ("sklearn", "scikit-learn")]
)
def test_a_missing_package_is_named_in_one_sentence(monkeypatch, package, distribution):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == package else find(name)
    )
    with pytest.raises(ImportError, match=f"not installed; pip install {distribution}"):
        zoo.photographs()


def test_importing_the_zoo_loads_nothing_heavy_besides_torch_and_numpy():
    heavy = ("skimage", "sklearn", "torchvision", "safetensors", "PIL", "matplotlib")
    code = (
        "import sys, torch, numpy; before = set(sys.modules); import xaiwidgets.zoo;"
        f"print([name for name in {heavy} if name in set(sys.modules) - before])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
