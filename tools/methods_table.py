"""Write docs/methods.md from the declarations: what every method tells, its settings, its paper.

python tools/methods_table.py           write it
python tools/methods_table.py --check   fail when it is not what the declarations say
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import xaiwidgets as xw
from xaiwidgets.core.declare import Knob
from xaiwidgets.widgets.pack import blurb_of, family_of

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "methods.md"
FAMILIES = {
    "gradient": "Gradients",
    "cam": "Class activation maps",
    "perturbation": "Perturbation",
    "controls": "Controls",
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


def page() -> str:
    """The whole page."""
    papers = arxiv()
    lines = [
        "# Methods",
        "",
        "Written by `tools/methods_table.py` from the declarations; do not edit by hand. Every",
        "method is called in the same way, `xw.Saliency()(subject, x, target=3)`, and takes its",
        "settings by name.",
    ]
    methods = [cls for cls in xw.declared(xw.Attribution) if family_of(cls) != "yours"]
    for family, heading in FAMILIES.items():
        lines += ["", f"## {heading}", ""]
        for cls in (cls for cls in methods if family_of(cls) == family):
            where = cls.taxonomy
            link = f"[{cls.source}](https://arxiv.org/abs/{papers[cls.source]})"
            lines += [f"### {cls.title}: `xw.{cls.__name__}`", "", blurb_of(cls), ""]
            if cls.knobs:
                lines += [
                    "Settings: " + "; ".join(setting(k) for k in cls.knobs.values()) + ".",
                    "",
                ]
            lines += [
                f"Works on: {where.models}; {where.access}; {where.scope}; {where.formulation}. "
                f"Paper: {link}.",
                "",
            ]
    return "\n".join(lines).rstrip() + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page():
        print("docs/methods.md is stale: python tools/methods_table.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
