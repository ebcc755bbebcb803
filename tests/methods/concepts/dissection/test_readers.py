"""Data sets read from disk: the same pictures and masks as in memory."""

import json

import numpy as np
import pytest
from methods.concepts.dissection.planted import Colours, dissect, scenes
from networks import seeded
from PIL import Image

import xaiwidgets as xw
from xaiwidgets.core.errors import ExplainError
from xaiwidgets.methods.concepts.dissection.annotated import example
from xaiwidgets.methods.concepts.dissection.run_lengths import coco_mask

COUNT = 24


def drawn(folder):
    """Planted pictures as files, and as pairs of what was written with the masks."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for i, (x, masks) in enumerate(scenes(COUNT)):
        pixels = (x.numpy().transpose(1, 2, 0).clip(0, 1) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i:03}.png")
        found.append((pixels, masks))
    return found


def alike(data, expected):
    """Whether a data set gives these masks, and the same dissection."""
    assert len(data) == len(expected)
    for i, (_, masks) in enumerate(expected):
        seen = example(data, i).masks
        assert seen.keys() == masks.keys()
        assert all(np.array_equal(seen[name], mask) for name, mask in masks.items())
    network = seeded(lambda: Colours(2)).eval()
    ours, theirs = (dissect(network, each, "pool") for each in (data, expected))
    column = [ours.concepts.index(name) for name in theirs.concepts]
    assert np.array_equal(ours.layers[0].iou[:, column], theirs.layers[0].iou)


def test_a_folder_of_masks_names_the_concepts_by_its_folders(tmp_path):
    expected = drawn(tmp_path / "pictures")
    for i, (_, masks) in enumerate(expected):
        for name, mask in masks.items():
            place = tmp_path / "masks" / name.replace(":", "/")
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask.astype(np.uint8) * 9).save(place / f"{i:03}.png")
    data = xw.MaskFolder(tmp_path / "pictures", tmp_path / "masks")
    assert data.concepts == ("colour:blue", "colour:green", "colour:red")
    alike(data, [(x, dict(sorted(masks.items()))) for x, masks in expected])


def test_broden_is_read_as_it_was_written(tmp_path):
    expected = drawn(tmp_path / "images")
    numbers = {"colour:red": 3, "colour:green": 300, "colour:blue": 70}
    rows = ["image,split,ih,iw,sh,sw,colour,scene"]
    for i, (_, masks) in enumerate(expected):
        files = []
        for name, mask in masks.items():  # masks may overlap, so that each has a map of its own
            pixels = np.zeros((*mask.shape, 3), np.uint8)
            pixels[mask, 0], pixels[mask, 1] = numbers[name] % 256, numbers[name] // 256
            files.append(f"{i:03}_{numbers[name]}.png")
            Image.fromarray(pixels).save(tmp_path / "images" / files[-1])
        rows.append(f"{i:03}.png,{'val' if i % 2 else 'train'},32,32,32,32,{';'.join(files)},8")
    (tmp_path / "index.csv").write_text("\n".join(rows))
    labels = ["number,name,category", "8,beach,scene", *(
        f"{number},{name.split(':')[1]},colour" for name, number in numbers.items()
    )]  # fmt: skip
    (tmp_path / "label.csv").write_text("\n".join(labels))
    data = xw.Broden(tmp_path)
    known = [(x, {**masks, "scene:beach": True}) for x, masks in expected]
    assert len(xw.Broden(tmp_path, split="val")) == COUNT // 2
    assert data[0].annotated == {"scene", *(["colour"] if expected[0][1] else [])}
    for i, (_, masks) in enumerate(known):
        seen = example(data, i).masks
        assert seen.keys() == masks.keys()
        assert all(np.array_equal(seen[name], mask) for name, mask in masks.items())
    answer = dissect(seeded(lambda: Colours(1)).eval(), data, "pool")
    assert [unit.concept for unit in answer.units()] == list(numbers)
    with pytest.raises(ExplainError, match=r"No picture .* is in 'test'; it has train, val"):
        xw.Broden(tmp_path, split="test")


def test_coco_is_read_as_it_was_written(tmp_path):
    expected = drawn(tmp_path / "pictures")
    kinds = [
        {"id": 7, "name": "red", "supercategory": "colour"},
        {"id": 9, "name": "green", "supercategory": "colour"},
        {"id": 11, "name": "blue", "supercategory": "colour"},
    ]
    images, found = [], []
    for i, (_, masks) in enumerate(expected):
        images.append({"id": 100 - i, "file_name": f"{i:03}.png", "height": 32, "width": 32})
        for name, mask in masks.items():
            kind = next(k["id"] for k in kinds if name.endswith(k["name"]))
            written = [_polygon(mask), _runs(mask), {**_runs(mask), "counts": _text(_runs(mask))}]
            segmentation = written[(i + kind) % 3]
            found.append({"image_id": 100 - i, "category_id": kind, "segmentation": segmentation})
    file = tmp_path / "instances.json"
    file.write_text(json.dumps({"images": images, "categories": kinds, "annotations": found}))
    data = xw.CocoMasks(file, tmp_path / "pictures")
    alike(data, expected[::-1])
    assert data.concepts == ("colour:red", "colour:green", "colour:blue")
    file.write_text("{}")
    with pytest.raises(ExplainError, match="cannot be read as COCO annotations"):
        xw.CocoMasks(file, tmp_path / "pictures")


# --- as they are published ---------------------------------------------------------------------


def _photo(place, size, seed):
    """A picture as a JPEG, as the published sets have them; grey where the seed is odd."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shape = size if seed % 2 else (*size, 3)
    pixels = np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(place, quality=95)


