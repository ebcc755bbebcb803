"""The assignments are handed out, handed in right, wrong and empty, graded, and given back."""

import ast
import json
import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from course import COURSE, SOURCES, graded_cells

MARKER = re.compile(r"^\s*### (BEGIN|END) (SOLUTION|HIDDEN TESTS)$", re.M)

WRONG = {
    "grad-cam": {
        "weights": "def channel_weights(gradients):\n    return gradients.sum((2, 3))",
        "map": """
def grad_cam(subject, x, target):
    kept = []
    hook = subject.model.relu4.register_forward_hook(lambda module, given, maps: kept.append(maps))
    score = target.score(subject(x)).sum()
    hook.remove()
    (gradients,) = torch.autograd.grad(score, kept[-1])
    raw = (gradients.mean((2, 3), keepdim=True) * kept[-1]).sum(1, keepdim=True)
    return F.interpolate(raw, size=x.shape[2:], mode="bilinear")""",
        "inside": """
def share_inside(heatmap, mask):
    return float(heatmap[mask].sum() / heatmap.sum())""",
        "layers-answer": "The first, since it is the largest.",
    },
    "lrp": {
        "rule": """
def epsilon_rule(a, weight, bias, relevance, epsilon):
    z = a @ weight.T + bias + epsilon
    return a * ((relevance / z) @ weight)""",
        "way": """
def lrp_epsilon(subject, x, target, epsilon=1e-6):
    inputs, value = [], x
    with torch.no_grad():
        for layer in subject.model:
            inputs.append(value)
            value = layer(value)
        for layer, a in zip(reversed(subject.model), reversed(inputs)):
            if isinstance(layer, nn.Linear):
                bias = 0 if layer.bias is None else layer.bias
                value = epsilon_rule(a, layer.weight, bias, value, epsilon)
    return value.view_as(x)""",
        "accounts": """
def accounts(a, weight, bias, relevance, epsilon):
    return relevance.sum(), 0, 0""",
    },
    "smoothgrad": {
        "smoothgrad": """
def smoothgrad(subject, x, target, samples=25, noise=0.15):
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros_like(x)
    for _ in range(samples):
        total += subject.gradient(x + noise * torch.randn(x.shape, generator=generator), target)
    return total / samples""",
        "error": "def standard_error(gradients):\n    return gradients.std(0)",
        "many": """
def copies_for(share, samples, wanted):
    return round(samples * share / wanted)""",
    },
    "sanity": {
        "forget": """
def forget(model, count):
    layers = [m for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    for layer in layers[-count:]:
        layer.reset_parameters()
    return model""",
        "similarity": """
def similarity(a, b):
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])""",
        "curve": """
def sanity_curve(method, subject, networks, x, target):
    subjects = [subject] + [subject.with_network(network) for network in networks]
    maps = [method(s, x, s.bind(None, x))[0, 0] for s in subjects]
    return [float(spearmanr(maps[0].flatten(), m.flatten()).statistic) for m in maps]""",
    },
    "faithfulness": {
        "order": "def removal_order(heatmap):\n    return heatmap.flatten().argsort()",
        "curve": """
def deletion_curve(subject, x, target, order, steps=16):
    fill = x.mean((2, 3), keepdim=True)[0]
    pictures = []
    for step in range(steps + 1):
        gone = torch.zeros(len(order), dtype=torch.bool)
        gone[order[: round(len(order) * step / steps)]] = True
        pictures.append(torch.where(gone.view(x.shape[2:]), fill, x[0]))
    return subject.outputs(torch.stack(pictures)).softmax(1).amax(1)""",
        "control": """
def faithfulness(subject, x, target, heatmap):
    return deletion_curve(subject, x, target, removal_order(heatmap))""",
        "area": """
def advantage(curve, control):
    return float(torch.trapezoid(torch.as_tensor(control) - torch.as_tensor(curve)))""",
    },
    "shortcut": {
        "label": 'label = "disc"',
        "box": "box = (0, 0, 16, 16)",
        "plant": "def plant(x):\n    return 0 * x",
        "mend": """
def mended(pictures):
    return named(pictures)""",
    },
}  # fmt: skip
OTHERWISE = {
    "grad-cam": {
        "weights": """
def channel_weights(gradients):
    return gradients.flatten(2).mean(-1, keepdim=True)[..., None]""",
        "map": """
def grad_cam(subject, x, target):
    kept = {}
    layer = subject.model.relu4
    hooks = [
        layer.register_forward_hook(lambda *call: kept.update(maps=call[2])),
        layer.register_full_backward_hook(lambda *call: kept.update(back=call[2][0])),
    ]
    target.score(subject(x)).sum().backward()
    for hook in hooks:
        hook.remove()
    weights = channel_weights(kept["back"]).reshape(len(x), -1)
    made = torch.einsum("bkij,bk->bij", kept["maps"], weights).relu()
    return F.interpolate(made[:, None], tuple(x.shape[-2:]), mode="bilinear")""",
        "inside": """
def share_inside(heatmap, mask):
    pairs = list(zip(heatmap.flatten().tolist(), mask.flatten().tolist()))
    whole = sum(value for value, _ in pairs if value > 0)
    return sum(value for value, on in pairs if value > 0 and on) / (whole + 1e-12)""",
    },
    "lrp": {
        "rule": """
def epsilon_rule(a, weight, bias, relevance, epsilon):
    made = torch.zeros_like(a)
    for row in range(len(a)):
        for k in range(len(weight)):
            parts = a[row] * weight[k]
            z = parts.sum() + (0 if bias is None else bias[k])
            made[row] += parts / (z + epsilon * (1 if z >= 0 else -1)) * relevance[row, k]
    return made""",
        "way": """
def lrp_epsilon(subject, x, target, epsilon=1e-6):
    given = x.clone().requires_grad_()
    target.score(subject(given)).sum().backward()
    return given * given.grad  # what ε → 0 comes to""",
        "accounts": """
def accounts(a, weight, bias, relevance, epsilon):
    to_inputs = float(epsilon_rule(a, weight, bias, relevance, epsilon).sum())
    z = F.linear(a, weight, bias)
    to_bias = float((relevance * bias / (z + epsilon * z.sign())).sum())
    return [to_inputs, to_bias, float(relevance.sum()) - to_inputs - to_bias]""",
    },
    "smoothgrad": {
        "smoothgrad": """
def smoothgrad(subject, x, target, samples=25, noise=0.15):
    torch.manual_seed(0)
    copies = x + noise * (x.max() - x.min()) * torch.randn(samples, *x.shape[1:])
    copies.requires_grad_()
    target.score(subject(copies)).sum().backward()
    return copies.grad.mean(0, keepdim=True)""",
        "error": """
def standard_error(gradients):
    array = gradients.numpy()
    return array.std(0, ddof=1) / math.sqrt(array.shape[0])""",
        "many": """
def copies_for(share, samples, wanted):
    return math.ceil(samples * share**2 / wanted**2)""",
    },
    "sanity": {
        "forget": """
def forget(model, count):
    made = copy.deepcopy(model)
    names = [n for n, m in made.named_modules() if hasattr(m, "weight")]
    for name in names[len(names) - count:]:
        torch.nn.init.normal_(made.get_submodule(name).weight, std=0.1)
        torch.nn.init.normal_(made.get_submodule(name).bias, std=0.1)
    return made""",
        "similarity": """
def similarity(a, b):
    ranks = torch.stack([v.flatten().argsort().argsort().double() for v in (a, b)])
    return torch.corrcoef(ranks)[0, 1]""",
        "curve": """
def sanity_curve(method, subject, networks, x, target):
    made = [method(s, x, target) for s in [subject, *map(subject.with_network, networks)]]
    return torch.tensor([similarity(made[0][0, 0], one[0, 0]) for one in made])""",
    },
    "faithfulness": {
        "order": """
def removal_order(heatmap):
    return (-heatmap.numpy()).ravel().argsort()""",
        "curve": """
def deletion_curve(subject, x, target, order, steps=16):
    picture, fill, found = x.clone(), x.mean((2, 3)), []
    width, n, before = x.shape[3], len(order), 0
    for i in range(steps + 1):
        now = round(n * i / steps)
        for place in order[before:now]:
            picture[0, :, int(place) // width, int(place) % width] = fill[0]
        before = now
        found.append(target.score(subject.outputs(picture).softmax(1)).item())
    return found""",
        "control": """
def faithfulness(subject, x, target, heatmap):
    import numpy as np
    draw = np.random.default_rng(1)
    orders = [removal_order(heatmap), *(draw.permutation(heatmap.numel()) for _ in range(5))]
    curves = np.array([deletion_curve(subject, x, target, order) for order in orders])
    return np.array([curves[0], curves[1:].mean(0)])""",
        "area": """
def advantage(curve, control):
    gaps = [float(b - a) for a, b in zip(curve, control)]
    return sum((a + b) / 2 for a, b in zip(gaps, gaps[1:])) / (len(gaps) - 1)""",
    },
    "shortcut": {
        "label": 'label = "star"',
        "box": "box = [81, 81, 96, 96]",
        "plant": """
def plant(x):
    images = [scene.image for scene in camera]
    said = zip(camera, named(images))
    fooled = next(scene.image for scene, name in said if name != scene.shape)
    patch = subject.prepare(fooled).x[0, :, 78:, 78:]
    made = x.clone()
    for one in made:
        one[:, 78:, 78:] = patch
    return made""",
        "mend": """
def mended(pictures):
    changed = [picture.copy() for picture in pictures]
    for picture in changed:
        picture[80:, 80:] = picture.mean((0, 1))
    return named(changed)""",
    },
}  # fmt: skip
TOLD = {
    "grad-cam": ["30 is the number of places", "the map without the cut at 0"],
    "lrp": ["with ε added to z whatever its sign", "all scores at once"],
    "smoothgrad": ["the share itself", "divide by √n", "four times the copies"],
    "sanity": ["copy.deepcopy(model)", "Pearson", "the class that it names itself"],
    "faithfulness": ["argsort goes upwards", "whichever class has it", "the control is missing"],
    "shortcut": ["answers with the true shapes", "better than a coarse one", "at most 6%"],
}


