"""A network that reads texts, explained from its token embeddings on."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import nn

from .draws import uniform
from .errors import ExplainError
from .layers import Layers, hooked
from .subject import Inputs, Kind, Selector, Subject
from .tokens import Tokens, tokenise, words_of
from .words import Words

_NO_LIMIT = 1_000_000  # tokenizers without a limit say 1e30


class TextSubject(Subject):
    """A network that reads texts, with its tokenizer.

    >>> subject = TextSubject(model, tokenizer)
    >>> xw.LRP()(subject, "a charming film").words()

    `model` is one of transformers that takes `inputs_embeds`, or any network from ids (batch,
    tokens) whose first `nn.Embedding` embeds them; `tokenizer` one of transformers, or a function
    from a text to its ids, or to ids and names. What is explained is the embeddings, carried as x
    (batch, embedding, 1, tokens): a token's value is the sum over its embedding. Texts of several
    lengths are explained one length at a time, so that the network never meets padding.

    Of a network that predicts the next token the scores are those after the last token, and the
    classes the words of the vocabulary. Other `classes` are names, in order or by index, else those
    in the network's config. `absent` is the text of one token that stands for "no word here", used
    where a baseline is "given": by default the mask token, else padding, the unknown word, or the
    mean of the embeddings. `output` is as for Subject.
    """

    kind: ClassVar[Kind] = "text"
    words: ClassVar[Words] = Words("text", "token")
    baselines: ClassVar[tuple[str, ...]] = ("zero", "mean", "noise", "given")
    lacks: ClassVar[frozenset[str]] = frozenset(
        ("black", "white", "blur", "light blur", "neighbours", "median", "rows")
    )

    def __init__(
        self,
        model: nn.Module,
        tokenizer: Any,
        *,
        classes: Sequence[str] | Mapping[int, str] | None = None,
        output: Selector | None = None,
        absent: str | None = None,
        title: str | None = None,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise ExplainError(
                f"The network is a {type(model).__name__}; a TextSubject takes a torch.nn.Module, "
                "whose embeddings of tokens are explained. A function of texts has none to show."
            )
        super().__init__(model, classes=classes, output=output, title=title)
        if not callable(tokenizer):
            raise ExplainError(
                f"The tokenizer is a {type(tokenizer).__name__}; it takes one of transformers, or "
                "a function from a text to its ids."
            )
        self.tokenizer = tokenizer
        self._parameters = inspect.signature(model.forward).parameters
        rows = embedding_of(model).num_embeddings
        if self._predicts_next and classes is None:
            self.classes = words_of(tokenizer, rows)
        self.absent = self._absent(absent)

    # --- what it is -------------------------------------------------------------------------

    def given(self, x: torch.Tensor) -> torch.Tensor:
        """The absent token in the place of every token of x."""
        assert self.absent is not None
        return self.absent.to(x).expand(-1, -1, -1, x.shape[3])

    def noise(self, x: torch.Tensor, seed: int) -> Callable[[int], torch.Tensor]:
        """From a sample's number to other words, drawn from the vocabulary in the place of x's."""
        total = embedding_of(self.model).num_embeddings

        def draw(sample: int) -> torch.Tensor:
            drawn = uniform(torch.zeros(x.shape[3]), seed, sample) * total
            return self._embed(drawn.long().clamp_max(total - 1).tolist()).to(x).expand_as(x)

        return draw

    def _traced(self, one: torch.Tensor) -> Layers:
        """No layer holds a map of a picture; what has a row a token holds one of a single row."""
        found = super()._traced(one)
        row = 1, one.shape[3]
        layers = [
            replace(layer, layout="tokens", grid=row, prefix=0)
            if len(layer.shape) == 2 and layer.shape[0] == row[1]
            else replace(layer, layout="", grid=(0, 0), prefix=0)
            for layer in found
        ]
        return Layers(layers, [], found.activation_bytes, row)

    def _usual_shape(self) -> tuple[int, ...]:
        return embedding_of(self.model).embedding_dim, 1, 4

    @property
    def _predicts_next(self) -> bool:
        """Whether it is one of transformers' networks that write on."""
        can = getattr(self.model, "can_generate", None)
        encodes = getattr(getattr(self.model, "config", None), "is_encoder_decoder", False)
        return can is not None and bool(can()) and not encodes

    @property
    def _most(self) -> int:
        """How many tokens the network has positions for."""
        config = getattr(self.model, "config", None)
        known = [getattr(config, "max_position_embeddings", None)]
        known.append(getattr(self.tokenizer, "model_max_length", None))
        return min(
            (int(each) for each in known if each and 0 < each < _NO_LIMIT), default=_NO_LIMIT
        )

    # --- asking it --------------------------------------------------------------------------

    def _prepared(self, inputs: Any) -> Inputs:
        if isinstance(inputs, torch.Tensor):
            return self._embedded(inputs)
        texts = [inputs] if isinstance(inputs, str) else inputs
        if not isinstance(texts, (list, tuple)) or not all(isinstance(t, str) for t in texts):
            what = inputs if not isinstance(inputs, (list, tuple)) else _stranger(inputs)
            raise ExplainError(
                f"The input is a {type(what).__name__}; this subject reads texts: it takes a "
                "string or a list of strings. xw.Subject(model) takes pictures."
            )
        if not texts:
            raise ExplainError("The list of inputs is empty; give at least one text.")
        tokens = [self._tokens(text) for text in texts]
        rows = [self._embed(each.ids) for each in tokens]
        longest = max(map(len, tokens))
        x = rows[0].new_full((len(rows), rows[0].shape[1], 1, longest), torch.nan)
        for own, row in zip(x, rows, strict=True):
            own[:, :, : row.shape[3]] = row[0]
        return Inputs(x, _titles(tokens), tokens)

    def _embedded(self, x: torch.Tensor) -> Inputs:
        """Embeddings are taken as they are."""
        x = x[None] if x.ndim == 3 else x
        wide = embedding_of(self.model).embedding_dim
        if x.ndim != 4 or x.shape[1:3] != (wide, 1) or not x.shape[0] or not x.shape[3]:
            raise ExplainError(
                f"The input is a tensor of shape {tuple(x.shape)}; this subject reads texts: it "
                f"takes a string, a list of strings, or embeddings (batch, {wide}, 1, tokens)."
            )
        if not bool(torch.isfinite(x).all()):
            raise ExplainError("The embeddings have NaN or infinite values; replace them first.")
        x = x.detach().to(device=self.device, dtype=self.dtype)
        tokens = [Tokens.unread(x.shape[3])] * len(x)
        return Inputs(x.clone() if x.is_inference() else x, _titles(tokens), tokens)

    def _tokens(self, text: str) -> Tokens:
        tokens = tokenise(self.tokenizer, text)
        rows = embedding_of(self.model).num_embeddings
        highest = max(tokens.ids)
        if highest >= rows or min(tokens.ids) < 0:
            name = tokens.names[tokens.ids.index(highest)]
            raise ExplainError(
                f"The tokenizer gives {name!r} the id {highest}, but the network's embedding has "
                f"{rows} rows, 0 to {rows - 1}: the two do not belong together."
            )
        if len(tokens) > self._most:
            raise ExplainError(
                f"The text has {len(tokens)} tokens, and the network reads up to {self._most}; "
                "give a part of it."
            )
        return tokens

    def _settle_layout(self, x: torch.Tensor) -> None:
        """A text has no pixels to be laid out."""

    def _embed(self, ids: Sequence[int]) -> torch.Tensor:
        """Tokens by their embedding, (1, embedding, 1, tokens)."""
        embedding = embedding_of(self.model)
        if embedding.max_norm is not None:  # looking up would shorten the network's own rows
            embedding = copy.deepcopy(embedding)
        with torch.inference_mode(False), torch.no_grad():
            found = embedding(torch.tensor(ids, device=self.device))
            return found.T[None, :, None].clone()

    def _absent(self, text: str | None) -> torch.Tensor:
        if text is not None:
            ids = [i for i, own in zip(*self._own_ids(text), strict=True) if own]
            if len(ids) != 1:
                raise ExplainError(
                    f"absent is {text!r}, which has {len(ids)} tokens; it takes the text of one."
                )
            return self._embed(ids)
        embedding = embedding_of(self.model)
        known = [
            getattr(self.tokenizer, f"{which}_token_id", None) for which in ("mask", "pad", "unk")
        ]
        ids = [i for i in (*known, embedding.padding_idx) if i is not None]
        if ids and ids[0] < embedding.num_embeddings:
            return self._embed(ids[:1])
        return embedding.weight.detach().mean(0)[None, :, None, None].clone()

    def _own_ids(self, text: str) -> tuple[tuple[int, ...], list[bool]]:
        tokens = self._tokens(text)
        return tokens.ids, [not added for added in tokens.special]

    # --- inside -----------------------------------------------------------------------------

    def _run(self, x: torch.Tensor) -> Any:
        embedded = x[:, :, 0].transpose(1, 2)
        if "inputs_embeds" in self._parameters:
            return self.model(inputs_embeds=embedded, **self._spared())
        blank = torch.full(embedded.shape[:2], self._blank(), device=x.device)
        with hooked([embedding_of(self.model)], lambda *_: embedded):
            return self.model(blank)

    def _spared(self) -> dict[str, Any]:
        """What the network need not work out: keys and values for later, all but the last word."""
        wanted: dict[str, Any] = {"use_cache": False}
        if self._predicts_next and self.output is None:
            wanted["logits_to_keep"] = 1
        return {name: value for name, value in wanted.items() if name in self._parameters}

    def _blank(self) -> int:
        """An id that stands where the embeddings are put: any that is no padding."""
        return int(embedding_of(self.model).padding_idx == 0)

    def _selected(self, raw: Any) -> Any:
        found = super()._selected(raw)
        words = self._predicts_next and self.output is None and isinstance(found, torch.Tensor)
        return found[:, -1] if words and found.ndim == 3 else found

    def _described(self, x: torch.Tensor) -> str:
        return f"{len(x)} × {x.shape[3]} tokens"

    @property
    def _advice(self) -> str:
        return ""


def embedding_of(model: nn.Module) -> nn.Embedding:
    """The module that embeds the words: what a network of transformers calls so, or the first."""
    ask = getattr(model, "get_input_embeddings", None)
    found = ask() if ask is not None else None
    if not isinstance(found, nn.Embedding):
        found = next((part for part in model.modules() if isinstance(part, nn.Embedding)), None)
    if found is None:
        raise ExplainError(
            f"{type(model).__name__} has no nn.Embedding, so it reads no tokens; "
            "xw.Subject(model) takes pictures and tensors."
        )
    return found


def _stranger(inputs: Sequence[Any]) -> Any:
    return next(one for one in inputs if not isinstance(one, str))


def _titles(tokens: Sequence[Tokens]) -> list[str]:
    """The texts' beginnings, numbered where they are alike."""
    titles = [each.title for each in tokens]
    if len(set(titles)) == len(titles):
        return titles
    return [f"{title} {i + 1}" for i, title in enumerate(titles)]
