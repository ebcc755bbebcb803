"""Checks of a teacher's own, what a failure looks like, and where the module stands."""

import subprocess
import sys

import pytest
import torch

import xaiwidgets as xw
from xaiwidgets import check


def test_a_method_is_held_against_a_reference_with_slips_of_ones_own():
    slips = {"the gradient times the input": (xw.GradientTimesInput(), "leave out the product")}

    def mine(subject, x, target):
        return subject.gradient(x, target)

    assert check.method(mine, xw.Saliency(), slips=slips).share == 1
    with pytest.raises(check.CheckFailed, match=r"the gradient times the input\.") as failed:
        check.method(lambda s, x, t: x * mine(s, x, t), xw.Saliency(), slips=slips, title="Task 1")
    assert "leave out the product" in str(failed.value)
    assert str(failed.value).startswith("Task 1: not yet.")


def test_swapped_axes_of_a_square_picture_are_told(module_network, x):
    with pytest.raises(check.CheckFailed, match="with height and width swapped"):
        check.method(
            lambda s, x, t: s.gradient(x, t).transpose(2, 3), xw.Saliency(),
            subject=module_network, inputs=x,
        )  # fmt: skip


def test_a_slip_of_ones_own_earns_half_or_what_is_said():
    def mine(subject, x, target):
        return x * subject.gradient(x, target)

    for told, earned in (((), 2), ((0.25,), 1)):
        slips = {"the product": (xw.GradientTimesInput(), "leave out the product", *told)}
        assert check.method(mine, xw.Saliency(), slips=slips, points=4) == earned


HALVES = {"four": ((4,), 2), "nothing": ((0,), 0)}


@pytest.mark.parametrize("half", [lambda n: n / 2, lambda n: torch.tensor(n) / 2])
def test_results_of_a_function_that_is_right_hold(half):
    assert check.results(half, HALVES, takes="(n)").share == 1


@pytest.mark.parametrize(
    ("words", "half"),
    {
        "is not written yet": lambda n: (_ for _ in ()).throw(NotImplementedError),
        "cannot be called so": lambda n, m: n / 2,
        "stops with ZeroDivisionError": lambda n: n / 0,
        "returns nothing": lambda n: None,
        "divide by 2": lambda n: n,
        "Yours 1.333": lambda n: torch.tensor(n / 3),
        "by two": lambda n: "two",
    }.items(),
)
def test_what_a_function_does_instead_is_told(words, half):
    with pytest.raises(check.CheckFailed) as failed:
        check.results(half, HALVES, takes="(n)", slips={4: "divide by 2"}, hint="by two")
    assert words in " ".join(str(failed.value).split())


def test_every_case_earns_its_points():
    assert check.results(lambda n: n, HALVES, takes="(n)", points=2) == 1


def test_an_answer_is_told_its_slip_and_never_the_right_one():
    assert check.answer(0.0501, 0.05).share == 1
    assert check.answer(" Star ", "star").share == 1
    with pytest.raises(check.CheckFailed, match="divide by √n") as failed:
        check.answer(0.25, 0.05, slips={0.25: "divide by √n"})
    assert "0.05" not in str(failed.value)
    for value, words in ((..., "none yet"), ("comet", "'comet'"), (0.7, "think again")):
        with pytest.raises(check.CheckFailed, match=words):
            check.answer(value, 0.05, hint="think again")


def test_a_failure_is_an_assertion_with_advice_in_three_lines():
    with pytest.raises(AssertionError) as failed:
        check.method(lambda s, x, t: -s.gradient(x, t), xw.Saliency())
    error = failed.value
    assert error.share == 0.5
    assert error.advice[0].yours == "the expected values with the sign turned."
    assert error._render_traceback_() == [str(error)]
    starts = [line.split()[0] for line in str(error).splitlines()]
    assert starts[:5] == ["Saliency:", "✗", "Expected", "Yours", "Try"]
    assert max(map(len, str(error).splitlines())) <= 96


def test_what_holds_reads_as_such():
    report = check.method(xw.Saliency(), xw.Saliency())
    assert repr(report).splitlines() == [
        "Saliency: holds.", "✓ the predicted class", "✓ a class that is asked for",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_import_stays_quick_and_checks_need_no_widgets():
    code = (
        "import sys, xaiwidgets; assert 'torch' not in sys.modules; from xaiwidgets import check; "
        "assert not [m for m in sys.modules if m.startswith(('xaiwidgets.widgets', 'ipywidgets'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
