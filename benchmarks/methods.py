"""Seconds of every method ÷ its floor, and beside the same method elsewhere.

The floor is the passes that a method's mathematics needs (its declared cost), made bare: the
network called on plain batches, forward or forward and backward. Ours, the floor and the other are
measured call by call in turn; each figure is the median over rounds of a ratio within the round.

    python -m benchmarks.methods            ResNet-18 at 224² and the zoo's CNN at 96²
    python -m benchmarks.methods --quick    the zoo's CNN alone
    python -m benchmarks.methods --busy     CPU time of one thread, where others are at work

The floor counts what the definition asks for every picture, also where a batch shares it
(DeepLIFT's baseline, which goes through once for all) or where a part of the network is enough
(Ablation-CAM).

*floor ÷ other* is what the bare passes alone take of the other's time: ours ÷ other falls below it
only as far as our passes are quicker than bare ones (channels last, folded normalisation).
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import time
from collections.abc import Callable
from itertools import permutations
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import xaiwidgets as xw
from benchmarks.networks import import_torchvision, resnet18
from xaiwidgets import zoo
from xaiwidgets.core.method import Attribution, Passes
from xaiwidgets.methods.perturbation.segments import cut, squares

os.environ["TQDM_DISABLE"] = "1"  # pytorch-grad-cam's bars would tear the table
TARGET = 3
LONG = 2.0
"""Seconds of a call that need not be averaged over every order."""


clock = time.perf_counter


def seconds(run: Callable[[], Any]) -> float:
    """Seconds of one run, by the clock."""
    start = clock()
    run()
    return clock() - start


def interleaved(
    runs: dict[str, Callable[[], Any]],
    rounds: int,
    timed: Callable[[Callable[[], Any]], float] = seconds,
) -> dict[str, list[float]]:
    """Mean seconds of each run in every round, call by call in turn: each comes first and last, and
    after each of the others, as often. Where one call takes seconds, there and back is enough."""
    orders, once = list(permutations(runs)), max(timed(runs["ours"]), 1e-4)
    if once > LONG:
        orders = [orders[0], orders[-1]]
    repeats = len(orders) * max(1, round(0.2 / len(orders) / once))
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        spent = dict.fromkeys(runs, 0.0)
        for turn in range(repeats):
            for name in orders[turn % len(orders)]:
                spent[name] += timed(runs[name])
        for name, total in spent.items():
            times[name].append(total / repeats)
    return times


def bare(network: nn.Module, x: torch.Tensor, need: Passes, chunk: int) -> None:
    """So many passes for each input, in batches, with nothing around them."""
    forward = max(0, need.forward - need.backward - need.alone)
    each = [(need.backward // need.networks, True), (forward // need.networks, False)]
    for passes, backward in [*each * need.networks, *[(1, False)] * need.alone]:
        total = passes * len(x)
        for start in range(0, total, chunk):
            batch = x[:1].expand(min(chunk, total - start), -1, -1, -1)
            if backward:
                batch = batch.detach().clone().requires_grad_()
                score = network(batch)[:, TARGET].sum()
                torch.autograd.grad(score, batch)
            else:
                with torch.no_grad():
                    network(batch)


def asked(method: Attribution, network: nn.Module) -> nn.Module:
    """The network whose passes a method needs: with every ReLU rounded off where it explains
    that one."""
    if not isinstance(method, xw.BetaSmoothedGradient):
        return network
    smooth = copy.deepcopy(network)
    for module in list(smooth.modules()):
        for name, part in module.named_children():
            if isinstance(part, nn.ReLU):
                setattr(module, name, nn.Softplus(method.beta))
    return smooth


def elsewhere(
    method: Attribution, network: nn.Module, x: torch.Tensor, chunk: int
) -> Callable[[], Any] | None:
    """The same method in Captum, pytorch-grad-cam or lime, at the same settings."""
    from captum import attr

    name = type(method).__name__
    plain = {
        "Saliency": lambda: attr.Saliency(network).attribute(x, target=TARGET, abs=False),
        "GradientTimesInput": lambda: attr.InputXGradient(network).attribute(x, target=TARGET),
        "GuidedBackprop": lambda: attr.GuidedBackprop(network).attribute(x, target=TARGET),
        "Deconvnet": lambda: attr.Deconvolution(network).attribute(x, target=TARGET),
        "DeepLift": lambda: attr.DeepLift(network).attribute(x, target=TARGET),
    }
    if name in plain:
        return plain[name]
    if name == "IntegratedGradients":
        return lambda: attr.IntegratedGradients(network).attribute(
            x, target=TARGET, n_steps=method.steps, internal_batch_size=chunk,
            return_convergence_delta=True,
        )  # fmt: skip
    if name == "SmoothGrad":
        tunnel = attr.NoiseTunnel(attr.Saliency(network))
        return lambda: tunnel.attribute(
            x, nt_samples=method.samples, nt_samples_batch_size=chunk, stdevs=0.5, target=TARGET,
            abs=False,
        )  # fmt: skip
    if name == "GradientShap":
        noise = torch.rand_like(x)
        return lambda: attr.GradientShap(network).attribute(
            x, baselines=noise, n_samples=method.samples, target=TARGET
        )
    if name == "Occlusion":
        window, stride = (3, method.patch, method.patch), (3, method.stride, method.stride)
        return lambda: attr.Occlusion(network).attribute(
            x, window, stride, baselines=0.0, target=TARGET, perturbations_per_eval=chunk
        )
    if name in ("FeatureAblation", "KernelShap", "ShapleySampling"):
        return _over_segments(method, network, x, chunk)
    if name == "LIME":
        return _lime(method, network, x)
    if name in GRAD_CAM or name == "GuidedGradCam":
        last = xw.Subject(network).layers(x).maps[-1].name
        layer = dict(network.named_modules())[method.layer or last]
        if name == "GuidedGradCam":
            return lambda: attr.GuidedGradCam(network, layer).attribute(x, target=TARGET)
        return _grad_cam(GRAD_CAM[name], network, layer, x, chunk)
    return None


def _over_segments(
    method: Any, network: nn.Module, x: torch.Tensor, chunk: int
) -> Callable[[], Any]:
    """Captum's, over the same segments; its Kernel SHAP takes one picture at a time."""
    from captum import attr

    labels = squares(x.shape[2], x.shape[3], method.segments)[None, None]
    shared = {"target": TARGET, "feature_mask": labels, "perturbations_per_eval": chunk}
    if isinstance(method, xw.FeatureAblation):
        return lambda: attr.FeatureAblation(network).attribute(x, **shared)
    if isinstance(method, xw.ShapleySampling):
        sampling = attr.ShapleyValueSampling(network)
        return lambda: sampling.attribute(x, n_samples=method.samples, **shared)
    kernel = attr.KernelShap(network)
    return lambda: [kernel.attribute(one[None], n_samples=method.samples, **shared) for one in x]