def hand_in(release, to, answers, whole=True):
    """A released notebook with some of its cells answered; a part of it is what is graded, with the
    imports, and without the cells that only show something."""
    notebook = nbformat.read(release, 4)
    if not whole:
        notebook.cells = [
            cell
            for cell in notebook.cells
            if "nbgrader" in cell.metadata or cell.get("id") == "setup"
        ]
    for cell in notebook.cells:
        about = cell.metadata.get("nbgrader", {})
        if about.get("solution") and about.grade_id in answers:
            cell.source = answers[about.grade_id].strip("\n")
    to.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, to)


def solutions(path):
    cells = nbformat.read(path, 4).cells
    solved = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("solution")]
    return {cell.metadata.nbgrader.grade_id: MARKER.sub("", cell.source) for cell in solved}


def nbgrader(course, *command):
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command], cwd=course, capture_output=True, text=True,
        timeout=1200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """All six as one assignment: released, handed in three times, graded, given back."""
    place = tmp_path_factory.mktemp("course")
    shutil.copy(COURSE / "nbgrader_config.py", place)
    (place / "source" / "all").mkdir(parents=True)
    for path in SOURCES.values():
        shutil.copy(path, place / "source" / "all")
    nbgrader(place, "generate_assignment", "all")
    for name, path in SOURCES.items():
        release = place / "release" / "all" / path.name
        hand_in(release, place / "submitted" / "right" / "all" / path.name, solutions(path))
        hand_in(release, place / "submitted" / "wrong" / "all" / path.name, WRONG[name], False)
        hand_in(release, place / "submitted" / "empty" / "all" / path.name, {}, False)
    nbgrader(place, "autograde", "all")
    nbgrader(place, "generate_feedback", "all")
    return place


