"""What every declared evaluation meets without being asked."""

import copy
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from kinds import BESIDES_PICTURES
from networks import noise
from state import State

import xaiwidgets as xw
import xaiwidgets.evaluation
from xaiwidgets.core.declare import declared
from xaiwidgets.core.errors import Cancelled, ExplainError
from xaiwidgets.core.evaluation import Case, Evaluation
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.scores import Scores
from xaiwidgets.core.subject import Subject

FAMILIES = {
    "sanity", "faithfulness", "robustness", "localisation", "agreement", "truth", "attacks",
}  # fmt: skip
BUILT_IN = [e for e in declared(Evaluation) if e.__module__.startswith("xaiwidgets.")]
_LIGHT = {"steps": 4, "copies": 2, "samples": 4, "draws": 2, "repeats": 2, "regions": 4}


def another(network: object) -> object:
    """A network of the same kind that learnt something else."""
    other = copy.deepcopy(getattr(network, "model", network))
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.copy_(parameter.flatten().roll(7).view_as(parameter))
    return other


def beside(subject: object) -> object:
    """That network as what it stands beside: a subject of the same kind, or a network."""
    return subject.with_network(another(subject)) if hasattr(subject, "model") else another(subject)


_BESIDES = {
    "Consensus": lambda network: {"networks": [beside(network)]},
    "DataRandomisation": lambda network: {"permuted": beside(network)},
    "ModelContrast": lambda network: {"other": beside(network)},
}


def light(evaluation: type[Evaluation], network: object) -> Evaluation:
    """The evaluation at its defaults, except that it draws or steps less; with another network
    where it compares with one."""
    known = evaluation.knobs
    knobs = {name: max(value, known[name].low) for name, value in _LIGHT.items() if name in known}
    given = _BESIDES.get(evaluation.__name__)
    return evaluation(**knobs, **(given(network) if given else {}))


def method() -> xw.Attribution:
    """A method with knobs and a baseline, so that whatever is varied can be."""
    return xw.IntegratedGradients(steps=3)


def masks(x: torch.Tensor) -> np.ndarray:
    """A square off the middle in every input."""
    found = np.zeros((len(x), *x.shape[2:]), bool)
    found[:, 4:15, 6:17] = True
    return found


def judge(evaluation: Evaluation, network: object, x: torch.Tensor, **more: object) -> Scores:
    """One run of an evaluation with all that any of them needs."""
    explanation = more.pop("explanation", method())
    return evaluation(
        network, x, explanation, more.pop("target", 1), masks=more.pop("masks", masks(x)), **more
    )


every_evaluation = pytest.mark.parametrize("evaluation", BUILT_IN, ids=lambda e: e.__name__)
three_networks = pytest.mark.parametrize(
    "name",
    ["modules", "functional", pytest.param("vit", marks=pytest.mark.slow)],
)


@every_evaluation
def test_it_declares_itself(evaluation):
    assert evaluation.family in FAMILIES
    assert evaluation.better in ("higher", "lower", "")
    document = inspect.getdoc(evaluation)
    assert document
    assert len(document) > 150
    bibliography = Path(__file__).parents[2] / "references.bib"
    assert f"{{{evaluation.source}," in bibliography.read_text()
    assert evaluation.__name__ in xaiwidgets.evaluation.__all__


@three_networks
@every_evaluation
def test_it_gives_one_number_an_input(evaluation, name):
    x = inputs_for(name, 3)
    network = network_of(name)
    found = judge(light(evaluation, network), network, x)
    assert found.values.shape == (3,)
    assert not np.isinf(found.values).any()
    assert found.provenance.method == evaluation.__name__
    for curve in found.curves.values():
        assert curve.y.shape == (3, len(curve.x))
    assert f"{evaluation.__name__} of IntegratedGradients" in repr(found)


@pytest.mark.parametrize("kind", BESIDES_PICTURES, ids=lambda kind: kind.__name__)
@every_evaluation
def test_every_kind_of_input_is_judged_or_refused_in_one_sentence(evaluation, kind):
    subject, inputs, explanation = kind()
    shape = subject.prepare(inputs).x.shape
    truth = np.zeros((shape[0], *shape[2:]), bool)
    truth[..., 1:4] = True
    sentence = ""
    try:
        found = light(evaluation, subject)(subject, inputs, explanation, 0, masks=truth)
    except ExplainError as refused:
        sentence = str(refused)
    assert "\n" not in sentence
    if not sentence:
        assert subject.kind in evaluation.takes
        assert found.values.shape == (2,)


