"""TCAV against itself written slowly, and against what must hold."""

import numpy as np
import pandas as pd
import pytest
import torch
from methods.concepts.stripes import SIDE, ask, plain, small_network, striped
from networks import FunctionalNetwork, ModuleNetwork, noise, seeded
from PIL import Image
from scipy import stats
from state import State

import xaiwidgets as xw
from xaiwidgets.core.errors import Cancelled, ExplainError
from xaiwidgets.core.subject import Subject
from xaiwidgets.methods.concepts.classifiers import CLASSIFIERS
from xaiwidgets.methods.concepts.pooling import pooled, pooled_gradient
from xaiwidgets.methods.concepts.space import Recipe, Space, alike, split
from xaiwidgets.methods.concepts.store import Store


def same(left, right) -> bool:
    """Whether two answers say the same."""
    return pd.testing.assert_frame_equal(left.table(), right.table()) is None


# --- the numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("classifier", ["ridge", "mean difference"])
def test_what_cavs_say_is_what_their_vectors_say(classifier):
    rng = np.random.default_rng(0)
    A, G = rng.standard_normal((40, 9)) + 0.3, rng.standard_normal((5, 9))
    rows = np.arange(40)
    positive, negatives = rows[:10], [rows[10:20], rows[20:30]]
    A[positive] += 0.8
    space = Space(A @ A.T, G @ A.T, alike(G))
    found = space.direction(positive, negatives, Recipe(classifier, 0.1, 3))
    units, shares, slopes, accuracies = [], [], [], []
    for negative in negatives:
        (p, p_held), (n, n_held) = split(positive, 3), split(negative, 3)
        if classifier == "mean difference":
            v, border = A[p].mean(0) - A[n].mean(0), (A[p].mean(0) + A[n].mean(0)) / 2
        else:
            X, y = A[np.r_[p, n]], np.repeat([1.0, -1.0], [len(p), len(n)])
            border, Z = X.mean(0), X - X.mean(0)
            v = np.linalg.solve(Z.T @ Z + 0.1 * np.trace(Z.T @ Z) / len(y) * np.eye(9), Z.T @ y)
        units.append(v / np.linalg.norm(v))
        shares.append(np.mean(G @ v > 0))
        slopes.append(np.mean(G @ units[-1]))
        right = [(A[i] - border) @ v > 0 for i in p_held] + [
            (A[i] - border) @ v < 0 for i in n_held
        ]
        accuracies.append(np.mean(right))
    mean = np.mean(units, 0)
    assert found.shares == pytest.approx(shares)
    assert found.magnitudes == pytest.approx(slopes)
    assert found.accuracies == pytest.approx(accuracies)
    assert found.agreement == pytest.approx(np.linalg.norm(mean))
    assert found.sensitivities == pytest.approx(G @ mean / np.linalg.norm(mean))
    assert found.weights @ A == pytest.approx(mean / np.linalg.norm(mean))


def test_a_third_of_every_set_is_held_out_and_none_of_it_is_learnt_from():
    learnt, held = split(np.arange(100, 200), 7)
    assert (len(learnt), len(held)) == (67, 33)
    assert sorted([*learnt, *held]) == list(range(100, 200))


@pytest.mark.parametrize("how", ["mean", "max", "none"])
def test_the_pooled_gradient_is_the_slope_of_the_score_along_a_pooled_direction(how):
    network = small_network().double()
    x = noise(1, 3, SIDE, SIDE, dtype=torch.float64)
    a = network.relu2(network.conv2(network.relu1(network.conv1(x)))).detach().requires_grad_()

    def score(a):
        return network.linear(
            network.relu4(network.conv4(network.pool(network.relu3(network.conv3(a))))).mean((2, 3))
        )[:, 1]

    layer = Subject(network).layers(x)["relu2"]
    (gradient,) = torch.autograd.grad(score(a).sum(), a)
    a = a.detach()
    slope = pooled_gradient(a, gradient, layer, how)[0]
    v = noise(len(slope), seed=5, dtype=torch.float64)
    step = torch.zeros_like(a)
    if how == "mean":
        step += v.view(1, -1, 1, 1)
    elif how == "max":
        step.flatten(2).scatter_(2, a.flatten(2).argmax(2, keepdim=True), v.view(1, -1, 1))
    else:
        step = v.view_as(a)
    tiny = 1e-6
    assert (pooled(a + tiny * step, layer, how) - pooled(a, layer, how))[0] == pytest.approx(
        tiny * v.numpy(), rel=1e-6
    )
    measured = (score(a + tiny * step) - score(a - tiny * step)) / (2 * tiny)
    assert float(measured.detach()) == pytest.approx(float(slope @ v), rel=1e-5)


