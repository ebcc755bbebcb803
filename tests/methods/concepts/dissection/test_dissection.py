"""Network dissection against itself written slowly, and against what must hold."""

import tracemalloc
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from methods.concepts.dissection.brute import activations, netdissect_lite
from methods.concepts.dissection.planted import CONCEPTS, Colours, dissect, scenes
from networks import FunctionalNetwork, noise, seeded
from safetensors.numpy import load_file
from state import State

import xaiwidgets as xw
from xaiwidgets import zoo
from xaiwidgets.core.errors import Cancelled, ExplainError
from xaiwidgets.methods.concepts.dissection import network_dissection, quantiles, tally
from xaiwidgets.methods.concepts.dissection.anchors import Grid, Spacing
from xaiwidgets.methods.concepts.dissection.quantiles import from_the_top
from xaiwidgets.methods.concepts.dissection.rotation import rotation
from xaiwidgets.methods.concepts.dissection.shard import Shard


def network(pool: int = 2):
    """A network whose unit k of the layer 'pool' is the k-th colour, seen coarsely."""
    return seeded(lambda: Colours(pool)).eval()


def same(left, right) -> bool:
    """Whether every number of two answers is the same."""
    pairs = zip([*left.layers, *left.rotated], [*right.layers, *right.rotated], strict=True)
    return left.concepts == right.concepts and all(
        np.array_equal(a.arrays()[name], b.arrays()[name]) for a, b in pairs for name in a.arrays()
    )


# --- the numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", ["pool", "mixed"])
@pytest.mark.parametrize("pool", [1, 2, 5, 16, 32])
def test_every_iou_is_that_of_netdissect_lite_on_the_same_activations(layer, pool):
    data = scenes(40)
    answer = dissect(network(pool), data, layer, anchors="equal parts")
    maps, masks = activations(network(pool), data, layer)
    iou, threshold = netdissect_lite(maps, masks, answer.concepts, 0.02)
    assert answer.layers[0].thresholds == pytest.approx(threshold, rel=1e-12)
    assert np.abs(answer.layers[0].iou - iou).max() <= 1e-6
    assert iou.max() > 0.005


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["relu1", "conv3", "relu4"])
def test_every_iou_on_shapescenes_is_that_of_netdissect_lite(layer):
    data = [(scene.image, _named(scene)) for scene in zoo.ShapeScenes(70, size=96, seed=5)]
    answer = dissect(zoo.subject("shapes"), data, layer, quantile=0.005, anchors="equal parts")
    maps, masks = activations(zoo.subject("shapes"), data, layer)
    iou, threshold = netdissect_lite(maps, masks, answer.concepts, 0.005)
    assert answer.layers[0].thresholds == pytest.approx(threshold, rel=1e-12)
    assert np.abs(answer.layers[0].iou - iou).max() <= 1e-6


def _named(scene):
    known = zoo.ShapeScenes(1).concepts
    return {name: mask for name, mask in scene.masks.items() if name in known}


def test_a_unit_counts_only_in_pictures_in_which_the_category_was_annotated():
    class Item:
        def __init__(self, picture, masks, annotated):
            self.image, self.masks, self.annotated = picture, masks, annotated

    data = scenes(60)
    some = [
        Item(x, masks if i % 3 else {}, ["colour"] if i % 3 else ["weather"])
        for i, (x, masks) in enumerate(data)
    ]
    answer = dissect(network(), some, "pool", anchors="equal parts")
    maps, masks = activations(network(), data, "pool")
    threshold = answer.layers[0].thresholds
    active = torch.nn.functional.interpolate(
        maps.double(), (32, 32), mode="bilinear", align_corners=False
    ).numpy()
    mask = active > threshold[:, None, None]
    for c, name in enumerate(answer.concepts):
        truth = np.stack([each.get(name, np.zeros((32, 32), bool)) for each in masks])
        looked = np.arange(60) % 3 > 0
        both = (mask[looked] & truth[looked, None]).sum((0, 2, 3))
        either = (mask[looked] | truth[looked, None]).sum((0, 2, 3))
        assert answer.layers[0].iou[:, c] == pytest.approx(both / either)


