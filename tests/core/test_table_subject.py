"""Models of tables: rows as they come, in the model's own numbers, and what is refused in words."""

import numpy as np
import pandas as pd
import pytest
import torch
from tables import cancer, forest, iris_frame, ruled, rules, two_rules, wine, wine_network
from torch import nn

import xaiwidgets as xw
from xaiwidgets.core.cells import Cells, as_written
from xaiwidgets.core.declare import declared
from xaiwidgets.core.method import Attribution

COLUMNS = ["age", "sex", "income"]
DATA = np.array([[30, 0, 1.5], [40, 1, 2.5], [50, 1, 0.5], [61, 1, 4.0]])
CATEGORIES = {"sex": ["female", "male"]}


def seen_by(data, **settings):
    """A subject, and the rows that its black box was handed."""
    handed = []

    def ask(rows):
        handed.append(rows)
        return np.eye(2)[np.zeros(len(rows), int)]

    return xw.TableSubject(ask, data, **settings), handed


def holed(size=3, colour="red"):
    """A small table of numbers and of words, with a cell that may be missing in each."""
    sizes = pd.Series([1, 2, size], dtype=object)
    return pd.DataFrame({"size": sizes, "colour": ["blue", colour, "red"]})


# --- rows -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        [40, 1, 2.5],
        np.array([40, 1, 2.5]),
        torch.tensor([[40, 1, 2.5]]),
        {"income": 2.5, "age": 40, "sex": "male"},
        [{"age": 40, "sex": 1, "income": 2.5, "unused": "x"}],
        pd.DataFrame([[2.5, "male", 40]], columns=["income", "sex", "age"]),
        pd.Series({"age": 40, "sex": "male", "income": 2.5}),
    ],
    ids=["list", "array", "tensor", "dict", "dicts", "frame", "series"],
)
def test_a_row_is_taken_in_every_form_and_given_to_the_model_as_it_is(row):
    subject, handed = seen_by(DATA, columns=COLUMNS, categories=CATEGORIES)
    ready = subject.prepare(row)
    subject.outputs(ready.x)
    np.testing.assert_array_equal(handed[-1], [[40, 1, 2.5]])
    assert ready.parts == [Cells(tuple(COLUMNS), ("40", "male", "2.5"), ready.names[0])]


def test_a_black_box_gets_numbers_back_to_the_last_digit():
    data = np.random.default_rng(0).normal(1000.1, 3.3, size=(500, 4)).round(3)
    data[:, 3] = np.random.default_rng(1).integers(0, 9, 500)
    subject, handed = seen_by(data)
    subject.outputs(subject.prepare(data).x)
    assert np.array_equal(np.concatenate(handed)[-500:], data)


def test_a_column_is_scaled_by_the_data_and_a_category_by_its_place():
    subject, _ = seen_by(DATA, columns=COLUMNS, categories=CATEGORIES)
    x = subject.prepare(DATA).x[:, 0, 0]
    assert x.shape == (4, 3)
    np.testing.assert_allclose(x[:, 0], (DATA[:, 0] - DATA[:, 0].mean()) / DATA[:, 0].std())
    assert x[:, 1].tolist() == [-0.5, 0, 0, 0]  # "male" is the most frequent


def test_a_network_gets_values_or_with_mean_and_std_its_own_units():
    network, data = wine_network()
    standard = torch.from_numpy((data.data - data.data.mean(0)) / data.data.std(0)).float()
    subject = wine()
    torch.testing.assert_close(subject.outputs(subject.prepare(data.data).x), network(standard))
    torch.testing.assert_close(subject.prepare(data.data).x[:, 0, 0], standard)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, rows):
            return self.network((rows - rows.new_tensor(data.data.mean(0))) / rows.new_tensor(
                data.data.std(0)
            ))  # fmt: skip

    plain = xw.TableSubject(Whole().eval(), data.data)
    torch.testing.assert_close(
        plain.outputs(plain.prepare(data.data).x), network(standard), atol=2e-4, rtol=1e-4
    )


def test_a_forest_answers_as_it_does_without_us():
    model, data = forest()
    subject = cancer()
    ours = subject.outputs(subject.prepare(data.data).x).numpy()
    np.testing.assert_array_equal(ours, model.predict_proba(data.data))
    assert subject.title == "RandomForestClassifier"


