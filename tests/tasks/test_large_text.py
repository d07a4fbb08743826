"""A fit to texts that stay on disk is the fit to the same texts in memory, bit by bit."""

import json
import re
import subprocess
import sys
from unittest import mock

import numpy as np
import polars as pl
import pytest
import torch

from elman.data import memory, pieces, texts
from elman.errors import InputError
from elman.tasks import pooled
from elman.tasks.classify import Classifier
from elman.tasks.load import load
from elman.tasks.regress import Regressor

WORDS = ["a", "fine", "dull", "Film", "long,", "warm", "it's", "日本", "and", "cold", "don't", "Été"]
UNLIKE = "s, the best at|read from disk"  # what notes say of the time and the place
NEVER, ALWAYS = "1TB", "1B"  # of memory: nothing is read from disk, or all is


@pytest.fixture(autouse=True)
def small_pieces():
    """So small that every text file has many."""
    with mock.patch.object(pieces, "PIECE", 500), mock.patch.object(texts, "LOT", 700):
        yield


def frame(rows=140, seed=0):
    """Texts, some twice and some empty, with a mood and a number."""
    draw = np.random.default_rng(seed)
    said = [" ".join(draw.choice(WORDS, draw.integers(0, 9))) for _ in range(rows - 20)]
    said = [*said, *said[:20]]
    moods = ["good" if "fine" in text or "warm" in text else "bad" for text in said]
    return pl.DataFrame({"review": said, "mood": moods, "stars": [float(len(text)) for text in said]})


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("large") / "reviews.csv"
    frame().write_csv(path)
    return path


def made(task, path, ram, **settings):
    column = {"label": "mood"} if task is Classifier else {"target": "stars"}
    quick = {"steps": 6, "hidden": 8, "batch_size": 16, "valid_share": 0.2, **column, **settings}
    return task(text="review", ram=ram, **quick).fit(path)


def same(one, other):
    """Whether all that was learnt, and how it was judged, is the same."""
    for name, weight in one.network_.state_dict().items():
        assert torch.equal(weight, other.network_.state_dict()[name]), name
    assert one.encoders() == other.encoders()
    assert one.kept().keys() == other.kept().keys()
    assert all(torch.equal(tensor, other.kept()[name]) for name, tensor in one.kept().items())
    assert torch.equal(one.met_, other.met_)
    assert one.evaluation_.metrics == other.evaluation_.metrics
    assert one.evaluation_.baselines == other.evaluation_.baselines
    kept = [[note for note in model.notes_ if not re.search(UNLIKE, note)] for model in (one, other)]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"spelling": False},
        {"level": "char"},
        {"level": "subword"},
        {"level": "byte", "longest": 3},
        {"word_drop": 0.2, "word_swap": 0.2, "lower": False},
        {"vocabulary": 5, "members": 2, "blend": False},
    ],
    ids=str,
)
def test_the_same_bits_from_disk(file, settings):
    inside, outside = made(Classifier, file, NEVER, **settings), made(Classifier, file, ALWAYS, **settings)
    assert any("its texts are read from disk" in note for note in outside.notes_)
    assert not any("its texts are read from disk" in note for note in inside.notes_)
    same(inside, outside)


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
def test_a_number_of_every_kind_of_file(tmp_path, kind):
    path = tmp_path / f"reviews.{kind}"
    write = frame().write_parquet if kind == "parquet" else frame().write_csv
    write(path, **({"separator": "\t"} if kind == "tsv" else {}))
    same(made(Regressor, path, NEVER), made(Regressor, path, ALWAYS))


def test_answers_and_scores_of_a_file_from_disk(file, tmp_path):
    model = made(Classifier, file, ALWAYS)
    other = tmp_path / "other.csv"
    frame(60, seed=1).write_csv(other)
    again = load(model.save(tmp_path / "m.elman"))
    assert again.config_.ram == ALWAYS
    inside = made(Classifier, file, NEVER)
    for source in (file, other):
        assert again.predict(source).equals(inside.predict(source))
        outside, inner = again.evaluate(source), inside.evaluate(source)
        assert outside.metrics == inner.metrics and outside.baselines == inner.baselines
        assert [note for note in outside.notes if "from disk" not in note] == list(inner.notes)
    np.testing.assert_array_equal(again.predict(["a fine Film"]), inside.predict(["a fine Film"]))


def test_memory_that_is_short_is_noticed_and_recorded(file):
    with mock.patch.object(memory, "available", lambda: 9_000_000):
        assert made(Classifier, file, None).config_.ram is None
    with mock.patch.object(memory, "available", lambda: 4_000), mock.patch.object(pooled, "SHARE", 1.0):
        model = made(Classifier, file, None)
    assert any(re.search(r"would take about \d+\.?\d* kB of memory and may take 4 kB", note) for note in model.notes_)
    assert model.config_.ram == "4000B"
    same(model, Classifier(**vars(model.config_)).fit(file, plan=model.plan_))


