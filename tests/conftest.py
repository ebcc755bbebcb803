"""What every test shares: a torchvision that imports, few threads, small networks, fixed inputs."""

import functools
import os
from importlib import import_module

import networks
import pytest
import torch

_kept = []


def _make_torchvision_importable() -> None:
    """PyPI's torchvision beside a CPU torch lacks two operator schemas at import."""
    try:
        import_module("torchvision")
    except (RuntimeError, AttributeError):
        library = torch.library.Library("torchvision", "DEF")
        library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)
        import_module("torchvision")
    except ImportError:
        pass


_make_torchvision_importable()
if "PYTEST_XDIST_WORKER" in os.environ:  # one thread each, in the processes that tests begin too
    os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)

KNOWN = {**networks.NETWORKS, **networks.BESIDES}


@functools.cache
def network_of(name: str, dtype: torch.dtype = torch.float32):
    """One of the small networks, built once: tests hand it back as they found it."""
    return networks.seeded(KNOWN[name][0]).to(dtype)


def inputs_for(name: str, count: int = 2, seed: int = 1) -> torch.Tensor:
    """Inputs of the size that the network takes."""
    side = KNOWN[name][1]
    return networks.noise(count, 3, side, side, seed=seed)


@pytest.fixture
def module_network():
    """A fresh network made of modules, for tests that change it."""
    return networks.seeded(networks.ModuleNetwork)


@pytest.fixture
def functional_network():
    """A fresh network with functional and in-place operations."""
    return networks.seeded(networks.FunctionalNetwork)


@pytest.fixture
def x():
    """Two inputs for the networks of 32 pixels."""
    return inputs_for("modules")
