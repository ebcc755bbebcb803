"""Stability: do maps hold when the picture gets noise, or when a setting takes another value?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from xaiwidgets.core.method import as_methods
from xaiwidgets.core.subject import Subject
from xaiwidgets.evaluation.robustness.noise import RisingNoise
from xaiwidgets.evaluation.robustness.sweep import knob_of, sweep_of

from .catalogue import catalogue
from .opening import Given, names_of, spelt_out

if TYPE_CHECKING:
    from .compare import Compare


@spelt_out(Given)
def stability(
    subject: Any,
    images: Any,
    target: Any = None,
    methods: Sequence[Any] | None = None,
    *,
    noise: float | Sequence[float] | None = None,
    measure: str = "spearman",
    draws: int = 3,
    seed: int = 0,
    **given: Unpack[Given],
) -> Compare:
    """`compare` on a picture that gets noise: drag the slider, and every map is redrawn.

    `noise` are the slider's levels as shares of the picture's range, or one number: the last of the
    usual levels (up to 0.3). `measure` is how a map is compared with the one without noise (see
    xaiwidgets.evaluation.similarity); noise is drawn `draws` times from `seed`: what is shown is
    the first draw, the curve is the mean, its band the lowest and the highest. The target stays
    what it was without noise; its probability stands beside the maps at every level, so that one
    sees whether the network's answer moved or the explanation alone. The rest is as for `compare`.

    `w.wait()` waits for every level; `w.answers` then hold the maps in `frames`, and similarities,
    relative changes and probabilities in `numbers`.
    """
    from .compare import Compare

    names = names_of(sys._getframe(1), given, subject=subject, images=images)
    experiment = RisingNoise(noise, measure=measure, draws=draws, seed=seed)
    return Compare(subject, images, target, methods, names=names, experiment=experiment, **given)


@spelt_out(Given)
def sweep(
    subject: Any,
    images: Any,
    target: Any = None,
    methods: Sequence[Any] | None = None,
    *,
    setting: str = "baseline",
    values: Sequence[Any] | None = None,
    measure: str = "ssim",
    **given: Unpack[Given],
) -> Compare:
    """`compare` with one setting of the methods going through a row of values, as filmstrips.

    `setting` is the name of a knob, such as "baseline", "samples" or "layer"; `values` what it
    takes: by default every choice, or numbers around what the first method with that setting has
    now. `measure` is how a map is compared with the one as set. `methods` are by default all that
    have the setting; one that has it not stays as it is and says so. The rest is as for `compare`.
    """
    from .compare import Compare

    names = names_of(sys._getframe(1), given, subject=subject, images=images)
    found = Subject.of(subject)
    ready = found.prepare(images)
    if methods is None:
        known = list(catalogue([], found).values())
        knob_of(known, setting)
        methods = [method for method in known if setting in method.knobs]
    made = [method.suited(found.kind) for method in as_methods(methods)]
    experiment = sweep_of(made, setting, found, ready.at([0]).x, values, measure)
    return Compare(found, ready, target, made, names=names, experiment=experiment, **given)
