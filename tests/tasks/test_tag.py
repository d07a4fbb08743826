"""The tagger: CoNLL files in, a tag for every word out."""

from itertools import pairwise

import numpy as np
import pytest

from elman.errors import InputError
from elman.tasks.load import load
from elman.tasks.tag import Tagger

NAMES, PLACES = ["Ann", "Bob", "Carla"], ["Paris", "New York", "Rome"]


def sentences(count=60, seed=0):
    """Who lives where, with BIO tags; the same word is a person or a place by the word before it."""
    draw = np.random.default_rng(seed)
    x, y = [], []
    for _ in range(count):
        who, where = draw.choice([*NAMES, "Florence"]), draw.choice([*PLACES, "Florence"]).split()
        x.append(["Mrs", who, "lives", "in", *where, "."])
        y.append(["O", "B-PER", "O", "O", "B-LOC", *["I-LOC"] * (len(where) - 1), "O"])
    return x, y


def conll(path, x, y, separator="\t"):
    lines = ["-DOCSTART- -X- O O", ""]
    for words, tags in zip(x, y, strict=True):
        lines += [*(f"{word}{separator}{tag}" for word, tag in zip(words, tags, strict=True)), ""]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def quick(**settings):
    return Tagger(**{"steps": 60, "hidden": 16, "learning_rate": 2e-2, "batch_size": 16, "rarest": 1, **settings})


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    return quick().fit(conll(tmp_path_factory.mktemp("tag") / "train.conll", *sentences()))


def test_words_are_tagged_by_what_stands_around_them(fitted):
    found = fitted.predict([["Mrs", "Florence", "lives", "in", "Florence", "."]])
    assert found == [["O", "B-PER", "O", "O", "B-LOC", "O"]]
    assert fitted.evaluation_.metrics["accuracy"] > fitted.evaluation_.baselines["most_frequent"]["accuracy"]
    assert fitted.evaluation_.metrics["span_f1"] > 0.9


def test_a_file_and_lists_are_the_same(fitted, tmp_path):
    model = quick(test_share=0.2).fit(*sentences())
    assert model.evaluation_.metrics == fitted.evaluation_.metrics
    new, tags = sentences(9, seed=4)
    again = fitted.evaluate(conll(tmp_path / "new.conll", new, tags, separator=" "))
    assert (again.task, again.rows) == ("tag", sum(map(len, tags)))
    right = np.concatenate(tags) == np.concatenate(model.predict(new))
    assert again.metrics["accuracy"] == pytest.approx(right.mean())


def test_save_and_load_give_the_same(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "m.elman"))
    assert isinstance(again, Tagger)
    assert again.tags_ == ["B-LOC", "B-PER", "I-LOC", "O"]
    new = sentences(9, seed=5)[0]
    assert again.predict(new) == fitted.predict(new)
    assert again.evaluate().to_json() == fitted.evaluate().to_json()


def test_every_word_gets_a_tag_known_or_not(fitted):
    new = [["Mrs", "Zyxwv", "lives", "in", "北京", "🙂"], ["O"], ["unheard"] * 300]
    assert [len(tags) for tags in fitted.predict(new)] == [6, 1, 300]
    assert fitted.predict(new)[0][1] == "B-PER"


def test_one_text_and_a_file_give_a_frame(fitted, tmp_path):
    one = fitted.predict("Mrs Ann lives in New York .")
    assert one.columns == ["sentence", "word", "tag"]
    assert one["word"].to_list() == ["Mrs", "Ann", "lives", "in", "New", "York", "."]
    assert one["tag"].to_list() == ["O", "B-PER", "O", "O", "B-LOC", "I-LOC", "O"]
    (tmp_path / "plain.txt").write_text("Mrs\nAnn\n\nRome\n")
    found = fitted.predict(tmp_path / "plain.txt")
    assert found["sentence"].to_list() == [1, 1, 2]
    with pytest.raises(InputError, match="the text holds no words"):
        fitted.predict("   ")
    with pytest.raises(InputError, match=r"no such file: none\.conll"):
        fitted.predict("none.conll")


def test_a_tag_never_seen_counts_as_wrong(fitted, tmp_path):
    x, y = sentences(9, seed=6)
    known = fitted.evaluate(conll(tmp_path / "known.conll", x, y)).metrics["accuracy"]
    strange = [["B-ODD" if tag == "B-PER" else tag for tag in tags] for tags in y]
    found = fitted.evaluate(conll(tmp_path / "strange.conll", x, strange)).metrics["accuracy"]
    assert found == pytest.approx(known - np.mean(np.concatenate(y) == "B-PER"), abs=0.02)


