"""Data of any kind as a stream of batches."""

import numpy as np
import pytest
import torch
from networks import ModuleNetwork, noise, seeded
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from xaiwidgets.core.batches import batches
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Subject

X = noise(10, 3, 32, 32)
LABELS = torch.arange(10)


@pytest.mark.parametrize(
    "data",
    [
        X, X.numpy(), list(X), [(x, int(k)) for x, k in zip(X, LABELS, strict=True)],
        TensorDataset(X, LABELS), DataLoader(TensorDataset(X, LABELS), batch_size=3),
        X.split(7), (x for x in X),
    ],
    ids=["tensor", "array", "list", "pairs", "data set", "loader", "batches", "generator"],
)  # fmt: skip
def test_every_kind_of_data_comes_in_batches_of_one_size(data):
    found = list(batches(Subject(seeded(ModuleNetwork)), data, size=4))
    assert [len(part) for part in found] == [4, 4, 2]
    assert torch.equal(torch.cat([part.x for part in found]), X)


def test_a_stream_is_not_read_further_than_it_is_asked_for():
    taken = []

    def stream():
        for i, x in enumerate(X):
            taken.append(i)
            yield x

    next(batches(Subject(seeded(ModuleNetwork)), stream(), size=4))
    assert taken == [0, 1, 2, 3]


def test_a_folder_gives_its_pictures_by_name(tmp_path):
    for name, level in (("b.png", 200), ("a.png", 100)):
        Image.fromarray(np.full((32, 32, 3), level, np.uint8)).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    (found,) = batches(Subject(seeded(ModuleNetwork)), tmp_path)
    assert found.names == ["a", "b"]
    assert found.x[0].max() < found.x[1].max()


def test_a_folder_without_pictures_and_pictures_of_two_sizes_are_refused(tmp_path):
    subject = Subject(seeded(ModuleNetwork))
    with pytest.raises(ExplainError, match="holds no picture; it takes files that end in"):
        list(batches(subject, tmp_path))
    with pytest.raises(ExplainError, match=r"different shapes.*size=\(height, width\)"):
        list(batches(subject, iter([X[:2], torch.zeros(2, 3, 24, 24)])))
