"""AttnLRP and CP-LRP against lxt 2.1, whose numbers are kept (tests/golden/make_attnlrp.py)."""

import json
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import xaiwidgets as xw

GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))

from transformers_in_miniature import MODELS, TARGET, embeddings, picture  # noqa: E402

KEPT = json.loads((GOLDEN / "attnlrp.json").read_text())
PRESETS = {"attnLRP": "AttnLRP", "cp_LRP": "CP-LRP"}


class FromEmbeddings(nn.Module):
    """A language model that takes (batch, 1, tokens, width) in place of words."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.model(inputs_embeds=x[:, 0]).logits
        return logits if logits.ndim == 2 else logits[:, -1]


@pytest.mark.parametrize("case", list(KEPT))
def test_relevance_of_every_value_is_that_of_lxt(case):
    name, rule = case.split()
    network = MODELS[name]()
    network, x = (
        (network, picture()) if name == "vit" else (FromEmbeddings(network), embeddings()[:, None])
    )
    kept = torch.tensor(KEPT[case]["relevance"], dtype=torch.float64)
    with torch.no_grad():
        assert float(network.eval()(x)[0, TARGET]) == pytest.approx(KEPT[case]["score"], abs=1e-12)
    heat = xw.LRP(preset=PRESETS[rule])(network, x, TARGET)
    found = heat.values.reshape(kept.shape)
    assert float((found - kept).abs().max() / kept.abs().max()) < 1e-8
    assert heat.warnings == []


def test_the_presets_differ_where_queries_and_keys_matter():
    network, x = FromEmbeddings(MODELS["llama"]()).eval(), embeddings()[:, None]
    both = [xw.LRP(preset=preset)(network, x, TARGET).values for preset in PRESETS.values()]
    assert float((both[0] - both[1]).norm() / both[1].norm()) > 0.1