def test_scores_are_shares_of_derivatives_along_cavs():
    network = small_network()
    answer = ask(network, layers="relu2")
    vector = torch.tensor(answer.vector("stripes").values, dtype=torch.float32)
    assert float(vector.norm()) == pytest.approx(1, abs=1e-5)
    a = network.relu1(network.conv1(plain(6, 4)))
    a = network.relu2(network.conv2(a)).detach()

    def score(a):
        a = network.relu4(network.conv4(network.pool(network.relu3(network.conv3(a)))))
        return network.linear(a.mean((2, 3)))[:, 1]

    step = 1e-3 * vector.view(1, -1, 1, 1)
    measured = (score(a + step) - score(a - step)) / 2e-3
    assert answer.sensitivities("stripes") == pytest.approx(
        measured.detach().numpy(), rel=0.05, abs=2e-3
    )
    entry = answer.entry("stripes")
    assert entry.magnitude == pytest.approx(answer.sensitivities("stripes").mean())


def test_the_log_probability_has_another_derivative_than_the_logit():
    network = small_network()
    x = plain(6, 4)
    given = {
        "concepts": {"stripes": striped(12, 1)}, "random": plain(144, 3), "layers": "relu2",
    }  # fmt: skip
    each = [xw.TCAV(size=12)(network, x, k, **given).sensitivities("stripes") for k in range(3)]
    share = network(x).softmax(1).detach().numpy()
    expected = each[1] - sum(share[:, k] * each[k] for k in range(3))
    found = xw.TCAV(size=12, output="log-probability")(network, x, 1, **given)
    assert found.sensitivities("stripes") == pytest.approx(expected, abs=1e-5)
    assert "log-probability" in found.facts[0]


# --- what must hold ---------------------------------------------------------------------------


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_the_same_question_has_the_same_answer(classifier):
    network = small_network()
    tcav = xw.TCAV(size=12, classifier=classifier)
    assert same(ask(network, tcav), ask(network, tcav))
    assert not ask(network, tcav).table().equals(ask(network, tcav.having(seed=1)).table())


def test_stripes_are_told_apart_and_noise_gets_no_score():
    table = ask(layers=["relu2"]).table().set_index("concept")
    assert table.accuracy["stripes"] > 0.9
    assert not table.refusal["stripes"]
    assert "held-out" in table.refusal["nothing"]
    assert np.isnan(table.score["nothing"])
    assert not table.significant["nothing"]


def test_a_concept_has_the_same_score_whichever_others_are_asked_about():
    alone = ask(concepts={"stripes": striped(12, 1)}).entry("stripes")
    beside = ask(concepts={"x": plain(9, 8), "stripes": striped(12, 1)}).entry("stripes")
    assert (alone.score, alone.p) == (beside.score, pytest.approx(beside.p))
    assert alone.magnitude == pytest.approx(beside.magnitude)


@pytest.mark.parametrize("share", [0.9, 1.1])
def test_significance_is_corrected_for_concepts_and_layers(share, monkeypatch):
    p = ask(layers="relu3", concepts={"stripes": striped(12, 1)}).entry("stripes").p
    monkeypatch.setattr("xaiwidgets.methods.concepts.score.LEVEL", 6 * p * share)
    many = {f"stripes {i}": striped(12, 1) for i in range(3)}
    found = ask(layers=["relu2", "relu3"], concepts=many).entry("stripes 0", "relu3")
    assert found.p == pytest.approx(p)
    assert found.significant == (share > 1)


