"""What an input is called, and what it consists of, by its kind."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A `whole` input and one `part` of it, such as a picture and a pixel."""

    whole: str
    part: str

    @property
    def parts(self) -> str:
        """Several of its parts."""
        return f"{self.part}s"
