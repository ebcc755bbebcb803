"""Write docs/methods.md, docs/evaluations.md and the table in docs/which-method.md from the
declarations: what every method and every evaluation tells, when to take it, where it misleads, its
cost in passes, its place in the survey's taxonomy, its settings, its paper.

python tools/methods_table.py           write them
python tools/methods_table.py --check   fail when they are not what the declarations say
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch

import xaiwidgets as xw
import xaiwidgets.evaluation
from xaiwidgets import zoo
from xaiwidgets.core.declare import Declared, Knob
from xaiwidgets.core.evaluation import Case
from xaiwidgets.core.method import Passes
from xaiwidgets.evaluation.experiment import Experiment
from xaiwidgets.widgets.pack import blurb_of, family_of

ROOT = Path(__file__).parents[1]
METHODS = {
    "gradient": "Gradients",
    "relevance": "Relevance propagation",
    "cam": "Class activation maps",
    "perturbation": "Perturbation",
    "controls": "Controls",
}
EVALUATIONS = {
    "sanity": "Sanity: does it notice when the network changes?",
    "faithfulness": "Faithfulness: does the score follow what the map says?",
    "robustness": "Robustness: does it stay when little changes?",
    "localisation": "Localisation: does it lie on the object?",
    "truth": "Controlled truth: does it find what was planted?",
    "agreement": "Agreement",
}
CONCEPTS = "xaiwidgets.methods.concepts."
SIDE = 96
BEGIN, END = "<!-- by tools/methods_table.py -->", "<!-- end of the table -->"


@cache
def arxiv() -> dict[str, str]:
    """arXiv numbers by the key of the paper."""
    text = (ROOT / "references.bib").read_text(encoding="utf-8")
    entries = re.findall(r"@\w+\{(\w+),(.*?)\n\}", text, re.S)
    found = {key: re.search(r"eprint = \{([\d.]+)\}", body) for key, body in entries}
    return {key: match.group(1) for key, match in found.items() if match}


def paper(cls: type[Declared]) -> str:
    """Its paper, linked where arXiv has it."""
    number = arxiv().get(cls.source)
    return f"[{cls.source}](https://arxiv.org/abs/{number})" if number else cls.source


def setting(knob: Knob) -> str:
    """One knob in a few words."""
    if knob.kind in ("integer", "number"):
        span = f"{knob.low:g} to {knob.high:g}{' ' + knob.unit if knob.unit else ''}"
    elif knob.kind == "choice":
        span = ", ".join(knob.choices)
    else:
        span = "a layer" if knob.kind == "layer" else "on or off"
    return f"`{knob.name}={knob.default!r}` ({span})"


# --- what it costs --------------------------------------------------------------------------------


@cache
def case() -> Case:
    """A picture of the zoo's network, and a gradient to be judged on it."""
    subject, scene = zoo.subject("shapes"), zoo.ShapeScenes(1, size=SIDE, seed=0)[0]
    x = subject.prepare(scene.image).x
    masks = scene.masks["object"][None]
    return Case(subject, x, subject.bind(scene.label, x), xw.Saliency(), masks)


def declared_passes(cls: type[Declared]) -> Passes | None:
    """Passes with its defaults for one picture of the zoo's network; None where a network of
    another kind, or more than a picture, is needed."""
    given = case()
    try:
        if issubclass(cls, xw.Attribution):
            return cls().cost(given.subject, given.x)
        return cls().cost(given) if issubclass(cls, xw.Evaluation) else None
    except xw.ExplainError:
        return None


def costs(cls: type[Declared]) -> str:
    """What its passes depend on, and how many they are with its defaults."""
    says = cls.says("It costs") or blurb_of(cls.cost)  # type: ignore[attr-defined]
    passes = declared_passes(cls)
    here = f" Here {passes.forward} forward, {passes.backward} backward." if passes else ""
    return says[0].upper() + says[1:].rstrip(".") + "." + here


def price(cls: type[Declared]) -> str:
    """The order of its passes, for a table."""
    passes = declared_passes(cls)
    if passes is None:
        return "a data set's" if cls.__module__.startswith(CONCEPTS) else "a few"
    steps = ((0, "none"), (4, "a few"), (99, "tens"), (999, "hundreds"), (10**9, "thousands"))
    return next(word for most, word in steps if passes.total <= most)


# --- the pages ------------------------------------------------------------------------------------


def entry(cls: type[Declared], name: str, last: str) -> list[str]:
    """One declared thing: title, what it tells, when, where not, its price, settings, paper."""
    lines = [f"### {cls.title}: `{name}`", "", blurb_of(cls), ""]
    lines += [f"- **Use it** {cls.says('Use it')}", f"- **It misleads** {cls.says('It misleads')}"]
    lines += [f"- **Cost:** {costs(cls)}"]
    if cls.knobs:
        lines += ["- **Settings:** " + "; ".join(setting(k) for k in cls.knobs.values()) + "."]
    return [*lines, f"- {last}", f"- **Paper:** {paper(cls)}.", ""]


def place(cls: type[Declared]) -> str:
    """Its place in the survey's taxonomy, and what it takes."""
    where = cls.taxonomy
    words = f"{where.models}; {where.representation}; {where.formulation}; {where.scope}; "
    return f"**Place:** {words}{where.access}; {where.timing}."