def test_a_model_of_frames_gets_frames_with_their_words():
    frame = iris_frame()
    subject, handed = seen_by(frame)
    assert subject.table.columns[-1] == "colour"
    assert subject.table.words[4] == ("blue", "violet")
    subject.outputs(subject.prepare(frame.iloc[:3]).x)
    pd.testing.assert_frame_equal(handed[-1], frame.iloc[:3].reset_index(drop=True))
    assert subject.prepare(frame.iloc[5]).names == ["row 5"]


def test_categories_need_no_names_and_may_be_any_numbers():
    data = np.array([[10.0, 1], [30, 2], [20, 3], [10, 4]])
    subject, handed = seen_by(data, categories=["column 0"])
    assert subject.table.levels == {0: (10.0, 20.0, 30.0)}
    subject.outputs(subject.prepare([30, 2.5]).x)
    np.testing.assert_array_equal(handed[-1], [[30, 2.5]])
    assert subject.prepare([20, 1]).parts[0].pieces == ("20", "1")


def test_between_two_categories_the_nearest_is_asked():
    subject, handed = seen_by(DATA, columns=COLUMNS, categories=CATEGORIES)
    x = subject.prepare(DATA[:1]).x + 0.3
    subject.outputs(x)
    assert handed[-1][0, 1] == 1  # 0 + 0.3 · 2 lies nearer to 1
    assert not np.isin(handed[-1][0, 0], DATA[:, 0])


# --- what stands for an absent column -------------------------------------------------------------


def test_mean_median_and_rows_come_from_the_data():
    subject, _ = seen_by(DATA, columns=COLUMNS, categories=CATEGORIES)
    x = subject.prepare(DATA).x
    for name, expected in (("mean", [45.25, 1, 2.125]), ("median", [45, 1, 2])):
        made = xw.baseline(name, subject, x)
        np.testing.assert_allclose(subject.read_back(made), [expected] * 4)
    drawn = {tuple(subject.read_back(subject.noise(x, 3)(i))[0]) for i in range(4)}
    assert drawn == {tuple(row) for row in DATA}
    with pytest.raises(xw.ExplainError, match="A table has no 'blur'"):
        xw.baseline("blur", subject, x)


def test_a_picture_and_a_text_have_no_rows():
    x = torch.rand(1, 1, 4, 4)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2)).eval()
    with pytest.raises(xw.ExplainError, match="A picture has no 'rows'"):
        xw.IntegratedGradients(baseline="rows")(network, x)


# --- gradients ------------------------------------------------------------------------------------


def test_gradients_are_one_number_a_column_by_the_datas_scale():
    subject, (network, data) = wine(), wine_network()
    heat = xw.Saliency()(subject, data.data[:2], 1)
    assert heat.values.shape == (2, 1, 1, 13)
    x = subject.prepare(data.data[:2]).x[:, 0, 0].requires_grad_()
    (gradient,) = torch.autograd.grad(network(x)[:, 1].sum(), x)
    torch.testing.assert_close(heat.values[:, 0, 0], gradient)
    assert [name for name, _ in heat.columns(1)] == list(data.feature_names)


@pytest.mark.parametrize(
    "method",
    [xw.GradientTimesInput(), xw.LRP(), xw.DeepLift(), xw.IntegratedGradients(), xw.KernelShap()],
    ids=repr,
)
def test_a_network_of_values_is_explained_like_one_of_its_own_units(method):
    class Values(nn.Module):
        """The network with the scaling of its rows in its first weights."""

        def __init__(self):
            super().__init__()
            first, _, self.last = wine_network()[0]
            data = torch.from_numpy(wine_network()[1].data)
            mean, std = data.mean(0), data.std(0, correction=0)
            self.first = nn.Linear(13, 24)
            with torch.no_grad():
                self.first.weight.copy_(first.weight / std)
                self.first.bias.copy_(first.bias - (first.weight / std) @ mean)

        def forward(self, rows):
            return self.last(self.first(rows).relu())

    data = wine_network()[1].data
    found = method(xw.TableSubject(Values().eval(), data), data[:2], 1).values
    expected = method(wine(), data[:2], 1).values
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_contributions_add_up_to_the_score():
    subject, data = wine(), wine_network()[1].data[:3]
    x = subject.prepare(data).x
    change = subject.outputs(x)[:, 2] - subject.outputs(xw.baseline("mean", subject, x))[:, 2]
    for method in (xw.IntegratedGradients(baseline="mean", steps=200), xw.DeepLift()):
        total = method(subject, data, 2).values.sum((1, 2, 3))
        torch.testing.assert_close(total, change, atol=2e-3, rtol=2e-3)


