import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from networks import FunctionalNetwork, ModuleNetwork, noise, seeded
from state import State

from xaiwidgets import zoo
from xaiwidgets.core.errors import Cancelled, ExplainError
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.attacks import (
    AttackedInput,
    InputAttack,
    ManipulatedNetwork,
    ModelManipulation,
)
from xaiwidgets.evaluation.attacks.differentiable import correlation, values_of
from xaiwidgets.evaluation.attacks.input_attack import colour_range
from xaiwidgets.evaluation.attacks.model_manipulation import centre, frame, top_pixels, unit
from xaiwidgets.evaluation.similarity import spearman
from xaiwidgets.methods import (
    BetaSmoothedGradient,
    GradCam,
    GradientTimesInput,
    GuidedBackprop,
    IntegratedGradients,
    Saliency,
    SmoothGrad,
    Smoothing,
)

TAKEN = [
    Saliency(), Saliency(form="absolute"), Saliency(form="squared"), GradientTimesInput(),
    IntegratedGradients(steps=4), IntegratedGradients(steps=3, baseline="blur"),
    SmoothGrad(samples=3), SmoothGrad(samples=3, form="squared"),
    SmoothGrad(samples=3, form="variance"), BetaSmoothedGradient(beta=3), GradCam(),
    GradCam(relu=False),
]  # fmt: skip
LOUD = 30.0


def loud(make):
    """A network with confident answers: of scores near 0 every explanation is easily turned."""
    network = seeded(make)
    with torch.no_grad():
        list(network.parameters())[-2].mul_(LOUD)
    return network


# --- explanations that can be differentiated ------------------------------------------------------


@pytest.mark.parametrize("name", ["modules", "functional", "resnet18"])
@pytest.mark.parametrize("method", TAKEN, ids=repr)
def test_what_is_differentiated_is_what_the_method_shows(method, name):
    subject, x = Subject(network_of(name)), inputs_for(name)
    target = subject.bind([1, 3], x)
    shown = method.values(subject, x, target)
    found = values_of(method, subject, x, target, torch.arange(2)).detach()
    assert torch.allclose(found, shown, rtol=1e-3, atol=1e-4 * float(shown.abs().max()))


@pytest.mark.parametrize("method", TAKEN, ids=repr)
def test_its_derivative_is_that_of_finite_differences(method):
    smooth = Smoothing(Subject(seeded(FunctionalNetwork).double()), 2.0)
    x = noise(1, 3, 16, 16, seed=3).double()
    target, way = smooth.bind(1, x), noise(1, 3, 16, 16, seed=4).double()
    rows, step = torch.arange(1), 1e-6

    def total(at):
        return (values_of(method, smooth, at, target, rows) * way[:, :1]).sum()

    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(total(leaf), leaf)
    expected = float((total(x + step * way) - total(x - step * way)).detach()) / (2 * step)
    assert expected != 0
    assert float((slope * way).sum()) == pytest.approx(expected, rel=1e-3)


def test_correlation_is_pearsons():
    a, b = noise(3, 5, 5), noise(3, 5, 5, seed=1)
    expected = [np.corrcoef(a[i].ravel(), b[i].ravel())[0, 1] for i in range(3)]
    assert correlation(a, b) == pytest.approx(expected, abs=1e-6)
    assert np.isnan(correlation(a, torch.ones(3, 5, 5))).all()


# --- the attack on the input ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def attacked():
    x = noise(3, 3, 32, 32, seed=8).sigmoid()
    attack = InputAttack(steps=60, rate=1e-3)
    return attack(loud(ModuleNetwork), x[:2], Saliency(), goal=x[2]), x


def test_the_map_comes_nearer_to_the_goal_and_the_prediction_stays(attacked):
    found, _ = attacked
    assert isinstance(found, AttackedInput)
    assert (found.gain > 0.02).all()
    assert (found.moved < 0.01).all()
    assert (found.correlations["own"] < found.correlations["noise"]).all()
    assert (found.correlations["smoothed"] > found.correlations["own"]).all()
    assert found.correlations["size"].max() < 0.06


