"""What the letters of words and several networks change, from a source to answers and back."""

import numpy as np
import pytest
import torch

from elman.data.sequences import Sequences
from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tasks.load import load
from elman.tasks.regress import Regressor
from elman.tasks.tag import Tagger

STEMS = ["walk", "talk", "climb", "jump", "read", "sing", "count", "paint", "cook", "plant", "load", "lift"]
NEW = ["grumbl", "trott", "yodel", "whisk"]
QUICK = {"steps": 80, "hidden": 8, "embedding": 16, "layers": 1, "test_share": 0.0, "valid_share": 0.2}


def texts(stems):
    """Sentences whose one telling word ends in -ing or in -ed, and which of the two."""
    return [f"they {stem}{end} there" for stem in stems for end in ("ing", "ed")], ["now", "then"] * len(stems)


@pytest.mark.parametrize("spelling", [True, False])
def test_unseen_words_are_told_apart_by_their_letters(tmp_path, spelling):
    model = Classifier(spelling=spelling, blend=False, **QUICK).fit(*texts(STEMS))
    new, truth = texts(NEW)
    right = (model.predict(new) == np.array(truth)).mean()
    assert right == (1.0 if spelling else 0.5)
    assert any("pieces of words are read too" in note for note in model.notes_) == spelling
    again = load(model.save(tmp_path / "m.elman"))
    np.testing.assert_array_equal(again.predict_proba(new), model.predict_proba(new))
    # A batch of one row spells other words side by side.
    np.testing.assert_allclose(again.predict_proba(new[:1]), model.predict_proba(new)[:1], rtol=1e-5)


def test_a_capital_is_read_though_case_is_not():
    words = [f"the {word} spoke" for stem in STEMS for word in (stem, stem.title())]
    model = Classifier(blend=False, **QUICK).fit(words, ["thing", "name"] * len(STEMS))
    assert model.predict(["the yodel spoke", "the Yodel spoke"]).tolist() == ["thing", "name"]


def test_a_tagger_spells_its_words(tmp_path):
    sentences, tags = [text.split() for text in texts(STEMS)[0]], [["P", tag, "A"] for tag in texts(STEMS)[1]]
    model = Tagger(patience=0, **{**QUICK, "steps": 200}).fit(sentences, tags)
    new, truth = [text.split() for text in texts(NEW)[0]], [["P", tag, "A"] for tag in texts(NEW)[1]]
    assert model.predict(new) == truth
    assert load(model.save(tmp_path / "m.elman")).predict(new) == truth


def test_levels_without_words_and_words_that_share_nothing_are_not_spelled():
    assert Classifier(level="char", **QUICK).fit(*texts(STEMS)).spelling_ is None
    assert Classifier(**QUICK).fit(["abc", "def", "ghi", "jkl"] * 4, ["a", "b"] * 8).spelling_ is None


def test_word_vectors_stand_beside_the_letters(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("they 1 2 3\nthere 3 2 1\n")
    settings = {**QUICK, "embedding": None, "vectors": str(path)}
    model = Classifier(**settings).fit(*texts(STEMS))
    with torch.random.fork_rng():
        body = model.body(model.config_)
    assert body.grams.weight.shape == (len(model.spelling_) + 1, 3)
    assert (body.grams.weight == 0).all()
    number = model.encoder_.encode(["they"]).values[0]
    ratio = body.embedding.weight[number] / torch.tensor([1.0, 2.0, 3.0])
    torch.testing.assert_close(ratio, ratio[:1].expand(3))


@pytest.mark.parametrize("kind", [Classifier, Regressor])
def test_members_answer_together(tmp_path, kind):
    x, y = texts(STEMS)
    labels = y if kind is Classifier else [float(label == "now") for label in y]
    model = kind(members=3, word_drop=0.1, word_swap=0.1, **QUICK).fit(x, labels)
    assert len(model.network_.members) == model.config_.members == 3
    answer = model.predict_proba if kind is Classifier else model.predict
    again = load(model.save(tmp_path / "m.elman"))
    np.testing.assert_array_equal((again.predict_proba if kind is Classifier else again.predict)(x), answer(x))
    if kind is Regressor:
        assert np.abs(answer(x) - labels).mean() < 0.35
    else:
        assert (model.predict(x) == np.array(y)).mean() > 0.9


def test_how_many_members_a_budget_is_asked_for():
    x, y = texts(STEMS)
    model = Classifier(**QUICK).fit(x, y)
    examples = Sequences(model.encoder_.encode(["there"] * 2000))

    def sizes(**settings):
        found = model.sizes(Classifier(hidden=None, **settings).config(), examples)
        return [(size["hidden"], size["members"]) for size in found]

    assert sizes() == [(64, 1), (32, 1)]
    assert sizes(minutes=1) == [(64, 3), (32, 3), (64, 1), (32, 1)]
    assert sizes(minutes=1, members=2) == [(64, 2), (32, 2)]
    assert model.config_.members == 1


def test_no_members():
    with pytest.raises(InputError, match="--members must be at least 1, but is 0"):
        Classifier(members=0).fit(*texts(STEMS))
