"""Networks that read texts: tokens as they stand in the text, and what is refused in words."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import xaiwidgets as xw
from xaiwidgets.core.tokens import Tokens, tokenise, words_of

pytest.importorskip("transformers")

GOLDEN = Path(__file__).parents[1] / "golden"
sys.path.insert(0, str(GOLDEN))

from texts import (  # noqa: E402
    CLASSES,
    Reader,
    bert,
    byte_tokenizer,
    encode,
    gpt2,
    piece_tokenizer,
    sentences,
    word_tokenizer,
)
from transformers_in_miniature import MODELS, TARGET, embeddings  # noqa: E402

KEPT = json.loads((GOLDEN / "attnlrp.json").read_text())
TEXT = "we saw a splendid film"


@pytest.fixture(scope="module")
def subject():
    return xw.TextSubject(bert(), word_tokenizer())


def written(tokens: Tokens) -> str:
    """The text as the tokens hold it, without what is no part of it."""
    parts = zip(tokens.pieces, tokens.gaps, tokens.special, strict=True)
    return "".join(gap + piece for piece, gap, special in parts if not special)


# --- tokens ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Playing, unlucky\n  film!", "a played  film"])
def test_pieces_and_gaps_put_together_are_the_text_itself(text):
    tokens = tokenise(piece_tokenizer(), text)
    assert written(tokens) == text
    assert tokens.special == (True, *[False] * (len(tokens) - 2), True)
    assert "##ing" in tokens.names or "##ed" in tokens.names


def test_byte_level_pieces_are_the_letters_that_they_stand_for():
    tokens = tokenise(byte_tokenizer(), "the café  olé, naïve\nfilm")
    assert written(tokens) == "the café  olé, naïve\nfilm"
    assert any(name.startswith("Ġ") for name in tokens.names)


def test_a_letter_of_several_tokens_is_shown_once():
    tokens = tokenise(byte_tokenizer(), "日本")
    assert len(tokens) > 2
    assert written(tokens) == "日本"


def test_a_slow_tokenizers_marks_say_where_words_begin():
    class Slow:
        is_fast = False
        names = {"▁the": 0, "▁film": 1, "s": 2}

        def __call__(self, text, **_):
            return {"input_ids": [0, 1, 2], "special_tokens_mask": [0, 0, 0]}

        def convert_ids_to_tokens(self, ids):
            return [list(self.names)[i] for i in ids]

    assert written(tokenise(Slow(), "the films")) == "the films"


def test_a_function_may_give_names_and_its_ids_are_names_otherwise():
    named = tokenise(lambda text: ([3, 1], ["good", "##ness"]), "goodness")
    assert (named.names, named.pieces, named.gaps) == (
        ("good", "##ness"),
        ("good", "ness"),
        ("", ""),
    )
    assert tokenise(encode, "we saw").names == ("#6", "#7")
    with pytest.raises(xw.ExplainError, match="it has to return a list of ids, or a pair"):
        tokenise(lambda text: ([1, 2], ["one"]), "two words")


@pytest.mark.parametrize(
    ("encode", "words"),
    [
        (lambda text: [], "The tokenizer finds no token in 'zzz'; give a text with words"),
        (lambda text: ([], []), "The tokenizer finds no token in 'zzz'"),
        (lambda text: None, "The tokenizer returned a NoneType for 'zzz'; it has to return a list"),
        (lambda text: {}[text], "The tokenizer fails on 'zzz': KeyError: 'zzz'."),
        (lambda: [1], "The tokenizer fails on 'zzz': TypeError: "),
    ],
)
def test_a_tokenizer_that_gives_no_ids_is_told(encode, words):
    with pytest.raises(xw.ExplainError) as refused:
        tokenise(encode, "zzz")
    assert str(refused.value).startswith(words)


def test_a_tokenizer_of_transformers_that_knows_no_word_is_told():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(xw.ExplainError, match="The tokenizer finds no token in 'zzz'"):
        tokenise(PreTrainedTokenizerFast(tokenizer_object=made), "zzz")


def test_classes_of_a_language_model_are_words_as_they_are_written():
    tokenizer = byte_tokenizer()
    words = words_of(tokenizer, len(tokenizer) + 2)
    assert len(words) == len(tokenizer) + 2
    assert words[-1] == f"class {len(tokenizer) + 1}"
    assert words[tokenizer.convert_tokens_to_ids("Ġfilm")] == "film"
    assert words[tokenizer.convert_tokens_to_ids("f")] == "##f"


# --- embeddings and scores ------------------------------------------------------------------------


def test_the_scores_are_those_of_the_network_given_the_text_itself(subject):
    asked = word_tokenizer()(TEXT, return_tensors="pt")
    with torch.no_grad():
        direct = bert()(**asked).logits
    torch.testing.assert_close(subject.outputs(subject.prepare(TEXT).x), direct)
    assert subject.classes == CLASSES


def test_x_holds_the_embeddings_as_a_picture_of_one_row(subject):
    ready = subject.prepare(TEXT)
    ids = word_tokenizer()(TEXT)["input_ids"]
    assert ready.x.shape == (1, 32, 1, len(ids))
    rows = bert().get_input_embeddings().weight[ids]
    assert torch.equal(ready.x[0, :, 0].T, rows)
    assert ready.x.requires_grad is False


def test_the_next_word_is_scored_after_the_last_token(monkeypatch):
    network, tokenizer = gpt2(), byte_tokenizer()
    subject = xw.TextSubject(network, tokenizer)
    ids = tokenizer("we saw a", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        direct = network(ids).logits[:, -1]
    x = subject.prepare("we saw a").x
    torch.testing.assert_close(subject.outputs(x), direct)
    monkeypatch.setattr(subject, "_spared", dict)  # of a network that scores every position
    torch.testing.assert_close(subject.outputs(x), direct)
    answer = xw.LRP()(subject, "we saw a", "film")
    assert answer.provenance.target == ["film"]


def test_an_output_of_ones_own_sees_every_position():
    network, tokenizer = gpt2(), byte_tokenizer()
    first = xw.TextSubject(network, tokenizer, output=lambda out: out.logits[:, 0])
    ids = tokenizer("we saw a", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        direct = network(ids).logits[:, 0]
    torch.testing.assert_close(first.outputs(first.prepare("we saw a").x), direct)


def test_a_network_of_ids_is_given_embeddings_by_its_first_embedding():
    torch.manual_seed(0)
    network = Reader().eval()
    subject = xw.TextSubject(network, encode, classes=["for", "against"])
    x = subject.prepare("we saw a").x
    with torch.no_grad():
        direct = network(torch.tensor([encode("we saw a")]))
    torch.testing.assert_close(subject.outputs(x), direct)
    value = xw.GradientTimesInput()(subject, "we saw a").values
    assert value.shape == (1, 12, 1, 3)
    assert bool((value != 0).any())
    assert not network.words._forward_hooks


def test_looking_a_word_up_leaves_rows_with_a_largest_norm_alone():
    network = Reader().eval()
    network.words.max_norm = 0.1
    before = network.words.weight.clone()
    x = xw.TextSubject(network, encode).prepare("we saw a").x
    assert torch.equal(network.words.weight, before)
    assert float(x.norm(dim=1).max()) <= 0.1 + 1e-6


@pytest.mark.parametrize("case", [case for case in KEPT if not case.startswith("vit")])
def test_relevance_of_every_token_is_that_of_lxt(case):
    name, rule = case.split()
    subject = xw.TextSubject(MODELS[name](), encode)
    preset = {"attnLRP": "AttnLRP", "cp_LRP": "CP-LRP"}[rule]
    x = embeddings().transpose(1, 2)[:, :, None]
    heat = xw.LRP(preset=preset)(subject, x, TARGET)
    kept = torch.tensor(KEPT[case]["relevance"], dtype=torch.float64)
    off = (heat.values[0, :, 0].T - kept).abs().max() / kept.abs().max()
    assert float(off) < 1e-6
    per_token = kept.sum(-1).flatten()
    np.testing.assert_allclose([value for _, value in heat.words()], per_token, atol=1e-6)
    assert heat.warnings == []


# --- several lengths ------------------------------------------------------------------------------


def test_texts_of_several_lengths_get_the_answers_that_they_get_alone(subject):
    texts = ["a dreadful play", "we saw a splendid film with friends", "a moving song"]
    together = xw.IntegratedGradients(steps=8)(subject, texts, [0, 1, 0])
    assert len(together) == 3
    assert together.provenance.target == ["praise", "blame", "praise"]
    for i, (text, target) in enumerate(zip(texts, [0, 1, 0], strict=True)):
        alone = xw.IntegratedGradients(steps=8)(subject, text, target)
        width = alone.values.shape[3]
        torch.testing.assert_close(together.values[i, ..., :width], alone.values[0])
        assert not together.values[i, ..., width:].any()
        assert [name for name, _ in together.words(i)] == [name for name, _ in alone.words()]


def test_padding_is_nothing_that_could_be_taken_for_a_word(subject):
    ready = subject.prepare(["a film", "we saw a splendid film"])
    assert ready.uneven
    assert ready.lengths == [4, 7]
    assert torch.isnan(ready.x[0, :, :, 4:]).all()
    assert [list(rows) for rows, _ in ready.of_one_length()] == [[0], [1]]
    assert ready.at([0]).x.shape == (1, 32, 1, 4)


def test_an_evaluation_of_several_lengths_is_refused_in_words(subject):
    with pytest.raises(xw.ExplainError, match="The texts have 4 to 7 tokens"):
        xw.evaluation.PixelFlipping()(subject, ["a film", "we saw a splendid film"], xw.Saliency())


# --- answers --------------------------------------------------------------------------------------


def test_a_planted_reason_gets_the_relevance(subject):
    decided = [case for case in zip(*sentences(30, seed=5), strict=True) if case[2] >= 0]
    hits = 0
    for text, label, place in decided:
        values = xw.LRP()(subject, text, label).map()[0, 0]
        hits += int(np.argmax(values[1:-1])) == place
    assert hits >= 0.95 * len(decided)


def test_an_answer_is_kept_and_read_again_with_its_words(subject, tmp_path):
    heat = xw.LRP()(subject, TEXT)
    again = xw.Heatmap.load(heat.save(tmp_path / "answer.safetensors"))
    assert again.parts == heat.parts
    assert again.words() == heat.words()
    assert again.provenance == heat.provenance
    assert again.pictures is None


def test_two_texts_of_the_same_ids_are_not_taken_for_one_another(subject):
    cache = xw.AnswerCache()
    first = xw.LRP()(subject, "a strange film", cache=cache)
    other = xw.LRP()(subject, "a peculiar film", cache=cache)
    assert torch.equal(first.values, other.values)
    assert other.parts[0].text == "a peculiar film"


def test_a_figure_shows_the_words(subject):
    figure = xw.LRP()(subject, TEXT).plot()
    shown = {text.get_text() for text in figure.axes[0].texts}
    assert {"we", "saw", "a", "splendid", "film", "[CLS]", "[SEP]"} <= shown


def test_what_has_no_words_says_so():
    heat = xw.RandomMap()(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2)).eval(),
                          torch.rand(1, 3, 2, 2))  # fmt: skip
    with pytest.raises(xw.ExplainError, match="about pictures, which have no words"):
        heat.words()


# --- what is usual for a text ---------------------------------------------------------------------


def test_settings_that_were_not_given_are_those_usual_for_a_text(subject):
    assert xw.Occlusion()(subject, TEXT).provenance.settings == {
        "patch": 1, "stride": 1, "fill": "given",
    }  # fmt: skip
    assert xw.LRP()(subject, TEXT).provenance.settings["preset"] == "AttnLRP"
    assert xw.LRP(preset="ε")(subject, TEXT).provenance.settings["preset"] == "ε"
    two = xw.Occlusion(patch=2, stride=1, fill="zero")(subject, TEXT).provenance.settings
    assert two == {"patch": 2, "stride": 1, "fill": "zero"}


def test_occlusion_is_the_fall_of_the_score_where_a_word_is_masked(subject):
    heat = xw.Occlusion()(subject, TEXT, "praise")
    tokenizer = word_tokenizer()
    ids = tokenizer(TEXT, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        whole = bert()(ids).logits[0, 0]
        for i in range(ids.shape[1]):
            masked = ids.clone()
            masked[0, i] = tokenizer.mask_token_id
            fallen = float(whole - bert()(masked).logits[0, 0])
            assert heat.words()[i][1] == pytest.approx(fallen, abs=1e-5)


def test_a_gradient_along_an_embedding_is_told_by_its_length(subject):
    heat = xw.Saliency()(subject, TEXT)
    np.testing.assert_allclose(heat.map()[0], heat.values[0].norm(dim=0).numpy(), rtol=1e-5)
    summed = xw.GradientTimesInput()(subject, TEXT)
    np.testing.assert_allclose(summed.map()[0], summed.values[0].sum(0).numpy(), atol=1e-6)


def test_noise_is_other_words_and_an_absent_word_can_be_chosen(subject):
    x = subject.prepare(TEXT).x
    rows = bert().get_input_embeddings().weight
    noise = xw.baseline("noise", subject, x, seed=3)[0, :, 0].T
    assert all(bool((rows == word).all(1).any()) for word in noise)
    assert torch.equal(xw.baseline("given", subject, x)[0, :, 0, 2], rows[4])
    chosen = xw.TextSubject(bert(), word_tokenizer(), absent="it")
    word = word_tokenizer().convert_tokens_to_ids("it")
    assert torch.equal(xw.baseline("given", chosen, x)[0, :, 0, 0], rows[word])
    with pytest.raises(xw.ExplainError, match="absent is 'we saw', which has 2 tokens"):
        xw.TextSubject(bert(), word_tokenizer(), absent="we saw")


@pytest.mark.parametrize("name", ["blur", "black", "white"])
def test_a_baseline_that_means_nothing_for_words_is_refused(subject, name):
    with pytest.raises(xw.ExplainError, match=f"A text has no '{name}'.*zero, mean, noise, given"):
        xw.IntegratedGradients(baseline=name)(subject, TEXT)


BUILT_IN = [m for m in xw.declared(xw.Attribution) if m.__module__.startswith("xaiwidgets.")]
REFUSED = [m for m in BUILT_IN if "text" not in m.takes or ".cam." in m.__module__]
THROUGH_A_LAYER = [xw.ConceptRelevance, xw.TokenRelevance]  # refused unless it is named
REFUSED += THROUGH_A_LAYER


@pytest.mark.parametrize("method", [m for m in BUILT_IN if m not in REFUSED], ids=str)
def test_a_method_answers_about_words(subject, method):
    few = {k: v for k, v in {"samples": 40, "steps": 4}.items() if k in method.knobs}
    heat = method(**few)(subject, TEXT)
    assert heat.map().shape == (1, 1, 7)
    assert np.isfinite(heat.map()).all()
    assert len(heat.words()) == 7


@pytest.mark.parametrize("method", REFUSED, ids=str)
def test_a_method_for_pictures_says_so(subject, method):
    with pytest.raises(xw.ExplainError, match=r"takes a picture|no convolution"):
        method()(subject, TEXT)


@pytest.mark.parametrize("method", THROUGH_A_LAYER, ids=str)
def test_relevance_goes_through_a_layer_that_is_named(subject, method):
    heat = method(layer="bert.encoder.layer.0")(subject, TEXT, "praise")
    assert heat.map().shape == (1, 1, 7)
    assert bool(heat.values.any())


@pytest.mark.parametrize("preset", xw.LRP.knobs["preset"].choices)
def test_presets_run_on_a_text_unless_they_have_a_rule_for_pixels(subject, preset):
    if preset in xw.LRP.lacks["text"]:
        with pytest.raises(xw.ExplainError, match="which a text has no use for; it takes 'LRP-0'"):
            xw.LRP(preset=preset)(subject, TEXT)
    else:
        assert xw.LRP(preset=preset)(subject, TEXT).map().shape == (1, 1, 7)


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ("", "The text is empty"),
        ("  \n", "The text is empty"),
        ([], "give at least one text"),
        (np.zeros((8, 8, 3), np.uint8), "is a ndarray; this subject reads texts"),
        ([TEXT, 3], "is a int; this subject reads texts"),
        (torch.zeros(1, 3, 8, 8), r"shape \(1, 3, 8, 8\); this subject reads texts"),
        (" ".join(["film"] * 15), "The text has 17 tokens, and the network reads up to 16"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_sentence(subject, inputs, words):
    with pytest.raises(xw.ExplainError, match=words):
        xw.Saliency()(subject, inputs)


def test_a_tokenizer_of_another_network_is_refused():
    subject = xw.TextSubject(gpt2(rows=20), byte_tokenizer())
    with pytest.raises(xw.ExplainError, match="has 20 rows, 0 to 19: the two do not belong"):
        subject.prepare("a splendid film")


def test_texts_given_to_a_subject_of_pictures_are_told_where_to_go():
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten()).eval()
    with pytest.raises(xw.ExplainError, match=r"TextSubject\(model, tokenizer\) takes texts"):
        xw.Saliency()(network, "a splendid film")
    with pytest.raises(xw.ExplainError, match=r"a text takes TextSubject"):
        xw.Saliency()(network, "a splendid film " * 40)
    with pytest.raises(xw.ExplainError, match=r"begins with an nn.Embedding: TextSubject"):
        xw.Saliency()(Reader().eval(), torch.rand(1, 3, 8, 8))


def test_a_network_without_an_embedding_reads_no_tokens():
    with pytest.raises(xw.ExplainError, match=r"Linear has no nn\.Embedding"):
        xw.TextSubject(torch.nn.Linear(3, 2).eval(), encode)
    with pytest.raises(xw.ExplainError, match="The tokenizer is a str"):
        xw.TextSubject(bert(), "bert-base-uncased")
    with pytest.raises(xw.ExplainError, match=r"a function; .* takes a torch\.nn\.Module, whose"):
        xw.TextSubject(lambda texts: [0.5] * len(texts), encode)


def test_what_works_on_pixels_says_so(subject):
    with pytest.raises(xw.ExplainError, match="A study works on pictures"):
        xw.study(subject, [TEXT])
    with pytest.raises(xw.ExplainError, match="takes a picture, and the input is a text"):
        xw.EdgeDetector()(subject, TEXT)


@pytest.mark.parametrize(
    "method", [xw.LIME, xw.KernelShap, xw.ShapleySampling, xw.FeatureAblation, xw.RISE], ids=str
)
def test_what_covers_segments_covers_words_and_finds_the_one_that_decides(subject, method):
    few = {"samples": 300} if "samples" in method.knobs else {}
    heat = method(**few)(subject, TEXT, "praise")
    assert max(heat.words(), key=lambda word: word[1])[0] == "splendid"
    assert heat.provenance.settings["fill"] == "given"
    if "segmentation" in method.knobs:
        assert len({value for _, value in heat.words()}) > 5  # one segment a token
        with pytest.raises(xw.ExplainError, match="'slic', which a text has no use for"):
            method(segmentation="slic")(subject, TEXT)


@pytest.mark.slow
def test_a_network_of_ones_own_needs_no_transformers():
    code = (
        "import sys; sys.modules['transformers'] = None\n"
        "import torch, xaiwidgets as xw\n"
        "net = torch.nn.Sequential(torch.nn.Embedding(9, 4), torch.nn.Flatten(),"
        " torch.nn.Linear(12, 2))\n"
        "subject = xw.TextSubject(net.eval(), lambda text: [len(w) for w in text.split()])\n"
        "print(len(xw.LRP()(subject, 'one of them').words()))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "3"