def test_all_that_is_reported_is_so(attacked):
    found, x = attacked
    network = Subject(loud(ModuleNetwork))
    target = network.bind(None, found.x)
    own = Saliency().values(network, found.x, target).abs().sum(1)
    forged = Saliency().values(network, found.attacked, target).abs().sum(1)
    goal = Saliency()(network, x[2]).values.abs().sum(1).expand(2, -1, -1)
    assert torch.equal(found.x, x[:2])
    assert torch.allclose(found.before, own)
    assert torch.allclose(found.after, forged)
    assert found.correlations["goal after"] == pytest.approx(correlation(forged, goal), abs=1e-5)
    assert found.correlations["goal before"] == pytest.approx(correlation(own, goal), abs=1e-5)
    assert found.correlations["own"] == pytest.approx(correlation(forged, own), abs=1e-5)
    after = network.outputs(found.attacked).softmax(1).numpy()
    assert found.probabilities_after == pytest.approx(after, abs=1e-6)
    calm = [
        BetaSmoothedGradient(beta=1.0).values(network, at, target).abs().sum(1)
        for at in (found.x, found.attacked)
    ]
    assert found.correlations["smoothed"] == pytest.approx(correlation(*calm), abs=1e-5)
    size = (found.attacked - found.x).square().mean((1, 2, 3)).sqrt().numpy()
    assert found.correlations["size"] == pytest.approx(size, rel=1e-3)


def test_pictures_stay_within_their_colours(attacked):
    found, _ = attacked
    assert found.attacked.min() >= 0
    assert found.attacked.max() <= 1
    subject = Subject(network_of("modules"), mean=(0.5, 0.4, 0.3), std=(0.2, 0.2, 0.2))
    low, high = colour_range(subject, torch.zeros(1, 3, 32, 32))
    assert low[0, :, 0, 0].tolist() == pytest.approx([-2.5, -2.0, -1.5])
    assert high[0, :, 0, 0].tolist() == pytest.approx([2.5, 3.0, 3.5])


def test_it_can_be_read_and_drawn(attacked):
    found, _ = attacked
    assert repr(found).startswith("AttackedInput(2 inputs: correlation with the goal ")
    assert len(found.plot(1).axes) == 8
    assert found.provenance.settings["explanation"] == "Saliency()"
    assert "colour range" in found.facts[0]


@pytest.mark.parametrize(
    "method",
    [GradientTimesInput(), IntegratedGradients(steps=3), SmoothGrad(samples=2), GradCam()],
    ids=repr,
)
def test_other_explanations_are_attacked_too(method):
    x = noise(2, 3, 32, 32, seed=8).sigmoid()
    goal = torch.zeros(32, 32)
    goal[4:12, 4:12] = 1.0
    found = InputAttack(steps=15, rate=2e-3)(loud(ModuleNetwork), x, method, goal)
    assert (found.gain > 0).all()


def test_the_network_is_left_alone_and_the_answer_repeats_bit_by_bit():
    network, x = network_of("functional"), inputs_for("functional")
    state, kept = State(network), x.clone()
    goal = torch.rand(32, 32, generator=torch.Generator().manual_seed(0))
    first, again = (InputAttack(steps=10)(network, x, Saliency(), goal, 1) for _ in range(2))
    state.assert_unchanged()
    assert torch.equal(x, kept)
    assert torch.equal(first.attacked, again.attacked)
    assert torch.equal(first.noise, again.noise)


def test_a_picture_is_attacked_alike_alone_and_in_company():
    network, x = network_of("modules"), inputs_for("modules", 3)
    goal = torch.rand(32, 32, generator=torch.Generator().manual_seed(0))
    together = InputAttack(steps=10)(network, x, Saliency(), goal, [0, 1, 2])
    alone = InputAttack(steps=10)(network, x[1:2], Saliency(), goal, 1)
    assert torch.allclose(together.attacked[1:2], alone.attacked, atol=1e-3)


def test_the_attack_refuses_in_one_sentence():
    network, x = network_of("modules"), inputs_for("modules")
    good = torch.rand(32, 32)
    for method, goal, words in [
        (GuidedBackprop(), good, "GuidedBackprop.. is not written for that"),
        (Saliency(), torch.rand(16, 16), "height and width"),
        (Saliency(), torch.zeros(32, 32), "0 everywhere"),
        (Saliency(), torch.full((32, 32), float("nan")), "not finite"),
    ]:
        with pytest.raises(ExplainError, match=words):
            InputAttack(steps=10)(network, x, method, goal)


