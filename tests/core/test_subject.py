"""The network under study: preprocessing, names, outputs, devices, batches."""

import re
from collections import namedtuple

import numpy as np
import pytest
import torch
from conftest import inputs_for, network_of
from networks import Formula, ModuleNetwork, noise, seeded
from PIL import Image
from torch import nn

from xaiwidgets.core.errors import ExplainError
from xaiwidgets.core.subject import Inputs, Subject
from xaiwidgets.methods import Saliency


def gradient_picture(height: int = 40, width: int = 60) -> Image.Image:
    """A picture whose columns can be told apart."""
    columns = np.linspace(0, 255, width).astype(np.uint8)
    return Image.fromarray(np.stack([np.tile(columns, (height, 1))] * 3, -1))


# --- preprocessing ------------------------------------------------------------------------------


def test_torchvision_weights_bring_preprocessing_and_class_names_without_a_download():
    from torchvision.models import ResNet18_Weights, resnet18

    weights = ResNet18_Weights.DEFAULT
    subject = Subject(seeded(resnet18), preprocess=weights)
    assert subject.preprocessing.mean == (0.485, 0.456, 0.406)
    assert subject.preprocessing.std == (0.229, 0.224, 0.225)
    assert subject.preprocessing.size == (224, 224)
    assert subject.classes[340] == "zebra"
    expected = weights.transforms()(gradient_picture())
    assert torch.equal(subject.preprocess(gradient_picture())[0], expected)


def test_a_composed_transform_is_read_and_used():
    from torchvision import transforms

    chain = transforms.Compose(
        [transforms.Resize(32), transforms.CenterCrop(32), transforms.ToTensor(),
         transforms.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])]
    )  # fmt: skip
    subject = Subject(seeded(ModuleNetwork), preprocess=chain)
    assert subject.preprocessing.mean == pytest.approx((0.5, 0.4, 0.3))
    assert subject.preprocessing.std == pytest.approx((0.2, 0.3, 0.4))
    assert torch.equal(subject.preprocess(gradient_picture())[0], chain(gradient_picture()))


def test_a_timm_network_brings_its_own_numbers():
    subject = Subject(network_of("timm"))
    config = network_of("timm").pretrained_cfg
    assert subject.preprocessing.mean == tuple(config["mean"])
    assert subject.preprocessing.std == tuple(config["std"])
    assert subject.preprocessing.size == config["input_size"][-2:]
    given = Subject(
        network_of("timm"),
        preprocess={"mean": (0.1,) * 3, "std": (0.2,) * 3, "input_size": (3, 8, 9)},
    )
    assert (given.preprocessing.mean, given.preprocessing.size) == ((0.1,) * 3, (8, 9))


def test_a_transformers_processor_is_read_and_used():
    from transformers import ViTImageProcessor

    processor = ViTImageProcessor(
        size={"height": 32, "width": 32}, image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.3, 0.4]
    )
    subject = Subject(network_of("transformers"), preprocess=processor)
    assert subject.preprocessing.mean == pytest.approx((0.5, 0.4, 0.3))
    assert subject.preprocessing.size == (32, 32)
    expected = processor(images=gradient_picture(), return_tensors="pt")["pixel_values"]
    assert torch.equal(subject.preprocess(gradient_picture()), expected)


def test_mean_std_and_size_are_enough():
    subject = Subject(seeded(ModuleNetwork), mean=[0.5] * 3, std=[0.25] * 3, size=(32, 32))
    grey = Image.new("RGB", (50, 80), (255, 0, 128))
    x = subject.preprocess(grey)
    assert x.shape == (1, 3, 32, 32)
    assert x[0, :, 0, 0].tolist() == pytest.approx([2.0, -2.0, (128 / 255 - 0.5) * 4], abs=1e-6)