@pytest.mark.parametrize("held", [quantiles._HELD, 900, 20])
def test_order_statistics_read_in_parts_are_those_of_sorting(held, monkeypatch):
    monkeypatch.setattr(quantiles, "_HELD", held)
    rng = np.random.default_rng(0)
    value = np.float32(rng.standard_normal(5000) * 10.0 ** rng.integers(-30, 30, 5000))
    value[::7] = 0
    value[::11] = value[1]
    unit = rng.integers(0, 4, 5000)
    parts = np.array_split(np.arange(5000), 9)
    low, high = (np.array([end(value[unit == k]) for k in range(4)]) for end in (np.min, np.max))
    found = from_the_top(
        lambda: ((unit[p], value[p]) for p in parts), 5000, [0, 3, 700, 10**6], low, high
    )
    for k in range(4):
        falling = np.sort(value[unit == k])[::-1]
        assert found[:3, k].tolist() == falling[[0, 3, 700]].tolist()
        assert np.isnan(found[3, k])


def test_order_statistics_among_the_smallest_of_a_wide_span_are_those_of_sorting(monkeypatch):
    monkeypatch.setattr(quantiles, "_HELD", 20)
    value = np.float32(1 + np.arange(3000) * 2.0**-22)
    value[::3] *= 1e30
    found = from_the_top(
        lambda: iter([(np.zeros(3000, np.int64), value)]), 3000, [1500], value[1:2], value[-3:-2]
    )
    assert found[0, 0] == np.sort(value)[::-1][1500]


@pytest.mark.parametrize("quantile", [0.001, 0.005, 0.1])
def test_thresholds_are_exact_quantiles_also_where_a_unit_is_mostly_nought(quantile):
    torch.manual_seed(0)
    maps = torch.randn(200, 3, 4, 4)
    maps[:, 1] = maps[:, 1].relu() * (torch.rand(200, 4, 4) < 0.03)
    maps[:, 2] = 0
    data = [(m, {"a:a": np.eye(4, dtype=bool)}) for m in maps]
    answer = dissect(_passing(), data, "0", quantile=quantile)
    values = maps.movedim(1, 0).flatten(1).double().numpy()
    assert answer.layers[0].thresholds == pytest.approx(np.quantile(values, 1 - quantile, axis=1))


def test_what_is_at_the_threshold_all_around_a_larger_cell_is_not_above_it():
    level = noise(64, 1, 1)
    maps = level.expand(20, 64, 7, 7).clone()
    maps[4, :, 3, 3] += 1
    data = [(m, {"a:a": np.ones((49, 49), bool)}) for m in maps]
    answer = dissect(_passing(), data, "0", anchors="equal parts")
    assert answer.layers[0].thresholds == pytest.approx(level[:, 0, 0].double().numpy(), abs=0)
    assert answer.layers[0].iou[:, 0] == pytest.approx(13 * 13 / (20 * 49 * 49))


def _passing():
    """A network whose first layer is its input."""
    return torch.nn.Sequential(torch.nn.Identity(), torch.nn.Flatten()).eval()


def test_where_too_little_was_kept_the_data_is_read_again(monkeypatch):
    data = scenes(300)
    expected = dissect(network(), data, "pool")
    assert expected.provenance.forwards == 300
    monkeypatch.setattr(network_dissection, "_FIRST", 0)  # the share kept is then the quantile
    monkeypatch.setattr(network_dissection, "_FEWEST", 4)
    answer = dissect(network(), data, "pool")
    assert any("read again" in fact for fact in answer.facts)
    assert answer.provenance.forwards > 300
    assert np.array_equal(answer.layers[0].iou, expected.layers[0].iou)


def test_pictures_with_many_masks_over_one_another_are_counted_as_one_mask_after_the_other():
    rng = np.random.default_rng(3)
    data = [
        (
            x,
            {
                **masks,
                **{f"lot:{i}": rng.random((32, 32)) < 0.3 for i in range(9)},
                "all:all": True,
            },
        )
        for x, masks in scenes(20)
    ]
    answer = dissect(network(5), data, "pool", anchors="equal parts")
    maps, masks = activations(network(5), data, "pool")
    plain = [{n: np.broadcast_to(m, (32, 32)) for n, m in each.items()} for each in masks]
    iou, _ = netdissect_lite(maps, plain, answer.concepts, 0.02)
    assert len(answer.concepts) == 13
    assert answer.layers[0].iou == pytest.approx(iou, abs=1e-12)


