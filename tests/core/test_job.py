"""Passes counted, progress reported, work stopped."""

import threading

import pytest
import torch
from networks import ModuleNetwork, noise, seeded

from xaiwidgets.core.errors import Cancelled
from xaiwidgets.core.job import CancelToken, Job, current_job, working
from xaiwidgets.core.subject import Subject, uncounted


def test_passes_are_counted_in_examples():
    subject, job = Subject(seeded(ModuleNetwork)), Job()
    x = noise(3, 3, 32, 32)
    with working(job):
        subject.outputs(x)
        assert (job.forwards, job.backwards) == (3, 0)
        subject.gradient(x, subject.bind(1, x))
        assert (job.forwards, job.backwards) == (6, 3)
        with uncounted():
            subject.outputs(x)
    subject.outputs(x)
    assert (job.forwards, job.backwards) == (6, 3)


def test_progress_is_the_share_of_what_is_expected_and_never_more_than_one():
    seen = []
    job = Job(seen.append, expected=4)
    job.report()
    job.forward(2)
    job.backward(2)
    job.forward(2)
    job.backward(2)
    assert seen == [0.0, 1.0, 1.0]
    job.finish()
    assert seen[-1] == 1.0


def test_a_cancelled_job_stops_at_its_next_pass():
    token = CancelToken()
    job = Job(token=token)
    job.forward(1)
    token.cancel()
    assert token.cancelled
    for step in (job.check, lambda: job.forward(1), lambda: job.backward(1)):
        with pytest.raises(Cancelled):
            step()
    assert (job.forwards, job.backwards) == (1, 0)


def test_a_cancel_from_another_thread_stops_a_backward_pass():
    subject, token = Subject(seeded(ModuleNetwork)), CancelToken()
    x = noise(1, 3, 32, 32)
    target = subject.bind(1, x)
    with working(Job(token=token)):
        leaf = x.clone().requires_grad_()
        score = target.score(subject(leaf)).sum()
        thread = threading.Thread(target=token.cancel)
        thread.start()
        thread.join()
        with pytest.raises(Cancelled):
            torch.autograd.grad(score, leaf)


def test_jobs_nest_and_belong_to_one_thread():
    outer, inner, elsewhere = Job(), Job(), []
    with working(outer):
        assert current_job() is outer
        with working(inner):
            assert current_job() is inner
        assert current_job() is outer
        with pytest.raises(ZeroDivisionError), working(inner):
            raise ZeroDivisionError
        assert current_job() is outer
        thread = threading.Thread(target=lambda: elsewhere.append(current_job()))
        thread.start()
        thread.join()
    assert elsewhere[0] is not outer
    assert current_job() is not outer
