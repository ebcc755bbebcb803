"""Badges: four questions to one explanation."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from networks import noise, seeded
from torch import nn

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.errors import Cancelled, ExplainError
from xaiwidgets.core.evaluation import Answered, Case
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation import MaxSensitivity, ParameterRandomisation
from xaiwidgets.evaluation.faithfulness.pixel_flipping import aopc
from xaiwidgets.evaluation.sanity.forgetful import Forgetful
from xaiwidgets.evaluation.similarity import spearman
from xaiwidgets.evaluation.trust import (
    Checkup,
    Faithfulness,
    Localisation,
    Sanity,
    Stability,
    badges,
)
from xaiwidgets.evaluation.trust.badge import graded


class Corner(nn.Module):
    """The score of class 1 is the brightness of the upper left corner, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([1.0, 5.0]))

    def forward(self, x):
        corner = x[:, :, :6, :6].mean((1, 2, 3))
        return torch.stack([self.weight[0] - corner, self.weight[1] * corner], 1)


def bright():
    """A picture that is bright in the corner and dim elsewhere."""
    x = noise(1, 3, 24, 24).abs() / 10
    x[:, :, :6, :6] += 2
    return x


def by_question(found):
    return {badge.question: badge for badge in found}


def corner_mask():
    mask = np.zeros((24, 24), bool)
    mask[:6, :6] = True
    return mask


# --- verdicts -----------------------------------------------------------------------------------


def test_a_right_map_earns_its_badges():
    method = xw.GradientTimesInput()
    found = by_question(badges(Corner().eval(), bright(), method, 1, masks=corner_mask()))
    assert found["faithfulness"].verdict == "good"
    assert found["faithfulness"].value > 0.8
    assert found["localisation"].verdict == "good"
    assert "100 % of its evidence lies in the mask, which covers 6 %" in (
        found["localisation"].sentence
    )
    assert found["stability"].verdict == "good"


def test_a_map_of_the_wrong_corner_does_not():
    def wrong(subject, x, target):
        return torch.flip(x * subject.gradient(x, target), (2, 3))

    found = by_question(badges(Corner().eval(), bright(), wrong, 1, masks=corner_mask()))
    assert found["faithfulness"].verdict == "poor"
    assert found["faithfulness"].value < 0
    assert found["localisation"].verdict == "poor"


def test_a_map_that_ranks_by_size_alone_is_doubtful_and_told_why():
    def sizes(subject, x, target):
        """The right pixels, with signs drawn by lot: the largest of either sign matter."""
        return x * subject.gradient(x, target) * noise(*x.shape[2:], seed=5).sign()

    badge = by_question(badges(Corner().eval(), bright(), sizes, 1))["faithfulness"]
    assert badge.verdict == "doubtful"
    assert "By size alone it would pass" in badge.sentence
    assert "this map, sizes alone" in [line.name for line in badge.picture.lines]


def test_what_never_asks_the_network_is_found_out():
    found = by_question(badges(network_of("functional"), inputs_for("functional"), xw.EdgeDetector))
    assert found["sanity"].verdict == "poor"
    assert found["sanity"].value == pytest.approx(1)
    assert "localisation" not in found


def test_noise_that_passes_for_a_map_is_neither_sane_nor_faithful_nor_called_stable():
    found = by_question(badges(Corner().eval(), bright(), xw.RandomMap(), 1, masks=corner_mask()))
    assert found["sanity"].verdict == "poor"
    assert found["faithfulness"].verdict == "poor"
    assert found["stability"].verdict == "unknown"
    assert "never looks at the picture" in found["stability"].sentence
    assert found["localisation"].verdict != "good"


def test_noise_is_never_told_apart_from_random_orders():
    x = inputs_for("timm", 1)
    checkup = Checkup(network_of("timm"), x, lambda outputs: 2 * outputs[:, 0])
    asks = checkup.questions[1]
    maps = (xw.RandomMap(seed=i)(checkup.subject, x, checkup.target) for i in range(20))
    said = [checkup.ask(asks, one) for one in maps]
    assert [badge.verdict for badge in said].count("poor") >= 19


def test_values_leave_what_explains_anew_unknown_and_say_so():
    x = inputs_for("modules", 1)
    found = by_question(badges(network_of("modules"), x, np.random.default_rng(0).random((32, 32))))
    assert found["sanity"].verdict == found["stability"].verdict == "unknown"
    assert "explains anew" in found["sanity"].sentence
    assert found["faithfulness"].verdict != "unknown"
    assert np.isnan(found["stability"].value)
    assert found["stability"].rank is None


