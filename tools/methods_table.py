"""Write docs/methods.md and docs/evaluations.md from the declarations: what every method and every
evaluation tells, its settings, its paper.

python tools/methods_table.py           write them
python tools/methods_table.py --check   fail when they are not what the declarations say
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from pathlib import Path

import xaiwidgets as xw
import xaiwidgets.evaluation
from xaiwidgets.core.declare import Declared, Knob
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


def arxiv() -> dict[str, str]:
    """arXiv numbers by the key of the paper."""
    text = (ROOT / "references.bib").read_text(encoding="utf-8")
    entries = re.findall(r"@\w+\{(\w+),(.*?)\n\}", text, re.S)
    found = {key: re.search(r"eprint = \{([\d.]+)\}", body) for key, body in entries}
    return {key: match.group(1) for key, match in found.items() if match}


def setting(knob: Knob) -> str:
    """One knob in a few words."""
    if knob.kind in ("integer", "number"):
        span = f"{knob.low:g} to {knob.high:g}{' ' + knob.unit if knob.unit else ''}"
    elif knob.kind == "choice":
        span = ", ".join(knob.choices)
    else:
        span = "a layer" if knob.kind == "layer" else "on or off"
    return f"`{knob.name}={knob.default!r}` ({span})"


def entry(cls: type[Declared], name: str, last: str, papers: dict[str, str]) -> list[str]:
    """One declared thing: title, what it tells, settings, and a last line with its paper."""
    lines = [f"### {cls.title}: `{name}`", "", blurb_of(cls), ""]
    if cls.knobs:
        lines += ["Settings: " + "; ".join(setting(k) for k in cls.knobs.values()) + ".", ""]
    number = papers.get(cls.source)
    paper = f"[{cls.source}](https://arxiv.org/abs/{number})" if number else cls.source
    return [*lines, f"{last} Paper: {paper}.", ""]


def methods() -> str:
    """The page of methods."""
    papers = arxiv()
    lines = [
        "# Methods",
        "",
        "Written by `tools/methods_table.py` from the declarations; do not edit by hand. Every",
        "method is called in the same way, `xw.Saliency()(subject, x, target=3)`, and takes its",
        "settings by name.",
    ]
    for family, heading in METHODS.items():
        lines += ["", f"## {heading}", ""]
        for cls in (cls for cls in xw.declared(xw.Attribution) if family_of(cls) == family):
            where = cls.taxonomy
            last = f"Works on: {where.models}; {where.access}; {where.scope}; {where.formulation}."
            lines += entry(cls, f"xw.{cls.__name__}", last, papers)
    return "\n".join([*lines, *concepts(papers)]).rstrip() + "\n"


def concepts(papers: dict[str, str]) -> list[str]:
    """What asks for human ideas, each called in its own way."""
    lines = ["", "## Concepts and units: see [concepts.md](concepts.md), [units.md](units.md)", ""]
    for cls in xw.declared(Declared):
        if cls.__module__.startswith("xaiwidgets.methods.concepts."):
            answer = str(inspect.signature(cls.__call__).return_annotation.__name__)
            last = f"Works on: any network with layers; gives `xw.{answer}`."
            lines += entry(cls, f"xw.{cls.__name__}", last, papers)
    return lines


def evaluations() -> str:
    """The page of evaluations."""
    papers = arxiv()
    lines = [
        "# Evaluations",
        "",
        "Written by `tools/methods_table.py` from the declarations; do not edit by hand. Every",
        "evaluation is called in the same way and gives one number an input, with an interval of",
        "the mean: `xw.evaluation.PixelFlipping()(subject, images, xw.Saliency())`. What is judged",
        "may be a method, a function of (subject, x, target), a Heatmap, or plain values;",
        "`xw.benchmark` makes one table of many.",
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
            lines += entry(cls, f"xw.evaluation.{cls.__name__}", last, papers)
    return "\n".join([*lines, *followed(papers), *experiments(papers)]).rstrip() + "\n"


def followed(papers: dict[str, str]) -> list[str]:
    """What a method is followed through, step by step."""
    lines = ["", "## Step by step: every map redrawn", ""]
    for cls in xw.declared(Experiment):
        if cls.__module__.startswith("xaiwidgets."):
            last = (
                f"With a slider in a notebook; without one `xw.evaluation.{cls.__name__}` and "
                "`Followed`, whose answer holds the map and the similarity at every step."
            )
            lines += entry(cls, f"xw.{cls.call}", last, papers)
    return lines


def experiments(papers: dict[str, str]) -> list[str]:
    """What trains or searches, each called in its own way and with an answer of its own."""
    lines = ["", "## Experiments: retraining and attacks", ""]
    for cls in xw.declared(Declared):
        own = cls.__module__.startswith("xaiwidgets.evaluation.")
        if own and not issubclass(cls, (xw.Evaluation, Experiment)):
            answer = str(inspect.signature(cls.__call__).return_annotation).strip("'\"")
            call = re.search(r">>> (.*)", cls.__doc__ or "")
            assert call, f"{cls.__name__} shows no call"
            last = f"Called as `{call[1]}`; gives `xw.evaluation.{answer}`."
            lines += entry(cls, f"xw.evaluation.{cls.__name__}", last, papers)
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = 0
    for name, text in (("methods.md", methods()), ("evaluations.md", evaluations())):
        page = ROOT / "docs" / name
        if not check:
            page.write_text(text, encoding="utf-8")
        elif not page.exists() or page.read_text(encoding="utf-8") != text:
            print(f"docs/{name} is stale: python tools/methods_table.py", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