@pytest.mark.parametrize("part", ["_AT_ONCE", "_LAID"])
def test_counting_in_small_parts_changes_nothing(part, monkeypatch):
    data = scenes(80)
    expected = dissect(network(), data, "mixed", shuffles=5)
    monkeypatch.setattr(tally, part, 500)
    assert same(dissect(network(), data, "mixed", shuffles=5), expected)


# --- what it means ----------------------------------------------------------------------------


def test_units_that_are_masks_are_labelled_as_what_they_are():
    answer = dissect(network(1), scenes(100), ["colours", "mixed"], quantile=0.007)
    assert [unit.concept for unit in answer.units("colours")] == list(CONCEPTS)
    assert all(unit.iou > 0.7 and unit.detector for unit in answer.units("colours"))
    assert answer.interpretability("colours") == 1
    assert answer.detectors("colours") == {name: [k] for k, name in enumerate(CONCEPTS)}
    assert all(unit.p == 0.25 for unit in answer.units("colours"))


def test_units_of_noise_are_no_better_than_chance():
    torch.manual_seed(1)
    data = [(torch.randn(3, 32, 32), masks) for _, masks in scenes(200)]
    answer = dissect(network(), data, "pool", shuffles=19)
    units = answer.layers[0]
    assert not answer.detectors()
    assert (units.iou <= 2 * units.chance_high).all()
    assert units.p.max() > 0.05


def test_chance_is_what_the_concepts_of_other_pictures_give():
    data = scenes(12)
    answer = dissect(network(4), data, "pool", shuffles=11, anchors="equal parts")
    maps, masks = activations(network(4), data, "pool")
    order = np.random.default_rng(0).permutation(12)
    found = []
    for shift in range(1, 12):
        others = [None] * 12
        for i, row in enumerate(order):
            others[row] = masks[order[(i + shift) % 12]]
        found.append(netdissect_lite(maps, others, answer.concepts, 0.02)[0])
    assert answer.layers[0].chance == pytest.approx(np.mean(found, 0))
    assert answer.layers[0].chance_high == pytest.approx(np.max(found, 0))


def test_no_iou_exceeds_the_bound_of_its_areas():
    answer = dissect(network(), scenes(100), ["pool", "mixed"])
    for units in answer.layers:
        assert (units.iou <= units.bound + 1e-12).all()
        assert (units.bound <= 1).all()
    large = [(x, {"scene:all": True, **masks}) for x, masks in scenes(100)]
    answer = dissect(network(), large, "pool")
    column = answer.concepts.index("scene:all")
    assert answer.shares[column] == 1
    assert answer.layers[0].bound[:, column].max() < 0.04
    assert any("scene:all" in warning for warning in answer.warnings)


def test_rotated_units_look_along_an_orthonormal_basis():
    matrix = rotation(7, 0, 1)
    assert matrix @ matrix.T == pytest.approx(np.eye(7))
    assert not np.array_equal(matrix, rotation(7, 0, 2))
    data = scenes(40)
    answer = dissect(network(4), data, "pool", rotations=2, anchors="equal parts")
    maps, masks = activations(network(4), data, "pool")
    turned = torch.einsum("kj,njhw->nkhw", torch.from_numpy(rotation(3, 0, 2)).float(), maps)
    iou, _ = netdissect_lite(turned, masks, answer.concepts, 0.02)
    assert answer.rotated[1].iou == pytest.approx(iou, abs=2e-3)
    row = answer.summary(iou=0.2).iloc[0]
    assert row["rotated_low"] <= row["rotated"] <= row["rotated_high"]
    assert row["rotated"] < row["interpretability"]


