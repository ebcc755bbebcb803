"""Networks small enough that the right answer is known by hand."""

import math

import pytest
import torch
from networks import Formula, LinearNetwork, ReluNetwork, noise, seeded, vision_transformer
from torch import nn

from xaiwidgets.core.answers import Heatmap
from xaiwidgets.core.subject import Subject
from xaiwidgets.core.target import Contrast
from xaiwidgets.methods import (
    DeepLift,
    GradientShap,
    GradientTimesInput,
    IntegratedGradients,
    InteriorGradients,
    Saliency,
    SimpleTaylor,
    SmoothGrad,
)

EXACT = {"rtol": 1e-10, "atol": 1e-12}  # float64 with a few sums


def pair(a: float, b: float) -> torch.Tensor:
    """A picture of two pixels."""
    return torch.tensor([a, b], dtype=torch.float64).view(1, 1, 1, 2)


def two(values: Heatmap) -> list[float]:
    """The values of a picture of two pixels."""
    return values.values.flatten().tolist()


# --- a linear network: score_k = w_k · x + b_k ---------------------------------------------------


@pytest.fixture
def linear():
    return seeded(LinearNetwork).double()


@pytest.fixture
def x():
    return noise(2, 2, 4, 4, seed=1, dtype=torch.float64)


def test_the_gradient_of_a_linear_network_is_its_weights(linear, x):
    weights = linear.weight[1].detach().expand_as(x)
    torch.testing.assert_close(Saliency()(linear, x, 1).values, weights, **EXACT)
    torch.testing.assert_close(
        Saliency(form="absolute")(linear, x, 1).values, weights.abs(), **EXACT
    )
    contrast = Saliency()(linear, x, Contrast(1, 2)).values
    torch.testing.assert_close(contrast, weights - linear.weight[2].detach(), **EXACT)


def test_smoothgrad_of_a_linear_network_is_its_gradient_without_error(linear, x):
    answer = SmoothGrad(samples=5)(linear, x, 1)
    torch.testing.assert_close(answer.values, Saliency()(linear, x, 1).values, **EXACT)
    assert answer.error.abs().max() < 1e-7  # √ of what rounding leaves of a difference of squares
    assert answer.numbers["standard_error"] < 1e-7
    variance = SmoothGrad(samples=5, form="variance")(linear, x, 1)
    assert variance.values.abs().max() < 1e-12


@pytest.mark.parametrize("method", [IntegratedGradients(steps=2), DeepLift()], ids=str)
@pytest.mark.parametrize("baseline", ["zero", "white", "mean", "noise", "given"])
def test_the_difference_from_a_baseline_is_shared_by_weight(linear, x, method, baseline):
    absent = noise(1, 2, 4, 4, seed=2, dtype=torch.float64)
    answer = method.having(baseline=baseline)(Subject(linear, absent=absent), x, 1)
    weights = linear.weight[1].detach()
    if baseline == "given":
        torch.testing.assert_close(answer.values, (x - absent) * weights, **EXACT)
    elif baseline == "white":
        torch.testing.assert_close(answer.values, (x - 1) * weights, **EXACT)
    elif baseline == "zero":
        torch.testing.assert_close(answer.values, x * weights, **EXACT)
    assert answer.numbers["completeness_gap"] < 1e-10


def test_gradient_shap_of_a_linear_network_is_weight_times_the_mean_difference(linear, x):
    answer = GradientShap(samples=3, baseline="zero")(linear, x, 1)
    torch.testing.assert_close(answer.values, x * linear.weight[1].detach(), **EXACT)
    assert answer.error.abs().max() < 1e-7
    assert answer.numbers["completeness_gap"] < 1e-10


def test_simple_taylor_of_a_linear_network_adds_up_to_the_score(linear, x):
    for root in ("nearest", "segment"):
        answer = SimpleTaylor(root=root)(linear, x[:1], 1)
        if answer.numbers["score_at_root"] < 1e-3:
            score = linear(x[:1])[0, 1].item()
            assert answer.values.sum().item() == pytest.approx(score, rel=1e-2)


# --- sums -----------------------------------------------------------------------------------------


