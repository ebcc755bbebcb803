"""A folder of shards: what was read so far."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from ..store import temporary_folder
from .shard import Gathered, Shard

_MAPPED = 64  # files that stay mapped, of which nothing is in memory but what was looked at


class Shards:
    """Shards in a folder, one file each, under the hash of what they depend on, so that nothing
    found there is stale; in a temporary folder unless one is given."""

    def __init__(self, folder: str | Path | None = None) -> None:
        self._temporary = None if folder else temporary_folder()
        self.folder = Path(self._temporary.name if self._temporary else str(folder))
        self.folder.mkdir(parents=True, exist_ok=True)
        self.files: list[Path] = []
        self._load = functools.lru_cache(_MAPPED)(Shard.load)
        self._seen: list[str] = []

    @property
    def known(self) -> frozenset[str]:
        """The keys of the shards that are there."""
        return frozenset(file.stem for file in self.folder.glob("*.safetensors"))

    @property
    def fingerprint(self) -> str:
        """Of all pictures and labels that were read."""
        return hashlib.sha256("".join(self._seen).encode()).hexdigest()[:12]

    def begin(self) -> None:
        """Forget which shards belong to the run; the files stay."""
        self.files, self._seen = [], []

    def add(self, gathered: Gathered) -> Shard:
        """Take in what came back from a part."""
        file = self.folder / f"{gathered.key}.safetensors"
        if gathered.shard is not None:
            gathered.shard.save(file)
        self.files.append(file)
        self._seen.append(gathered.seen)
        return gathered.shard or self._load(file)

    def __iter__(self) -> Iterator[Shard]:
        return map(self._load, self.files)