def test_cropping_keeps_the_centre_and_the_proportions():
    subject = Subject(seeded(ModuleNetwork), size=20)
    x = subject.preprocess(gradient_picture(40, 120))[0, 0]
    assert x.shape == (20, 20)
    assert x.mean().item() == pytest.approx(0.5, abs=0.02)
    assert (x[0].max() - x[0].min()).item() == pytest.approx(1 / 3, abs=0.03)


def test_pictures_come_back_as_they_went_in():
    subject = Subject(seeded(ModuleNetwork), mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    back, note = subject.preprocessing.pictures(subject.preprocess(pixels))
    assert np.abs(back[0].astype(int) - pixels).max() <= 1
    assert note == ""


def test_without_mean_and_std_pictures_are_stretched_and_it_says_so():
    back, note = Subject(seeded(ModuleNetwork)).preprocessing.pictures(noise(1, 3, 8, 8))
    assert (back.min(), back.max()) == (0, 255)
    assert "stretched" in note


@pytest.mark.parametrize(
    "kind", ["image", "path", "string", "uint8", "unit", "grey", "rgba", "chw", "nchw"]
)
def test_every_kind_of_picture_gives_the_same_input(kind, tmp_path):
    image = gradient_picture(32, 32)
    image.save(tmp_path / "ramp.png")
    array = np.asarray(image)
    picture = {
        "image": image, "path": tmp_path / "ramp.png", "string": str(tmp_path / "ramp.png"),
        "uint8": array, "unit": array / 255, "grey": array[..., 0], "rgba": image.convert("RGBA"),
        "chw": torch.from_numpy(array.copy()).permute(2, 0, 1),
        "nchw": torch.from_numpy(array.copy()).permute(2, 0, 1)[None],
    }[kind]  # fmt: skip
    subject = Subject(seeded(ModuleNetwork))
    expected = torch.from_numpy(array.copy()).permute(2, 0, 1)[None] / 255
    assert torch.allclose(subject.preprocess(picture), expected, atol=1e-6)


def test_names_come_from_files_and_otherwise_count(tmp_path):
    gradient_picture(32, 32).save(tmp_path / "zebra.png")
    subject = Subject(seeded(ModuleNetwork))
    assert subject.prepare(tmp_path / "zebra.png").names == ["zebra"]
    assert subject.prepare(noise(3, 3, 32, 32)).names == ["picture 1", "picture 2", "picture 3"]
    assert subject.prepare([noise(3, 32, 32), noise(3, 32, 32)]).names == ["picture 1", "picture 2"]


def test_float_tensors_and_arrays_are_taken_as_they_are():
    subject, x = Subject(seeded(ModuleNetwork)), noise(2, 3, 32, 32)
    assert torch.equal(subject.prepare(x).x, x)
    assert torch.equal(subject.prepare(x[0]).x, x[:1])
    assert torch.equal(subject.prepare(x.numpy()).x, x)
    assert torch.equal(subject.prepare(x.double()).x, x)
    assert torch.equal(subject.prepare(x.numpy()[:, :, ::-1]).x, x.flip(2))
    assert torch.equal(subject.prepare(list(x)).x, x)
    ready = subject.prepare(x)
    assert subject.prepare(ready) is ready
    assert isinstance(ready, Inputs)
    assert not subject.prepare(x.clone().requires_grad_()).x.requires_grad


def test_a_network_for_one_channel_gets_grey_pictures():
    network = seeded(
        lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    )
    assert Subject(network).preprocess(gradient_picture(16, 16)).shape == (1, 1, 16, 16)


# --- classes and outputs ------------------------------------------------------------------------


def test_class_names_come_as_a_list_a_mapping_or_with_the_network():
    network = seeded(ModuleNetwork)
    assert Subject(network, classes=["a", "b"]).classes == ("a", "b")
    assert Subject(network, classes={0: "a", 2: "c"}).classes == ("a", "class 1", "c")
    assert Subject(network).classes == ()
    assert Subject(network_of("transformers")).classes == ()  # LABEL_0 ... are no names
    from transformers import ViTConfig, ViTForImageClassification

    config = ViTConfig(
        image_size=32, patch_size=8, hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, id2label={0: "cat", 1: "dog"}, label2id={"cat": 0, "dog": 1},
    )  # fmt: skip
    assert Subject(ViTForImageClassification(config)).classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        (["a", "b"], "The names in classes are 2, and the network's scores 5; give one name"),
        (list("abcdef"), "The names in classes are 6, and the network's scores 5"),
        ({1: "b", 5: "f"}, "The names in classes are 6, and the network's scores 5"),
        ("abcde", "classes is 'abcde'; it takes a list of names, in order, or a dict from index"),
        ({"a"}, "it takes a list of names, in order"),
        ({"a": 0, "b": 1}, "classes is {'a': 0, 'b': 1}; it takes a list of names"),
        (5, "classes is 5; it takes a list of names"),
    ],
    ids=repr,
)
def test_names_that_do_not_fit_the_classes_are_refused(classes, words):
    with pytest.raises(ExplainError) as refused:
        Saliency()(Subject(seeded(ModuleNetwork), classes=classes), noise(1, 3, 32, 32))
    assert words in str(refused.value)