def methods() -> str:
    """The page of methods."""
    lines = [
        "# Methods",
        "",
        "Written by `tools/methods_table.py` from the declarations; do not edit by hand. Every",
        "method is called in the same way, `xw.Saliency()(subject, x, target=3)`, and takes its",
        "settings by name. Costs are passes over one input; *here* is the zoo's network, one",
        f"picture of {SIDE} × {SIDE} and the defaults. The place is the one in the survey of Li",
        "et al. (2021): target model; representation; formulation; and how it is to be used.",
        "[Which method for which question](which-method.md) has the same as a table to filter.",
    ]
    for family, heading in METHODS.items():
        lines += ["", f"## {heading}", ""]
        for cls in of_family(family):
            lines += entry(cls, f"xw.{cls.__name__}", place(cls))
    return "\n".join([*lines, *concepts()]).rstrip() + "\n"


def of_family(family: str) -> list[type[xw.Attribution]]:
    """The attributions that are declared in one drawer."""
    return [cls for cls in xw.declared(xw.Attribution) if family_of(cls) == family]


def concepts() -> list[str]:
    """What asks for human ideas, each called in its own way."""
    lines = ["", "## Concepts and units", "", "See [concepts](concepts.md), [units](units.md) and"]
    lines += ["[dissection](dissection.md); each is called in its own way.", ""]
    for cls in concept_methods():
        answer = str(inspect.signature(cls.__call__).return_annotation.__name__)  # type: ignore[operator]
        lines += entry(cls, f"xw.{cls.__name__}", f"{place(cls)} Gives `xw.{answer}`.")
    return lines


def concept_methods() -> Iterator[type[Declared]]:
    """What is declared among the concepts."""
    return (cls for cls in xw.declared(Declared) if cls.__module__.startswith(CONCEPTS))


def evaluations() -> str:
    """The page of evaluations."""
    lines = [
        "# Evaluations",
        "",
        "Written by `tools/methods_table.py` from the declarations; do not edit by hand. Every",
        "evaluation is called in the same way and gives one number an input, with an interval of",
        "the mean: `xw.evaluation.PixelFlipping()(subject, images, xw.Saliency())`. What is judged",
        "may be a method, a function of (subject, x, target), a Heatmap, or plain values;",
        "`xw.benchmark` makes one table of many. Costs are passes over one input; *here* is the",
        f"zoo's network, one picture of {SIDE} × {SIDE}, the gradient that is judged, and the",
        "defaults.",
    ]
    declared = [c for c in xw.declared(xw.Evaluation) if c.__module__.startswith("xaiwidgets.")]
    for family, heading in EVALUATIONS.items():
        found = [cls for cls in declared if cls.family == family]
        lines += ["", f"## {heading}", ""] if found else []
        for cls in found:
            last = (
                f"{cls.better.capitalize()} is better." if cls.better else "Neither way is better."
            )
            last += " Needs masks." if cls.needs_masks else ""
            last += " Explains anew: takes no values." if cls.explains_anew else ""
            lines += entry(cls, f"xw.evaluation.{cls.__name__}", last)
    return "\n".join([*lines, *followed(), *experiments()]).rstrip() + "\n"


def followed() -> list[str]:
    """What a method is followed through, step by step."""
    lines = ["", "## Step by step: every map redrawn", ""]
    for cls in xw.declared(Experiment):
        if cls.__module__.startswith("xaiwidgets."):
            last = (
                f"With a slider in a notebook; without one `xw.evaluation.{cls.__name__}` and "
                "`Followed`, whose answer holds the map and the similarity at every step."
            )
            lines += entry(cls, f"xw.{cls.call}", last)
    return lines


def experiments() -> list[str]:
    """What trains or searches, each called in its own way and with an answer of its own."""
    lines = ["", "## Experiments: retraining and attacks", ""]
    for cls in xw.declared(Declared):
        own = cls.__module__.startswith("xaiwidgets.evaluation.")
        if own and not issubclass(cls, (xw.Evaluation, Experiment)):
            answer = str(inspect.signature(cls.__call__).return_annotation).strip("'\"")  # type: ignore[operator]
            call = re.search(r">>> (.*)", cls.__doc__ or "")
            assert call, f"{cls.__name__} shows no call"
            last = f"Called as `{call[1]}`; gives `xw.evaluation.{answer}`."
            lines += entry(cls, f"xw.evaluation.{cls.__name__}", last)
    return lines


# --- the table to filter --------------------------------------------------------------------------

COLUMNS = (
    "Method", "Tells", "Model", "Representation", "Formulation", "Scope", "Access", "Timing",
    "Input", "Passes",
)  # fmt: skip


def table() -> str:
    """Every method as a row: what it tells, when to take it, and its place."""
    every = [cls for family in METHODS for cls in of_family(family)]
    rows = [row(cls) for cls in (*every, *concept_methods())]
    rule = "|" + "---|" * len(COLUMNS)
    return "\n".join([f"| {' | '.join(COLUMNS)} |", rule, *rows])


def row(cls: type[Declared]) -> str:
    """One method as a row."""
    where, slug = cls.taxonomy, anchor(f"{cls.title}: `xw.{cls.__name__}`")
    takes = cls.takes if issubclass(cls, xw.Attribution) else ("picture",)
    tells = f"{blurb_of(cls)} *Use it* {cls.says('Use it')}"
    cells = [
        f"[{cls.title}](methods.md#{slug})", tells, where.models, where.representation,
        where.formulation, where.scope, where.access, where.timing, ", ".join(takes), price(cls),
    ]  # fmt: skip
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def anchor(heading: str) -> str:
    """The fragment by which GitHub and MyST find a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def which_method() -> str:
    """The page with the table written anew, the rest as it is."""
    text = (ROOT / "docs" / "which-method.md").read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{rest.split(END)[1]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    torch.set_num_threads(1)
    stale = 0
    pages = (("methods", methods), ("evaluations", evaluations), ("which-method", which_method))
    for name, write in pages:
        page, text = ROOT / "docs" / f"{name}.md", write()
        if not check:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            print(f"docs/{name}.md is stale: python tools/methods_table.py", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
