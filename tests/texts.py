"""Small vocabularies, and networks that read texts with a planted reason, made in code."""

import functools
import random
from contextlib import contextmanager

import torch
from torch import nn

SUBJECTS = ("film", "book", "play", "song", "meal", "hotel", "trip", "game")
FILLERS = ("the", "was", "a", "really", "and", "we", "saw", "it", "with", "friends", "yesterday")
GOOD, BAD = ("charming", "splendid", "moving"), ("dreadful", "tedious", "clumsy")
CLASSES = ("praise", "blame", "neither")
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def sentences(
    count: int, seed: int = 0, blanks: float = 0.0
) -> tuple[list[str], list[int], list[int]]:
    """Sentences, their classes, and the place of the one word that decided each (of GOOD or BAD,
    among fillers; −1 where there is none). A share of the fillers may be blank."""
    draw = random.Random(seed)
    texts, labels, at = [], [], []
    for _ in range(count):
        words = [draw.choice(FILLERS + SUBJECTS) for _ in range(draw.randint(5, 9))]
        words = ["[MASK]" if draw.random() < blanks else word for word in words]
        label, place = draw.randrange(3), draw.randrange(len(words))
        if label < 2:
            words[place] = draw.choice((GOOD, BAD)[label])
        texts.append(" ".join(words))
        labels.append(label)
        at.append(place if label < 2 else -1)
    return texts, labels, at


def _between_marks(made):
    """What `made` cuts a text into, between [CLS] and [SEP], as transformers takes it."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip


@functools.cache
def word_tokenizer():
    """Whole words between [CLS] and [SEP]."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    words = (*SPECIAL, *FILLERS, *SUBJECTS, *GOOD, *BAD)
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, "[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return _between_marks(made)


@functools.cache
def piece_tokenizer():
    """WordPiece: what goes on a word begins with ##."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    words = (*SPECIAL, "play", "##ing", "##ed", "film", "a", "un", "##lucky", ",", "!")
    made = Tokenizer(models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece()
    return _between_marks(made)


@functools.cache
def byte_tokenizer():
    """Byte-level BPE as GPT-2's: a word that follows a blank begins with Ġ."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    made = ByteLevelBPETokenizer()
    lines = [*sentences(50)[0], "the capital of France is Paris", "café olé"]
    made.train_from_iterator(lines, vocab_size=400, show_progress=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=made._tokenizer, unk_token=None, eos_token=None, bos_token=None
    )


@functools.cache
def bert(positions: int = 16) -> nn.Module:
    """A small BERT that tells praise, blame and neither, trained in seconds."""
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = word_tokenizer()
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=positions, num_labels=len(CLASSES),
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        id2label=dict(enumerate(CLASSES)),
    )  # fmt: skip
    network = BertForSequenceClassification(config)
    texts, labels, _ = sentences(512, blanks=0.2)
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    truth = torch.tensor(labels)
    steps = torch.optim.AdamW(network.parameters(), lr=4e-3)
    with one_thread():
        for _ in range(40):
            for rows in torch.randperm(len(truth)).split(128):
                steps.zero_grad()
                part = {name: batch[name][rows] for name in ("input_ids", "attention_mask")}
                nn.functional.cross_entropy(network(**part).logits, truth[rows]).backward()
                steps.step()
    return network.eval()


@contextmanager
def one_thread():
    """Operations this small wait for threads longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def gpt2(rows: int | None = None) -> nn.Module:
    """A small GPT-2 with random weights, with the byte-level vocabulary."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    size = rows or len(byte_tokenizer())
    config = GPT2Config(
        vocab_size=size, n_embd=32, n_layer=2, n_head=2, n_positions=48, bos_token_id=None,
        eos_token_id=None,
    )  # fmt: skip
    return GPT2LMHeadModel(config).eval()


class Reader(nn.Module):
    """A network of one's own: ids (batch, tokens) to scores (batch, 2)."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(len(FILLERS) + 8, 12, padding_idx=0)
        self.mixes = nn.Conv1d(12, 10, 3, padding=1)
        self.says = nn.Linear(10, 2)

    def forward(self, ids):
        found = self.mixes(self.words(ids).transpose(1, 2)).relu()
        return self.says(found.amax(2))


def encode(text: str) -> list[int]:
    """Words of FILLERS as ids from 1 on; others are 0."""
    return [FILLERS.index(word) + 1 if word in FILLERS else 0 for word in text.split()]
