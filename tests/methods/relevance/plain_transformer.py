"""Transformer attribution as its paper writes it (Chefer et al. 2021): relevance itself goes down a
tape of operations, one example at a time, without the engine."""

import torch
import torch.nn.functional as F

from xaiwidgets.methods.relevance.rules import STABILISER


class Value:
    """A tensor, and the relevance that arrives at it."""

    def __init__(self, tensor):
        self.tensor, self.relevance = tensor, torch.zeros_like(tensor)


class Tape:
    """Operations in order, each with how it shares its relevance."""

    def __init__(self):
        self.steps, self.attention = [], []

    def noted(self, tensor, inputs, share):
        made = Value(tensor)
        self.steps.append((made, inputs, share))
        return made

    def dense(self, x, layer):
        def share(r):
            parts = (x.tensor[:, None] * layer.weight).clamp(min=0)  # (tokens, outputs, inputs)
            return [torch.einsum("toi,to->ti", parts / (parts.sum(2, True) + STABILISER), r)]

        return self.noted(layer(x.tensor), [x], share)

    def same(self, x, function):
        return self.noted(function(x.tensor), [x], lambda r: [r])

    def laid(self, x, function):
        y, back = torch.func.vjp(function, x.tensor)
        return self.noted(y, [x], lambda r: list(back(r)))

    def sum(self, a, b):
        def share(r):
            whole = a.tensor + b.tensor
            first, second = a.tensor / whole * r, b.tensor / whole * r
            size = first.sum().abs() + second.sum().abs()
            return [part * part.sum().abs() / size * r.sum() / part.sum()
                    for part in (first, second)]  # fmt: skip

        return self.noted(a.tensor + b.tensor, [a, b], share)

    def product(self, a, b):
        def share(r):
            s = r / (a.tensor @ b.tensor)
            return [a.tensor * (s @ b.tensor.mT) / 2, b.tensor * (a.tensor.mT @ s) / 2]

        return self.noted(a.tensor @ b.tensor, [a, b], share)

    def attend(self, query, key, value, heads):
        def split(x):
            return x.view(len(x), heads, -1).transpose(0, 1)

        query, key, value = (self.laid(each, split) for each in (query, key, value))
        scale = query.tensor.shape[-1] ** -0.5
        logits = self.product(self.same(query, lambda q: q * scale), self.laid(key, lambda k: k.mT))
        weights = self.same(logits, lambda z: z.softmax(-1))
        self.attention.append(weights)
        return self.laid(self.product(weights, value), lambda x: x.transpose(0, 1).flatten(1))

    def rollout(self, scores, target):
        """Of every token, behind the class token at place 0."""
        slopes = torch.autograd.grad(scores.tensor[0, target], [a.tensor for a in self.attention])
        scores.relevance[0, target] = 1
        for made, inputs, share in reversed(self.steps):
            for each, part in zip(inputs, share(made.relevance), strict=True):
                each.relevance = each.relevance + part
        rolled = torch.eye(slopes[0].shape[-1], dtype=torch.float64)
        for a, slope in zip(self.attention, slopes, strict=True):
            rolled = (torch.eye(len(rolled)) + (slope * a.relevance).clamp(min=0).mean(0)) @ rolled
        return (rolled - torch.eye(len(rolled)))[0].detach()


def of_torchvision(network, x, target):
    """torchvision's VisionTransformer, one picture (3, height, width)."""
    tape = Tape()
    patches = network._process_input(x[None])[0]
    tokens = torch.cat([network.class_token[0], patches]) + network.encoder.pos_embedding[0]
    x = Value(tokens.detach().requires_grad_())
    for block in network.encoder.layers:
        attention, (first, _, _, second, _) = block.self_attention, block.mlp
        y = tape.same(x, block.ln_1)
        joint = tape.dense(y, _Joint(attention.in_proj_weight, attention.in_proj_bias))
        parts = [tape.laid(joint, lambda z, i=i: z.chunk(3, -1)[i]) for i in range(3)]
        read = tape.attend(*parts, attention.num_heads)
        x = tape.sum(tape.dense(read, attention.out_proj), x)
        hidden = tape.same(tape.dense(tape.same(x, block.ln_2), first), F.gelu)
        x = tape.sum(x, tape.dense(hidden, second))
    top = tape.laid(tape.same(x, network.encoder.ln), lambda z: z[:1])
    return tape.rollout(tape.dense(top, network.heads.head), target)


class _Joint:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias

    def __call__(self, x):
        return F.linear(x, self.weight, self.bias)


def of_bert(model, embeddings, target):
    """transformers' BertForSequenceClassification, one text (tokens, width)."""
    tape = Tape()
    x = Value(model.bert.embeddings(inputs_embeds=embeddings[None])[0].detach().requires_grad_())
    for block in model.bert.encoder.layer:
        own, heads = block.attention.self, block.attention.self.num_attention_heads
        parts = [tape.dense(x, layer) for layer in (own.query, own.key, own.value)]
        read = tape.attend(*parts, heads)
        out = block.attention.output
        x = tape.same(tape.sum(tape.dense(read, out.dense), x), out.LayerNorm)
        hidden = tape.same(tape.dense(x, block.intermediate.dense), F.gelu)
        x = tape.same(tape.sum(tape.dense(hidden, block.output.dense), x), block.output.LayerNorm)
    top = tape.same(tape.dense(tape.laid(x, lambda z: z[:1]), model.bert.pooler.dense), torch.tanh)
    return tape.rollout(tape.dense(top, model.classifier), target)