@pytest.mark.slow
def test_a_network_of_shapes_loses_its_detectors_of_shapes_with_its_weights():
    data = zoo.ShapeScenes(250, size=96, seed=3)
    trained = dissect(zoo.subject("shapes"), data, "relu3", quantile=0.005)
    card = zoo.card("shapes")
    fresh = xw.Subject(
        seeded(zoo.SmallCNN).eval(), mean=card["mean"], std=card["std"], size=card["size"]
    )
    random = dissect(fresh, data, "relu3", quantile=0.005)
    of_shapes = [
        sum(len(units) for name, units in answer.detectors().items() if "shape:" in name)
        for answer in (trained, random)
    ]
    assert of_shapes[0] >= 10
    assert of_shapes[1] == 0


# --- reading ----------------------------------------------------------------------------------


def test_workers_give_the_same_numbers():
    data = scenes(300)
    alone = dissect(network(), data, ["pool", "mixed"], rotations=1)
    with ThreadPoolExecutor(3) as executor:
        spread = dissect(network(), data, ["pool", "mixed"], rotations=1, executor=executor)
    assert same(alone, spread)
    assert alone.provenance.forwards == spread.provenance.forwards == 300
    assert alone.provenance.input == spread.provenance.input


@pytest.mark.slow
def test_processes_give_the_same_numbers():
    subject, data = zoo.subject("shapes"), zoo.ShapeScenes(200, size=64, seed=2)
    alone = dissect(subject, data, "relu3")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        assert same(alone, dissect(subject, data, "relu3", executor=executor))


def test_a_run_that_was_stopped_goes_on_where_it_was(tmp_path):
    data, whole = scenes(300), dissect(network(), scenes(300), "pool")
    token = xw.CancelToken()

    def stop(share):
        if share > 0.6:
            token.cancel()

    with pytest.raises(Cancelled):
        dissect(network(), data, "pool", folder=tmp_path, progress=stop, cancel=token)
    resumed = dissect(network(), data, "pool", folder=tmp_path)
    assert 0 < resumed.provenance.forwards < 150
    assert same(resumed, whole)
    assert dissect(network(), data, "pool", folder=tmp_path).provenance.forwards == 0


def test_what_waits_on_disk_is_safetensors(tmp_path):
    dissect(network(), scenes(40), "pool", folder=tmp_path)
    (file,) = tmp_path.glob("*.safetensors")
    read, mapped = load_file(file), Shard.load(file)
    active, labels = mapped.layers["pool"], mapped.labels
    for name, array in [("rows", mapped.rows), ("labels codes", labels.codes),
                        ("0 values", active.values), ("0 cell", active.cell)]:  # fmt: skip
        assert np.array_equal(read[name], array)
    assert all(array.flags.aligned for array in vars(active).values() if hasattr(array, "flags"))


def test_nothing_stale_is_taken_from_a_folder(tmp_path):
    data = scenes(40)
    dissect(network(), data, "pool", folder=tmp_path)
    other = [(x, {name: mask[::-1] for name, mask in masks.items()}) for x, masks in data]
    again = dissect(network(), other, "pool", folder=tmp_path)
    assert again.provenance.forwards == 40
    assert same(again, dissect(network(), other, "pool"))
    changed = network()
    with torch.no_grad():
        changed.mixed.weight[0, 0, 0, 0] += 1
    assert dissect(changed, data, "pool", folder=tmp_path).provenance.forwards == 40


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_pictures():
    class Endless:
        concepts = CONCEPTS

        def __init__(self, count):
            self.count = count

        def __len__(self):
            return self.count

        def __getitem__(self, index):
            return scenes(1, seed=index)[0]

    def peak(count):
        tracemalloc.start()
        dissect(network(1), Endless(count), "pool", shuffles=0)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(150)
    assert peak(1000) < 1.2 * peak(250)


def test_the_network_is_left_as_it_was_found():
    subject = network()
    before = State(subject)
    dissect(subject, scenes(30), "pool", rotations=1)
    before.assert_unchanged()


# --- the answer -------------------------------------------------------------------------------


def test_an_answer_is_saved_and_read_again(tmp_path):
    answer = dissect(network(), scenes(60), ["pool", "mixed"], rotations=2)
    answer.save(tmp_path / "it.npz")
    again = xw.Dissection.load(tmp_path / "it.npz")
    assert same(answer, again)
    assert again.provenance == answer.provenance
    assert again.table().equals(answer.table())
    assert again.summary().equals(answer.summary())
    assert repr(again) == repr(answer)
    with pytest.raises(ExplainError, match="read from a file"):
        again.show("pool", 0)
    (tmp_path / "other.npz").write_bytes(b"no")
    with pytest.raises(ExplainError, match="no saved dissection"):
        xw.Dissection.load(tmp_path / "other.npz")