def test_a_black_box_refuses_gradients_and_names_what_asks():
    with pytest.raises(xw.ExplainError, match=r"RandomForestClassifier is a black box.*KernelShap"):
        xw.Saliency()(cancer(), forest()[1].data[0])


@pytest.mark.parametrize("black_box", [False, True])
@pytest.mark.parametrize(
    "method",
    [m for m in declared(Attribution) if "table" in m.takes and m.__module__[:11] == "xaiwidgets."],
    ids=lambda m: m.__name__,
)
def test_every_method_that_takes_tables_gives_a_number_a_column(method, black_box):
    subject, rows = (cancer(background=3), forest()[1].data[:2]) if black_box else (
        wine(), wine_network()[1].data[:2]
    )  # fmt: skip
    light = {name: 8 for name in ("samples", "steps") if name in method.knobs}
    looks_at_a_layer = any(knob.kind == "layer" for knob in method.knobs.values())
    if looks_at_a_layer or (black_box and method.taxonomy.access != "black box"):
        with pytest.raises(xw.ExplainError, match=r"black box|no convolution"):
            method(**light)(subject, rows, 1)
        return
    found = method(**light)(subject, rows, 1)
    assert found.map().shape == (2, 1, len(subject.table.columns))
    assert np.isfinite(found.map()).all()
    assert len(found.columns(1)) == len(subject.table.columns)


@pytest.mark.parametrize("name", ["GradCam", "MeaningfulPerturbation", "EdgeDetector"])
def test_what_is_made_for_maps_says_so(name):
    with pytest.raises(xw.ExplainError, match="the input is a table"):
        getattr(xw, name)()(wine(), wine_network()[1].data[0])


# --- settings -------------------------------------------------------------------------------------


def test_settings_of_pictures_are_refused_and_not_shown():
    from xaiwidgets.widgets import pack

    subject = rules()
    with pytest.raises(xw.ExplainError, match=r"KernelShap.segments is 9, and does nothing for a"):
        xw.KernelShap(segments=9)(subject, ruled()[0])
    with pytest.raises(xw.ExplainError, match="A table has no 'blur'"):
        xw.FeatureAblation(fill="blur")(subject, ruled()[0])
    shown = {card["name"]: card for card in pack.knob_cards(xw.LIME, [], subject)}
    assert set(shown) == {"samples", "width", "quarters", "precision", "seed"}
    fills = {card["name"]: card for card in pack.knob_cards(xw.FeatureAblation, [], subject)}
    assert fills["fill"]["choices"] == ["mean", "zero", "median", "rows"]


# --- answers --------------------------------------------------------------------------------------


def test_an_answer_is_kept_and_read_again_with_its_cells(tmp_path):
    heat = xw.FeatureAblation()(cancer(), forest()[1].data[:2])
    again = xw.Heatmap.load(heat.save(tmp_path / "answer.safetensors"))
    assert again.parts == heat.parts
    assert again.columns(1) == heat.columns(1)
    assert again.pictures is None
    with pytest.raises(xw.ExplainError, match="about tables, which have no words"):
        heat.words()


def test_a_figure_has_a_bar_for_every_column_the_longest_first():
    heat = xw.RandomMap()(cancer(), forest()[1].data[0])  # of both signs
    axis = heat.plot().axes[0]
    lengths = [abs(bar.get_width()) for bar in axis.patches]
    assert len(lengths) == 15
    assert lengths == sorted(lengths, reverse=True)
    best = max(heat.columns(), key=lambda column: abs(column[1]))
    assert axis.get_yticklabels()[0].get_text().startswith(f"{best[0]} = ")
    assert "and 15 more columns" in axis.get_xlabel()
    in_order = heat.plot(order="table").axes[0]
    assert in_order.get_yticklabels()[0].get_text().startswith("mean radius = 17.99")


def test_a_whisker_of_the_longest_bar_ends_inside_the_figure():
    heat = xw.KernelShap(samples=300)(cancer(), forest()[1].data[0])
    axis = heat.plot().axes[0]
    (whiskers,) = [one for one in axis.collections if len(one.get_segments()) == 15]
    ends = np.array(whiskers.get_segments())[:, :, 0]
    low, high = axis.get_xlim()
    assert ends.max() > max(bar.get_width() for bar in axis.patches)
    assert low < ends.min()
    assert ends.max() < high


