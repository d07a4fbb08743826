"""The summarizer: texts with summaries in, summaries out, words that it has never seen copied, saved and read again."""

import numpy as np
import pytest

from elman.data.text.copying import encoded
from elman.data.text.pairs import Pairs
from elman.errors import InputError
from elman.tasks.load import load
from elman.tasks.summarize import Summarizer

FILLER = "this is a text that says some more about it and is not of any use"


def name(draw):
    return "".join(draw.choice(list("aeiouklmnrst"), 7)).capitalize()


def pairs(count=400, seed=0):
    """The summary is the two words after "title :", the first of them a name that comes once."""
    draw = np.random.default_rng(seed)
    found = {"document": [], "summary": []}
    for _ in range(count):
        title = f"{name(draw)} {draw.choice(['Tool', 'game', 'library'])}"
        before, after = (" ".join(draw.choice(FILLER.split(), draw.integers(1, 5))) for _ in range(2))
        found["document"].append(f"{before} title : {title} . {after} {name(draw)}")
        found["summary"].append(title)
    return found


def quick(**settings):
    return Summarizer(
        **{"source": "document", "target": "summary", "hidden": 32, "steps": 120, "dropout": 0.0, "batch_size": 32,
           "embedding_dropout": 0.2, "learning_rate": 1e-2, "beam": 2, **settings}
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(pairs())


def test_words_that_no_vocabulary_holds_are_copied_as_they_are_spelled(fitted):
    new = pairs(100, seed=1)
    right = sum(a == b for a, b in zip(fitted.predict(new["document"]), new["summary"], strict=True))
    assert right > 80
    assert fitted.evaluation_.metrics["rouge1"] > 80
    assert set(fitted.evaluation_.baselines) == {"lead", "central"}


def test_a_saved_model_says_the_same(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "m.elman"))
    assert isinstance(again, Summarizer)
    new = pairs(20, seed=2)
    assert again.predict(new["document"]) == fitted.predict(new["document"])
    assert again.evaluate(new).metrics == fitted.evaluate(new).metrics
    assert ">Summaries<" in fitted.report()


def test_a_frame_and_one_text_give_a_frame(fitted):
    text = "this is title : Mikako game . it says more."
    frame = fitted.predict({"document": [text, ""]})
    assert frame.columns == ["document", "summary"] and frame.height == 2
    assert fitted.predict(text)["summary"].to_list() == fitted.predict([text])


def test_the_alarm_tells_own_words_apart(fitted):
    examples = encoded(Pairs(**_sides(pairs(40, seed=3))), fitted.target_tokens_, fitted.config_.longest)
    assert fitted.alarm(fitted.network_, examples) is None
    same = encoded(Pairs(**_sides({k: v[:1] * 8 for k, v in pairs(1).items()})), fitted.target_tokens_, 100)
    assert "all 8 texts that were looked at get the same answer" in fitted.alarm(fitted.network_, same)


def _sides(found):
    return {"sources": found["document"], "targets": found["summary"]}


@pytest.mark.parametrize(
    "settings",
    [
        {"target_level": "subword", "vocabulary": 300},
        {"target_level": "char", "cell": "gru", "attention": "multiplicative"},
        {"lower": False, "coverage": 1.0, "scheduled_sampling": 0.2},
        {"input_feeding": True, "beam": 1},
    ],
)
def test_options_learn(settings):
    model = quick(**{"steps": 20, "test_share": 0.0, **settings}).fit(pairs(80))
    assert model.training_.history[-1]["loss"] < model.training_.history[0]["loss"]
    assert all(isinstance(text, str) for text in model.predict(["a title : B", "", "😀"]))


def test_long_texts_are_cut_and_counted():
    data = pairs(60)
    data["document"][7] = "word " * 10_000
    data["document"][9], data["summary"][11] = "", " "
    model = quick(steps=2, longest=12, test_share=0.0).fit(data)
    notes = " ".join(model.notes_)
    assert "2 of 60 rows have an empty side and are left out" in notes
    assert "only the first 12 words are read" in notes
    assert len(model.predict(data["document"])) == 60


def test_bad_settings_and_sources_are_one_sentence(fitted):
    with pytest.raises(InputError, match="--longest must be at least 1"):
        quick(longest=0).fit(pairs(20))
    with pytest.raises(InputError, match="--coverage must be at least 0"):
        quick(coverage=-1.0).fit(pairs(20))
    with pytest.raises(InputError, match="has no column 'short'"):
        quick(target="short").fit(pairs(20))
    with pytest.raises(InputError, match="nothing to summarize"):
        fitted.predict(None)


def test_alternatives_and_what_was_looked_at(fitted):
    found = fitted.predict(["title : wumpus tool . it is of use"], best=2)
    assert found.height == 2 and found["score"].is_sorted(descending=True)
    assert ">Attention<" in fitted.report()


def test_what_was_copied_owes_most_to_what_it_was_copied_from(fitted):
    text = "this is title : Kamelotti game . it says"
    found = fitted.explain(text)
    assert len(found.facts["read"]) == len(found.facts["hidden"][0])
    assert found.facts["total"] == pytest.approx(found.facts["difference"], rel=0.01)
    assert found.facts["answer"] == fitted.predict([text])[0]
