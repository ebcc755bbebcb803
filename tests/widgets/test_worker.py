"""One thread, newest request first, nothing left hanging."""

import subprocess
import sys
import threading
import time

import pytest

from xaiwidgets.widgets.worker import Worker


def test_work_is_done_in_the_order_in_which_it_came():
    worker, done = Worker(), []
    for i in range(20):
        worker.submit(i, lambda token, i=i: done.append(i))
    assert worker.wait(10)
    assert done == list(range(20))


def test_newer_work_replaces_what_waits_and_cancels_what_runs():
    worker, started, go, ran = Worker(), threading.Event(), threading.Event(), []

    def first(token):
        started.set()
        go.wait(10)
        ran.append(("first", token.cancelled))

    worker.submit("panel", first)
    assert started.wait(10)
    waiting = worker.submit("panel", lambda token: ran.append(("second", token.cancelled)))
    worker.submit("panel", lambda token: ran.append(("third", token.cancelled)))
    go.set()
    assert worker.wait(10)
    assert ran == [("first", True), ("third", False)]
    assert waiting.cancelled


@pytest.fixture
def said(monkeypatch):
    """What a thread said of its exceptions."""
    heard = []
    monkeypatch.setattr(threading, "excepthook", lambda args: heard.append(args.exc_type))
    return heard


def test_after_a_failure_what_was_queued_is_done_and_what_comes(said):
    worker, go, done = Worker(), threading.Event(), []
    worker.submit("first", lambda token: go.wait(10))
    worker.submit("bad", lambda token: 1 / 0)
    worker.submit("queued", lambda token: done.append("queued"))
    go.set()
    assert worker.wait(10)
    worker.submit("later", lambda token: done.append("later"))
    assert worker.wait(10)
    assert done == ["queued", "later"]
    assert said == [ZeroDivisionError]


def test_a_failure_when_all_was_done_leaves_nothing_undone_that_came_meanwhile(said):
    resting, go, done = threading.Event(), threading.Event(), []

    def rest():
        resting.set()
        go.wait(10)
        raise ValueError

    worker = Worker(on_idle=rest)
    worker.submit(1, lambda token: None)
    assert resting.wait(10)
    worker.submit(2, lambda token: done.append(1))
    go.set()
    assert worker.wait(10)
    assert done == [1]
    worker.close()
    assert said[0] is ValueError


def test_the_thread_ends_when_there_is_nothing_to_do_and_starts_again():
    worker, names = Worker(linger=0.05), []
    worker.submit(1, lambda token: names.append(threading.current_thread()))
    worker.wait(10)
    names[0].join(10)
    assert not names[0].is_alive()
    worker.submit(2, lambda token: names.append(threading.current_thread()))
    assert worker.wait(10)
    assert len(names) == 2


def test_waiting_gives_up_after_its_time():
    worker, go = Worker(), threading.Event()
    worker.submit(1, lambda token: go.wait(10))
    start = time.monotonic()
    assert not worker.wait(0.1)
    assert time.monotonic() - start < 5
    go.set()
    assert worker.wait(10)


def test_idle_is_told_once_all_is_done_and_not_after_a_cancel():
    told = []
    worker = Worker(on_idle=lambda: told.append(1))
    go = threading.Event()
    worker.submit(1, lambda token: go.wait(10))
    worker.submit(2, lambda token: None)
    go.set()
    worker.wait(10)
    time.sleep(0.1)
    assert told == [1]
    stop = threading.Event()
    worker.submit(3, lambda token: stop.wait(10))
    worker.cancel(3)
    stop.set()
    worker.wait(10)
    time.sleep(0.1)
    assert told == [1]


def test_a_closed_worker_takes_no_more():
    worker, done = Worker(), []
    worker.close()
    assert worker.submit(1, lambda token: done.append(1)).cancelled
    assert worker.wait(1)
    assert done == []


def test_where_no_thread_can_start_work_runs_at_once(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    worker, done = Worker(), []
    worker.submit(1, lambda token: done.append(threading.current_thread()))
    assert done == [threading.main_thread()]
    assert worker.idle


def test_inside_work_that_runs_without_a_thread_new_work_waits_its_turn(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    worker, done = Worker(), []

    def count(token, left=2000):
        done.append(left)
        if left > 1:
            worker.submit("count", lambda token: count(token, left - 1))

    worker.submit("count", count)
    assert len(done) == 2000


def test_work_that_comes_last_gives_way_and_begins_again():
    worker, done, running = Worker(), [], threading.Event()

    def patient(token):
        done.append("begin")
        running.set()
        while "other" not in done and not token.cancelled:
            time.sleep(0.01)
        done.append("stopped" if token.cancelled else "end")

    worker.submit("patient", patient, last=True)
    assert running.wait(10)
    worker.submit("other", lambda token: done.append("other"))
    assert worker.wait(10)
    assert done == ["begin", "stopped", "other", "begin", "end"]
    worker.close()


def test_work_that_comes_last_waits_for_all_other_work():
    worker, go, done = Worker(), threading.Event(), []
    worker.submit("first", lambda token: (go.wait(10), done.append("first")))
    worker.submit("last", lambda token: done.append("last"), last=True)
    worker.submit("second", lambda token: done.append("second"))
    go.set()
    assert worker.wait(10)
    assert done == ["first", "second", "last"]


def test_work_that_comes_last_and_was_cancelled_is_not_done_anew():
    worker, started, go, done = Worker(), threading.Event(), threading.Event(), []

    def patient(token):
        done.append("begun")
        started.set()
        go.wait(10)

    worker.submit("last", patient, last=True)
    assert started.wait(10)
    worker.cancel("last")
    worker.submit("other", lambda token: done.append("other"))
    go.set()
    assert worker.wait(10)
    assert done == ["begun", "other"]


def test_work_given_way_to_is_cancelled_with_everything_else():
    worker, started, go, done = Worker(), threading.Event(), threading.Event(), []

    def patient(token):
        done.append("begun")
        started.set()
        go.wait(10)

    worker.submit("last", patient, last=True)
    assert started.wait(10)
    worker.submit("other", lambda token: done.append("other"))
    worker.cancel()
    go.set()
    assert worker.wait(10)
    assert done == ["begun"]


BUSY = """
import time
import torch
from xaiwidgets.widgets.worker import Worker

convolve = torch.nn.Conv2d(64, 64, 3)
def work(token):
    while not token.cancelled:
        convolve(torch.ones(8, 64, 96, 96)).sum().backward()

worker = Worker()
worker.submit(1, work)
time.sleep(0.5)
"""


@pytest.mark.parametrize("end", ["", "worker.close()", "raise SystemExit(0)"])
def test_a_script_ends_quietly_while_its_worker_is_at_work(end):
    ran = subprocess.run([sys.executable, "-c", BUSY + end], capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