def _label_map(place, labels):
    place.parent.mkdir(parents=True, exist_ok=True)
    colours = np.stack([labels % 256, labels // 256, np.zeros_like(labels)], 2)
    Image.fromarray(colours.astype(np.uint8)).save(place)


def test_broden_is_read_from_its_own_folder(tmp_path):
    """Pictures of 64 with label maps of 32 in a folder for each source, two maps for parts, labels
    for whole pictures, and categories that were not annotated: as in broden1_224."""
    root, halves = tmp_path / "broden1_224", np.zeros((32, 32), int)
    halves[:, :16], halves[8:24, 8:24] = 700, 12  # 700 needs the second byte
    whole = np.full((32, 32), 43)
    parts = [np.where(halves == 12, 90, 0), np.where(halves == 12, 0, 91) * (halves > 0)]
    sources = ["ade20k/ADE_train_{:08}", "pascal/2008_{:06}", "dtd/banded_{:04}"]
    rows = ["image,split,ih,iw,sh,sw,color,object,part,material,scene,texture"]
    for i in range(24):
        name = sources[i % 3].format(i)
        _photo(root / "images" / f"{name}.jpg", (64, 64), i)
        _label_map(root / "images" / f"{name}_color.png", whole)
        entries = [f"{name}_color.png", "", "", "", "", ""]
        if i % 3 == 2:
            entries[5] = "1045"
        else:
            _label_map(root / "images" / f"{name}_object.png", halves)
            for k, part in enumerate(parts):
                _label_map(root / "images" / f"{name}_part_{k}.png", part)
            entries[1] = f"{name}_object.png"
            entries[2] = f"{name}_part_0.png;{name}_part_1.png"
        if i % 3 == 0:
            entries[4] = "319;320"
        rows.append(f"{name}.jpg,{'val' if i % 4 else 'train'},64,64,32,32,{','.join(entries)}")
    (root / "index.csv").write_text("\n".join(rows) + "\n")
    (root / "label.csv").write_text(
        "number,name,category,frequency,coverage,syns\n"
        "12,wall,object(9),9,1.5,\n43,black-c,color(24),24,24.0,\n90,hand,part(3),3,0.1,\n"
        '91,leg,part(3),3,0.1,"leg, limb"\n319,street-s,scene(8),8,8.0,\n'
        "320,outdoor-s,scene(8),8,8.0,\n"
        "700,sky,object(9),9,0.9,\n1045,banded,texture(8),8,8.0,\n"
    )
    for name in ("category.csv", "c_color.csv", "c_object.csv"):  # beside what is read
        (root / name).write_text("name,first,last,count,frequency\n")
    data = xw.Broden(root)
    assert (len(data), len(xw.Broden(root, "val"))) == (24, 18)
    assert data.categories == ["color", "object", "part", "material", "scene", "texture"]
    first, last = example(data, 0), example(data, 2)
    assert first.annotated == {"color", "object", "part", "scene"}
    assert last.annotated == {"color", "texture"}
    assert first.masks.keys() == {
        "color:black-c", "object:wall", "object:sky", "part:hand", "part:leg", "scene:street-s",
        "scene:outdoor-s",
    }  # fmt: skip
    assert np.array_equal(first.masks["object:sky"], halves == 700)
    assert np.array_equal(first.masks["part:leg"], halves == 700)
    assert last.masks["texture:banded"] is True
    answer = dissect(xw.Subject(seeded(lambda: Colours(2)).eval(), size=64), data, "pool")
    share = dict(zip(answer.concepts, answer.shares, strict=True))
    assert share["object:wall"] == pytest.approx(0.25)  # of the pictures with objects, at 32 × 32
    assert share["scene:street-s"] == share["texture:banded"] == share["color:black-c"] == 1


def test_coco_is_read_from_its_own_folder(tmp_path):
    """Pictures of many sizes, several polygons an instance, instances that share a category, crowds
    as run lengths, and pictures without any: as in instances_val2017.json."""
    images, found = [], []
    for i in range(18):
        height, width = 48 + 8 * (i % 3), 72 - 8 * (i % 2)
        name = f"{139 + i:012}.jpg"
        _photo(tmp_path / "val2017" / name, (height, width), i)
        images.append({
            "license": 2, "file_name": name, "coco_url": f"http://images/{name}", "id": 139 + i,
            "height": height, "width": width, "date_captured": "2013-11-21 01:34:01",
            "flickr_url": "http://flickr",
        })  # fmt: skip
        crowd = np.zeros((height, width), bool)
        crowd[:10] = True
        shapes = [
            (1, 0, [[4, 20, 12, 20, 12, 28, 4, 28], [14, 20, 22, 20, 22, 28, 14, 28]]),
            (1, 0, [[30, 30, 38, 30, 38, 38, 30, 38]]),
            (1, 1, _runs(crowd)),
            (62, 0, [[40.0, 12.0, 48.0, 12.0, 48.0, 20.0, 40.0, 20.0]]),
        ]
        for k, (kind, many, segmentation) in enumerate(shapes if i % 6 else []):
            found.append({
                "segmentation": segmentation, "area": 64.0, "iscrowd": many, "image_id": 139 + i,
                "bbox": [4.0, 20.0, 8.0, 8.0], "category_id": kind, "id": 1000 * i + k,
            })  # fmt: skip
    place = tmp_path / "annotations" / "instances_val2017.json"
    place.parent.mkdir()
    place.write_text(json.dumps({
        "info": {"year": 2017}, "licenses": [{"id": 2, "name": "CC"}], "images": images,
        "annotations": found, "categories": [
            {"supercategory": "person", "id": 1, "name": "person"},
            {"supercategory": "furniture", "id": 62, "name": "chair"},
        ],
    }))  # fmt: skip
    data = xw.CocoMasks(place, tmp_path / "val2017")
    assert data.concepts == ("person:person", "furniture:chair")
    assert example(data, 0).masks == {}
    masks = example(data, 1).masks
    assert masks["person:person"].shape == (56, 64)
    assert masks["person:person"].sum() == 10 * 64 + 3 * 64
    assert masks["furniture:chair"].sum() == 64
    answer = dissect(xw.Subject(seeded(lambda: Colours(2)).eval(), size=48), data, "pool")
    assert answer.concepts == list(data.concepts)
    assert answer.shares[0] > answer.shares[1] > 0


def _polygon(mask):
    """The outline of a rectangle, at the edges of its pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    return [[int(v) for v in (left, top, right, top, right, bottom, left, bottom)]]


def _runs(mask):
    """Uncompressed run lengths, down the columns, beginning with what is not there."""
    flat = np.r_[0, mask.T.ravel().astype(int), 0]
    ends = np.flatnonzero(np.diff(flat))
    counts = np.diff(np.r_[0, ends, mask.size])
    return {
        "size": list(mask.shape),
        "counts": [int(c) for i, c in enumerate(counts) if c or i == 0],
    }


def _text(runs):
    """Run lengths as COCO's string."""
    counts, written = runs["counts"], ""
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        while True:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            written += chr(48 + (bits | 32 * more))
            if not more:
                break
    return written


def test_a_string_of_run_lengths_worked_out_by_hand():
    mask = coco_mask({"counts": "231N", "size": [7, 1]}, (7, 1))
    assert mask[:, 0].astype(int).tolist() == [0, 0, 1, 1, 1, 0, 1]
    with pytest.raises(ExplainError, match="damaged"):
        coco_mask({"counts": [1, 2], "size": [7, 1]}, (7, 1))


def test_several_polygons_of_an_instance_are_put_together():
    mask = coco_mask([[0, 0, 2, 0, 2, 2, 0, 2], [3, 1, 5, 1, 5, 3, 3, 3]], (4, 6))
    assert mask.astype(int).tolist() == [
        [1, 1, 0, 0, 0, 0], [1, 1, 0, 1, 1, 0], [0, 0, 0, 1, 1, 0], [0] * 6
    ]  # fmt: skip


def test_folders_that_hold_nothing_are_told(tmp_path):
    for make in (xw.Broden, lambda folder: xw.MaskFolder(folder, folder)):
        with pytest.raises(ExplainError, match="holds no"):
            make(tmp_path)
    drawn(tmp_path / "pictures")
    with pytest.raises(ExplainError, match="a folder for each concept"):
        xw.MaskFolder(tmp_path / "pictures", tmp_path / "pictures")


@pytest.mark.parametrize("way", ["resized", "cut", "called"])
def test_masks_go_the_way_of_their_pictures(way):
    """A picture that is white where its mask is true, and its mask, come out alike."""
    rng = np.random.default_rng(0)
    mask = np.kron(rng.random((6, 9)) < 0.5, np.ones((16, 16), bool))
    sized = {"resized": (48, 72), "cut": (48, 48)}
    given = {"size": sized[way]} if way in sized else {"preprocess": _shrunk}
    subject = xw.Subject(seeded(lambda: Colours(1)).eval(), **given)
    picture = np.repeat(mask[..., None], 3, 2).astype(np.uint8) * 255
    x = subject.prepare(picture).x[0, 0]
    found = subject.preprocessing.mask(mask, tuple(x.shape))
    assert found.shape == x.shape
    assert (found == (x > 0.5).numpy()).mean() > 0.98


def _shrunk(image):
    """Half the size, off the middle, and normalised."""
    import torch

    small = image.resize((72, 48), Image.Resampling.BILINEAR).crop((10, 4, 50, 44))
    return torch.from_numpy(np.asarray(small).transpose(2, 0, 1).copy()).float() / 255 * 3 - 1


def test_pictures_that_are_cut_to_size_are_dissected_with_masks_that_are_cut_alike():
    pairs = [
        ((x.numpy().transpose(1, 2, 0).clip(0, 1) * 255).astype(np.uint8), masks)
        for x, masks in scenes(30)
    ]
    beside = (0, 0), (8, 8)
    wide = [
        (np.pad(x, (*beside, (0, 0))), {name: np.pad(m, beside) for name, m in masks.items()})
        for x, masks in pairs
    ]
    subject = xw.Subject(seeded(lambda: Colours(2)).eval(), size=32)
    whole, cut = (dissect(subject, data, "pool") for data in (pairs, wide))
    assert whole.concepts == cut.concepts
    assert np.array_equal(whole.layers[0].iou, cut.layers[0].iou)
