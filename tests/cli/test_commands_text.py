"""The command line of the text tasks: what programs and people read, and every bad input in one sentence."""

import json
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from elman.cli import run
from elman.tasks.load import load

QUICK = ["--steps", "20", "--hidden", "8", "--batch-size", "16", "--quiet"]
WORDS = {"bad": ["dull", "poor"], "good": ["fine", "great"], "so-so": ["fair", "usual"]}
LINE = "the cat sat on the mat.\n"


def reviews(count=60, labels=tuple(WORDS)):
    draw = np.random.default_rng(0)
    moods = [labels[at % len(labels)] for at in range(count)]
    texts = [f"a {draw.choice(WORDS[mood])} film, number {at}" for at, mood in enumerate(moods)]
    return pl.DataFrame({"review": texts, "mood": moods, "stars": [float(list(WORDS).index(m)) for m in moods]})


def conll(count=30):
    return "\n".join(f"Mrs O\n{name} B-PER\nsat O\n" for name in ("Ann", "Bob", "Eve") * (count // 3))


CLASSIFY = ["fit", "classify", "reviews.csv", "--text", "review", "--label", "mood", *QUICK]
REGRESS = ["fit", "regress", "reviews.csv", "--text", "review", "--target", "stars", *QUICK]
TAG = ["fit", "tag", "people.conll", *QUICK]
GENERATE = ["fit", "generate", "cat.txt", *QUICK]
FITS = {"reviews.elman": CLASSIFY, "stars.elman": REGRESS, "people.elman": TAG, "cat.elman": GENERATE}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with data and a model of each task."""
    folder = tmp_path_factory.mktemp("made")
    reviews().write_csv(folder / "reviews.csv")
    (folder / "people.conll").write_text(conll())
    (folder / "cat.txt").write_text(LINE * 40)
    for name, arguments in FITS.items():
        assert run([*arguments[:2], str(folder / arguments[2]), *arguments[3:], "--out", str(folder / name)]) == 0
    return folder


# What a program reads.


@pytest.mark.parametrize("name", FITS)
def test_fit_evaluate_and_refit_print_one_object(here, printed, name):
    out = printed(*FITS[name], "--out", "new.elman", "--json")
    assert out.count("\n") == 1
    found = json.loads(out)
    assert (found["task"], found["model"]) == (FITS[name][1], "new.elman")
    assert found["baselines"]
    assert {path.name for path in (here / "new.elman").iterdir()} >= {"report.html", "weights.safetensors"}
    again = json.loads(printed("evaluate", "new.elman", "--json"))
    assert again["metrics"] == found["metrics"]
    fresh = json.loads(printed("evaluate", name, FITS[name][2], "--json"))
    assert set(fresh["metrics"]) == set(found["metrics"])
    printed("refit", name, FITS[name][2], "--out", "again.elman", "-q")
    first, second = ((here / model / "weights.safetensors").read_bytes() for model in (name, "again.elman"))
    assert first == second


def test_predict_labels_of_one_text_and_of_a_file(here, printed):
    one = printed("predict", "reviews.elman", "a great film").splitlines()
    assert one[0] == "label,probability,p_bad,p_good,p_so-so"
    assert len(one) == 2
    found = json.loads(printed("predict", "reviews.elman", "a great film", "--json"))["rows"][0]
    assert found["label"] == one[1].split(",")[0]
    assert sum(value for name, value in found.items() if name.startswith("p_")) == pytest.approx(1)
    assert printed("predict", "reviews.elman", "reviews.csv", "--out", "labels.csv") == ""
    labels = pl.read_csv("labels.csv")
    assert labels.height == 60
    assert labels["label"].to_list() == load("reviews.elman").predict(reviews()["review"].to_list()).tolist()
    assert printed("predict", "stars.elman", "a great film").startswith("stars\n")
    assert printed("predict", "people.elman", "Mrs Ann sat").splitlines()[:2] == [
        "sentence,word,tag",
        "1,Mrs,O",
    ]


def test_predict_writes_text_that_goes_on_from_the_prompt(here, printed):
    arguments = ["predict", "cat.elman", "--prompt", "the c", "--length", "40", "--temperature", "0.5", "--seed", "1"]
    text = printed(*arguments)
    assert text.startswith("the c")
    assert len(text) == len("the c") + 40 + len("\n")
    assert printed(*arguments) == text
    found = json.loads(printed(*arguments, "--json"))
    assert found == {"prompt": "the c", "text": text[len("the c") : -1]}
    assert printed(*arguments, "--out", "next.txt") == ""
    assert (here / "next.txt").read_text() == found["text"]
    limits = ["--top-k", "1", "--top-p", "0.9"]
    cold = [*arguments[:6], "--temperature", "0"]
    assert printed(*arguments, *limits) == printed(*cold)
    assert len(printed("predict", "cat.elman", "--length", "9")) == 10


def test_a_prompt_with_unknown_characters_is_said_and_gone_on_from(here, capsys):
    assert run(["predict", "cat.elman", "--prompt", "🙂Z the", "--length", "5", "--seed", "0"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("🙂Z the")
    assert "does not know '🙂', 'Z' of the prompt" in err


def test_the_real_command_writes_as_it_draws(command):
    done = command("predict", "cat.elman", "--prompt", "the", "--length", "20")
    assert (done.returncode, done.stderr, len(done.stdout)) == (0, "", 24)


# What people read.


@pytest.mark.parametrize("task", ["classify", "regress", "tag", "generate"])
def test_help(task, capsys):
    assert run(["fit", task, "--help"]) == 0
    said = "".join(capsys.readouterr())
    for option in ("--minutes", "--hidden", "--dropout", "--out", "--json", "--test-share"):
        assert option in said
    assert run(["predict", "--help"]) == 0
    said = "".join(capsys.readouterr())
    for option in ("--prompt", "--length", "--temperature", "--top-k", "--top-p", "--seed"):
        assert option in said


def test_fit_says_what_was_read_and_what_to_do_next(here, capsys):
    assert run([*CLASSIFY, "--overwrite"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    for said in ("3 labels: bad (20), good (20), so-so (20)", "majority", 'elman predict reviews.elman "some text"'):
        assert said in err


def test_settings_come_from_a_file(here, printed):
    (here / "fit.toml").write_text(
        "label = 'mood'\ntext = 'review'\nsteps = 5\nhidden = 4\npool = 'max'\nblend = false\n"
    )
    printed("fit", "classify", "reviews.csv", "--config", "fit.toml", "-q", "--out", "new.elman")
    config = load("new.elman").config_
    assert (config.pool, config.blend, config.hidden) == ("max", False, 4)


# What is refused.


def write(here, name, content):
    path = here / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, pl.DataFrame):
        content.write_csv(path)
    elif isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content)


GOOD = "".join(f"{text}\t{mood}\n" for text, mood in reviews().select("review", "mood").iter_rows())
BAD = {
    "empty": ("bad.csv", b"", "bad.csv is empty"),
    "encoding": ("bad.tsv", b"review\tmood\nna\xefve\tgood\n", "byte 0xEF at position 14 (line 2)"),
    "utf-16": ("bad.tsv", ("review\tmood\n" + GOOD).encode("utf-16"), "byte 0xFF at position 0"),
    "one class": ("bad.csv", reviews(labels=("good",)), "all 60 rows have one label, 'good'"),
    "no such label": ("bad.csv", reviews().rename({"mood": "moood"}), "has no column 'mood' (did you mean 'moood'?)"),
    "missing label": ("bad.tsv", f"review\tmood\n{GOOD}a film\t\n", "column 'mood' of bad.tsv has no label in row 61"),
    "all texts empty": (
        "bad.tsv",
        'review\tmood\n"  "\tgood\n" "\tbad\n',
        "every text of column 'review' of bad.tsv is empty",
    ),
    "missing text": (
        "bad.jsonl",
        '{"review": null, "mood": "a"}\n{"review": "b", "mood": "b"}\n',
        "has no text in row 1",
    ),
    "ragged": ("bad.csv", "review,mood\na,b\nc,d,e\n", "bad.csv"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_of_texts_is_refused(here, refused, name):
    file, bad, said = BAD[name]
    write(here, file, bad)
    arguments = ["fit", "classify", file, "--text", "review", "--label", "mood", *QUICK, "--out", "new.elman"]
    assert said in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["classify", "reviews.csv"], "there are no labels to learn: name their column with --label"),
        (
            ["classify", "three.csv", "--label", "mood"],
            "three.csv has the columns 'one, two': name the one that holds the text",
        ),
        (["classify", "reviews.csv", "--label", "mood", "--text", "revew"], "did you mean 'review'?"),
        (["classify", "none.csv", "--label", "mood"], "no such file: none.csv"),
        (["classify", "flat"], "flat holds no folders, but one for each label is needed"),
        (["classify", "bare"], "holds no .txt files"),
        (["classify", "wrong"], "byte 0xE9"),
        (["classify", "reviews.csv", "--label", "mood", "--text", "review", "--pool", "sum"], '"sum"'),
        (
            ["classify", "reviews.csv", "--label", "mood", "--text", "review", "--longest", "0"],
            "--longest must be at least 1",
        ),
        (
            ["classify", "reviews.csv", "--label", "mood", "--text", "review", "--longest", "1.5"],
            "must be a whole number",
        ),
        (["classify", "reviews.csv", "--label", "mood", "--text", "review", "--vectors", "none.vec"], "none.vec"),
        (
            ["classify", "reviews.csv", "--label", "mood", "--text", "review", "--valid-share", "0.9"],
            "leave none to train on",
        ),
        (["regress", "reviews.csv", "--text", "review"], "name its column with --target"),
        (
            ["regress", "reviews.csv", "--text", "review", "--target", "mood"],
            "must hold numbers, but row 1 (line 2) holds 'bad'",
        ),
        (["regress", "flat", "--target", "mood"], "flat is a folder"),
        (["tag", "narrow.conll"], "line 2 of narrow.conll is 'Bob', but a word and its tag are needed"),
        (["tag", "latin.txt"], "byte 0xE9"),
        (["tag", "nothing.txt"], "nothing.txt is empty"),
        (["tag", "flat"], "flat is a folder, but a file is needed"),
        (["generate", "nothing.txt"], "nothing.txt is empty"),
        (["generate", "short.txt"], "has 2 characters, but 34 are needed for 16 streams"),
        (["generate", "latin.txt"], "byte 0xE9 at position 3 (line 1)"),
        (["generate", "flat"], "flat is a folder, but a file is needed"),
        (["generate", "none.txt"], "no such file: none.txt"),
    ],
)
def test_a_bad_fit_is_refused(here, refused, arguments, said):
    write(here, "three.csv", pl.DataFrame({"one": ["a"], "two": ["b"], "mood": ["c"]}))
    write(here, "flat/a.txt", "a film")
    write(here, "wrong/good/a.txt", "naïve café".encode("latin-1")[4:])
    write(here, "bare/good/a.md", "a film")
    write(here, "narrow.conll", "Ann B\nBob\n")
    write(here, "latin.txt", "café O\n".encode("latin-1"))
    write(here, "nothing.txt", "")
    write(here, "short.txt", "ab\n")
    assert said in refused("fit", *arguments, *QUICK, "--out", "new.elman")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["predict", "reviews.elman", "--prompt", "a"],
            "--prompt is for generate models, but reviews.elman is a classify one",
        ),
        (
            ["predict", "people.elman", "--top-k", "3"],
            "--top-k is for generate models, but people.elman is a tag one",
        ),
        (["predict", "cat.elman", "cat.txt"], "this model writes text, and 'cat.txt' is no option of it"),
        (["predict", "cat.elman", "--length", "0"], "--length must be at least 1"),
        (["predict", "cat.elman", "--length", "many"], 'unable to convert "many" into int'),
        (["predict", "cat.elman", "--length", "1.5"], "--length must be a whole number, but is 1.5"),
        (["predict", "cat.elman", "--top-k=2.5"], "--top-k must be a whole number, but is 2.5"),
        (["predict", "cat.elman", "--temperature", "-1"], "--temperature must be at least 0"),
        (["predict", "cat.elman", "--top-p", "2"], "--top-p must be above 0 and at most 1"),
        (["predict", "cat.elman", "--top-k", "0"], "--top-k must be at least 1"),
        (["predict", "cat.elman", "--out", "cat.txt"], "cat.txt exists"),
        (["predict", "reviews.elman"], "there is nothing to answer for: give a text, a file"),
        (["predict", "stars.elman"], "there is nothing to answer for: give a text, a file"),
        (["predict", "people.elman"], "there is nothing to answer for: give a text, a file"),
        (["predict", "reviews.elman", "none.csv"], "no such file: none.csv"),
        (["predict", "reviews.elman", "people.conll"], "people.conll"),
        (["predict", "reviews.elman", "a film", "--out", "labels.xlsx"], "ends in '.xlsx'"),
        (["predict", "people.elman", "none.conll"], "no such file: none.conll"),
        (["predict", "people.elman", "  "], "the text holds no words"),
        (["evaluate", "reviews.elman", "cat.txt"], "cat.txt"),
        (["evaluate", "stars.elman", "none.csv"], "no such file: none.csv"),
        (["evaluate", "people.elman", "cat.csv"], "no such file: cat.csv"),
        (["evaluate", "cat.elman", "none.txt"], "no such file: none.txt"),
    ],
)
def test_a_bad_use_of_a_model_is_refused(refused, arguments, said):
    assert said.lower() in refused(*arguments).lower()


@pytest.mark.parametrize("name", FITS)
def test_a_damaged_model_is_refused(here, refused, name):
    raw = (here / name / "encoders.json").read_bytes()
    (here / name / "encoders.json").write_bytes(raw.replace(b'"', b"'", 1))
    assert f"encoders.json of {name} is not as it was saved" in refused("evaluate", name)


# What looks bad and is not.


def test_a_label_seen_once_and_empty_texts_are_said(here, printed):
    odd = pl.DataFrame({"review": ["", "  ", "odd one"], "mood": ["bad", "good", "odd"], "stars": [0.0, 1.0, 2.0]})
    pl.concat([reviews(), odd]).write_csv("odd.csv")
    arguments = ["fit", "classify", "odd.csv", *CLASSIFY[3:], "--json"]
    notes = " ".join(json.loads(printed(*arguments))["notes"])
    assert "2 of 63 texts are empty" in notes
    assert "WARNING: seen once, so learnt or judged but not both: odd" in notes
    assert len(printed("predict", "odd.elman", "odd.csv").splitlines()) == 64
    for text in ("", " ", "🙂", "北京 привет naïve 🙂🙂", "'\"\\\x00;--"):
        assert len(printed("predict", "reviews.elman", text).splitlines()) == 2


def test_a_label_never_seen_is_wrong_and_said(here, printed):
    strange = reviews(10).with_columns(mood=pl.lit("strange"))
    strange.write_csv("strange.csv")
    found = json.loads(printed("evaluate", "reviews.elman", "strange.csv", "--json"))
    assert found["metrics"]["accuracy"] == 0
    assert "10 rows have labels that the fit has not seen: strange; they count as wrong" in " ".join(found["notes"])


def test_emoji_and_mixed_scripts_are_learnt(here, printed):
    rows = [
        (f"{word} {at}", mood) for at in range(20) for word, mood in (("🙂 naïve", "good"), ("悲しい привет", "bad"))
    ]
    pl.DataFrame(rows, schema=["text", "mood"], orient="row").write_csv("mixed.csv")
    for level in ("word", "char"):
        level_of = ["--level", level, "--rarest", "1", "--test-share", "0"]
        printed("fit", "classify", "mixed.csv", "--label", "mood", *level_of, *QUICK, "--overwrite")
        found = json.loads(printed("predict", "mixed.elman", "🙂 naïve 21", "--json"))
        assert found["rows"][0]["label"] == "good"


def test_a_line_of_ten_million_characters(printed, refused):
    """Said where it cannot be read as it is, learnt from with --longest; each in seconds."""
    long = "a great film " * (10_000_000 // 13)
    table = pl.concat([reviews(30), pl.DataFrame({"review": [long], "mood": ["good"], "stars": [1.0]})])
    table.write_csv("long.csv")
    Path("long.txt").write_text(long)
    began = time.perf_counter()
    said = refused("predict", "reviews.elman", "long.csv")
    assert "row 31 has 2,307,690 steps, but 1,048,576 can be read at most" in said
    arguments = ["fit", "classify", "long.csv", *CLASSIFY[3:], "--test-share", "0"]
    printed(*arguments, "--longest", "50")
    assert len(printed("predict", "long.elman", "long.csv").splitlines()) == 32
    assert len(printed("predict", "reviews.elman", long[:50_000]).splitlines()) == 2
    shares = ["--test-share", "0", "--valid-share", "0.001"]
    printed("fit", "generate", "long.txt", *QUICK, *shares, "--out", "text.elman")
    assert time.perf_counter() - began < 60


def test_rows_that_are_too_long_to_learn_from_together_are_refused(refused):
    table = pl.concat([reviews(30), pl.DataFrame({"review": ["film " * 40_000], "mood": ["good"], "stars": [1.0]})])
    table.write_csv("long.csv")
    said = refused("fit", "classify", "long.csv", *CLASSIFY[3:], "--test-share", "0")
    assert "has 40,000 steps, but with 16 rows at a time memory is kept for 32,768: give --longest" in said


def test_nothing_is_left_of_a_fit_that_was_stopped(refused, monkeypatch):
    from elman.tasks.generate import Generator

    def stopped(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(Generator, "judge", stopped)
    assert "stopped by SIGINT; nothing was written" in refused(*GENERATE, "--out", "new.elman", code=130)