def test_another_quantile_takes_no_pass():
    data = scenes(200)
    answer = dissect(network(), data, "pool")
    other = answer.at(0.05)
    assert other.provenance.forwards == 0
    asked = dissect(network(), data, "pool", quantile=0.05)
    assert np.array_equal(other.layers[0].iou, asked.layers[0].iou)
    with pytest.raises(ExplainError, match="too few activations were kept"):
        answer.at(0.9)


def test_a_units_pictures_are_those_in_which_it_is_most_active_with_both_masks():
    data = scenes(100)
    answer = dissect(network(1), data, "pool", anchors="equal parts")
    maps, _ = activations(network(1), data, "pool")
    peaks = maps.amax((2, 3))[:, 1]
    shown = answer.show("pool", 1, 5)
    assert [each.number for each in shown] == peaks.argsort(descending=True)[:5].tolist()
    for each in shown:
        assert each.picture.shape == (32, 32, 3)
        assert each.peak == peaks[each.number]
        expected = maps[each.number, 1].numpy() > answer.layers[0].thresholds[1]
        assert np.array_equal(each.mask, expected)
        assert np.array_equal(each.concept, data[each.number][1]["colour:green"])


def test_the_table_and_the_summary_count_the_same():
    answer = dissect(network(), scenes(100), ["pool", "mixed"])
    table, summary = answer.table(), answer.summary()
    for _, row in summary.iterrows():
        part = table[table.layer == row["layer"]]
        assert part.detector.sum() == row["detectors"]
        assert part[part.detector].concept.nunique() == row["unique"]
        assert row["unique colour"] == row["unique"]
    assert answer.summary(iou=1.0)["detectors"].sum() == 0
    assert len(answer.plot().axes) == 1


@pytest.mark.parametrize(
    ("data", "layers", "words"),
    [
        ([], "pool", "empty"),
        (iter(()), "pool", "with a length"),
        ([noise(1, 3, 32, 32)[0]], "pool", "pictures with masks"),
        (scenes(4), "pol", "No layer is called 'pol'"),
        (scenes(4), [], "names no layer"),
        (scenes(4), "linear", "no map"),
        ([(scenes(1)[0][0], {"a:b": np.ones(3)})], "pool", "takes (height, width)"),
        ([(scenes(1)[0][0], {"a:b": np.ones((3, 5))})], "pool", "3 × 5 pixels where 32 × 32"),
        ([(scenes(1)[0][0], {})], "pool", "No mask of the data"),
    ],
)
def test_what_cannot_be_used_is_said_in_words(data, layers, words):
    with pytest.raises(ExplainError) as caught:
        dissect(network(), data, layers)
    assert words in str(caught.value)


def test_networks_of_functions_are_dissected_as_well():
    answer = dissect(seeded(FunctionalNetwork), scenes(40), "second")
    assert len(answer.layers[0]) > 0


def test_masks_are_compared_at_the_centres_of_receptive_fields():
    """As published: every activation held, raised and compared, one picture after the other."""
    data = scenes(30)
    subject = xw.Subject(seeded(lambda: zoo.SmallCNN(4, (3, 4, 5, 6))).eval())
    answer = dissect(subject, data, "relu4", quantile=0.05)
    maps, masks = activations(subject, data, "relu4")
    grid = Grid.of((4, 4), (32, 32), (Spacing(2.0, 8.0),) * 2, (32, 32))
    both, either = 0, 0
    for i in range(30):
        active = grid.raised(maps[i].numpy()) > answer.layers[0].thresholds[:, None, None]
        truth = np.stack([masks[i].get(n, np.zeros((32, 32), bool)) for n in answer.concepts])
        both = both + (active[:, None] & truth).sum((2, 3))
        either = either + (active[:, None] | truth).sum((2, 3))
    assert answer.layers[0].iou == pytest.approx(both / either, abs=1e-9)
    assert "centres of receptive fields" in answer.facts[0]
