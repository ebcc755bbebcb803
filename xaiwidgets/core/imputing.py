"""What a hole's surroundings say: ROAD's linear imputation (Rong et al. 2022), for whole batches.

Every removed pixel is the weighted mean of its eight neighbours, 1/6 beside it and 1/12 at its
corners; neighbours outside the picture leave the sum and its weight. That is one sparse linear
system a mask, which the paper hands to a direct solver, at up to 64 forward passes a picture. Here
it is solved by conjugate gradients with a multigrid cycle as preconditioner: a handful of shifted
additions, batched over pictures, the mask shared by the channels.

Grids are kept flat with a border of one outside pixel, so that every neighbour is a constant shift.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

_ROUNDS = 4  # error ≤ 1e-3 of the picture's range (root of mean square), against scipy.sparse
_COARSEST = 8  # pixels a side that are solved by a dense inverse
_AT_ONCE = 600_000  # numbers a batch that still fit in a CPU's cache


def impute(x: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Inputs `x` (rows, channels, height, width) with every pixel where `kept` (rows, height,
    width) is False replaced by what its neighbours say; without any kept, by the mean colour."""
    if x.dtype.itemsize < 4:
        return impute(x.float(), kept).to(x.dtype)
    size = max(1, _AT_ONCE // x[0].numel()) if x.device.type == "cpu" else len(x)
    parts = zip(x.split(size), kept.split(size), strict=True)
    return torch.cat([_imputed(part, mask[:, None].to(x.dtype)) for part, mask in parts])


def _imputed(x: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    height, width = x.shape[-2:]
    none = kept.amax((2, 3), keepdim=True) == 0
    around = x.mean((2, 3), keepdim=True) * none  # a picture without kept pixels has no equations
    halvings = max(0, math.ceil(math.log2(min(height, width) / _COARSEST)))
    room = 0, -width % 2**halvings, 0, -height % 2**halvings
    picture = F.pad(torch.ones_like(kept[:1]), room)
    holes = F.pad((1 - kept) * ~none, room)
    known = F.pad(x * kept, room)
    filled = _solved(known, F.pad(kept, room), holes, picture)[..., :height, :width]
    return filled + around


def _solved(
    known: torch.Tensor, kept: torch.Tensor, holes: torch.Tensor, picture: torch.Tensor
) -> torch.Tensor:
    """The solution v of A v = b by conjugate gradients, for every channel its own."""
    grids = _grids(holes, picture)
    fine = grids[0]
    given = fine.flat(known)
    v = fine.flat(_guess(known, kept)) * fine.holes
    residual = fine.residual(torch.zeros_like(v), v + given)
    way = _cycle(grids, residual)
    size = (residual * way).sum(2, keepdim=True)
    direction = way
    for turn in range(_ROUNDS):
        image = fine.residual(torch.zeros_like(v), direction).neg_()
        step = size / (direction * image).sum(2, keepdim=True).clamp_min(1e-30)
        v = v.addcmul_(step, direction)
        if turn == _ROUNDS - 1:
            break
        residual = residual.addcmul_(step, image, value=-1)
        way = _cycle(grids, residual)
        before, size = size, (residual * way).sum(2, keepdim=True)
        direction = torch.addcmul(way, size / before.clamp_min(1e-30), direction)
    return fine.square(v.add_(given))


class _Grid:
    """One level: `holes` and `picture` (rows or 1, 1, height, width), 1 where a pixel is missing,
    and where there is any. A = holes · (weight − neighbours), zero elsewhere."""

    def __init__(self, holes: torch.Tensor, picture: torch.Tensor) -> None:
        self.height, self.width = holes.shape[-2:]
        self.row = self.width + 2
        self.holes, ones = self.flat(holes), self.flat(picture)
        self.inner_holes = self.inner(self.holes)
        self.weight = self.sums(ones) * self.inner(ones)  # of the inner part, like sums
        self.inner_inverse = self.inner_holes / self.weight.clamp_min(1e-9)
        self.inverse = self.whole(self.inner_inverse)
        self.exact: torch.Tensor | None = None

    def flat(self, v: torch.Tensor) -> torch.Tensor:
        """(rows, channels, height, width) as (rows, channels, numbers), with a border of 0."""
        return F.pad(v, (1, 1, 1, 1)).flatten(2)

    def square(self, v: torch.Tensor) -> torch.Tensor:
        """The view (rows, channels, height, width) without the border."""
        return v.view(*v.shape[:2], self.height + 2, self.row)[..., 1:-1, 1:-1]

    def inner(self, v: torch.Tensor) -> torch.Tensor:
        """The view from the first pixel of the picture to its last."""
        return v[..., self.row + 1 : -self.row - 1]

    def whole(self, inner: torch.Tensor) -> torch.Tensor:
        """The inner part with its border of 0."""
        return F.pad(inner, (self.row + 1, self.row + 1))

    def sums(self, v: torch.Tensor) -> torch.Tensor:
        """Twelve times the neighbours' weighted sum, for the inner part: the outer product of
        (1, 2, 1) with itself, less its centre."""
        row = self.row
        across = torch.add(v[..., : -2 * row], v[..., 2 * row :]).add_(v[..., row:-row], alpha=2)
        both = torch.add(across[..., :-2], across[..., 2:]).add_(across[..., 1:-1], alpha=2)
        return both.sub_(self.inner(v), alpha=4)

    def residual(self, right: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        """right − A v."""
        found = torch.zeros_like(v)
        inner = self.inner(found)
        torch.addcmul(self.sums(v), self.weight, self.inner(v), value=-1, out=inner)
        inner.add_(self.inner(right)).mul_(self.inner_holes)
        return found

    def relax(self, right: torch.Tensor, v: torch.Tensor) -> None:
        """One Jacobi step, in place; at these weights it damps every short wave to 0.4 or less."""
        change = self.sums(v).addcmul_(self.weight, self.inner(v), value=-1)
        self.inner(v).addcmul_(self.inner_inverse, change.add_(self.inner(right)))

    def solve(self, right: torch.Tensor) -> torch.Tensor:
        """A⁻¹ right, by a dense inverse made once."""
        if self.exact is None:
            count = self.height * self.width
            units = torch.eye(count).to(right).view(count, 1, self.height, self.width)
            between = self.square(self.whole(self.sums(self.flat(units)))).reshape(count, count)
            holes = self.square(self.holes).flatten(1)
            weight = self.square(self.whole(self.weight)).flatten(1)
            system = torch.diag_embed(weight * holes + 1 - holes)
            system = system - between * holes[:, None] * holes[:, :, None]
            self.exact = torch.linalg.inv(system) * holes[:, None]
        flat = self.square(right).flatten(2) @ self.exact
        return self.flat(flat.unflatten(2, (self.height, self.width)))


def _grids(holes: torch.Tensor, picture: torch.Tensor) -> list[_Grid]:
    """From fine to coarse. A coarse pixel is a hole where all four of its pixels are."""
    found = [_Grid(holes, picture)]
    while min(holes.shape[-2:]) > _COARSEST:
        coarse = F.max_pool2d(picture, 2)
        holes = -F.max_pool2d(-torch.maximum(holes, 1 - picture), 2) * coarse
        picture = coarse
        found.append(_Grid(holes, picture))
    return found


def _cycle(grids: list[_Grid], right: torch.Tensor, level: int = 0) -> torch.Tensor:
    """One symmetric V-cycle for A v = right from v = 0: two relaxations on either side of what the
    coarser grid says about the rest."""
    grid = grids[level]
    if level == len(grids) - 1:
        return grid.solve(right)
    v = right * grid.inverse
    grid.relax(right, v)
    coarse = grids[level + 1]
    rest = F.avg_pool2d(grid.square(grid.residual(right, v)), 2)
    change = _cycle(grids, coarse.flat(rest).mul_(4 * coarse.holes), level + 1)
    wide = coarse.square(change).repeat_interleave(2, 3).repeat_interleave(2, 2)
    grid.square(v).add_(wide)
    v.mul_(grid.holes)
    for _ in range(2):
        grid.relax(right, v)
    return v


def _guess(known: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """A start: for every pixel the mean over the smallest block of 2, 4, 8 ... that knows any,
    drawn out smoothly."""
    levels = [(known, kept)]
    while max(known.shape[-2:]) > 1:
        known, kept = (F.avg_pool2d(part, 2, ceil_mode=True) for part in (known, kept))
        levels.append((known, kept))
    total, count = levels[-1]
    guess = total / count.clamp_min(1e-12)
    for total, count in reversed(levels[:-1]):
        height, width = total.shape[-2:]
        guess = F.interpolate(guess, scale_factor=2, mode="bilinear")[..., :height, :width]
        guess = guess * (count == 0) + total / count.clamp_min(1e-12)
    return guess
