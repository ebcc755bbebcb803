"""What the papers found, tried on the zoo: what they say, what came out here, whether it agrees.

python -m benchmarks.findings [--pictures 12] [--only sanity infidelity ...]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

import xaiwidgets as xw
import xaiwidgets.evaluation as ev
from xaiwidgets import zoo

Finding = tuple[str, str, bool]
GRADIENT, SMOOTH, GUIDED, CAM = (
    xw.Saliency(),
    xw.SmoothGrad(samples=16),
    xw.GuidedBackprop(),
    (xw.GradCam()),
)


class Zoo:
    """Pictures with their truth, and the networks."""

    def __init__(self, count: int) -> None:
        scenes = zoo.ShapeScenes(count, size=96, seed=21)
        self.pictures = [scene.image for scene in scenes]
        self.masks = np.stack([scene.masks["object"] for scene in scenes])
        self.subject = zoo.subject("shapes")


def sanity(data: Zoo) -> list[Finding]:
    """Adebayo et al. (2018), with the authors' erratum."""

    def kept(method: Any, measure: str, forgotten: int) -> float:
        check = ev.ParameterRandomisation(similarity=measure, start="kaiming")
        curve = check(data.subject, data.pictures, method).curves[measure]
        return float(np.nanmean(curve.y[:, forgotten - 1]))

    guided, gradient = (kept(method, "ssim", 2) for method in (GUIDED, GRADIENT))
    signed = kept(GRADIENT, "signed spearman", 2)
    everything = kept(GUIDED, "signed spearman", 5)
    cam = kept(CAM, "spearman", 2)
    return [
        (
            "guided backprop stays when the two top layers forget (SSIM)",
            f"{guided:.2f}, the gradient {gradient:.2f}", guided > 0.85 > gradient,
        ),
        ("the gradient's signs are gone by then", f"{signed:.2f}", abs(signed) < 0.2),
        ("Grad-CAM changes", f"{cam:.2f} of its ranks are left", cam < 0.6),
        ("guided backprop changes when all layers forget", f"{everything:.2f}", everything < 0.4),
    ]  # fmt: skip


def infidelity(data: Zoo) -> list[Finding]:
    """Yeh et al. (2019)."""
    sensitive = ev.MaxSensitivity(samples=5)
    moved = {m: sensitive(data.subject, data.pictures, m).mean for m in (GRADIENT, SMOOTH)}
    unfaithful = {
        m: ev.Infidelity()(data.subject, data.pictures, m).mean for m in (GRADIENT, SMOOTH, GUIDED)
    }
    return [
        (
            "SmoothGrad is less sensitive than the gradient (max-sensitivity)",
            f"{moved[SMOOTH]:.2f} and {moved[GRADIENT]:.2f}", moved[SMOOTH] < moved[GRADIENT],
        ),
        (
            "smoothing lowers infidelity too",
            f"{unfaithful[SMOOTH]:.3g}, the gradient {unfaithful[GRADIENT]:.3g}",
            unfaithful[SMOOTH] < unfaithful[GRADIENT],
        ),
        (
            "guided backprop is less faithful than the gradient",
            f"{unfaithful[GUIDED]:.3g} and {unfaithful[GRADIENT]:.3g}",
            unfaithful[GUIDED] > unfaithful[GRADIENT],
        ),
    ]  # fmt: skip


def trojan(data: Zoo) -> list[Finding]:
    """Lin et al. (2021): does the explanation find the trigger?"""
    scenes = zoo.ShapeScenes(len(data.pictures), size=96, seed=31, trigger=1.0)
    pictures = [scene.image for scene in scenes]
    masks = np.stack([scene.masks["trigger"] for scene in scenes])
    network = zoo.subject("shapes-trojan")
    found = {
        m: ev.TrojanDetection()(network, pictures, m, masks=masks).mean for m in (GRADIENT, CAM)
    }
    return [
        (
            "the gradient finds a planted trigger better than Grad-CAM (IoU)",
            f"{found[GRADIENT]:.2f} and {found[CAM]:.2f}", found[GRADIENT] > found[CAM],
        )
    ]  # fmt: skip


def attack(data: Zoo) -> list[Finding]:
    """Dombrowski et al. (2019)."""
    found = ev.InputAttack()(data.subject, data.pictures[:3], GRADIENT, goal=data.pictures[3])
    gain = float(np.mean(found.gain))
    return [
        (
            "a picture can be changed so that the map becomes another one",
            f"its correlation with the goal rises by {gain:.2f}; {found!r}", gain > 0.25,
        )
    ]  # fmt: skip


FINDINGS: dict[str, Callable[[Zoo], list[Finding]]] = {
    "sanity": sanity, "infidelity": infidelity, "trojan": trojan, "attack": attack,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=list(FINDINGS), choices=list(FINDINGS))
    options = parser.parse_args()
    data = Zoo(options.pictures)
    for name in options.only:
        start = time.perf_counter()
        print(f"\n{name}: {FINDINGS[name].__doc__}")
        for says, found, agrees in FINDINGS[name](data):
            print(f"  {'agrees ' if agrees else 'DIFFERS'}  {says}: {found}")
        print(f"  {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
