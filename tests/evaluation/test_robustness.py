import networks
import numpy as np
import pytest
import torch

from xaiwidgets.core.baselines import uniform
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.method import FromFunction
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation import (
    AverageSensitivity,
    BaselineSensitivity,
    ClassSensitivity,
    Continuity,
    HyperparameterSensitivity,
    MaxSensitivity,
)
from xaiwidgets.evaluation import similarity as s
from xaiwidgets.methods import (
    EdgeDetector,
    GradientTimesInput,
    IntegratedGradients,
    Occlusion,
    RandomMap,
    Saliency,
    SmoothGrad,
)

NETWORK = networks.seeded(networks.ModuleNetwork)
X = networks.noise(3, 3, 32, 32, seed=4)
STIRRING = [MaxSensitivity(samples=4), AverageSensitivity(samples=4), Continuity(samples=4)]
EVERY = [
    *STIRRING,
    Continuity(move="translation"),
    HyperparameterSensitivity(setting="noise", steps=3),
    BaselineSensitivity(),
    ClassSensitivity(),
]


def method_for(evaluation):
    if isinstance(evaluation, BaselineSensitivity):
        return IntegratedGradients(steps=4)
    return SmoothGrad(samples=3)


def identity(subject, x, target):
    return x


def draws(x, radius, count, seed=0):
    reach = radius * (x.amax() - x.amin())
    return [reach * (2 * uniform(x, seed, k) - 1) for k in range(count)]


# --- what every one of them does ----------------------------------------------------------------


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_an_input_scores_the_same_alone_and_in_any_batch(evaluation):
    method = method_for(evaluation)
    together = evaluation(NETWORK, X, method, 1).values
    alone = [evaluation(NETWORK, X[i : i + 1], method, 1).values[0] for i in range(3)]
    assert together == pytest.approx(alone, rel=1e-4)
    assert evaluation(NETWORK, X.flip(0), method, 1).values[::-1] == pytest.approx(
        together, rel=1e-4
    )


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_the_passes_are_those_announced(evaluation):
    method, seen = method_for(evaluation), []
    made = evaluation(NETWORK, X, method, 1, progress=seen.append).provenance
    from xaiwidgets.core.evaluation import Case

    subject = Subject(NETWORK)
    cost = evaluation.cost(Case(subject, X, subject.bind(1, X), method))
    assert (made.forwards, made.backwards) == (3 * cost.forward, 3 * cost.backward)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_the_same_seed_gives_the_same_bits_and_the_global_generator_is_left_alone(evaluation):
    method, before = method_for(evaluation), torch.random.get_rng_state()
    kept = X.clone()
    first, second = (evaluation(NETWORK, X, method, 1).values for _ in range(2))
    assert first.tolist() == second.tolist()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(X, kept)


@pytest.mark.parametrize("evaluation", EVERY, ids=str)
def test_given_values_are_refused_in_words(evaluation):
    with pytest.raises(ExplainError, match="came as given values"):
        evaluation(NETWORK, X, np.ones((3, 32, 32)), 1)


@pytest.mark.parametrize("evaluation", [*STIRRING, ClassSensitivity()], ids=str)
def test_a_constant_map_has_no_score(evaluation):
    def flat_for_the_second(subject, x, target):
        values = x.clone()
        values[(x - X[1]).abs().amax((1, 2, 3)) < 1] = 0.5
        return values

    found = evaluation(NETWORK, X, flat_for_the_second, 1)
    assert np.isnan(found.values).tolist() == [False, True, False]
    assert "For 1 of 3 inputs" in found.warnings[0]
    assert "map is constant: no score." in found.warnings[0]


# --- noise --------------------------------------------------------------------------------------


def test_sensitivity_of_the_picture_itself_is_the_size_of_the_noise():
    for i, value in enumerate(MaxSensitivity(samples=5)(NETWORK, X, identity, 1).values):
        sizes = [e.norm() / X[i].norm() for e in draws(X[i], 0.1, 5)]
        assert value == pytest.approx(float(max(sizes)), rel=1e-5)
    for i, value in enumerate(AverageSensitivity(samples=5)(NETWORK, X, identity, 1).values):
        sizes = [e.norm() / X[i].norm() for e in draws(X[i], 0.1, 5)]
        assert value == pytest.approx(float(sum(sizes) / 5), rel=1e-5)