@pytest.fixture(scope="module")
def grades(course):
    """Points by student, notebook and cell: (earned, whether a person has to look)."""
    from nbgrader.api import Gradebook

    found = {}
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        for student in ("right", "wrong", "empty"):
            for notebook in book.find_submission("all", student).notebooks:
                found[student, notebook.name] = {
                    grade.name: (grade.auto_score, grade.needs_manual_grade)
                    for grade in notebook.grades
                }
    return found


slow = pytest.mark.slow
long = pytest.mark.timeout(1800)


@slow
@long
@pytest.mark.parametrize("name", SOURCES)
def test_a_right_submission_earns_every_point_and_a_look_at_what_it_wrote(name, grades):
    by_itself, by_hand = graded_cells(nbformat.read(SOURCES[name], 4))
    assert {cell: grades["right", name][cell] for cell in by_itself} == {
        cell: (points, False) for cell, points in by_itself.items()
    }
    assert all(grades["right", name][cell] == (None, True) for cell in by_hand)


@slow
@long
@pytest.mark.parametrize("name", SOURCES)
def test_a_right_submission_runs_and_its_widgets_leave_a_picture(name, course):
    graded = nbformat.read(course / "autograded" / "right" / "all" / f"{name}.ipynb", 4)
    outputs = [output for cell in graded.cells for output in cell.get("outputs", [])]
    assert [output.evalue for output in outputs if output.output_type == "error"] == []
    assert any("image/png" in output.get("data", {}) for output in outputs)


