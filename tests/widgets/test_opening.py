"""The calls that open a widget: what they take beside their own is said once."""

import inspect

import numpy as np
import pytest

import xaiwidgets as xw
from xaiwidgets.widgets.blind import Blind
from xaiwidgets.widgets.code import known_in
from xaiwidgets.widgets.compare import Compare
from xaiwidgets.widgets.opening import DEFAULTS
from xaiwidgets.widgets.predict import Predict

CALLS = [xw.compare, xw.masking, xw.sanity, xw.stability, xw.sweep]
LESSONS = {xw.predict: Predict, xw.blind: Blind}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.__name__)
def test_help_and_completion_show_every_argument_with_its_default(call):
    shown = inspect.signature(call).parameters
    taken = inspect.signature(Compare.__init__).parameters
    own = {name for name in DEFAULTS if name != call.__name__}
    assert own <= set(shown)
    for name in own:
        assert shown[name].default == taken[name].default == DEFAULTS[name]
    assert not [p for p in shown.values() if p.kind is p.VAR_KEYWORD]
    assert list(shown)[:4] == ["subject", "images", "target", "methods"]


@pytest.mark.parametrize("call", LESSONS, ids=lambda call: call.__name__)
def test_a_lesson_is_opened_by_the_same_arguments_as_its_widget(call):
    shown = list(inspect.signature(call).parameters.values())
    taken = inspect.signature(LESSONS[call].__init__).parameters
    assert [p.name for p in shown][:4] == ["subject", "images", "target", "methods"]
    assert [p.name for p in shown][-2:] == ["truths", "masks"]
    assert all(p.default == taken[p.name].default for p in shown)
    assert [*taken][-3:] == ["names", "truths", "masks"]


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("call", [*CALLS, *LESSONS], ids=lambda call: call.__name__)
def test_an_argument_that_there_is_not_is_refused(call):
    from conftest import inputs_for, network_of

    with pytest.raises(TypeError, match="thruths"):
        call(
            network_of("modules"),
            inputs_for("modules", 1),
            methods=[xw.IntegratedGradients(steps=2)],
            thruths=1,
        )


@pytest.mark.parametrize("call", [*CALLS, *LESSONS], ids=lambda call: call.__name__)
def test_the_code_keeps_what_was_given_without_a_name(call):
    from conftest import inputs_for, network_of

    pictures = inputs_for("modules", 1)
    side = pictures.shape[-1]
    widget = call(
        network_of("modules"),
        pictures,
        methods=[xw.IntegratedGradients(steps=2)],
        truths=[1],
        masks=[np.eye(side, dtype=bool)],
    )
    if call is xw.blind:
        widget.reveal()
    said = widget.python()
    assert "    truths=[1],\n" in said
    assert "    masks=...,  # your masks\n" in said
    compile(said, "cell", "exec")
    widget.close()


SHORT = {
    "one": ("disc", "'disc'"),
    "a few": (["disc", 1], "['disc', 1]"),
    "NumPy's": (list(np.array(["disc", "bar"])), "..."),
    "an array": (np.array([0, 1]), "..."),
    "many": (["a class with a name of its own"] * 3, "..."),
}


@pytest.mark.parametrize("kind", list(SHORT))
def test_only_what_is_short_and_plain_is_written_out(kind):
    nameless = known_in(inspect.currentframe(), truths=SHORT[kind][0])
    truths = SHORT[kind][0]
    named = known_in(inspect.currentframe(), truths=truths)
    assert (nameless["truths"], named["truths"]) == (SHORT[kind][1], "truths")
