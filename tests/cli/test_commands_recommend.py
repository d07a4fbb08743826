"""``elman fit recommend`` and what follows, as typed."""

import json

import pytest

from elman.cli import run

COLUMNS = ("--session", "user", "--item", "song", "--time", "at")


def table(rows):
    return "user\tsong\tat\n" + "".join(f"{user}\t{song}\t{at}\n" for user, song, at in rows)


def plays(users=60):
    return [(user, f"s{(3 * user + k) % 12}", 100 * user + k) for user in range(users) for k in range(3 + user % 5)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    (folder / "plays.tsv").write_text(table(plays()))
    (folder / "now.tsv").write_text(table([("ann", "s3", 1), ("ann", "s4", 2), ("bob", "s9", 3)]))
    model = folder / "plays.elman"
    settings = ("--hidden", "16", "--steps", "60", "--learning-rate", "0.01", "--batch-size", "8", "-q")
    assert run(["fit", "recommend", str(folder / "plays.tsv"), *COLUMNS, *settings, "--out", str(model)]) == 0
    return folder


def test_what_comes_next(here, printed):
    lines = printed("predict", "plays.elman", "--session", "s3,s4,s5", "--top", "2").splitlines()
    assert lines[0] == "session,rank,item,probability"
    assert lines[1].startswith("0,1,s6,") and len(lines) == 3
    rows = json.loads(printed("predict", "plays.elman", "--session", "s3,s4", "--new", "--json"))["rows"]
    assert not {"s3", "s4"} & {row["item"] for row in rows}


def test_a_file_of_sessions(here, printed):
    printed("predict", "plays.elman", "now.tsv", "--top", "1", "--out", "next.csv")
    assert (here / "next.csv").read_text().splitlines()[1].startswith("ann,1,s5,")
    assert json.loads(printed("evaluate", "plays.elman", "now.tsv", "--json"))["rows"] == 1


def test_the_last_event_can_judge(here, printed):
    more = ("--hold", "last", "--steps", "5", "--hidden", "4", "--json", "-q", "--out", "m.elman")
    found = json.loads(printed("fit", "recommend", "plays.tsv", *COLUMNS, *more))
    assert found["rows"] == 60 and set(found["baselines"]) == {"popularity", "markov", "item_knn", "v_sknn"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("fit", "recommend", "plays.tsv", "--session", "user", "--item", "film", "--out", "x"),
            "has no column 'film'",
        ),
        (
            ("fit", "recommend", "plays.tsv", *COLUMNS, "--negatives", "1", "--out", "x"),
            "--negatives must be at least 2",
        ),
        (("predict", "plays.elman"), "either a file of sessions or one --session"),
        (("predict", "plays.elman", "--session", "x9,s"), "holds no item that the model knows"),
        (("predict", "plays.elman", "--session", "s1", "--top", "0"), "--top must be at least 1"),
        (("predict", "plays.elman", "--session", "s1", "--best", "2"), "--best is for"),
        (("predict", "plays.elman", "--session", "s1", "--out", "x.txt"), "can be written"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(refused, arguments, said):
    assert said in refused(*arguments)