def test_the_linear_model_reads_some_of_the_rows_that_choose(file):
    with mock.patch.object(pooled, "CHARACTERS", 200), mock.patch.object(pooled, "ROOM_OF_LINEAR", 1):
        model = made(Classifier, file, "200B", valid_share=0.4)
        number = made(Regressor, file, "200B", valid_share=0.4)
    for fitted in (model, number):
        assert fitted.every_ > 1
        assert any(f"of each {fitted.every_} rows that choose the linear model reads one" in n for n in fitted.notes_)
        chosen = int(re.match(r"\d+ rows train, (\d+) choose", fitted.notes_[2])[1])
        assert len(fitted.linear_.before) == -(-chosen // fitted.every_)
    assert made(Classifier, file, NEVER).every_ == 1


def test_labels_that_are_numbers_are_written_alike_in_every_piece(tmp_path):
    rows = frame(60)
    for name, last in (("whole", 2.0), ("parted", 2.5)):
        marked = rows.with_columns(mood=pl.Series([1.0, 2.0] * 29 + [1.0, last]))
        marked.write_parquet(tmp_path / f"{name}.parquet")
        inside, outside = (made(Classifier, tmp_path / f"{name}.parquet", ram) for ram in (NEVER, ALWAYS))
        assert outside.classes_.tolist() == inside.classes_.tolist() == [["1", "2"], ["1.0", "2.0", "2.5"]][last == 2.5]


def test_faults_of_the_data_are_said_in_the_same_words(tmp_path):
    rows = frame(60)
    faults = {
        "no label": rows.with_columns(mood=pl.Series([*["good", "bad"] * 29, None, "bad"])),
        "no column": rows.drop("mood"),
        "no text": rows.with_columns(review=pl.lit("  ")),
        "which text": rows.rename({"review": "one", "stars": "two"}),
    }
    for name, table in faults.items():
        table.write_csv(tmp_path / "t.csv")
        text = None if name == "which text" else "review"
        said = []
        for ram in (NEVER, ALWAYS):
            with pytest.raises(InputError) as caught:
                Classifier(text=text, label="mood", ram=ram, steps=2, hidden=4).fit(tmp_path / "t.csv")
            said.append(str(caught.value))
        assert said[0] == said[1], name
    rows.with_columns(review=pl.Series([None, *["x"] * 59])).write_parquet(tmp_path / "t.parquet")
    for ram in (NEVER, ALWAYS):
        with pytest.raises(InputError, match="has no text in row 1: give it"):
            made(Classifier, tmp_path / "t.parquet", ram)


@pytest.mark.parametrize("ram", ["lots", "500", "-1MB", ""])
def test_an_amount_is_a_number_and_its_unit(ram):
    with pytest.raises(InputError, match="write a number and its unit"):
        Classifier(ram=ram).config()


def test_an_amount_is_for_a_table_of_texts(tmp_path):
    with pytest.raises(InputError, match="--ram is 1GB, but is for a file with a table of texts: leave it out"):
        Classifier(ram="1GB").fit(["a", "b"] * 20, ["x", "y"] * 20)


def test_lines_of_json_stay_in_memory_unless_that_is_refused(tmp_path):
    path = tmp_path / "t.jsonl"
    frame(60).write_ndjson(path)
    with mock.patch.object(memory, "available", lambda: 900_000):
        assert made(Classifier, path, None).config_.ram is None
    with pytest.raises(InputError, match=r"t.jsonl is JSON lines, which cannot be read in pieces: give CSV or Parquet"):
        made(Classifier, path, "1kB")


LIMITED = """
import json, resource, sys
import elman

path, few, ram, room = sys.argv[1:]
settings = dict(text="review", label="mood", steps=2, hidden=8, members=1, valid_share=0.01, test_share=0.01)
elman.Classifier(**settings, ram="1B").fit(few)  # what the libraries take, they have taken
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(room), used + int(room)))
model = elman.Classifier(**settings, ram=None if ram == "found" else ram).fit(path)
print(json.dumps(dict(notes=model.notes_, seconds=model.seconds_)))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells how much is used")
def test_a_file_for_which_the_address_space_has_no_room(tmp_path):
    path = tmp_path / "large.csv"
    draw = np.random.default_rng(0)
    words = np.array([f"w{at}" for at in range(5000)])
    said = [" ".join(words[draw.integers(0, 5000, 100)]) for _ in range(60_000)]
    large = pl.DataFrame({"review": said, "mood": ["good", "bad"] * 30_000})
    large.write_csv(path)
    large[:2000].write_csv(tmp_path / "few.csv")

    def run(ram):
        code = [sys.executable, "-c", LIMITED, str(path), str(tmp_path / "few.csv"), ram, str(300_000_000)]
        return subprocess.run(code, capture_output=True, text=True, timeout=900)

    assert run(NEVER).returncode != 0
    found = run("found")
    assert found.returncode == 0, found.stderr[-2000:]
    assert any("its texts are read from disk" in note for note in json.loads(found.stdout)["notes"])