def test_squared_saliency_adds_up_to_the_squared_length_of_the_gradient(x):
    network = seeded(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(32, 9), nn.Tanh(), nn.Linear(9, 3))
    )
    network = network.double()
    gradient = Saliency()(network, x, 2).values
    squared = Saliency(form="squared")(network, x, 2).values
    torch.testing.assert_close(
        squared.flatten(1).sum(1), gradient.flatten(1).norm(dim=1) ** 2, **EXACT
    )


class AttentionNetwork(nn.Module):
    """Attention, LayerNorm and GELU written with functions: nothing for module hooks to see."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix = nn.Linear(12, 8), nn.Linear(8, 24)
        self.norm, self.wide, self.out = nn.LayerNorm(8), nn.Linear(8, 16), nn.Linear(16, 4)

    def forward(self, x):
        t = self.norm(
            self.embed(
                x.unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
            )
        )
        q, k, v = self.mix(t).chunk(3, -1)
        t = t + torch.softmax(q @ k.transpose(1, 2) / 8**0.5, -1) @ v
        return self.out(nn.functional.gelu(self.wide(t)).mean(1))


COMPLETE = {
    "ReLU CNN": lambda: ReluNetwork(bias=True),
    "attention": AttentionNetwork,
}


@pytest.mark.parametrize("name", list(COMPLETE))
def test_deeplift_adds_up_exactly(name):
    network, picture = seeded(COMPLETE[name]), noise(2, 3, 8, 8, seed=4)
    single = DeepLift(baseline="mean")(network, picture, 1).numbers["completeness_gap"]
    double = DeepLift(baseline="mean")(network.double(), picture, 1).numbers["completeness_gap"]
    assert single <= 1e-3
    assert double <= 1e-9


def test_deeplift_adds_up_on_a_vision_transformer():
    network, picture = seeded(vision_transformer), noise(2, 3, 32, 32, seed=4)
    assert DeepLift()(network, picture, 1).numbers["completeness_gap"] <= 1e-3
    assert DeepLift()(network.double(), picture, 1).numbers["completeness_gap"] <= 1e-9


@pytest.mark.parametrize("name", list(COMPLETE))
def test_one_row_of_a_baseline_serves_a_whole_batch(name):
    network, pictures = seeded(COMPLETE[name]).double(), noise(3, 3, 8, 8, seed=4).double()
    together = DeepLift()(network, pictures, [0, 1, 0])
    assert together.provenance.forwards == 1 + len(pictures)
    for row, (picture, target) in enumerate(zip(pictures, (0, 1, 0), strict=True)):
        alone = DeepLift()(network, picture, target)
        assert alone.numbers["completeness_gap"] <= 1e-9
        torch.testing.assert_close(together.values[row], alone.values[0], **EXACT)


class Folding(torch.nn.Module):
    """Rows are folded together with windows, or with channels, around something curved."""

    def __init__(self, windows_first: bool) -> None:
        super().__init__()
        self.windows_first = windows_first
        self.linear = torch.nn.Linear(16, 2)

    def forward(self, x):
        apart = x.unflatten(2, (2, 4)).unflatten(4, (2, 4)).permute(0, 2, 4, 1, 3, 5)
        parts = (0, 1, 2) if not self.windows_first else (1, 2, 0)
        rows = apart.permute(*parts, 3, 4, 5).flatten(0, 2).flatten(1)
        curved = torch.tanh(rows[:, :16]).unflatten(0, [apart.shape[part] for part in parts])
        return self.linear(curved.permute(*[parts.index(i) for i in range(3)], 3)).sum((1, 2))


@pytest.mark.parametrize("windows_first", [False, True])
def test_networks_that_fold_their_rows_get_a_baseline_for_each(windows_first):
    network, pictures = (
        seeded(lambda: Folding(windows_first)).double(),
        noise(3, 3, 8, 8, seed=4).double(),
    )
    together = DeepLift()(network, pictures, 1)
    assert together.numbers["completeness_gap"] <= 1e-9
    for row, picture in enumerate(pictures):
        torch.testing.assert_close(
            together.values[row], DeepLift()(network, picture, 1).values[0], **EXACT
        )


@pytest.mark.parametrize("name", list(COMPLETE))
def test_integrated_gradients_add_up_with_enough_points(name):
    network, picture = seeded(COMPLETE[name]), noise(2, 3, 8, 8, seed=4)
    # a smooth path converges at once; every ReLU on the way is a kink, which costs about 1/steps
    limit = 1e-2 if name == "ReLU CNN" else 1e-3
    assert IntegratedGradients(steps=256)(network, picture, 1).numbers["completeness_gap"] <= limit
    if name == "attention":
        double = IntegratedGradients(steps=128)(network.double(), picture.double(), 1)
        # Captum keeps the weights of its points in float32: 2e-9 remain however many there are
        assert double.numbers["completeness_gap"] <= 1e-8


def test_a_gap_of_too_few_points_is_said_out_loud():
    network = Formula(lambda v: torch.stack([v[:, 0] ** 8, v[:, 1]], 1))
    answer = IntegratedGradients(steps=2)(network, pair(2, 1), 0)
    # two Gauss-Legendre points integrate t^7 to 1/8 but for 13/216 ÷ 8 ... by hand 0.0787
    t = torch.tensor([0.5 - 0.5 / 3**0.5, 0.5 + 0.5 / 3**0.5], dtype=torch.float64)
    by_hand = (8 * t**7).mean().item()
    assert answer.numbers["completeness_gap"] == pytest.approx(1 - by_hand, rel=1e-6)
    assert any("more steps" in warning for warning in answer.warnings)


def test_deeplift_of_a_softmax_probability_adds_up():
    network, picture = seeded(lambda: ReluNetwork(bias=True)).double(), noise(2, 3, 8, 8, seed=4)
    answer = DeepLift()(network, picture, lambda outputs: outputs.softmax(1)[:, 2])
    assert answer.numbers["completeness_gap"] <= 1e-9


# --- products and quotients by hand ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        # x = (3, 5), b = (1, 1); a product shares Δ(ab) = 14 as 2·(5 + 1)/2 and 4·(3 + 1)/2
        (lambda a, b: a * b, (6.0, 8.0)),
        (lambda a, b: a + b, (2.0, 4.0)),
        (lambda a, b: a - 2 * b, (2.0, -8.0)),
        (lambda a, b: torch.relu(a - b), (0.0, 0.0)),  # ReLU(0) = 0 before, ReLU(−2) = 0 after
        (lambda a, b: torch.relu(b - a), (-2.0, 4.0)),
        (lambda a, b: a.square(), (8.0, 0.0)),
        (lambda a, b: a**3, (26.0, 0.0)),
        (lambda a, b: 1 / b, (0.0, -0.8)),
        # a/b = a · (1/b): Δ = 2·(0.2 + 1)/2 + (−0.8)·(3 + 1)/2
        (lambda a, b: a / b, (1.2, -1.6)),
        (lambda a, b: a.exp(), (math.e**3 - math.e, 0.0)),
    ],
    ids=[
        "product",
        "sum",
        "difference",
        "off",
        "on",
        "square",
        "cube",
        "inverse",
        "quotient",
        "exp",
    ],
)
def test_deeplift_of_formulas(formula, expected):
    network = Formula(lambda v: torch.stack([formula(v[:, 0], v[:, 1]), v[:, 0]], 1))
    subject = Subject(network, absent=pair(1, 1))
    answer = DeepLift(baseline="given")(subject, pair(3, 5), 0)
    assert two(answer) == pytest.approx(expected, abs=1e-12)


def test_a_parameter_is_no_active_factor():
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.eval()
            self.scale = nn.Parameter(torch.tensor([2.0, 7.0], dtype=torch.float64))
            self.gate = nn.Parameter(torch.tensor([0.5, 3.0], dtype=torch.float64))

        def forward(self, x):
            v = x.flatten(1) * self.scale / self.gate.exp().log().pow(1)
            return torch.stack([v[:, 0], v[:, 1]], 1)

    subject = Subject(Scaled(), absent=pair(1, 1))
    assert two(DeepLift(baseline="given")(subject, pair(3, 5), 0)) == pytest.approx([8.0, 0.0])
    found = two(DeepLift(baseline="given")(subject, pair(3, 5), 1))
    assert found == pytest.approx([0.0, 4 * 7 / 3])


# --- f = 1 − ReLU(1 − x1 − x2) at (1, 1): saturated from half way on ------------------------------


def saturating() -> Formula:
    return Formula(lambda v: torch.stack([1 - torch.relu(1 - v.sum(1)), v[:, 0]], 1))


@pytest.mark.parametrize("alpha", [0.01, 0.1, 0.4, 0.49, 0.51, 0.6, 1.0])
def test_interior_gradients_find_what_the_gradient_at_the_picture_misses(alpha):
    answer = InteriorGradients(alpha=alpha)(saturating(), pair(1, 1), 0)
    assert two(answer) == ([1.0, 1.0] if alpha < 0.5 else [0.0, 0.0])
    strip = {frame.label: frame.values.flatten().tolist() for frame in answer.frames}
    assert len(strip) == 10
    assert strip["α = 0.4"] == [1.0, 1.0]
    assert strip["α = 0.6"] == [0.0, 0.0]


def test_saturation_hides_the_evidence_from_the_gradient_but_not_from_differences():
    network, picture = saturating(), pair(1, 1)
    assert two(Saliency()(network, picture, 0)) == [0.0, 0.0]
    assert two(DeepLift()(network, picture, 0)) == pytest.approx([0.5, 0.5])
    found = two(IntegratedGradients(steps=256)(network, picture, 0))
    assert found == pytest.approx([0.5, 0.5], abs=0.01)  # a kink half way: about 1/steps


# --- simple Taylor --------------------------------------------------------------------------------


def test_on_a_relu_network_without_biases_the_root_at_zero_gives_gradient_times_input():
    network, picture = seeded(ReluNetwork).double(), noise(2, 3, 8, 8, seed=6, dtype=torch.float64)
    answer = SimpleTaylor()(network, picture, 1)
    # the search stops 1/65536 of the way from the root
    assert answer.numbers["residual"] < 1e-4
    assert answer.numbers["score_at_root"] < 1e-4
    expected = GradientTimesInput()(network, picture, 1).values
    torch.testing.assert_close(answer.values, expected, rtol=1e-4, atol=1e-9)
    total = answer.values.sum((1, 2, 3))
    torch.testing.assert_close(total, network(picture)[:, 1].detach(), rtol=1e-4, atol=1e-9)


def test_the_nearest_root_of_a_plane_is_its_foot_point():
    # f = 3 x1 + 4 x2 − 5 at (3, 4): f = 20, |∇f|² = 25, foot (3, 4) − 20/25 (3, 4) = (0.6, 0.8)
    network = Formula(lambda v: torch.stack([3 * v[:, 0] + 4 * v[:, 1] - 5, v[:, 0]], 1))
    answer = SimpleTaylor(root="nearest", steps=1)(network, pair(3, 4), 0)
    assert two(answer) == pytest.approx([3 * 2.4, 4 * 3.2])
    assert answer.numbers["residual"] < 1e-12
    assert answer.warnings == []


def test_the_nearest_root_of_a_circle_is_on_the_way_to_the_centre():
    # f = x1² + x2² − 1 at (3, 4): root (0.6, 0.8), gradient there (1.2, 1.6)
    network = Formula(lambda v: torch.stack([v.square().sum(1) - 1, v[:, 0]], 1))
    answer = SimpleTaylor(root="nearest", steps=12)(network, pair(3, 4), 0)
    assert two(answer) == pytest.approx([1.2 * 2.4, 1.6 * 3.2], rel=1e-6)
    assert answer.numbers["score_at_root"] < 1e-9


def test_the_root_on_the_segment_of_a_plane():
    # f = x1 + x2 − 2 from (0, 0) to (3, 1): zero half way, at (1.5, 0.5)
    network = Formula(lambda v: torch.stack([v.sum(1) - 2, v[:, 0]], 1))
    answer = SimpleTaylor()(network, pair(3, 1), 0)
    assert two(answer) == pytest.approx([1.5, 0.5], abs=1e-3)  # 1/65536 of the way
    assert answer.warnings == []


def test_the_border_is_where_the_class_ties_with_its_strongest_rival():
    # scores (3 x1, x1 + 2, −9): on the way from 0 the first ties with the second at x1 = 1;
    # the margin's gradient is (2, 0), the picture (4, 1): R = (2 · 3, 0), margin 12 − 6 = 6
    def scores(v):
        return torch.stack([3 * v[:, 0], v[:, 0] + 2, 0 * v[:, 0] - 9], 1)

    answer = SimpleTaylor(root="border")(Formula(scores), pair(4, 1), 0)
    assert two(answer) == pytest.approx([6.0, 0.0], abs=1e-2)
    assert answer.numbers["residual"] < 1e-3


def test_where_there_is_no_root_it_says_so():
    network = Formula(lambda v: torch.stack([1 + v.square().sum(1), v[:, 0]], 1))
    answer = SimpleTaylor()(network, pair(1, 1), 0)
    assert any("No root was found" in warning for warning in answer.warnings)


# --- standard errors ------------------------------------------------------------------------------


def _cubic() -> Formula:
    """f = Σ x³, whose gradient 3 x² under noise σ has mean 3 (x² + σ²): the truth is known."""
    return Formula(lambda v: torch.stack([(v**3).sum(1), v[:, 0]], 1))


def _ramp() -> torch.Tensor:
    return torch.linspace(0, 1, 400, dtype=torch.float64).view(1, 1, 20, 20)


def test_the_standard_error_covers_the_truth_as_often_as_it_should():
    x, sigma = _ramp(), 0.2
    answer = SmoothGrad(samples=200, noise=sigma, seed=4)(_cubic(), x, 0)
    truth = 3 * (x**2 + sigma**2)
    away = (answer.values - truth).abs() / answer.error
    # 400 independent pixels; of a normal error 68.3 % lie within one and 95.4 % within two, give
    # or take √(p (1 − p) / 400) = 2.3 % and 1.0 %: three of these are allowed
    assert (away < 1).double().mean().item() == pytest.approx(0.683, abs=0.07)
    assert (away < 2).double().mean().item() == pytest.approx(0.954, abs=0.035)


def test_the_standard_error_falls_as_one_over_the_root_of_n():
    x = _ramp()
    few = SmoothGrad(samples=25, noise=0.2)(_cubic(), x, 0)
    many = SmoothGrad(samples=400, noise=0.2)(_cubic(), x, 0)
    ratio = few.numbers["standard_error"] / many.numbers["standard_error"]
    assert ratio == pytest.approx(4, rel=0.1)
    assert float(few.error.norm() / many.error.norm()) == pytest.approx(4, rel=0.1)


def test_vargrad_is_the_variance_that_the_noise_makes():
    x, sigma = _ramp(), 0.2
    answer = SmoothGrad(samples=500, noise=sigma, form="variance")(_cubic(), x, 0)
    truth = 9 * (4 * x**2 * sigma**2 + 2 * sigma**4)  # Var[3 (x + ε)²]
    away = (answer.values - truth).abs() / answer.error
    # the variance's own error is estimated from fourth powers, and is a little small
    assert (away < 2).double().mean().item() > 0.88
    assert float(answer.values.sum() / truth.sum()) == pytest.approx(1, abs=0.05)


def test_smoothgrad_squared_is_the_mean_square():
    x, sigma = _ramp(), 0.2
    answer = SmoothGrad(samples=500, noise=sigma, form="squared")(_cubic(), x, 0)
    truth = 9 * (x**4 + 6 * x**2 * sigma**2 + 3 * sigma**4)  # E[9 (x + ε)⁴]
    away = (answer.values - truth).abs() / answer.error
    assert (away < 2).double().mean().item() > 0.9


def test_gradient_shap_adds_up_to_the_change_within_its_error():
    x = _ramp()
    answer = GradientShap(samples=400, baseline="noise", seed=2)(_cubic(), x, 0)
    # noise is U(0, 1) here, so f(x) − E[f(b)] = Σ x³ − 400/4; a is shared by all pixels of a draw
    expected = (x**3).sum().item() - 100
    assert answer.values.sum().item() == pytest.approx(expected, abs=12)
    assert answer.numbers["standard_error"] < 0.5


def test_a_map_that_more_samples_would_change_says_so():
    few = SmoothGrad(samples=2, noise=0.5)(seeded(lambda: ReluNetwork()), noise(1, 3, 8, 8), 0)
    assert few.numbers["standard_error"] > 0.5
    assert any("more samples would change it" in warning for warning in few.warnings)
