"""Write attnlrp.json: what lxt 2.1 gives on tiny transformers.

lxt patches whole classes of transformers, for as long as the process lives, and cannot be imported
beside versions after 4.52, so its numbers are kept. To make one of them again, in an environment
with those two (models: bert, gpt2, llama, vit; rules: attnLRP, cp_LRP where lxt has it):

    python tests/golden/make_attnlrp.py llama cp_LRP
"""

import importlib
import json
import sys
from pathlib import Path

import torch
from lxt.efficient import monkey_patch
from transformers_in_miniature import MODELS, TARGET, embeddings, picture

KEPT = Path(__file__).with_name("attnlrp.json")


def main(name: str, rule: str) -> None:
    sees = name == "vit"
    place = f"transformers.models.{name}.modeling_{name}"
    module = importlib.import_module("torchvision.models.vision_transformer" if sees else place)
    kept = importlib.import_module(f"lxt.efficient.models.{'vit_torch' if sees else name}")
    monkey_patch(module, getattr(kept, rule))
    x = (picture() if sees else embeddings()).requires_grad_()
    network = MODELS[name]()
    logits = network(x) if sees else network(inputs_embeds=x).logits
    score = logits[0, TARGET] if logits.ndim == 2 else logits[0, -1, TARGET]
    (gradient,) = torch.autograd.grad(score, x)
    found = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    relevance = (x * gradient)[0].detach().tolist()
    found[f"{name} {rule}"] = {"score": float(score), "relevance": relevance}
    KEPT.write_text(json.dumps(dict(sorted(found.items())), indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