def test_progress_rises_and_a_cancelled_attack_stops():
    network, x, seen, token = network_of("modules"), inputs_for("modules"), [], CancelToken()
    InputAttack(steps=10)(network, x, Saliency(), torch.rand(32, 32), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(Cancelled):
        InputAttack(steps=10)(
            network, x, Saliency(), torch.rand(32, 32),
            progress=lambda share: token.cancel(), cancel=token,
        )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_zoo_is_attacked_as_published():
    pictures = [scene.image for scene in zoo.ShapeScenes(7, size=96, seed=77_005)]
    found = InputAttack()(zoo.subject("shapes"), pictures[1:4], Saliency(), goal=pictures[6])
    mean = {name: values.mean() for name, values in found.correlations.items()}
    assert mean["goal after"] - mean["goal before"] >= 0.5
    assert mean["own"] <= 0.5
    assert mean["noise"] >= 0.9
    assert abs(mean["noise goal"] - mean["goal before"]) <= 0.05
    assert mean["smoothed"] >= 0.9
    assert mean["smoothed goal"] <= mean["goal before"] + 0.1
    assert found.moved.max() <= 0.03
    assert mean["size"] < 0.05


# --- the manipulated network ----------------------------------------------------------------------


def test_the_frame_the_top_and_the_centre_are_what_they_say():
    maps = torch.zeros(1, 14, 14)
    expected = torch.ones(14, 14)
    expected[2:12, 2:12] = 0
    assert torch.equal(frame(maps), expected)
    maps[0, 7, 3] = 5.0
    assert centre(maps)[0].tolist() == pytest.approx([7 / 13, 3 / 13])
    maps[0, 7, 10] = 5.0
    assert centre(maps)[0].tolist() == pytest.approx([7 / 13, 0.5])
    ramp = torch.arange(196.0).view(1, 14, 14)
    assert top_pixels(ramp).sum() == 20
    assert top_pixels(ramp)[0].flatten()[-20:].all()
    assert unit(ramp).min() == 0
    assert unit(ramp).max() == 1


def _learnt():
    """Noise with a red or a green patch, and a network that knows which."""
    from xaiwidgets.evaluation.training import fit

    x, labels = 0.3 * noise(96, 3, 16, 16, seed=3), torch.arange(96) % 2
    for i, label in enumerate(labels):
        x[i, label, 4:9, 6:11] += 2.0
    network = seeded(FunctionalNetwork)
    fit(network, x, labels, epochs=8, rate=1e-2)
    return network, x, labels


@pytest.fixture(scope="module")
def learnt():
    return _learnt()


def test_an_exchange_is_graded_map_by_map_by_how_much_nearer_it_came_to_the_others():
    a, b = noise(2, 1, 14, 14, seed=1).abs()
    before, alike = torch.stack([a, b]), spearman(a.numpy(), b.numpy())
    grades = ModelManipulation(fooling="active")._grades
    assert grades(before, before.flip(0)) == pytest.approx(np.tile(1 - alike, 2))
    assert grades(before, before) == pytest.approx(np.tile(alike - 1, 2))
    half = torch.stack([b, b])  # only the first became the other's
    assert grades(before, half) == pytest.approx(np.concatenate([1 - alike, alike - 1]))


def test_the_maps_of_other_pictures_lie_while_the_named_ones_hold_the_accuracy(learnt):
    network, x, labels = learnt
    both = 0.3 * noise(16, 3, 16, 16, seed=5)
    both[:, :2, 2:7, 2:7] += 2.0
    ask = ModelManipulation(fooling="active", steps=12)
    found = ask(network, x, labels, GradCam(), fool=both, classes=(0, 1))
    assert found.before.shape == (2, 4, 16, 16)
    assert found.grades.shape == found.fooled.shape == (8,)
    judged = both[ask._apart(16)]
    own = GradCam().values(Subject(network), judged, Subject(network).bind(0, judged))
    assert torch.allclose(found.before[0], own.abs().sum(1))
    assert found.accuracy > 0.9
    assert not torch.equal(found.after, found.before)
    exact = 100 * np.mean(ask._grades(found.before, found.before.flip(0)) >= 0.5)
    assert found.facts[-1] == f"An exact exchange would count on {exact:.0f} % of the maps."


@pytest.mark.parametrize("fooling", ["top pixels", "centre of mass"])
def test_a_copy_is_fooled_and_the_network_is_left_alone(learnt, fooling):
    network, x, labels = learnt
    state = State(network)
    classes = (0, 1) if fooling == "active" else None
    found = ModelManipulation(fooling=fooling, steps=25)(
        network, x, labels, Saliency(), classes=classes
    )
    state.assert_unchanged()
    assert isinstance(found, ManipulatedNetwork)
    assert found.network is not network
    assert not found.network.training
    assert found.accuracy_before > 0.9
    better = found.grades.mean() - found.grades_before.mean()
    assert better < -0.01 if fooling == "top pixels" else better > 0.01
    assert (found.rate, found.rate_before) == (
        found.fooled.mean(),
        pytest.approx(found.rate_before),
    )
    assert found.before.shape == (2 if classes else 1, 24, 16, 16)
    assert fooling in repr(found)
    assert len(found.plot(3).axes) == (5 if classes else 3) * 3


@pytest.mark.parametrize(
    ("fooling", "grades"),
    [("location", [0.09, 0.15, 0.25, 0.3]), ("centre of mass", [0.25, 0.15, 0.05, 0.01])],
)
def test_a_map_is_also_counted_by_limits_twice_as_hard_to_reach(fooling, grades):
    none, grades = torch.zeros(1, 4, 2, 2), np.array(grades)
    found = ManipulatedNetwork(
        Subject(FunctionalNetwork()), fooling, 1.0, 1.0, none, none, grades, grades
    )
    assert (found.rate, found.stricter) == (0.5, 0.25)


def test_before_training_nothing_is_moved(learnt):
    network, x, labels = learnt
    found = ModelManipulation(fooling="top pixels", steps=1, rate=1e-7)(
        network, x, labels, Saliency()
    )
    assert found.grades_before == pytest.approx(1.0)
    assert found.grades == pytest.approx(1.0, abs=1e-2)
    assert found.rate == found.rate_before == 0.0
    assert found.accuracy == found.accuracy_before


def test_the_same_seed_gives_the_same_copy_and_statistics_stay():
    from networks import resnet18

    network = seeded(resnet18)
    x, labels = noise(12, 3, 32, 32), torch.arange(12) % 5
    ask = ModelManipulation(steps=2, batch=4)
    first, again = (ask(network, x, labels, GradCam()).network for _ in range(2))
    for (name, a), b in zip(first.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert torch.equal(first.bn1.running_mean, network.bn1.running_mean)
    assert not torch.equal(first.conv1.weight, network.conv1.weight)


def test_frozen_networks_are_manipulated_and_come_back_frozen(learnt):
    import copy

    network, x, labels = learnt
    frozen = copy.deepcopy(network).requires_grad_(False)
    found = ModelManipulation(steps=2)(frozen, x, labels, Saliency())
    assert not any(p.requires_grad for p in found.network.parameters())
    assert not torch.equal(found.network.head.weight, network.head.weight)
    assert all(p.grad is None for p in found.network.parameters())


def test_manipulation_refuses_stops_and_reports(learnt):
    network, x, labels = learnt
    for more, words in [
        ({"explanation": GuidedBackprop()}, "not written for that"),
        ({"fooling": "active"}, "classes="),
        ({"fooling": "active", "classes": (1, 1)}, "names one twice"),
        ({"labels": labels[:3]}, "one class index for each"),
    ]:
        ask = {"explanation": Saliency(), "labels": labels, "classes": None, **more}
        attack = ModelManipulation(steps=2, fooling=ask.get("fooling", "location"))
        with pytest.raises(ExplainError, match=words):
            attack(network, x, ask["labels"], ask["explanation"], classes=ask["classes"])
    seen, token = [], CancelToken()
    ModelManipulation(steps=3)(network, x, labels, Saliency(), progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    with pytest.raises(Cancelled):
        ModelManipulation(steps=3)(
            network, x, labels, Saliency(), progress=lambda s: token.cancel(), cancel=token
        )


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("fooling", ["location", "top pixels", "centre of mass"])
def test_the_zoos_network_is_manipulated_and_keeps_its_accuracy(fooling):
    train, test = (
        zoo.ShapeScenes(count, size=64, seed=seed).tensors()
        for count, seed in ((600, 77_010), (200, 77_011))
    )
    (x, labels), (kept, truth) = (((part - 0.5) / 0.25, own) for part, own in (train, test))
    found = ModelManipulation(fooling=fooling)(
        zoo.subject("shapes"), x, labels, GradCam(), test=(kept, truth)
    )
    assert found.rate >= 0.7
    assert found.rate_before <= 0.1
    assert found.accuracy >= found.accuracy_before - 0.03