def test_the_ends_of_a_scale_have_three_digits():
    heat = xw.RandomMap()(cancer(), forest()[1].data[0])
    ends = [label.get_text() for label in heat.plot().axes[0].get_xticklabels()]
    largest = float(f"{np.abs(heat.values).max():.3g}")
    assert ends == [f"−{largest:g}", "0", f"{largest:g}"]


def test_two_rows_that_differ_in_a_word_are_not_taken_for_one_another():
    subject, _ = seen_by(DATA, columns=COLUMNS, categories=CATEGORIES)
    cache = xw.AnswerCache()
    for sex in ("female", "male"):
        found = xw.FeatureAblation()(subject, {"age": 40, "sex": sex, "income": 2}, cache=cache)
        assert found.parts[0].pieces[1] == sex


def test_numbers_are_written_as_a_table_shows_them():
    assert [as_written(x) for x in (3.0, -0.5, 1234.5678, 0.00012345678)] == [
        "3", "−0.5", "1234.6", "0.00012346",
    ]  # fmt: skip


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: xw.TableSubject(forest()[0], DATA), "such as its predict_proba"),
        (
            lambda: xw.TableSubject(forest()[0].predict, DATA),
            "RandomForestClassifier.predict gives labels, and explanations take scores; give its p",
        ),
        (lambda: xw.TableSubject(xw.Subject(nn.ReLU()), DATA), "The model is a Subject; a Table"),
        (lambda: seen_by(DATA[0]), r"shape \(3,\)"),
        (lambda: seen_by(DATA, columns=["a", "b"]), "2 names of"),
        (lambda: seen_by(DATA, columns=["a", "a", "b"]), "Two columns are called 'a'"),
        (lambda: seen_by(DATA, categories=["sx"]), "categories names 'sx'"),
        (lambda: seen_by(DATA, categories={1: ["x"]}), "1 names for column 'column 1'"),
        (lambda: seen_by(DATA + np.inf), "NaN and infinite values"),
        (lambda: seen_by(DATA * np.nan), "no value in column 'column 0'; replace NaN by a number"),
        (lambda: seen_by(holed(None)), "no value in column 'size'; replace NaN by a number"),
        (lambda: seen_by(holed(pd.NA)), "no value in column 'size'; replace NaN by a number"),
        (lambda: seen_by(holed(colour=None)), "no value in column 'colour'; give what is"),
        (lambda: seen_by(holed(colour=np.nan)), "a category of its own, such as 'unknown'"),
        (lambda: seen_by(DATA, mean=0), "mean and std belong together"),
        (lambda: seen_by(DATA, mean=0, std=0), "not above 0"),
        (lambda: seen_by(DATA, mean=[0, 1], std=1), "mean has 2 numbers and the table 3"),
        (lambda: seen_by(DATA, background=0), "background is 0"),
    ],
)
def test_what_is_no_table_is_said_in_words(call, words):
    with pytest.raises(xw.ExplainError, match=words):
        call()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([1, 2], r"shape \(1, 2\).*rows of 3 columns"),
        ({"age": 3}, "no column 'sex'"),
        ([40, "mal", 2], "'mal' in column 'sex'.*male"),
        ([40, 1, "much"], "'much' in column 'income', which holds numbers"),
        ([40, 1, np.inf], "inf in column 'income'"),
        ([40, 1, np.nan], "no value in column 'income'; replace NaN by a number first"),
        ({"age": 40, "sex": None, "income": 2}, "no value in column 'sex'; give what is missing"),
        (pd.DataFrame(columns=COLUMNS), "The input has no rows; give at least one"),
        (torch.zeros(1, 1, 1, 4), r"x \(batch, 1, 1, 3\)"),
        ([[1, 2, 3], [1, 2]], "different lengths"),
    ],
)
def test_a_row_that_does_not_fit_is_said_in_words(row, words):
    subject, _ = seen_by(DATA, columns=COLUMNS, categories=CATEGORIES)
    with pytest.raises(xw.ExplainError, match=words):
        subject.prepare(row)


def test_a_model_that_gives_classes_is_told_to_give_scores():
    subject = xw.TableSubject(lambda rows: two_rules(rows).argmax(1), ruled())
    with pytest.raises(xw.ExplainError, match="explanations take scores"):
        xw.FeatureAblation()(subject, ruled()[0])


def test_one_column_of_categories_is_named_by_a_word():
    subject, _ = seen_by(DATA, columns=COLUMNS, categories="sex")
    assert subject.table.levels == {1: (0.0, 1.0)}