def test_a_constant_map_is_unknown_throughout():
    def constant(subject, x, target):
        return x * 0 + 1

    found = badges(Corner().eval(), bright(), constant, 1, masks=corner_mask())
    assert [badge.verdict for badge in found] == ["unknown"] * 4
    assert all(badge.sentence for badge in found)


def test_a_function_that_fails_under_noise_leaves_the_other_questions_alone():
    x = bright()

    def picky(subject, given, target):
        if not torch.equal(given, x):
            raise RuntimeError("I only know one picture")
        return given * subject.gradient(given, target)

    found = by_question(badges(Corner().eval(), x, picky, 1))
    assert found["stability"].verdict == "unknown"
    assert found["stability"].sentence == "RuntimeError: I only know one picture"
    assert found["faithfulness"].verdict == "good"
    assert found["sanity"].verdict != "unknown"


def test_a_map_that_vanishes_with_the_network_has_noticed():
    class Fading(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Conv2d(3, 4, 3, padding=1)
            self.head = nn.Linear(4, 4)

        def forward(self, x):
            return self.head(torch.relu(self.body(x)).mean((2, 3)))

    network = seeded(Fading)
    trained = network.head.weight

    def vanishing(subject, x, target):
        mine = next(m for m in subject.model.modules() if isinstance(m, nn.Linear)).weight
        return x * torch.equal(mine, trained)

    badge = by_question(badges(network, noise(1, 3, 16, 16), vanishing))["sanity"]
    assert badge.value == 0
    assert badge.verdict == "good"


@pytest.mark.parametrize(
    ("value", "good", "poor", "said"),
    [
        (0.3, 0.4, 0.7, "good"), (0.5, 0.4, 0.7, "doubtful"), (0.8, 0.4, 0.7, "poor"),
        (3.0, 2.0, 1.0, "good"), (1.5, 2.0, 1.0, "doubtful"), (0.5, 2.0, 1.0, "poor"),
    ],
)  # fmt: skip
def test_a_verdict_follows_from_two_limits(value, good, poor, said):
    assert graded(value, good, poor) == said


def test_the_limits_in_the_documentation_are_those_of_the_code():
    page = (Path(__file__).parents[2] / "docs" / "trust.md").read_text()
    rows = {
        line.split(" | ")[0].strip("| "): line
        for line in page.splitlines()
        if " | ≥" in line or " | ≤" in line
    }
    assert f"| ≤ {Sanity.good} | ≥ {Sanity.poor} |" in rows["sanity"]
    assert f"| ≥ {Faithfulness.good} | within 3 standard deviations" in rows["faithfulness"]
    assert (
        f"| ≤ {Stability.good:.0%} | ≥ {Stability.poor:.0%} |".replace("%", " %")
        in rows["stability"]
    )
    assert f"| ≥ {Localisation.good:g} | ≤ {Localisation.poor:g} |" in rows["localisation"]


# --- the numbers --------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_evaluations():
    x, subject = inputs_for("modules", 1), Subject(network_of("modules"))
    method = xw.GradientTimesInput()
    found = by_question(badges(subject, x, method))
    steady = MaxSensitivity(samples=5, radius=0.05)(subject, x, method)
    assert found["stability"].value == pytest.approx(steady.mean, rel=1e-6)
    curve = found["faithfulness"].scores.curves
    slow = curve["this map"].y[0]
    assert f"{aopc(slow[None])[0]:.2f} below" in found["faithfulness"].sentence
    assert curve["random, lowest"].y.min() <= curve["random orders"].y.min()


def test_sanity_compares_signed_ranks_once_two_fifths_have_forgotten():
    x, subject = inputs_for("functional", 1), Subject(network_of("functional"))
    method = xw.GradientTimesInput()
    checkup = Checkup(subject, x)
    badge = by_question(checkup.badges(method))["sanity"]
    stages = checkup.questions[0].shared["stages"]
    total = stages[-1].gone
    at = min(stages, key=lambda stage: abs(stage.gone / total - 0.4))
    trained = method(subject, x, checkup.target).map()
    then = [method(network, x, checkup.target).map() for network in at.networks]
    slow = [spearman(trained, one, absolute=False)[0] for one in then]
    assert len(set(slow)) == 3, "every draw is another network"
    assert badge.value == pytest.approx(np.mean(slow))
    assert len(stages) <= 5
    assert badge.picture.lines[0].y[0] == 1


@pytest.mark.parametrize(
    "method", [xw.Saliency(), xw.GuidedBackprop(), xw.GradCam(), xw.EdgeDetector()], ids=repr
)
def test_the_badge_and_the_sanity_view_give_one_number_and_say_the_same_of_it(method):
    subject, picture = zoo.subject("shapes"), zoo.ShapeScenes(1, size=96, seed=11)[0].image
    badge = by_question(badges(subject, picture, method))["sanity"]
    view = Forgetful(method, draws=3)(subject, picture)
    headless = ParameterRandomisation(draws=3)(subject, picture, method)
    assert badge.value == pytest.approx(view.frames[1].number, abs=1e-9)
    assert badge.sentence.rpartition(": ")[2] == view.facts[-1].rpartition(": ")[2]
    assert headless.facts == view.facts[-1:]
    by_size = Forgetful(method, draws=3, measure="spearman")(subject, picture)
    sizes = badge.beside.get("this map, sizes alone", badge.beside["this map"])
    assert sizes == f"{by_size.frames[1].number:.2f}".replace("-", "−")


def test_a_map_that_passes_in_one_draw_and_fails_in_another_is_left_open():
    subject, x = Subject(network_of("modules")), inputs_for("modules", 1)
    checkup = Checkup(subject, x)
    asks = checkup.questions[0]
    told = asks._stages(Case(subject, x, checkup.target, xw.Saliency()))[0].networks

    def moody(subject, x, target):
        """It notices one of three draws alone."""
        return -x if subject.model is told[1].model else x

    badge = checkup.ask(asks, moody)
    assert badge.value == pytest.approx(1 / 3, abs=1e-4)
    assert badge.verdict == "doubtful"
    assert badge.sentence.endswith(": the draws do not agree (−1.00 to 1.00).")
    assert badge.beside["lowest and highest of 3 draws"] == "−1.00 to 1.00"
    steady = checkup.ask(asks, lambda subject, x, target: x)
    assert steady.verdict == "poor"


def test_a_class_of_no_probability_is_followed_by_its_score():
    x = bright()
    badge = by_question(badges(Corner().eval(), x, xw.GradientTimesInput(), 0))["faithfulness"]
    assert badge.scores.curves["this map"].y_label == "score"
    sure = by_question(badges(Corner().eval(), x, xw.GradientTimesInput(), 1))["faithfulness"]
    assert sure.scores.curves["this map"].y_label == "probability"


def test_the_first_mask_that_tells_something_is_taken_and_named():
    masks = {"everything": np.ones((24, 24)), "corner": corner_mask(), "rest": ~corner_mask()}
    found = badges(Corner().eval(), bright(), xw.GradientTimesInput(), 1, masks=masks)
    assert "lies in 'corner', which covers" in by_question(found)["localisation"].sentence


# --- work ---------------------------------------------------------------------------------------


def test_explanations_share_what_does_not_depend_on_them():
    x, subject = inputs_for("modules", 1), Subject(network_of("modules"))
    checkup = Checkup(subject, x)
    first = checkup.badges(xw.GradientTimesInput())
    again = checkup.badges(xw.GradientTimesInput())
    apart = badges(subject, x, xw.GradientTimesInput())
    for one, two, alone in zip(first, again, apart, strict=True):
        assert one.value == two.value == alone.value, one.question
        spent = [b.scores.provenance.forwards for b in (one, two)]
        assert spent[1] < spent[0], one.question


def test_a_known_answer_is_judged_as_it_is_and_not_made_again():
    x, subject = inputs_for("modules", 1), Subject(network_of("modules"))
    asked = []

    def counted(subject, x, target):
        asked.append(len(x))
        return x * subject.gradient(x, target)

    checkup = Checkup(subject, x)
    method = xw.core.method.as_method(counted)
    answer = method(subject, x, checkup.target)
    asked.clear()
    faithfulness = checkup.questions[1]
    badge = checkup.ask(faithfulness, Answered(method, answer))
    assert asked == []
    assert badge.value == by_question(badges(subject, x, counted))["faithfulness"].value


def test_an_answer_to_other_inputs_is_refused():
    subject = Subject(network_of("modules"))
    answer = xw.Saliency()(subject, inputs_for("modules", 2))
    with pytest.raises(ExplainError, match="The explanation has shape"):
        MaxSensitivity()(subject, inputs_for("modules", 1), Answered(xw.Saliency(), answer))


def test_progress_rises_and_cancel_stops():
    x, shares, token = inputs_for("modules"), [], CancelToken()
    badges(network_of("modules"), x, xw.Saliency(), progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    with pytest.raises(Cancelled):
        badges(
            network_of("modules"), x, xw.Saliency(), progress=lambda share: token.cancel(),
            cancel=token,
        )  # fmt: skip


def test_the_network_is_left_as_it_was_and_draws_repeat():
    network, x = network_of("functional"), inputs_for("functional", 1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = badges(network, x, xw.Saliency())
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert [b.value for b in badges(network, x, xw.Saliency())] == [b.value for b in first]
