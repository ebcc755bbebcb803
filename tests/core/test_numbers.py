import pytest

from xaiwidgets.core.numbers import number, percent


@pytest.mark.parametrize(
    ("value", "written"), [(0.125, "0.12"), (-0.127, "−0.13"), (-0.001, "0.00"), (2, "2.00")]
)
def test_a_number_has_two_decimals_a_true_minus_and_none_before_a_zero(value, written):
    assert number(value) == written


@pytest.mark.parametrize(
    ("share", "written"),
    [
        (0, "0 %"), (3e-6, "below 0.01 %"), (0.00012, "0.012 %"), (0.0473, "4.7 %"),
        (0.0994, "9.9 %"), (0.0996, "10 %"), (0.996, "100 %"), (2.86, "286 %"),
        (41.5, "beyond 1000 %"), (-0.254, "−25 %"),
    ],
)  # fmt: skip
def test_a_share_is_in_percent_and_never_in_powers_of_ten(share, written):
    assert percent(share) == written