def _lime(method: Any, network: nn.Module, x: torch.Tensor) -> Callable[[], Any] | None:
    """The paper's own package on the same superpixels, asked for one class."""
    try:
        from lime.lime_image import LimeImageExplainer
    except ImportError:
        return None
    subject = xw.Subject(network)

    def ask(pictures: list[Any]) -> Any:
        # in planes, as torch.stack makes them of pictures that went through ToTensor
        planes = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32, order="C")
        batch = torch.from_numpy(planes)
        with torch.no_grad():
            return network(batch).double().numpy()

    def explain() -> None:
        labels = cut(subject, x, method.segmentation, method.segments, method.compactness)
        for one, own in zip(x, labels, strict=True):
            LimeImageExplainer(random_state=0).explain_instance(
                one.permute(1, 2, 0).double().numpy(), ask, labels=(TARGET,), top_labels=None,
                num_samples=method.samples, segmentation_fn=lambda _, own=own: own.numpy(),
            )  # fmt: skip

    return explain


GRAD_CAM = {
    "GradCam": "GradCAM", "GradCamPlusPlus": "GradCAMPlusPlus", "XGradCam": "XGradCAM",
    "HiResCam": "HiResCAM", "LayerCam": "LayerCAM", "EigenCam": "EigenCAM", "ScoreCam": "ScoreCAM",
    "AblationCam": "AblationCAM", "FullGrad": "FullGrad",
}  # fmt: skip


def _grad_cam(
    title: str, network: nn.Module, layer: nn.Module, x: torch.Tensor, chunk: int
) -> Callable[[], Any] | None:
    try:
        import pytorch_grad_cam
    except ImportError:
        return None
    twin = copy.deepcopy(network)  # it exchanges layers for a while
    place = next(name for name, module in network.named_modules() if module is layer)
    cam = getattr(pytorch_grad_cam, title)(twin, [dict(twin.named_modules())[place]])
    cam.batch_size = chunk
    return lambda: cam(x, [lambda output: output[TARGET]] * len(x))