def test_adding_a_concept_costs_its_own_passes(tmp_path):
    network = small_network()
    before = ask(network, concepts={"stripes": striped(12, 1)}, folder=tmp_path)
    again = ask(network, concepts={"stripes": striped(12, 1)}, folder=tmp_path)
    after = ask(
        network, concepts={"stripes": striped(12, 1), "new": striped(9, 5)}, folder=tmp_path
    )
    assert before.provenance.forwards == 6 + 12 + 144
    assert again.provenance.forwards == 6
    assert after.provenance.forwards == 6 + 9
    assert after.provenance.backwards == 6


def test_a_concept_that_is_added_costs_the_passes_of_its_own_examples_alone():
    network, passes = small_network(), []
    network.register_forward_hook(lambda module, inputs, output: passes.append(len(output)))
    before = ask(network, concepts={"stripes": striped(12, 1)})
    passes.clear()
    after = before.adding({"new": striped(9, 5), "noise": plain(12, 6)})
    assert sum(passes) == 9 + 12
    assert (after.provenance.forwards, after.provenance.backwards) == (9 + 12, 0)
    fewer = after.without("noise")
    assert sum(passes) == 9 + 12
    assert fewer.provenance.forwards == 0


@pytest.mark.parametrize("against", ["random", "other concepts"])
def test_concepts_that_are_added_score_as_if_asked_about_at_once(against):
    tcav, network = xw.TCAV(size=12, pooling="mean", against=against), small_network()
    three = {"stripes": striped(12, 1), "noise": plain(12, 6), "new": striped(9, 5)}
    at_once = ask(network, tcav, concepts=three)
    two = {name: three[name] for name in ("stripes", "noise")}
    added = ask(network, tcav, concepts=two).adding({"new": three["new"]})
    same(at_once, added)
    vectors = [answer.vector("new", "relu3").values for answer in (at_once, added)]
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-9)
    same(ask(network, tcav, concepts=two), added.without("new"))


def test_what_cannot_be_added_or_left_out_is_said_in_a_sentence():
    network = small_network()
    answer = ask(network, concepts={"stripes": striped(12, 1)})
    with pytest.raises(ExplainError, match="called 'stripes' already"):
        answer.adding({"stripes": striped(12, 2)})
    with pytest.raises(ExplainError, match="Without 'stripes' too few"):
        answer.without("stripes")
    with pytest.raises(ExplainError, match="No concept is called 'dots'"):
        answer.without("dots")
    with pytest.raises(ExplainError, match="'few' has 3 examples"):
        answer.adding({"few": plain(3, 0)})
    for nothing in ({}, ["dots"]):
        with pytest.raises(ExplainError, match="concepts= takes a mapping"):
            answer.adding(nothing)
    with pytest.raises(ExplainError, match="No concept is called 3"):
        answer.vector(3)
    with torch.no_grad():
        network.conv1.weight[0] += 0.1
    with pytest.raises(ExplainError, match="network has changed since it was asked"):
        answer.adding({"new": striped(12, 2)})


def test_adding_stops_when_it_is_cancelled():
    cancel = xw.CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        ask().adding({"new": striped(12, 2)}, cancel=cancel)


def test_the_magnitude_has_the_interval_of_its_negative_sets():
    entry = ask().entry("stripes")
    slopes = entry.direction.magnitudes / entry.agreement
    low, high = stats.t.interval(0.95, len(slopes) - 1, slopes.mean(), stats.sem(slopes))
    assert (entry.magnitude_low, entry.magnitude_high) == pytest.approx((low, high))
    assert slopes.mean() == pytest.approx(entry.magnitude)
    assert len(entry.random.magnitudes) == len(entry.random.shares) == 6


def test_a_layer_before_pooling_and_a_linear_head_is_warned_of():
    answer = ask(layers=["relu3", "relu4"])
    warned = [text for text in answer.warnings if "gradient is the same" in text]
    assert len(warned) == 1
    assert "'relu4'" in warned[0]
    share = answer.entry("stripes", "relu4").direction.shares
    assert set(share) <= {0.0, 1.0}