def test_a_dict_may_name_some_classes():
    subject = Subject(seeded(ModuleNetwork), classes={1: "b"})
    assert Saliency()(subject, noise(1, 3, 32, 32), "b").provenance.target == ["b"]
    assert Saliency()(subject, noise(1, 3, 32, 32), 4).provenance.target == ["class 4"]


def test_the_names_of_weights_are_not_taken_for_the_classes_of_another_head():
    from torchvision.models import ResNet18_Weights

    subject = Subject(seeded(ModuleNetwork), preprocess=ResNet18_Weights.DEFAULT)
    assert Saliency()(subject, noise(1, 3, 32, 32), 0).provenance.target == ["class 0"]
    assert subject.classes == ()


Pair = namedtuple("Pair", "features scores")


@pytest.mark.parametrize(
    ("wrap", "output"),
    [
        (lambda s: (s * 0, s), 1),
        (lambda s: [s, s * 0], 0),
        (lambda s: {"aux": s * 0, "scores": s}, "scores"),
        (lambda s: Pair(s * 0, s), "scores"),
        (lambda s: Pair(s * 0, s), 1),
        (lambda s: {"logits": s}, None),
        (lambda s: s[..., None, None], lambda out: out.mean((2, 3))),
    ],
    ids=["position", "list", "key", "attribute", "position in a named tuple", "logits", "function"],
)
def test_the_scores_are_picked_out_of_several_outputs(wrap, output):
    inner = seeded(ModuleNetwork)

    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, x):
            return wrap(self.inner(x))

    x = noise(2, 3, 32, 32)
    subject = Subject(Wrapped().eval(), output=output)
    assert torch.equal(subject.outputs(x), inner(x).detach())
    assert torch.equal(Saliency()(subject, x, 1).values, Saliency()(inner, x, 1).values)


@pytest.mark.parametrize(
    ("shape", "advice"),
    [((5,), "TableSubject(model, data)"), ((2, 5), "TableSubject(model, data)"),
     ((1, 3, 4, 8, 8), "VolumeSubject(model)")],
    ids=str,
)  # fmt: skip
def test_an_input_that_is_no_picture_is_told_whose_it_is(shape, advice):
    with pytest.raises(ExplainError, match=re.escape(advice)):
        Subject(lambda x: np.ones((len(x), 2))).prepare(noise(*shape))


@pytest.mark.parametrize(
    ("axes", "advice"), [((3,), "out.mean((2,))"), ((3, 4), "out.mean((2, 3))"), ((), "them.")]
)
def test_a_map_of_scores_is_refused_with_a_function_that_folds_it(axes, advice):
    count = 4 if axes else 1  # without more axes the number of rows is what does not fit
    subject = Subject(lambda x: np.ones((count, 2, *axes)))
    with pytest.raises(ExplainError, match=re.escape(advice)):
        subject.outputs(noise(2 if not axes else 4, 3, 8, 8))