def test_the_noise_is_even_between_minus_and_plus_the_radius():
    found = torch.cat([e.flatten() for e in draws(X[0], 0.1, 20)]) / (X[0].max() - X[0].min())
    assert -0.1 <= found.min() < -0.0999
    assert 0.0999 < found.max() <= 0.1
    assert found.mean().abs() < 1e-3


def test_the_gradient_of_a_linear_network_does_not_move_and_a_warning_says_what_that_may_mean():
    network = networks.seeded(lambda: networks.LinearNetwork((3, 8, 8)))
    for evaluation in STIRRING:
        found = evaluation(network, X[..., :8, :8], Saliency(), 1)
        assert (found.values == 0).all()
        assert "never looks at the picture" in found.warnings[0]
    for control in (RandomMap(), lambda subject, x, target: torch.ones_like(x).cumsum(-1)):
        found = MaxSensitivity()(NETWORK, X, control, 1)
        assert "never looks at the picture" in found.warnings[0]
    assert not MaxSensitivity()(NETWORK, X, EdgeDetector(), 1).warnings


def test_the_same_maximum_as_captum_for_the_same_draws():
    from captum.metrics import sensitivity_max

    count, index = 6, 2
    one = X[index : index + 1]
    noise = torch.stack(draws(one[0], 0.1, count))

    def gradient(inputs):
        inputs = inputs[0] if isinstance(inputs, tuple) else inputs
        return (Subject(NETWORK).gradient(inputs, Subject(NETWORK).bind(1, inputs)),)

    theirs = sensitivity_max(
        gradient, one, perturb_func=lambda inputs, radius: inputs + noise,
        n_perturb_samples=count, max_examples_per_batch=count,
    )  # fmt: skip
    ours = MaxSensitivity(samples=count)(NETWORK, X, Saliency(), 1).values[index]
    assert ours == pytest.approx(float(theirs), rel=1e-5)


@pytest.mark.slow
def test_the_same_maximum_as_quantus_for_the_same_draws():
    quantus = pytest.importorskip("quantus")
    count, one = 4, X[:1]
    noise = iter([e.numpy() for e in draws(one[0], 0.1, count)])

    def explain(model, inputs, targets, **_):
        x = torch.as_tensor(np.asarray(inputs)).float()
        return Subject(NETWORK).gradient(x, Subject(NETWORK).bind(1, x)).numpy()

    metric = quantus.MaxSensitivity(
        nr_samples=count, abs=False, normalise=False, disable_warnings=True,
        return_nan_when_prediction_changes=False,
        perturb_func=lambda arr, **_: (arr.reshape(1, 3, 32, 32) + next(noise)).reshape(arr.shape),
    )  # fmt: skip
    (theirs,) = metric(
        model=NETWORK, x_batch=one.numpy(), y_batch=np.array([1]), explain_func=explain
    )
    ours = MaxSensitivity(samples=count)(NETWORK, one, Saliency(), 1).values[0]
    assert ours == pytest.approx(theirs, rel=1e-4)


def test_the_curve_is_the_score_after_every_draw():
    for evaluation in STIRRING:
        found = evaluation(NETWORK, X, Saliency(), 1)
        (curve,) = found.curves.values()
        fewer = evaluation.having(samples=2)(NETWORK, X, Saliency(), 1)
        assert curve.y[:, 1] == pytest.approx(fewer.values, rel=1e-5)
        assert curve.y[:, -1].tolist() == found.values.tolist()


# --- continuity ---------------------------------------------------------------------------------


def test_the_lipschitz_constant_of_twice_the_picture_is_two():
    def doubled(subject, x, target):
        return 2 * x

    for move in ("noise", "translation"):
        found = Continuity(move=move, relative=False)(NETWORK, X, doubled, 1)
        assert found.values == pytest.approx(2, rel=1e-4)
        found = Continuity(move=move)(NETWORK, X, doubled, 1)
        expected = [(x.max() - x.min()) * x.numel() ** 0.5 / x.norm() for x in X]
        assert found.values == pytest.approx([float(e) for e in expected], rel=1e-4)


def test_a_relative_constant_does_not_depend_on_the_unit_of_the_map():
    def gradient(subject, x, target):
        return subject.gradient(x, target)

    def thousand(subject, x, target):
        return 1000 * subject.gradient(x, target)

    same = [Continuity()(NETWORK, X, make, 1).values for make in (gradient, thousand)]
    assert same[0] == pytest.approx(same[1], rel=1e-4)
    other = [
        Continuity(relative=False)(NETWORK, X, make, 1).values for make in (gradient, thousand)
    ]
    assert 1000 * other[0] == pytest.approx(other[1], rel=1e-4)


