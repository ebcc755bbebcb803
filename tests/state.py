"""Everything about a network that a method could disturb, taken down and compared."""

import random

import numpy as np
import torch
from torch import nn


class State:
    """A network's attributes, tensors, flags, gradients and hooks, and the global generators."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network
        self.attributes = {name: _attributes(module) for name, module in network.named_modules()}
        self.tensors = {
            name: (id(t), t.data_ptr(), t.requires_grad, t.device, t.detach().clone())
            for name, t in _tensors(network)
        }
        self.grads = {
            name: None if p.grad is None else (id(p.grad), p.grad.clone())
            for name, p in network.named_parameters()
        }
        self.generators = _generators()
        self.modes = _modes()

    def assert_unchanged(self) -> None:
        """Compare with the present, piece by piece, so that a failure names the piece."""
        now = State(self.network)
        assert now.attributes == self.attributes
        assert now.tensors.keys() == self.tensors.keys()
        for name, (*facts, values) in self.tensors.items():
            *present, numbers = now.tensors[name]
            assert present == facts, name
            assert torch.equal(numbers, values), f"{name} changed its values"
        for name, grad in self.grads.items():
            present = now.grads[name]
            assert (present is None) == (grad is None), f"{name}.grad"
            if grad is not None:
                assert present[0] == grad[0], f"{name}.grad is another tensor"
                assert torch.equal(present[1], grad[1]), f"{name}.grad changed its values"
        assert now.generators == self.generators, "a global random generator was used"
        assert now.modes == self.modes, "a global mode of torch was switched"


def _attributes(module: nn.Module) -> dict:
    """Every attribute: dictionaries (hooks, parameters, submodules) by entry, others by identity;
    flags such as `training` and `inplace` are among them."""
    found = {}
    for name, value in vars(module).items():
        if isinstance(value, dict):
            found[name] = [(key, id(entry)) for key, entry in value.items()]
        elif isinstance(value, (bool, int, float, str, tuple, type(None))):
            found[name] = value
        else:
            found[name] = id(value)
    return found


def _tensors(network: nn.Module):
    yield from network.named_parameters()
    yield from network.named_buffers()


def _generators() -> tuple:
    kind, keys, *rest = np.random.get_state()
    numpy_state = (kind, keys.tobytes(), *rest)
    return torch.get_rng_state().numpy().tobytes(), random.getstate(), numpy_state


def _modes() -> tuple:
    return (
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.get_default_dtype(),
        torch._C._len_torch_function_stack(),
        torch.are_deterministic_algorithms_enabled(),
        torch.get_num_threads(),
    )