def test_a_single_score_a_picture_counts_as_one_class():
    network = Formula(lambda v: v.sum(1))
    assert Subject(network).outputs(noise(3, 1, 2, 2).double()).shape == (3, 1)


@pytest.mark.parametrize("output", [5, "nothing"])
def test_a_selector_that_selects_nothing_is_refused_with_what_there_is(output):
    class Two(nn.Module):
        def forward(self, x):
            return {"a": x.mean((2, 3)), "b": x}

    with pytest.raises(
        ExplainError, match=r"output=.* is not in what the network returns: \['a', 'b'\]"
    ):
        Subject(Two().eval(), output=output).outputs(noise(1, 3, 4, 4))


# --- devices, batches ---------------------------------------------------------------------------


def test_device_and_dtype_are_the_networks():
    subject = Subject(seeded(ModuleNetwork).double())
    assert subject.dtype == torch.float64
    assert subject.prepare(noise(1, 3, 32, 32)).x.dtype == torch.float64
    assert subject.device == torch.device("cpu")
    assert Subject(nn.Flatten()).dtype == torch.get_default_dtype()


def test_batch_sizes_fit_the_memory_and_are_never_zero(monkeypatch):
    subject, x = Subject(network_of("resnet18")), inputs_for("resnet18")
    free = subject.batch_size(x)
    assert 1 <= free <= 64
    assert subject.batch_size(x, backward=False) >= free
    monkeypatch.setattr("xaiwidgets.core.subject._CPU_MOST", 4_000_000)
    small = subject.batch_size(x)
    assert 1 <= small < free
    monkeypatch.setattr("xaiwidgets.core.subject._CPU_MOST", 1)
    assert subject.batch_size(x) == 1


def test_larger_pictures_make_smaller_batches_down_to_those_that_weights_ask_for(monkeypatch):
    monkeypatch.setattr("xaiwidgets.core.subject._CPU_QUICK", 40_000_000)
    subject = Subject(network_of("resnet18"))
    rows = [subject.batch_size(noise(1, 3, side, side)) for side in (48, 96, 224)]
    assert rows[0] > rows[1] > rows[2] == 4
    assert subject.batch_size(noise(1, 3, 224, 224), backward=False) == 8


def test_gradients_and_scores_are_the_same_in_parts(monkeypatch):
    subject, x = Subject(seeded(ModuleNetwork)), noise(5, 3, 32, 32)
    target = subject.bind([0, 1, 2, 3, 4], x)
    gradient, score = subject.gradient_and_score(x, target)
    assert torch.allclose(score, subject.outputs(x).diagonal())
    monkeypatch.setattr(Subject, "batch_size", lambda *_, **__: 2)
    in_parts, scores = subject.gradient_and_score(x, target)
    assert torch.allclose(in_parts, gradient, atol=1e-7)
    assert torch.allclose(scores, subject.scores(x, target))


def test_a_network_that_writes_into_its_input_leaves_ours_alone():
    class Careless(ModuleNetwork):
        def forward(self, x):
            return super().forward(x.mul_(2))

    x = noise(2, 3, 32, 32)
    kept, network = x.clone(), seeded(Careless)
    subject = Subject(network)
    subject.outputs(x), subject.layers(x)
    Saliency()(subject, x, 1)
    assert torch.equal(x, kept)


def test_the_convolution_named_first_need_not_be_the_one_run_first():
    class HeadFirst(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Conv2d(8, 4, 1)
            self.stem = nn.Conv2d(3, 8, 3)

        def forward(self, x):
            return self.head(self.stem(x)).mean((2, 3))

    answer = Saliency()(seeded(HeadFirst), noise(1, 3, 8, 8), 1)
    assert answer.values.shape == (1, 3, 8, 8)


def test_a_subject_of_a_subject_is_itself():
    subject = Subject(network_of("modules"), title="mine")
    assert Subject.of(subject) is subject
    assert Subject.of(network_of("modules")).title == "ModuleNetwork"
    assert "mine" in repr(subject)
