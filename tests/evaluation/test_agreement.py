import networks
import numpy as np
import pytest
import scipy.stats
import torch

from xaiwidgets.core.errors import Cancelled, ExplainError
from xaiwidgets.core.job import CancelToken
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation import Consensus, agreement, consensus
from xaiwidgets.evaluation import similarity as s
from xaiwidgets.methods import GradientTimesInput, RandomMap, Saliency

NETWORK = networks.seeded(networks.ModuleNetwork)
OTHERS = [networks.seeded(networks.ModuleNetwork, seed) for seed in (1, 2)]
X = networks.noise(4, 3, 32, 32, seed=4)


def identity(subject, x, target):
    return x


# --- between methods ----------------------------------------------------------------------------


def test_the_matrix_holds_the_mean_rank_correlations():
    methods = [Saliency(), GradientTimesInput(), RandomMap()]
    found = agreement(methods, NETWORK, X, 1)
    maps = [method(NETWORK, X, 1).map() for method in methods]
    by_hand = [
        scipy.stats.spearmanr(s.absolute_map(a[None]).ravel(), s.absolute_map(b[None]).ravel())[0]
        for a, b in zip(maps[0], maps[1], strict=True)
    ]
    assert found.values[0, 1] == pytest.approx(by_hand, abs=1e-6)
    matrix = found.matrix
    assert list(matrix) == list(matrix.index) == ["Saliency", "GradientTimesInput", "RandomMap"]
    assert matrix.loc["Saliency", "GradientTimesInput"] == pytest.approx(np.mean(by_hand), abs=1e-6)
    assert np.diag(matrix) == pytest.approx(1)
    assert matrix.equals(matrix.T)
    assert abs(matrix.loc["Saliency", "RandomMap"]) < 0.1


def test_an_interval_surrounds_every_mean():
    found = agreement([Saliency(), GradientTimesInput()], NETWORK, X, 1)
    low, high = found.interval()
    mean = found.matrix
    assert (low.to_numpy() <= mean.to_numpy() + 1e-12).all()
    assert (mean.to_numpy() <= high.to_numpy() + 1e-12).all()
    assert low.iloc[0, 1] < high.iloc[0, 1]
    assert np.isnan(agreement([Saliency(), identity], NETWORK, X[:1], 1).interval()[0].iloc[0, 1])


def test_heatmaps_arrays_and_functions_agree_with_the_method_that_made_them():
    answer = Saliency()(NETWORK, X, 1)
    given = [Saliency(), answer, answer.values.numpy(), lambda s, x, t: s.gradient(x, t)]
    found = agreement(given, NETWORK, X, 1)
    assert found.values == pytest.approx(1)


def test_every_method_runs_once_and_can_be_stopped():
    runs, seen = [], []

    def counted(subject, x, target):
        runs.append(len(x))
        return x

    agreement([counted, Saliency(), RandomMap()], NETWORK, X, 1, progress=seen.append)
    assert runs == [4]
    assert seen[-1] == 1
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        agreement([Saliency(), RandomMap()], NETWORK, X, 1, cancel=token)


def test_a_constant_map_agrees_with_nothing():
    found = agreement([Saliency(), np.ones((4, 32, 32))], NETWORK, X, 1)
    assert np.isnan(found.matrix.loc["Saliency", "given values"])
    assert np.isnan(found.matrix.loc["given values", "given values"])


def test_an_agreement_shows_itself():
    found = agreement([Saliency(), identity], NETWORK, X, 1, similarity="signed spearman")
    assert repr(found).splitlines()[0].split() == ["Saliency", "identity"]
    assert "<small>[" in found._repr_html_()
    assert found.plot().axes[1].get_ylabel() == "signed spearman"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"methods": [Saliency()]}, "1 method came; agreement takes at least two"),
        ({"methods": [Saliency()] * 2, "similarity": "cosine"}, "similarity is 'cosine'; it takes"),
        ({"methods": [Saliency(), 3]}, "A method is a int"),
    ],
)
def test_bad_input_is_told_in_words(arguments, words):
    with pytest.raises(ExplainError, match=words):
        agreement(subject=NETWORK, inputs=X, **arguments)


# --- consensus ----------------------------------------------------------------------------------


def scaled(network):
    size = np.abs(Saliency()(network, X, 1).map())
    low, high = size.min((1, 2), keepdims=True), size.max((1, 2), keepdims=True)
    return (size - low) / (high - low)


