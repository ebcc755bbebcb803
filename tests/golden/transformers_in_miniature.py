"""Tiny transformers with numbers that are the same under every version of transformers: each
parameter is drawn from a generator seeded by its name."""

import zlib

import torch
from torch import nn

WIDTH, TOKENS, CLASSES = 16, 5, 3


def drawn(name: str, shape: torch.Size, scale: float) -> torch.Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return torch.randn(shape, generator=generator, dtype=torch.float64) * scale


def filled(network: nn.Module) -> nn.Module:
    """The network in double precision with numbers drawn by name."""
    network = network.double().eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            scale = 0.1 if "norm" in name.lower() or "ln_" in name else 0.4
            offset = 1.0 if scale == 0.1 and name.endswith("weight") else 0.0
            parameter.copy_(drawn(name, parameter.shape, scale) + offset)
    return network


def embeddings() -> torch.Tensor:
    """What goes in instead of words: (1, tokens, width)."""
    return drawn("embeddings", torch.Size((1, TOKENS, WIDTH)), 1.0)


def bert() -> nn.Module:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=11, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=8, num_labels=CLASSES,
    )  # fmt: skip
    return filled(BertForSequenceClassification(config))


def gpt2() -> nn.Module:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=11, n_embd=WIDTH, n_layer=2, n_head=2, n_positions=8)
    return filled(GPT2LMHeadModel(config))


def llama() -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=11, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=1, intermediate_size=24, max_position_embeddings=8,
    )  # fmt: skip
    return filled(LlamaForCausalLM(config))


def vit() -> nn.Module:
    from torchvision.models import VisionTransformer

    return filled(
        VisionTransformer(
            image_size=12, patch_size=4, num_layers=2, num_heads=2, hidden_dim=WIDTH, mlp_dim=24,
            num_classes=CLASSES,
        )
    )  # fmt: skip


def picture() -> torch.Tensor:
    """What the vision transformer sees: (1, 3, 12, 12)."""
    return drawn("picture", torch.Size((1, 3, 12, 12)), 1.0)


MODELS = {"bert": bert, "gpt2": gpt2, "llama": llama, "vit": vit}
TARGET = 2
