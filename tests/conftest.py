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
torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)


@functools.cache
def network_of(name: str):
    """One of the small networks, built once: tests hand it back as they found it."""
    known = {**networks.NETWORKS, **networks.MADE_FOR_ONE_METHOD}
    return networks.seeded(known[name][0])


def inputs_for(name: str, count: int = 2, seed: int = 1) -> torch.Tensor:
    """Inputs of the size that the network takes."""
    side = networks.NETWORKS[name][1]
    return networks.noise(count, 3, side, side, seed=seed)


@pytest.fixture(params=list(networks.NETWORKS))
def named_network(request):
    """Every small network in turn, as (name, network)."""
    return request.param, network_of(request.param)


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