def test_consensus_is_the_mean_of_the_other_networks_scaled_maps():
    found = Consensus(networks=OTHERS)(NETWORK, X, Saliency(), 1)
    mean = (scaled(OTHERS[0]) + scaled(OTHERS[1])) / 2
    own = Saliency()(NETWORK, X, 1).map()
    assert found.values == pytest.approx(s.spearman(own, mean), abs=1e-5)
    assert (found.provenance.forwards, found.provenance.backwards) == (12, 12)
    together = Consensus(networks=OTHERS, together=True)(NETWORK, X, Saliency(), 1)
    mean = (scaled(OTHERS[0]) + scaled(OTHERS[1]) + scaled(NETWORK)) / 3
    assert together.values == pytest.approx(s.spearman(own, mean), abs=1e-5)
    assert (together.values > found.values).all()


@pytest.mark.parametrize("together", [False, True])
def test_every_network_gets_the_score_that_the_evaluation_gives_it(together):
    every = [NETWORK, *OTHERS]
    found = consensus(Saliency(), every, X, 1, together=together)
    for i, network in enumerate(every):
        rest = [other for other in every if other is not network]
        one = Consensus(networks=rest, together=together)(network, X, Saliency(), 1)
        assert found.values[i] == pytest.approx(one.values, abs=1e-5)
    assert found.maps == pytest.approx(np.mean([scaled(network) for network in every], 0), abs=1e-5)
    assert list(found.table.index) == [f"ModuleNetwork {i}" for i in (1, 2, 3)]
    assert found.table["mean"].to_numpy() == pytest.approx(found.values.mean(1))
    assert "ModuleNetwork 2" in repr(found)
    assert found.plot().axes[0].get_xlabel().endswith("(spearman)")


def test_a_network_that_sees_something_else_is_the_odd_one_out():
    def noise(subject, x, target):
        return networks.noise(*x.shape, seed=9) if subject.model is OTHERS[1] else x

    found = consensus(noise, [NETWORK, *OTHERS], X, 1)
    assert found.table["mean"].idxmin() == "ModuleNetwork 3"


def test_networks_are_asked_for_in_words():
    with pytest.raises(ExplainError, match=r"give Consensus\(networks=\[...\]\)"):
        Consensus()(NETWORK, X, Saliency(), 1)
    with pytest.raises(ExplainError, match="1 network came; a consensus takes at least two"):
        consensus(Saliency(), [NETWORK], X, 1)
    with pytest.raises(ExplainError, match="came as given values"):
        Consensus(networks=OTHERS)(NETWORK, X, np.ones((4, 32, 32)), 1)


def test_a_consensus_names_its_networks_so_that_finished_work_is_found_again():
    one, same = Consensus(networks=OTHERS), Consensus(networks=[*OTHERS])
    assert repr(one) == repr(same)
    assert repr(one) != repr(Consensus(networks=[NETWORK]))
    assert one == Consensus(networks=one.networks)
    assert one.having(together=True).networks is OTHERS
    title, print_ = repr(one).removeprefix("Consensus(networks=[<").split(">")[0].split()
    assert (title, print_) == ("ModuleNetwork", Subject(OTHERS[0]).glance())


@pytest.mark.slow
def test_the_consensus_of_three_networks_is_nearer_the_object_than_any_of_them():
    """EVALUATION §4: average precision 0.595 of the consensus against at most 0.56."""
    from sklearn.metrics import average_precision_score

    from xaiwidgets import zoo
    from xaiwidgets.methods import SmoothGrad

    scenes = list(zoo.ShapeScenes(12, size=64, seed=77_500))
    x = torch.from_numpy(np.stack([one.image for one in scenes])).permute(0, 3, 1, 2) / 255
    truth = [one.masks["object"].ravel() for one in scenes]

    def precision(maps):
        each = [average_precision_score(t, m.ravel()) for t, m in zip(truth, maps, strict=True)]
        return np.mean(each)

    every = [zoo.subject(name) for name in ("shapes", "shapes-second", "shapes-trojan")]
    found = consensus(SmoothGrad(samples=10), every, (x - 0.5) / 0.25)
    alone = [
        precision(np.abs(SmoothGrad(samples=10)(one, (x - 0.5) / 0.25).map())) for one in every
    ]
    assert precision(found.maps) > max(alone)