def test_pictures_are_moved_in_eight_directions_nearest_first_with_the_edge_repeated():
    from xaiwidgets.evaluation.robustness.continuity import translated

    x = torch.arange(25.0).view(1, 1, 5, 5)
    move = translated(x)
    assert move(1)[0, 0, 0].tolist() == x[0, 0, 1].tolist()  # one pixel up
    assert move(6)[0, 0, 0].tolist() == x[0, 0, 0].tolist()  # one down: the edge again
    assert move(6)[0, 0, 1].tolist() == x[0, 0, 0].tolist()
    assert move(3)[0, 0, :, 0].tolist() == x[0, 0, :, 1].tolist()  # one to the left
    assert move(15)[0, 0, 2:, 2:].tolist() == x[0, 0, :3, :3].tolist()  # two down, two right
    assert len({tuple(move(k).flatten().tolist()) for k in range(16)}) == 16


def test_a_uniform_picture_cannot_be_translated():
    flat = torch.full((1, 3, 32, 32), 0.3)
    make = FromFunction(lambda subject, x, target: torch.arange(32.0).expand_as(x))
    assert np.isnan(Continuity(move="translation")(NETWORK, flat, make, 1).mean)


# --- settings -----------------------------------------------------------------------------------


def test_hyperparameter_sensitivity_is_the_mean_ssim_of_every_two_maps():
    values = [0.1, 0.2, 0.4]
    found = HyperparameterSensitivity(setting="noise", values=values)(
        NETWORK, X, SmoothGrad(samples=4), 1
    )
    maps = [SmoothGrad(samples=4, noise=v)(NETWORK, X, 1).map() for v in values]
    pairs = [s.ssim(maps[i], maps[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert found.values == pytest.approx(np.mean(pairs, 0), rel=1e-6)
    assert found.facts == ["noise was 0.1, 0.2, 0.4."]
    (curve,) = found.curves.values()
    assert curve.x.tolist() == values
    assert curve.y[:, 1] == pytest.approx((pairs[0] + pairs[2]) / 2, rel=1e-6)
    assert found.numbers["noise 0.2"] == pytest.approx(curve.y[:, 1].mean())


def test_a_number_goes_from_half_to_twice_its_value_and_a_choice_takes_every_one():
    find = HyperparameterSensitivity(setting="noise", steps=3)
    assert find(NETWORK, X, SmoothGrad(samples=3, noise=0.1), 1).facts == [
        "noise was 0.05, 0.1, 0.2."
    ]
    found = HyperparameterSensitivity(setting="samples", steps=3)(
        NETWORK, X, SmoothGrad(samples=4), 1
    )
    assert found.facts == ["samples was 2, 4, 8."]
    found = HyperparameterSensitivity()(NETWORK, X, Saliency(), 1)
    assert found.facts == ["form was signed, absolute, squared."]
    found = HyperparameterSensitivity(setting="seed", steps=3)(NETWORK, X, SmoothGrad(samples=3), 1)
    assert found.facts == ["seed was 0, 1, 2."]
    assert (found.values < 1).all()


@pytest.mark.parametrize(
    ("evaluation", "method", "words"),
    [
        (HyperparameterSensitivity(setting="noize"), SmoothGrad(), "no setting 'noize' to vary"),
        (HyperparameterSensitivity(), GradientTimesInput(), "no setting to vary"),
        (HyperparameterSensitivity(), identity, "came as identity, which has none"),
        (
            HyperparameterSensitivity(setting="noise", values=[0.1]),
            SmoothGrad(),
            "would take only",
        ),
        (
            HyperparameterSensitivity(setting="noise", values=[0.1, 7]),
            SmoothGrad(),
            "noise is 7; it takes a number from 0 to 0.5",
        ),
        (BaselineSensitivity(), Saliency(), "Saliency has no baseline to vary"),
        (BaselineSensitivity(), identity, "came as identity, which has none"),
    ],
)
def test_what_lacks_the_setting_is_told_so_in_one_sentence(evaluation, method, words):
    with pytest.raises(ExplainError, match=words):
        evaluation(NETWORK, X, method, 1)


def test_every_baseline_that_there_is_is_tried():
    found = BaselineSensitivity()(NETWORK, X, Occlusion(patch=8, stride=8), 1)
    assert found.facts == ["fill was mean, blur, zero, noise, black, white."]
    with_absent = Subject(NETWORK, absent=torch.zeros(3, 32, 32))
    found = BaselineSensitivity()(with_absent, X, IntegratedGradients(steps=3), 1)
    assert "given" in found.facts[0]


def test_a_setting_that_does_nothing_is_warned_about():
    class Idle(Saliency):
        pass

    found = HyperparameterSensitivity(setting="steps", values=[3, 5])(
        networks.seeded(lambda: networks.LinearNetwork((3, 32, 32))),
        X,
        IntegratedGradients(baseline="zero"),
        1,
    )
    assert found.warnings == ["The maps are all the same: steps does nothing here."]


def test_settings_are_part_of_the_evaluations_value():
    one = HyperparameterSensitivity(setting="noise", steps=3)
    assert one == HyperparameterSensitivity(setting="noise", steps=3)
    assert one != HyperparameterSensitivity(setting="samples", steps=3)
    assert one.having(steps=4).setting == "noise"
    assert repr(one) == "HyperparameterSensitivity(setting='noise', steps=3)"
    assert hash(one) == hash(one.having())
    with pytest.raises(ExplainError, match="no setting 'sitting'"):
        HyperparameterSensitivity(sitting="noise")


# --- classes ------------------------------------------------------------------------------------


def test_class_sensitivity_compares_the_best_class_with_the_worst():
    outputs = NETWORK(X)
    best, worst = (
        Saliency()(NETWORK, X, classes).map() for classes in (outputs.argmax(1), outputs.argmin(1))
    )
    for name in s.SIMILARITIES:
        found = ClassSensitivity(similarity=name)(NETWORK, X, Saliency(), 3)
        assert found.values == pytest.approx(s.similarity(name, best, worst), abs=1e-5)
    assert found.better == "lower"


def test_a_map_that_ignores_the_class_is_found_out():
    assert ClassSensitivity()(NETWORK, X, EdgeDetector()).values == pytest.approx(1)
    assert (ClassSensitivity()(NETWORK, X, Saliency()).values < 0.9).all()


def test_one_score_has_no_two_classes():
    network = networks.seeded(lambda: networks.LinearNetwork((3, 8, 8), classes=1))
    with pytest.raises(ExplainError, match="this network has one score"):
        ClassSensitivity()(network, X[..., :8, :8], Saliency(), 0)


# --- on the zoo: the published pattern ----------------------------------------------------------


@pytest.mark.slow
def test_smoothing_steadies_the_gradient_and_guided_backprop_is_blind_to_the_class():
    """EVALUATION §3: max-sensitivity of SmoothGrad 0.09 below the gradient's 0.22; guided backprop
    is continuous, and hardly changes with the class (§1.2)."""
    from xaiwidgets import zoo
    from xaiwidgets.methods import GradCam, GuidedBackprop

    scenes = zoo.ShapeScenes(4, size=64, seed=77_300).tensors()[0]
    network, x = zoo.subject("shapes"), (scenes - 0.5) / 0.25

    def mean(evaluation, method):
        return evaluation(network, x, method).mean

    for evaluation in (MaxSensitivity(samples=3), Continuity(samples=3)):
        gradient = mean(evaluation, Saliency())
        assert mean(evaluation, SmoothGrad(samples=10)) < 0.8 * gradient
        assert mean(evaluation, GuidedBackprop()) < 0.6 * gradient
        assert mean(evaluation, GradCam()) < 0.3 * gradient
    blind = mean(ClassSensitivity(), GuidedBackprop())
    assert blind >= 0.5
    assert mean(ClassSensitivity(), Saliency()) <= 0.1
    assert mean(ClassSensitivity(), EdgeDetector()) == pytest.approx(1)
    assert mean(ClassSensitivity(similarity="ssim"), GuidedBackprop()) >= 0.85


@pytest.mark.slow
def test_more_samples_make_a_map_that_depends_less_on_chance():
    from xaiwidgets import zoo

    scenes = zoo.ShapeScenes(2, size=64, seed=77_301).tensors()[0]
    chance = HyperparameterSensitivity(setting="seed", steps=3)
    few, many = (
        chance(zoo.subject("shapes"), (scenes - 0.5) / 0.25, SmoothGrad(samples=count)).mean
        for count in (3, 24)
    )
    assert many > few + 0.1