def test_few_random_sets_are_warned_of_and_too_few_refused():
    assert any("Only 6 random sets" in text for text in ask().warnings)
    with pytest.raises(ExplainError, match="gives 3 sets of 12 pictures; TCAV takes at least 6"):
        ask(random=plain(40, 3))


def test_random_sets_may_be_given_as_sets():
    sets = [plain(12, 20 + i) for i in range(6)]
    answer = ask(random=sets)
    assert same(answer, ask(random={str(i): one for i, one in enumerate(sets)}))
    assert len(answer.entry("stripes").direction.shares) == 3


def test_a_relative_cav_tells_a_concept_from_the_union_of_the_others():
    concepts = {"stripes": striped(12, 1), "a": plain(12, 2), "b": plain(12, 5)}
    answer = ask(tcav=xw.TCAV(size=12, against="other concepts"), concepts=concepts)
    entry = answer.entry("stripes")
    assert len(entry.direction.shares) == 2
    assert entry.accuracy > 0.9
    with pytest.raises(ExplainError, match="at least two concepts"):
        ask(tcav=xw.TCAV(against="other concepts"), concepts={"stripes": striped(12, 1)})


@pytest.mark.parametrize("make", [ModuleNetwork, FunctionalNetwork])
@pytest.mark.parametrize("pooling", ["mean", "max", "none"])
def test_the_network_is_left_as_it_was_found(make, pooling):
    network = seeded(make)
    layer = "3" if make is ModuleNetwork else "second"
    before = State(network)
    xw.TCAV(size=6, pooling=pooling)(
        network, noise(2, 3, 32, 32), 1, concepts={"one": noise(6, 3, 32, 32, seed=1)},
        random=noise(36, 3, 32, 32, seed=2), layers=layer,
    )  # fmt: skip
    before.assert_unchanged()


def test_work_stops_when_it_is_cancelled():
    cancel = xw.CancelToken()
    with pytest.raises(Cancelled):
        ask(progress=lambda share: cancel.cancel(), cancel=cancel)


# --- what goes in and comes out ---------------------------------------------------------------


def test_concepts_come_from_folders_data_sets_and_masks(tmp_path):
    subject = Subject(small_network(), size=SIDE, mean=0.5, std=0.25)
    pictures = [
        Image.fromarray(np.random.default_rng(i).integers(0, 255, (20, 20, 3), np.uint8))
        for i in range(8)
    ]
    for i, picture in enumerate(pictures):
        picture.save(tmp_path / f"{i}.png")
    mask = np.zeros((20, 20), bool)
    mask[4:16, 3:15] = True
    x = subject.prepare(pictures).x
    answer = ask(
        subject,
        concepts={
            "folder": tmp_path, "pictures": pictures, "data set": [(one, 3) for one in x],
            "crops": xw.cut_out(pictures, [mask] * 8),
        },
    )  # fmt: skip
    rows = {entry.concept: entry.magnitude for entry in answer.entries if entry.layer == "relu2"}
    assert rows["folder"] == pytest.approx(rows["pictures"])
    assert rows["data set"] == pytest.approx(rows["pictures"])
    assert abs(rows["crops"] - rows["pictures"]) > 1e-4


