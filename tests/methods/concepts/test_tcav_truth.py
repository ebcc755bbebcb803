"""TCAV where the truth is known, and where nothing was learnt, as `benchmarks.tcav` prints it."""

import pytest

from benchmarks.tcav import TRUTHS, answers, found, null_rates


@pytest.mark.slow
@pytest.mark.parametrize(("name", "own", "other"), TRUTHS)
def test_what_a_network_was_trained_on_matters_and_what_it_was_not_does_not(name, own, other):
    told = dict(answers(name, own, other))
    assert len(told) == 4
    assert sum(target in found(answer, own) for target, answer in told.items()) >= 3
    for target, answer in told.items():
        assert set(found(answer, own)) <= {target}
        assert found(answer, other) == []


@pytest.mark.slow
def test_chance_passes_in_no_more_than_five_of_a_hundred_cases():
    rates = null_rates()
    assert list(rates.index) == ["conv4", "relu3"]
    assert (rates.ours <= 0.05).all()
    assert (rates.significant == 0).all()
    assert (rates.published > 0.3).all(), "the t-test of the paper says far more"