@slow
@long
@pytest.mark.parametrize("name", SOURCES)
def test_an_empty_submission_earns_nothing(name, grades):
    by_itself, by_hand = graded_cells(nbformat.read(SOURCES[name], 4))
    assert all(grades["empty", name][cell] == (0, False) for cell in (*by_itself, *by_hand))


EARNED = {
    "grad-cam": {"weights-test": 1.5, "map-test": 3, "inside-test": 0},
    "lrp": {"rule-test": 2.62, "way-test": 2, "conserve-test": 0, "accounts-test": 0},
    "smoothgrad": {"smoothgrad-test": 3, "error-test": 1, "many-test": 0},
    "sanity": {"forget-test": 1.5, "similarity-test": 0.5, "curve-test": 2},
    "faithfulness": {"order-test": 1, "curve-test": 2, "control-test": 0, "area-test": 0},
    "shortcut": {"label-test": 0, "box-test": 0, "plant-test": 0, "mend-test": 0},
}


@slow
@long
@pytest.mark.parametrize("name", SOURCES)
def test_a_wrong_submission_earns_what_holds(name, grades):
    by_itself, _ = graded_cells(nbformat.read(SOURCES[name], 4))
    assert {cell: grades["wrong", name][cell][0] for cell in by_itself} == EARNED[name]


@slow
@long
@pytest.mark.parametrize("name", SOURCES)
def test_the_feedback_names_the_mistake(name, course):
    page = (course / "feedback" / "wrong" / "all" / f"{name}.html").read_text(encoding="utf-8")
    told = " ".join(re.sub(r"<[^>]+>", "", page).split())
    assert [words for words in TOLD[name] if words not in told] == []


@slow
@long
@pytest.mark.parametrize("name", SOURCES)
def test_what_is_released_holds_neither_solutions_nor_hidden_tests(name, course):
    text = (course / "release" / "all" / f"{name}.ipynb").read_text(encoding="utf-8")
    assert "BEGIN SOLUTION" not in text
    assert "HIDDEN TESTS" not in text
    assert "points=" not in text
    assert r"\"star\"" not in text
    for answer in solutions(SOURCES[name]).values():
        last = answer.strip().splitlines()[-1].strip()
        assert json.dumps(last, ensure_ascii=False)[1:-1] not in text


def answered(path, answers):
    """What is left in the end of a notebook with these answers, and of every graded cell."""
    scope, marks = {}, {}
    for cell in nbformat.read(path, 4).cells:
        about = cell.metadata.get("nbgrader", {})
        if cell.cell_type != "code" or not (about or cell.id == "setup"):
            continue
        lines = ast.parse(answers.get(about.get("grade_id"), cell.source)).body
        last = lines.pop() if about.get("grade") else None
        exec(compile(ast.Module(lines, []), path.name, "exec"), scope)
        if last is not None:
            marks[about.grade_id] = eval(
                compile(ast.Expression(last.value), path.name, "eval"), scope
            )
    return marks


@pytest.mark.parametrize("name", SOURCES)
def test_a_right_answer_in_another_style_earns_every_point(name):
    notebook = nbformat.read(SOURCES[name], 4)
    points, _ = graded_cells(notebook)
    assert set(OTHERWISE[name]) == {
        cell.metadata.nbgrader.grade_id
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution")
    }
    for cell, mark in answered(SOURCES[name], OTHERWISE[name]).items():
        assert (mark if isinstance(mark, float) else points[cell] * mark.share) == points[cell], (
            cell
        )


def test_there_are_six_with_points_for_what_is_graded():
    assert set(SOURCES) == set(WRONG) == {
        "grad-cam", "lrp", "smoothgrad", "sanity", "faithfulness", "shortcut",
    }  # fmt: skip
    for path in SOURCES.values():
        by_itself, by_hand = graded_cells(nbformat.read(path, 4))
        assert sum(by_itself.values()) >= 8
        assert sum(by_hand.values()) >= 2
