"""A text as its tokens: what a vocabulary calls them, and how they stand in the text."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .errors import ExplainError, blamed

Encode = Callable[[str], Any]
_BLANKS = "Ġ▁"  # what a word begins with in byte-level and in SentencePiece vocabularies


@dataclass(frozen=True)
class Tokens:
    """One text cut into tokens.

    `names` are the vocabulary's own ("##ing", "Ġfilm"), `pieces` what of the text each token
    stands for ("ing", "film"), and `gaps` what lies in front of it there: nothing, a blank, the end
    of a line. `special` ones are no part of the text, such as [CLS].
    """

    text: str
    ids: tuple[int, ...]
    names: tuple[str, ...]
    pieces: tuple[str, ...]
    gaps: tuple[str, ...]
    special: tuple[bool, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def title(self) -> str:
        """The text, or its first words where it is long."""
        return textwrap.shorten(self.text, 60, placeholder=" …") or self.text[:60]

    def plain(self) -> list[Any]:
        """Everything as JSON holds it."""
        lists = (self.ids, self.names, self.pieces, self.gaps, self.special)
        return [self.text, *(list(each) for each in lists)]

    @classmethod
    def from_plain(cls, values: Sequence[Any]) -> Tokens:
        """The same again, from what `plain` gave."""
        text, *lists = values
        return cls(text, *(tuple(each) for each in lists))

    @classmethod
    def unread(cls, count: int) -> Tokens:
        """Embeddings of which nobody knows the words."""
        names = tuple(str(i + 1) for i in range(count))
        gaps = ("", *[" "] * (count - 1))
        return cls(" ".join(names), (-1,) * count, names, names, gaps, (False,) * count)


def tokenise(tokenizer: Any, text: str) -> Tokens:
    """Cut a text by a tokenizer of transformers, or by any function from a text to ids, or to ids
    and names."""
    if not text.strip():
        raise ExplainError("The text is empty; give at least one word.")
    if not hasattr(tokenizer, "convert_ids_to_tokens"):
        return _by_function(tokenizer, text)
    fast = bool(getattr(tokenizer, "is_fast", False))
    found = tokenizer(text, return_special_tokens_mask=True, return_offsets_mapping=fast)
    ids = _some(tuple(int(number) for number in found["input_ids"]), text)
    names = tuple(tokenizer.convert_ids_to_tokens(list(ids)))
    special = tuple(bool(flag) for flag in found["special_tokens_mask"])
    if not fast:
        return _by_names(text, ids, names, special, _bytes_of(tokenizer))
    pieces, gaps = _by_offsets(text, found["offset_mapping"], names, special)
    return Tokens(text, ids, names, pieces, gaps, special)


def _by_function(encode: Encode, text: str) -> Tokens:
    with blamed("The tokenizer", text[:40]):
        found = encode(text)
    ids, names = found if isinstance(found, tuple) and len(found) == 2 else (found, None)
    try:
        numbers = tuple(int(number) for number in ids)
        known = tuple(f"#{number}" for number in numbers) if names is None else tuple(names)
    except (TypeError, ValueError):
        numbers, known = (), ("",)
    if len(numbers) != len(known):
        raise ExplainError(
            f"The tokenizer returned a {type(found).__name__} for {text[:40]!r}; it has to return "
            "a list of ids, or a pair of ids and as many names."
        )
    return _by_names(text, _some(numbers, text), known, (False,) * len(numbers), str)


def _some(ids: tuple[int, ...], text: str) -> tuple[int, ...]:
    """Refuse a text in which the tokenizer found nothing."""
    if not ids:
        raise ExplainError(
            f"The tokenizer finds no token in {text[:40]!r}; give a text with words that it "
            "knows, or a tokenizer with an id for those that it does not."
        )
    return ids


def _by_offsets(
    text: str,
    offsets: Sequence[tuple[int, int]],
    names: tuple[str, ...],
    special: tuple[bool, ...],
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Pieces and gaps as they stand in the text itself; of a letter that several tokens share only
    the first shows it."""
    pieces, gaps, at = [], [], 0
    for (start, end), name, added in zip(offsets, names, special, strict=True):
        if added:
            pieces.append(name)
            gaps.append("")
            continue
        piece = text[max(start, at) : end]
        blank = len(piece) - len(piece.lstrip()) if piece.strip() else 0
        pieces.append(piece[blank:])
        gaps.append(text[at : max(start, at) + blank])
        at = max(at, end)
    return tuple(pieces), tuple(gaps)


def _by_names(
    text: str,
    ids: tuple[int, ...],
    names: tuple[str, ...],
    special: tuple[bool, ...],
    read: Callable[[str], str],
) -> Tokens:
    """Pieces and gaps from the marks by which vocabularies tell where a word begins or goes on."""
    marked = any(name[:1] in _BLANKS for name in names if name)
    pieces, gaps = [], []
    for name, added in zip(names, special, strict=True):
        goes_on = name.startswith("##") and len(name) > 2
        begins = bool(name) and name[0] in _BLANKS if marked else not goes_on
        bare = name[2:] if goes_on else name[1:] if marked and begins else name
        pieces.append(name if added else read(bare))
        gaps.append(" " if begins and not added and pieces[1:] else "")
    return Tokens(text, ids, names, tuple(pieces), tuple(gaps), special)


def words_of(tokenizer: Any, count: int) -> tuple[str, ...]:
    """What the classes of a network that predicts the next token are called: words as they are
    written, and with ## in front what goes on a word. () where the tokenizer does not tell."""
    if not hasattr(tokenizer, "convert_ids_to_tokens") or not hasattr(tokenizer, "__len__"):
        return ()
    known = min(count, len(tokenizer))
    names = [name or "" for name in tokenizer.convert_ids_to_tokens(list(range(known)))]
    special = set(getattr(tokenizer, "all_special_tokens", ()))
    marked = any(name[:1] in _BLANKS for name in names if name)
    read = _bytes_of(tokenizer)
    words = [
        name if name in special or not marked else _word(name, read) or f"class {i}"
        for i, name in enumerate(names)
    ]
    return (*words, *(f"class {i}" for i in range(known, count)))


def _word(name: str, read: Callable[[str], str]) -> str:
    begins = name[:1] in _BLANKS
    bare = read(name[1:] if begins else name)
    if not bare.strip() or "\ufffd" in bare:
        return name
    return bare if begins else f"##{bare}"


def _bytes_of(tokenizer: Any) -> Callable[[str], str]:
    """Reads what a byte-level vocabulary writes with letters that stand for bytes."""
    join = getattr(tokenizer, "convert_tokens_to_string", None)
    if join is None:
        return str
    return lambda name: name if name.isascii() else str(join([name]))
