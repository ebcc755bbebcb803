"""The rules as the papers write them, on a dense matrix: slow, plain, and without the engine."""

import torch

from xaiwidgets.methods.relevance.rules import STABILISER


def matrix(layer, shape):
    """W (inputs, outputs) and b (outputs,) of a layer that is linear up to a bias."""
    origin = torch.zeros(1, *shape, dtype=torch.float64)
    slopes = torch.autograd.functional.jacobian(lambda x: layer(x).flatten(), origin)
    return slopes.flatten(1).T, layer(origin).detach().flatten()


def contributions(x, weight):
    """x_j w_jk of every picture: (batch, inputs, outputs)."""
    return x[:, :, None] * weight


def positive(values):
    return values.clamp(min=0)


def negative(values):
    return values.clamp(max=0)


def shared(parts, relevance):
    """Σ_k parts_jk R_k, where `parts` are the shares of the inputs in every output."""
    return torch.einsum("njk,nk->nj", parts, relevance)


def over(parts, below):
    """parts ÷ below, and nothing where `below` is 0."""
    below = below[:, None].expand_as(parts)
    return torch.where(below == 0, torch.zeros_like(parts), parts / below)


def epsilon(amount, relative=False, rectified=False):
    def rule(x, weight, bias, relevance):
        parts = contributions(x, weight)
        z = parts.sum(1) + bias
        size = positive(z) if rectified else z
        unit = size.square().mean(1, keepdim=True).sqrt() if relative else 1
        sign = torch.where(z < 0, -1.0, 1.0).double()
        return shared(over(parts, z + amount * unit * sign), relevance)

    return rule


def gamma(amount):
    def rule(x, weight, bias, relevance):
        parts = contributions(x, weight)
        z = parts.sum(1) + bias
        ways = []
        for side, sign in ((positive, 1), (negative, -1)):
            raised = parts + amount * side(parts)
            below = raised.sum(1) + bias + amount * side(bias) + sign * STABILISER
            ways.append(shared(over(raised, below), relevance * (z * sign > 0)))
        return ways[0] + ways[1]

    return rule


def alpha_beta(alpha, beta):
    def rule(x, weight, bias, relevance):
        parts = contributions(x, weight)
        up, down = positive(parts), negative(parts)
        for_it = over(up, up.sum(1) + positive(bias) + STABILISER)
        against = over(down, down.sum(1) + negative(bias) - STABILISER)
        return shared(alpha * for_it - beta * against, relevance)

    return rule


def flat(x, weight, bias, relevance):
    connected = (weight != 0).double().expand(len(x), -1, -1)
    return shared(over(connected, connected.sum(1) + STABILISER), relevance)


def w_square(x, weight, bias, relevance):
    squares = weight.square().expand(len(x), -1, -1)
    return shared(over(squares, squares.sum(1) + STABILISER), relevance)


def z_box(low, high):
    def rule(x, weight, bias, relevance):
        parts = contributions(x, weight) - low * positive(weight) - high * negative(weight)
        z = parts.sum(1)
        away = STABILISER * torch.where(z < 0, -1.0, 1.0).double()
        return shared(over(parts, z + away), relevance)

    return rule