@every_evaluation
def test_it_leaves_network_inputs_and_the_global_generator_alone(evaluation):
    network, x = network_of("functional"), inputs_for("functional")
    kept, state, generator = x.clone(), State(network), torch.get_rng_state()
    drawn = np.random.get_state()[1].copy()
    judge(light(evaluation, network), network, x)
    state.assert_unchanged()
    assert torch.equal(x, kept)
    assert torch.equal(torch.get_rng_state(), generator)
    assert (np.random.get_state()[1] == drawn).all()


@every_evaluation
def test_it_repeats_bit_by_bit(evaluation):
    subject, x = Subject(network_of("functional")), inputs_for("functional")
    first, again = (judge(light(evaluation, subject), subject, x) for _ in range(2))
    assert np.array_equal(first.values, again.values, equal_nan=True)
    for name, curve in first.curves.items():
        assert np.array_equal(curve.y, again.curves[name].y, equal_nan=True)


@every_evaluation
def test_an_input_scores_the_same_alone_and_in_company(evaluation):
    subject = Subject(copy.deepcopy(network_of("modules")).double())
    x = noise(3, 3, 32, 32, seed=4).double()
    together = judge(light(evaluation, subject), subject, x, target=[0, 3, 1])
    for i, target in enumerate((0, 3, 1)):
        alone = judge(light(evaluation, subject), subject, x[i : i + 1], target=target)
        np.testing.assert_allclose(alone.values[0], together.values[i], rtol=1e-6, atol=1e-9)


@every_evaluation
def test_it_spends_the_passes_that_it_declares(evaluation):
    subject, x = Subject(network_of("modules")), inputs_for("modules", 2)
    made = judge(light(evaluation, subject), subject, x).provenance
    case = Case(subject, x, subject.bind(1, x), method(), masks(x))
    need = light(evaluation, subject).cost(case)
    assert made.forwards <= 2 * need.forward
    assert made.backwards <= 2 * need.backward


@every_evaluation
def test_it_takes_functions_heatmaps_and_values_or_says_why_not(evaluation):
    subject, x = Subject(network_of("modules")), inputs_for("modules")
    heat = method()(subject, x, 1)
    test = light(evaluation, subject)

    def by_hand(subject, x, target):
        return subject.gradient(x, target)

    if evaluation.__name__ in ("BaselineSensitivity", "HyperparameterSensitivity"):
        with pytest.raises(ExplainError, match="it came as by_hand, which has"):
            judge(test, subject, x, explanation=by_hand)
    else:
        assert judge(test, subject, x, explanation=by_hand).values.shape == (2,)
    for given in (heat, heat.values, heat.map()):
        if evaluation.explains_anew:
            with pytest.raises(ExplainError, match=r"explains anew|which has none"):
                judge(test, subject, x, explanation=given)
        else:
            found = judge(test, subject, x, explanation=given)
            assert found.provenance.backwards == 0 or evaluation.family == "faithfulness"


@every_evaluation
def test_a_cancelled_evaluation_stops(evaluation):
    token = CancelToken()

    def stop(share):
        token.cancel()

    subject, x = Subject(network_of("functional")), inputs_for("functional")
    test = light(evaluation, subject)
    try:
        judge(test, subject, x, cancel=token, progress=stop)
    except Cancelled:
        return
    case = Case(subject, x, subject.bind(1, x), method(), masks(x))
    assert test.cost(case).total <= 14, "an evaluation of many passes has to stop between them"


@every_evaluation
def test_values_of_the_wrong_shape_are_refused_in_one_sentence(evaluation):
    network, x = network_of("modules"), inputs_for("modules")
    test = light(evaluation, network)
    with pytest.raises(ExplainError) as refused:
        judge(test, network, x, explanation=np.ones((2, 7, 7)))
    assert "\n" not in str(refused.value)
    if evaluation.needs_masks:
        with pytest.raises(ExplainError, match="masks="):
            judge(test, network, x, masks=None)
        with pytest.raises(ExplainError, match="The masks have shape"):
            judge(test, network, x, masks=np.ones((2, 5, 5)))
