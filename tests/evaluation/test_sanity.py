"""Networks that forget: which blocks there are, what is shared, what is drawn, what is measured."""

import hashlib

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from networks import FunctionalNetwork, ModuleNetwork, noise, seeded
from state import State
from torch import nn

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.sanity import (
    EfficientRandomisation,
    Forgetting,
    ParameterRandomisation,
    SmoothRandomisation,
    blocks_of,
    stages,
)
from xaiwidgets.evaluation.sanity.blocks import chosen
from xaiwidgets.evaluation.sanity.forgetting import STARTS
from xaiwidgets.evaluation.sanity.parameter_randomisation import entropy, verdict


class Backwards(nn.Module):
    """Its layers are declared in the opposite order of their use, with a bare scale and a tie."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(6, 4)
        self.norm = nn.BatchNorm2d(6)
        self.scale = nn.Parameter(torch.full((6, 1, 1), 0.5))
        self.second = nn.Conv2d(6, 6, 3, padding=1)
        self.first = nn.Conv2d(3, 6, 3)
        self.third = nn.Conv2d(6, 6, 3, padding=1, bias=False)
        self.third.weight = self.second.weight

    def forward(self, x):
        x = self.first(x).relu()
        x = self.third(self.second(x) * self.scale)
        return self.head(self.norm(x).mean((2, 3)))


def backwards():
    network = seeded(Backwards)
    with torch.no_grad():
        network.norm.running_mean += 0.3
        network.norm.running_var += 0.5
    return Subject(network.eval()), noise(2, 3, 16, 16)


# --- blocks ---------------------------------------------------------------------------------------


def test_blocks_stand_in_the_order_of_use_with_bare_parameters():
    subject, x = backwards()
    names = [block.name for block in blocks_of(subject, x)]
    assert names == ["first", "second", "scale", "norm", "head"]
    parameters = [name for block in blocks_of(subject, x) for name in block.parameters]
    assert sorted(parameters) == sorted(name for name, _ in subject.model.named_parameters())


def test_blocks_are_as_fine_as_the_limit_allows():
    subject, x = Subject(network_of("resnet18")), inputs_for("resnet18", 1)
    fine = [block.name for block in blocks_of(subject, x)]
    assert fine[:3] == ["conv1", "bn1", "layer1.0"]
    assert fine[-2:] == ["layer4.1", "fc"]
    coarse = [block.name for block in blocks_of(subject, x, most=10)]
    assert coarse == ["conv1", "bn1", "layer1", "layer2", "layer3", "layer4", "fc"]


def test_blocks_are_chosen_by_name_in_the_networks_order():
    subject, x = backwards()
    blocks = blocks_of(subject, x)
    assert [b.name for b in chosen(blocks, ["head", "first"])] == ["first", "head"]
    with pytest.raises(ExplainError, match=r"No block is called 'heat'.*head"):
        chosen(blocks, "heat")


def test_a_network_without_parameters_has_nothing_to_forget():
    with pytest.raises(ExplainError, match="no parameters"):
        blocks_of(Subject(nn.Flatten().eval()), torch.rand(1, 3, 4, 4))


# --- forgetting -----------------------------------------------------------------------------------


@pytest.mark.parametrize("start", STARTS)
def test_the_users_network_stays_as_it_was_and_so_does_the_global_generator(start):
    subject, x = backwards()
    state, generator = State(subject.model), torch.get_rng_state()
    expected = subject.outputs(x)
    forgotten = Forgetting(subject, start, statistics=True).without(blocks_of(subject, x))
    assert not torch.allclose(forgotten.outputs(x), expected)
    state.assert_unchanged()
    assert torch.equal(torch.get_rng_state(), generator)
    assert torch.equal(subject.outputs(x), expected)


def test_what_is_not_forgotten_is_shared_and_ties_stay_ties():
    subject, x = backwards()
    blocks = blocks_of(subject, x)
    forgetting = Forgetting(subject)
    one, two = (forgetting.without(chosen(blocks, names)).model for names in ("head", "second"))
    assert one.first.weight is subject.model.first.weight
    assert one.head.weight is not subject.model.head.weight
    assert two.second.weight is two.third.weight is not subject.model.second.weight
    both = forgetting.without(chosen(blocks, ["head", "second"])).model
    assert both.head.weight is one.head.weight
    assert both.third.weight is two.third.weight


def test_a_cascade_takes_the_memory_of_one_more_network():
    subject, x = Subject(network_of("resnet18")), inputs_for("resnet18", 1)
    cascade = list(stages(Forgetting(subject), blocks_of(subject, x), "top down"))
    held = {id(p): p.numel() for stage in cascade for p in stage.subject.model.parameters()}
    own = sum(p.numel() for p in subject.model.parameters())
    assert sum(held.values()) <= 2.0 * own


def test_layers_of_equal_shape_forget_into_different_numbers():
    network = nn.Sequential(nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3), nn.Flatten()).eval()
    subject, x = Subject(network), noise(1, 3, 8, 8)
    for start in ("own", "kaiming"):
        copy = Forgetting(subject, start).without(blocks_of(subject, x)).model
        assert not torch.allclose(copy[0].weight, copy[1].weight)


def test_the_own_start_draws_as_the_layer_does():
    network = nn.Sequential(nn.Linear(4000, 50), nn.LayerNorm(50))
    with torch.no_grad():
        network[0].weight.fill_(7)
        network[1].weight.fill_(3)
    subject, x = Subject(nn.Sequential(nn.Flatten(), network).eval()), noise(1, 1, 40, 100)
    copy = Forgetting(subject).without(blocks_of(subject, x)).model[1]
    bound = 4000**-0.5
    assert copy[0].weight.abs().max() <= bound
    assert float(copy[0].weight.std()) == pytest.approx(bound / 3**0.5, rel=0.01)
    assert torch.equal(copy[1].weight, torch.ones(50))


def test_shuffled_keeps_the_numbers_and_normal_their_spread():
    subject, x = backwards()
    blocks = blocks_of(subject, x)
    learnt = subject.model.second.weight
    shuffled = Forgetting(subject, "shuffled").without(blocks).model.second.weight
    assert torch.equal(shuffled.flatten().sort()[0], learnt.flatten().sort()[0])
    assert not torch.equal(shuffled, learnt)
    drawn = Forgetting(subject, "normal").without(blocks).model.second.weight
    assert float(drawn.std()) == pytest.approx(float(learnt.std()), rel=0.2)


def test_running_statistics_stay_unless_asked_for():
    subject, x = backwards()
    blocks = blocks_of(subject, x)
    kept = Forgetting(subject).without(blocks).model.norm
    assert kept.running_mean is subject.model.norm.running_mean
    reset = Forgetting(subject, statistics=True).without(blocks).model.norm
    assert torch.equal(reset.running_mean, torch.zeros(6))
    assert torch.equal(reset.running_var, torch.ones(6))
    assert float(subject.model.norm.running_mean[0]) != 0


@pytest.mark.parametrize("start", ["own", "kaiming"])
def test_another_seed_forgets_into_something_else_and_the_same_one_into_the_same(start):
    subject, x = backwards()
    blocks = blocks_of(subject, x)
    first, again, other = (
        Forgetting(subject, start, seed).without(blocks).outputs(x) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_a_network_that_cannot_be_copied_is_refused_in_words():
    network = seeded(ModuleNetwork)
    network.kept = network(noise(1, 3, 32, 32))  # a tensor with a history cannot be copied
    subject = Subject(network)
    with pytest.raises(ExplainError, match="cannot be copied"):
        Forgetting(subject).without(blocks_of(subject, noise(1, 3, 32, 32)))


# --- stages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "last", "count"),
    [("top down", "first", 5), ("bottom up", "head", 5), ("one at a time", "first", 1)],
)
def test_a_mode_says_which_blocks_are_gone(mode, last, count):
    subject, x = backwards()
    found = list(stages(Forgetting(subject), blocks_of(subject, x), mode))
    assert len(found) == 5
    assert found[-1].name == last
    assert len(found[-1].forgotten) == count
    assert len(found[0].forgotten) == 1


# --- the evaluation -------------------------------------------------------------------------------


def test_an_edge_detector_does_not_notice_and_the_gradient_does():
    network, x = seeded(FunctionalNetwork), inputs_for("functional", 3)
    evaluation = ParameterRandomisation()
    edges = evaluation(network, x, xw.EdgeDetector(), 1)
    assert edges.values == pytest.approx(np.ones(3))
    gradient = evaluation(network, x, xw.Saliency(), 1)
    assert (gradient.values < 0.8).all()
    assert edges.facts[0].endswith("most of it does not depend on that.")
    assert gradient.facts[0].endswith(": it depends on that.")
    assert abs(gradient.numbers["two_random_maps"]) < 0.15


def test_the_curve_is_the_similarity_by_hand():
    from scipy.stats import spearmanr

    subject, x = Subject(seeded(ModuleNetwork)), inputs_for("modules")
    found = ParameterRandomisation(similarity="signed spearman", start="kaiming")(
        subject, x, xw.Occlusion(patch=8, stride=8), [1, 3]
    )
    blocks = blocks_of(subject, x)
    method = xw.Occlusion(patch=8, stride=8)
    trained = method(subject, x, [1, 3]).values.sum(1).double().flatten(1)
    forgetting = Forgetting(subject, "kaiming")
    for k in range(len(blocks)):
        copy = forgetting.without(blocks[len(blocks) - 1 - k :])
        maps = method(copy, x, [1, 3]).values.sum(1).double().flatten(1)
        for i in range(2):
            # the signed map is clipped at its 99th percentile; at 32² that moves few ranks
            expected = spearmanr(trained[i], maps[i]).statistic
            curve = found.curves["signed spearman"].y[i, k]
            assert curve == pytest.approx(expected, abs=0.02)
    assert found.values == pytest.approx(found.curves["signed spearman"].y.mean(1))


def test_it_counts_the_passes_that_it_declares():
    subject, x = Subject(network_of("modules")), inputs_for("modules")
    for evaluation in (
        ParameterRandomisation(), ParameterRandomisation(draws=2, mode="one at a time"),
        SmoothRandomisation(copies=3), EfficientRandomisation(),
    ):  # fmt: skip
        made = evaluation(subject, x, xw.Saliency(), 1).provenance
        from xaiwidgets.core.evaluation import Case

        need = evaluation.cost(Case(subject, x, subject.bind(1, x), xw.Saliency()))
        assert (made.forwards, made.backwards) == (2 * need.forward, 2 * need.backward)


@pytest.mark.parametrize("method", [xw.Saliency(), xw.SmoothGrad(samples=2), xw.EdgeDetector()])
def test_the_scores_are_the_networks_own_whoever_asks_for_them(method):
    subject, x = Subject(network_of("modules")), inputs_for("modules")
    found = ParameterRandomisation(mode="one at a time")(subject, x, method, 1)
    forgetting, known = Forgetting(subject), subject.outputs(x).numpy()
    for k, stage in enumerate(stages(forgetting, blocks_of(subject, x), "one at a time")):
        said = stage.subject.outputs(x).numpy()
        alike = [np.corrcoef(one, other)[0, 1] for one, other in zip(known, said, strict=True)]
        assert found.curves["outputs"].y[:, k] == pytest.approx(alike, abs=1e-5)


def test_a_smoothed_networks_scores_are_not_taken_for_the_networks_own():
    subject, x = Subject(network_of("modules")), inputs_for("modules")
    plain, smoothed = (
        ParameterRandomisation()(subject, x, method, 1)
        for method in (xw.Saliency(), xw.BetaSmoothedGradient(beta=1.0))
    )
    assert np.array_equal(plain.curves["outputs"].y, smoothed.curves["outputs"].y)


def test_the_same_seed_agrees_bit_by_bit_and_a_batch_changes_nothing():
    subject, x = Subject(network_of("functional")), inputs_for("functional", 3)
    evaluation = ParameterRandomisation(draws=2)
    first, again = (evaluation(subject, x, xw.Saliency(), 0) for _ in range(2))
    assert np.array_equal(first.values, again.values)
    for i in range(3):
        alone = evaluation(subject, x[i : i + 1], xw.Saliency(), 0)
        assert alone.values[0] == pytest.approx(first.values[i], abs=2e-3)


def test_given_values_cannot_be_explained_anew():
    x = inputs_for("modules")
    with pytest.raises(ExplainError, match="explains anew"):
        ParameterRandomisation()(network_of("modules"), x, np.ones((2, 32, 32)))


def test_choosing_the_target_anew_is_another_question():
    network, x = seeded(ModuleNetwork), inputs_for("modules", 4)
    fixed, anew = (
        ParameterRandomisation(similarity="signed spearman", rechoose=rechoose)(
            network, x, xw.Saliency()
        ).values
        for rechoose in (False, True)
    )
    assert not np.allclose(fixed, anew)


def test_entropy_of_two_equal_halves_is_log_two():
    maps = np.zeros((2, 4, 4))
    maps[0, :2] = 1
    assert entropy(maps, 100) == pytest.approx([np.log(2), 0.0])


def test_a_constant_map_has_no_rise_in_entropy():
    found = EfficientRandomisation()(
        network_of("modules"), inputs_for("modules"), lambda subject, x, target: torch.ones_like(x)
    )
    assert np.isnan(found.values).all()
    assert "constant" in found.warnings[0]


def test_the_verdict_reads_as_a_sentence():
    names, curve = ["fc", "b", "a", "c", "d"], np.array([0.9, 0.85, 0.7, 0.6, 0.5])

    def said(curve, apart=0.05):
        return verdict(names, curve, "top down", "signed spearman", curve - apart, curve + apart)

    assert said(curve) == (
        "It keeps 0.85 of its ranks when the last 2 of 5 blocks forget what they learnt: most of "
        "it does not depend on that."
    )
    assert said(curve - 0.45).endswith(": part of it does not depend on that.")
    assert said(curve - 0.6).endswith(": it depends on that.")
    assert said(curve - 0.45, apart=0.3).endswith(": the draws do not agree (0.10 to 0.70).")


def test_without_signs_no_verdict_is_given_and_the_reader_is_told_why():
    curve = np.array([0.9, 0.85])
    said = verdict(["fc", "b"], curve, "top down", "spearman", curve, curve)
    assert said.startswith("It keeps 0.90 of its ranks by size when the last 1 of 2 blocks")
    assert "depend" not in said
    assert said.endswith("they are large along the picture's edges.")
    other = verdict(["fc", "b"], curve, "top down", "ssim", curve, curve)
    assert other.endswith("forget what they learnt.")


@pytest.mark.slow
def test_guided_backprop_does_not_notice_the_top_layers_and_the_gradient_does():
    """The bands of the published finding on a small CNN: ± 0.15 over three seeds."""
    scenes = zoo.ShapeScenes(8, size=64, seed=5)
    subject, images = zoo.subject("shapes"), [scenes[i].image for i in range(8)]

    def after(method, measure, forgotten):
        curves = [
            ParameterRandomisation(similarity=measure, start="kaiming", seed=seed)(
                subject, images, method
            )
            .curves[measure]
            .y[:, forgotten - 1]
            .mean()
            for seed in range(3)
        ]
        return float(np.mean(curves))

    assert after(xw.GuidedBackprop(), "ssim", 2) > 0.85
    assert after(xw.GuidedBackprop(), "signed spearman", 2) > 0.5
    assert abs(after(xw.Saliency(), "signed spearman", 2)) < 0.15
    assert after(xw.GuidedBackprop(), "signed spearman", 5) < 0.35
    assert after(xw.Saliency(), "spearman", 1) > 0.45


def test_each_parameter_has_a_generator_of_its_own():
    subject, x = backwards()
    drawn = Forgetting(subject, "kaiming", seed=3).without(blocks_of(subject, x)).model.head.weight
    digest = hashlib.sha256(b"3 head.weight").digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))
    expected = (2 / 6) ** 0.5 * torch.randn(4, 6, generator=generator)
    assert torch.equal(drawn, expected)
