import pytest

from xaiwidgets.core.numbers import number


@pytest.mark.parametrize(
    ("value", "written"), [(0.125, "0.12"), (-0.127, "−0.13"), (-0.001, "0.00"), (2, "2.00")]
)
def test_a_number_has_two_decimals_a_true_minus_and_none_before_a_zero(value, written):
    assert number(value) == written