def pictures(count: int, side: int) -> torch.Tensor:
    """Photographs (pictures, 3, side, side), as often as are needed, every second round mirrored.
    What is cut into superpixels has to have edges, as noise has not."""
    known = list(zoo.photographs().values())
    made = []
    for number in range(count):
        picture = torch.from_numpy(known[number % len(known)].copy()).permute(2, 0, 1).float()
        small = F.interpolate(picture[None], (side, side), mode="bilinear", antialias=True)[0]
        made.append(small.flip(2) if number // len(known) % 2 else small)
    return (torch.stack(made) / 255 - 0.5) / 0.25


def table(
    title: str,
    network: nn.Module,
    x: torch.Tensor,
    rounds: int,
    samples: int,
    only: list[str],
    layer: str = "",
    draws: int = 0,
) -> None:
    """Print one network's table, of all methods or only some; `draws` is how many are asked of
    methods that do nothing else, in place of few."""
    subject = xw.Subject(network)
    size = "one picture" if len(x) == 1 else f"{len(x)} pictures"
    print(f"\n{title}, {size}, {rounds} rounds, {torch.get_num_threads()} threads")
    failures: list[str] = []
    print(head("passes"))
    for cls in xw.declared(Attribution):
        if cls is xw.CbamAttention or (only and cls.__name__ not in only):
            continue  # these networks have no such blocks
        method = cls()
        settings: dict[str, Any] = {"samples": samples, "steps": samples, "layer": layer}
        settings["stride"] = max(8, x.shape[-1] // 14)
        method = method.having(**{k: v for k, v in settings.items() if k in method.knobs})
        need = method.cost(subject, x)
        if not need.backward and samples <= need.forward <= samples + 2:  # draws are all it asks
            method = method.having(samples=draws or 8 * samples)
            need = method.cost(subject, x)
        rows = max(need.forward, 1) * len(x)
        chunk = min(subject.batch_size(x, backward=need.backward > 0), rows)
        other = elsewhere(method, network, x, chunk)
        runs: dict[str, Callable[[], Any]] = {"ours": lambda m=method: m(subject, x, TARGET)}
        if need.total:
            passed = asked(method, network)
            runs["floor"] = lambda n=need, c=chunk, net=passed: bare(net, x, n, c)
        if other is not None:
            runs["other"] = other
        for name in list(runs):
            try:
                runs[name]()
            except Exception as error:
                if name != "other":
                    raise
                failures.append(f"{cls.__name__} elsewhere: {str(error).splitlines()[0]}")
                del runs[name]
        times = interleaved(runs, rounds)
        print(row(cls.__name__, f"{need.forward} + {need.backward}", times), flush=True)
    for line in failures:
        print(line)


def ratio(times: dict[str, list[float]], over: str, under: str) -> str:
    """The median over rounds of one's time ÷ another's, in words."""
    if over not in times or under not in times:
        return "–"
    pairs = zip(times[over], times[under], strict=True)
    return f"{statistics.median(a / b for a, b in pairs):.2f}"


def head(asked: str) -> str:
    """What stands above `row`s."""
    return (
        f"{'method':22}{asked:>12}{'seconds':>10}{'÷ floor':>9}{'other ÷ ours':>14}"
        f"{'ours ÷ other':>14}{'floor ÷ other':>15}"
    )


def row(name: str, asked: str, times: dict[str, list[float]]) -> str:
    """A method's times beside its floor's and another's."""
    ours = statistics.median(times["ours"])
    floor, other = ratio(times, "ours", "floor"), ratio(times, "other", "ours")
    share, bound = ratio(times, "ours", "other"), ratio(times, "floor", "other")
    return f"{name:22}{asked:>12}{ours:>10.4f}{floor:>9}{other:>14}{share:>14}{bound:>15}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--large", action="store_true", help="ResNet-18 alone")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", nargs="*", default=[], help="methods by name, instead of all")
    parser.add_argument("--busy", action="store_true", help="CPU time of one thread")
    parser.add_argument("--pictures", type=int, default=8, help="in a batch")
    parser.add_argument("--batch", choices=("a batch", "one"), help="only a batch, or one picture")
    parser.add_argument("--layer", default="", help="of ResNet-18, that class activation maps see")
    parser.add_argument("--draws", type=int, default=0, help="of methods that do nothing else")
    parser.add_argument("--size", type=int, default=224, help="pixels a side, for ResNet-18")
    options = parser.parse_args()
    if options.busy:
        global clock
        clock = time.thread_time
        torch.set_num_threads(1)
    import_torchvision()
    torch.manual_seed(0)
    sizes = {"a batch": options.pictures, "one": 1}
    chosen = [sizes[options.batch]] if options.batch else list(sizes.values())
    cnn = zoo.load("shapes")
    for count in [] if options.large else chosen:
        samples = 32 if count == 1 else 16
        few = pictures(count, 96)
        table(
            "The zoo's CNN at 96²", cnn, few, options.rounds, samples, options.only,
            draws=options.draws,
        )  # fmt: skip
    side = options.size
    network = resnet18()
    for count in [] if options.quick else chosen:
        samples = 16 if count == 1 else 4
        table(
            f"ResNet-18 at {side}²", network, pictures(count, side), options.rounds, samples,
            options.only, options.layer, options.draws,
        )  # fmt: skip


if __name__ == "__main__":
    main()
