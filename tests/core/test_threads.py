"""A widget's thread beside the user's cells: what is shared by the whole process stays right."""

import threading
import time

import numpy as np
import torch
from networks import ModuleNetwork, noise, seeded
from PIL import Image

import xaiwidgets as xw
from xaiwidgets.check import examples
from xaiwidgets.core import subject as subjects
from xaiwidgets.core.subject import Subject
from xaiwidgets.widgets.gallery import Gallery


def beside(deed):
    """What another thread does, from beginning to end."""
    thread = threading.Thread(target=deed)
    thread.start()
    thread.join(20)


def test_an_opened_picture_is_read_by_one_thread(tmp_path, monkeypatch):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    picture, reading, at_once = Image.open(tmp_path / "a.png"), [], []
    load = type(picture).load

    def slowly(self):
        if self.tile:  # not read yet
            reading.append(1)
            at_once.append(len(reading))
            time.sleep(0.05)
            reading.pop()
        return load(self)

    monkeypatch.setattr(type(picture), "load", slowly)
    found, subject = [], Subject(seeded(ModuleNetwork), size=32, mean=0.5, std=0.5)
    expected = subject.prepare(Image.fromarray(pixels)).x
    both = [threading.Thread(target=lambda: found.append(subject.prepare(picture).x)) for _ in "ab"]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert set(at_once) == {1}
    assert all(torch.equal(x, expected) for x in found)
    assert len(found) == 2


def test_two_threads_find_out_once_how_maps_lie(monkeypatch):
    subject, x, asked = Subject(seeded(ModuleNetwork)), noise(2, 3, 32, 32), []

    class Late:
        """A lock that another thread takes first."""

        def __enter__(self):
            subject.lock = lock
            beside(lambda: subject.prepare(x))
            return lock.__enter__()

        def __exit__(self, *error):
            return lock.__exit__(*error)

    real, lock = subjects.pays_from, subject.lock
    monkeypatch.setattr(subjects, "pays_from", lambda *args: asked.append(1) or real(*args))
    subject.lock = Late()
    subject.prepare(x)
    assert len(asked) == 1


def test_a_score_from_before_the_network_changed_is_not_kept():
    network, x = seeded(ModuleNetwork), noise(2, 3, 32, 32)
    gallery, changed = Gallery(Subject(network), x, None, None, None), []

    def change(*_):
        if not changed:
            changed.append(1)
            with torch.no_grad():
                network[-1].bias += 5
            gallery.scores(0)

    with torch.no_grad():
        network[-1].bias += 1  # or the scores would be known
    hook = network[0].register_forward_hook(lambda *_: beside(change))
    network[-1].register_forward_hook(lambda _, __, output: output - 5 if hook else output)
    gallery.scores(1)
    hook.remove()
    hook = None
    torch.testing.assert_close(gallery.scores(1), network(x[1:]).detach())


def test_a_seeded_network_does_not_depend_on_what_others_draw(monkeypatch):
    expected = examples.picture_subject(3).model.state_dict()

    class Disturbed(examples.SmallCNN):
        def __init__(self, *given, **settings):
            beside(lambda: torch.rand(100))
            super().__init__(*given, **settings)

    monkeypatch.setattr(examples, "SmallCNN", Disturbed)
    found = examples.picture_subject(3).model.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_relevance_leaves_nothing_on_the_networks_own_tensors():
    class Shifting(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(8, 3)
            self.register_buffer("shift", torch.ones(8, 1, 1))

        def forward(self, x):
            y = torch.relu(self.first(x))
            return self.last((y + self.shift.type_as(y.detach())).mean((2, 3)))

    network, x = seeded(Shifting).eval(), noise(1, 3, 16, 16)
    answers = [xw.LRP()(network, x, 1) for _ in range(2)]
    assert torch.equal(answers[0].values, answers[1].values)
    assert not any(answer.warnings for answer in answers)
    assert vars(network.shift) == {}