def test_a_crop_is_the_box_around_the_mask_with_a_margin():
    picture = np.arange(20 * 30 * 3, dtype=np.uint8).reshape(20, 30, 3)
    mask = np.zeros((20, 30), bool)
    mask[5:15, 8:18] = True
    (crop,) = xw.cut_out([picture, picture], [mask, np.zeros_like(mask)], margin=0.2)
    assert np.array_equal(np.asarray(crop), picture[3:17, 6:20])
    with pytest.raises(ExplainError, match="Every mask is empty"):
        xw.cut_out([picture], [np.zeros_like(mask)])
    for masks, margin, words in (
        ([mask, mask], 0.1, "2 masks came for 1 pictures"),
        (None, 0.1, "takes a list of pictures and a list of masks"),
        ([mask], -1, "margin is -1; it takes a number from 0"),
    ):
        with pytest.raises(ExplainError, match=words):
            xw.cut_out([picture], masks, margin=margin)
    with pytest.raises(ExplainError, match=r"shape \(3, 3\) for a picture of 20 × 30"):
        xw.cut_out([picture], [np.ones((3, 3))])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"layers": "relu9"}, "No layer is called 'relu9'"),
        ({"layers": []}, "layers with a map here are"),
        ({"layers": 3}, "A layer was given as a int; it takes a layer's name"),
        ({"layers": ["relu3", None]}, "A layer was given as a NoneType"),
        ({"concepts": {"none": []}}, "Concept 'none': The list of inputs is empty"),
        ({"random": []}, "Random sets: The list of inputs is empty"),
        ({"concepts": {}}, "concepts= takes a mapping"),
        ({"concepts": {"few": plain(3, 0)}}, "'few' has 3 examples; it takes 6"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(given, words):
    with pytest.raises(ExplainError, match=words):
        ask(**given)


def test_a_black_box_is_refused():
    with pytest.raises(ExplainError, match="black box"):
        ask(lambda x: np.zeros((len(x), 3)))


def test_the_answer_tells_its_table_its_origin_and_draws_itself():
    answer = ask()
    table = answer.table()
    assert list(table.concept) == ["stripes", "nothing"] * 2
    assert {"score", "low", "high", "magnitude", "accuracy", "p", "significant", "refusal"} <= set(
        table.columns
    )
    assert answer.provenance.settings["layers"] == ["relu2", "relu3"]
    assert answer.provenance.target == ["class 1"] * 6
    assert len(answer.plot().axes) == 2
    drawn, *_ = answer.plot().axes
    refused = [entry.refusal for entry in answer.entries[:2] if entry.refusal]
    assert [words.get_text() for words in drawn.texts] == refused != []
    assert drawn.get_ylim() == (1.5, -0.5)
    with pytest.raises(ExplainError, match=r"No concept is called 'stripe'.*'stripes'"):
        answer.entry("stripe")
    with pytest.raises(ExplainError, match="'relu1' was not asked about"):
        answer.entry("stripes", "relu1")


def test_an_answer_is_saved_and_read_back_whole(tmp_path):
    network = small_network()
    answer = ask(network)
    path = answer.save(tmp_path / "scores.npz")
    back = xw.ConceptScores.load(path, network)
    same(answer, back)
    assert back.provenance == answer.provenance
    assert (back.facts, back.warnings) == (answer.facts, answer.warnings)
    assert np.array_equal(back.sensitivities("stripes"), answer.sensitivities("stripes"))
    assert np.array_equal(back.entry("stripes").random, answer.entry("stripes").random)
    pictures = torch.cat([plain(3, 30), striped(3, 31)])
    own, read = (one.vector("stripes", "relu3") for one in (answer, back))
    assert np.array_equal(own.cosines(pictures), read.cosines(pictures))
    assert len(back.plot().axes) == 2
    again = xw.ConceptVector.load(own.save(tmp_path / "vector.npz"), network)
    assert np.array_equal(again.cosines(pictures), own.cosines(pictures))
    assert again.map(pictures).map() == pytest.approx(own.map(pictures).map())


def test_what_was_read_from_a_file_says_what_it_cannot_do(tmp_path):
    path = ask().save(tmp_path / "scores.npz")
    back = xw.ConceptScores.load(path)
    with pytest.raises(ExplainError, match=r"know no network.*load\(path, subject\)"):
        back.vector("stripes")
    with pytest.raises(ExplainError, match="without their examples; ask TCAV again"):
        back.adding({"new": striped(12, 2)})
    with pytest.raises(ExplainError, match="holds no saved concept vectors"):
        xw.ConceptVector.load(path, small_network())
    with pytest.raises(ExplainError, match="There is no file of concept scores"):
        xw.ConceptScores.load(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(ExplainError, match="holds no saved concept scores"):
        xw.ConceptScores.load(tmp_path / "text.npz")


# --- the vector -------------------------------------------------------------------------------


def test_pictures_are_sorted_by_the_cosine_of_their_activations():
    network = small_network()
    vector = ask(network, layers="relu2").vector("stripes")
    pictures = torch.cat([plain(3, 30), striped(3, 31)])
    order, cosines = vector.sort(pictures)
    store = Store(Subject(network), ["relu2"], "mean")
    A = store.read(pictures).columns("relu2", 0, vector.values.size)
    expected = A @ vector.values / np.linalg.norm(A, axis=1)
    assert set(order[:3]) == {3, 4, 5}
    assert cosines == pytest.approx(np.sort(expected)[::-1], abs=1e-5)


@pytest.mark.parametrize("pooling", ["mean", "max", "none"])
def test_the_mean_of_a_concept_map_is_how_far_a_picture_lies_beyond_random_ones(pooling):
    network = small_network()
    tcav = xw.TCAV(size=12, pooling=pooling)
    given = {"layers": "relu1", "concepts": {"stripes": striped(12, 1)}}
    vector = ask(network, tcav, **given).vector("stripes")
    half = plain(1, 9)
    half[..., : SIDE // 2] = striped(1, 9)[..., : SIDE // 2]
    heat = vector.map(half)  # relu1 has the size of the picture
    negatives = np.random.default_rng(0).permutation(144).reshape(12, 12)[::2].ravel()
    others = plain(144, 3)[negatives]
    beyond = float((vector.of(half) - vector.of(others).mean()).detach())
    assert heat.map().mean() == pytest.approx(beyond, rel=1e-3, abs=1e-4)
    assert heat.map()[0, :, :6].mean() > heat.map()[0, :, 10:].mean()
    if pooling != "none":  # where every place has a weight of its own, these examples are too few
        assert (vector.of(striped(4, 40)) > 0).all()
        assert (vector.of(plain(4, 41)) < 0).all()


def test_a_channel_speaks_where_its_maximum_is():
    network = small_network()
    tcav = xw.TCAV(size=12, pooling="max")
    vector = ask(network, tcav, layers="relu1").vector("stripes")
    a = network.relu1(network.conv1(striped(1, 9))).detach()[0].double().numpy()
    expected = np.zeros(a.shape[1:])
    for channel, v, r in zip(a, vector.values, vector.random, strict=True):
        expected[np.unravel_index(channel.argmax(), channel.shape)] += v * (channel.max() - r)
    assert vector.map(striped(1, 9)).map()[0] == pytest.approx(expected * a[0].size, rel=1e-3)


def test_a_vector_knows_when_its_network_has_changed():
    network = small_network()
    vector = ask(network).vector("stripes")
    with torch.no_grad():
        network.conv1.weight[0] += 0.1
    with pytest.raises(ExplainError, match="changed since this concept vector"):
        vector.map(plain(1, 0))


def test_a_layer_without_a_map_has_none():
    vector = ask(layers="linear").vector("stripes")
    assert vector.cosines(plain(2, 0)).shape == (2,)
    with pytest.raises(ExplainError, match=r"'linear', of shape .* says nothing about places"):
        vector.map(plain(1, 0))


def test_a_dream_climbs_along_the_vector_stays_a_picture_and_is_kept(tmp_path):
    subject = Subject(small_network(), mean=0.5, std=0.25)
    vector = ask(subject).vector("stripes")
    found = xw.dream(vector, steps=12, jitter=1)
    assert found.path[-1] > found.path[0] + 0.1
    assert found.picture.shape == (SIDE, SIDE, 3)
    kept = xw.Dream.load(found.save(tmp_path / "dream.npz"))
    assert np.array_equal(kept.picture, found.picture)
    assert np.array_equal(kept.path, found.path)
    assert (kept.concept, kept.layer) == (vector.concept, vector.layer)
    assert np.array_equal(found.picture, xw.dream(vector, steps=12, jitter=1).picture)
    for given, words in (
        ({"steps": -1}, "steps is -1"),
        ({"rate": float("nan")}, "rate nan"),
        ({"seed": "one"}, "The seed is 'one'"),
    ):
        with pytest.raises(ExplainError, match=words):
            xw.dream(vector, **given)
    with pytest.raises(ExplainError, match="given a str; it takes a concept's vector"):
        xw.dream("stripes")
    begun = xw.dream(vector, plain(1, 0).clamp(-2, 2), steps=1, rate=1e-6, jitter=0)
    assert begun.path[1] == pytest.approx(begun.path[0], abs=1e-4)