def test_parts_that_are_given_are_used(tmp_path):
    parts = [conll(tmp_path / f"{seed}.conll", *sentences(12, seed)) for seed in range(3)]
    model = quick(steps=5).fit(parts[0], valid=parts[1], test=parts[2])
    assert "12 sentences train, 12 sentences choose when to stop, 12 sentences judge" in model.notes_[0]
    test = sentences(9, seed=2)
    assert quick(steps=5).fit(*sentences(12), test=test).evaluation_.rows == sum(map(len, test[0]))


def test_two_runs_with_one_seed_are_equal():
    first, second = (quick(steps=5, test_share=0.0).fit(*sentences()) for _ in range(2))
    for a, b in zip(first.network_.state_dict().values(), second.network_.state_dict().values(), strict=True):
        assert a.equal(b)


def test_spans_are_whole(fitted):
    """An I- tag of the model's follows its span: what the score counts as a span is one in the text."""
    for tags in fitted.predict(sentences(30, seed=7)[0]):
        assert all(before[2:] == "LOC" for before, tag in pairwise(tags) if tag == "I-LOC")


def test_the_report_shows_tags_and_mistakes():
    x, y = sentences()
    for tags in y[::4]:
        tags[1] = "O"  # tags that nobody could learn
    page = quick(test_share=0.5).fit(x, y).report()
    for words in (">Score", ">Training", ">Settings", "B-PER", "istakes"):
        assert words in page


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("\n\n", "is empty: a word and its tag a line are needed"),
        ("-DOCSTART- -X- O O\n", "holds no words"),
        ("Ann\tB\n\nBob\n", "line 3 of bad.conll is 'Bob'"),
        ("Ann B\nBob \n", "line 2 of bad.conll"),
        ("Ann O\nBob O\n\nEve O\n" * 9, "every word has the tag 'O'"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path, text, said):
    (tmp_path / "bad.conll").write_text(text)
    with pytest.raises(InputError, match=said) as caught:
        quick().fit(tmp_path / "bad.conll")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("x", "y", "said"),
    [
        ([["a"], ["b"]], [["A"]], "there are 2 sentences and 1 lists of tags"),
        ([["a", "b"], ["c"]], [["A"], ["B"]], "sentence 0 has 2 words and 1 tags"),
        ([["a"], []], [["A"], []], "sentence 1 has 0 words"),
    ],
)
def test_bad_lists_are_one_sentence(x, y, said):
    with pytest.raises(InputError, match=said):
        quick().fit(x, y)


def test_a_level_is_refused():
    with pytest.raises(InputError, match="--level must be left out: the file is cut into words already, but is 'char'"):
        quick(level="char").fit(*sentences())


@pytest.mark.parametrize("setting", [{"text": "word"}, {"longest": 9}])
def test_settings_of_whole_texts_are_refused(setting):
    with pytest.raises(InputError, match=f"--{next(iter(setting))} must be left out: whole sentences are read"):
        quick(**setting).fit(*sentences())


def test_a_table_is_not_read_as_lines_of_words(tmp_path):
    model = quick().fit(*sentences())
    (tmp_path / "new.csv").write_text("review,mood\ngood room,pos\n")
    with pytest.raises(InputError, match="is a table, but a tagger reads lines of a word"):
        model.predict(tmp_path / "new.csv")


def test_a_tag_owes_to_its_word_and_to_those_beside_it():
    model = Tagger(hidden=16, steps=150, learning_rate=1e-2).fit(*sentences())
    found = model.explain("Mrs Florence lives in Florence .")
    assert found.facts["tags"] == model.predict([["Mrs", "Florence", "lives", "in", "Florence", "."]])[0]
    hidden = np.array(found.facts["hidden"])
    assert hidden.shape == (6, 6)
    # The same word is a person or a place: what tells are the words before it.
    assert np.argmax(hidden[1]) in (0, 1) and np.argmax(hidden[4]) in (3, 4)
    assert found.table.rows[1][:2] == ("Florence", found.facts["tags"][1])
    assert model.explain(sentences(3)[0], 2).facts["words"] == sentences(3)[0][1]
    with pytest.raises(InputError, match="--row is 4"):
        model.explain(sentences(3)[0], 4)
