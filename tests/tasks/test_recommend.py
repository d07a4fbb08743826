"""The recommender: sessions in, the next items out, saved and read again."""

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.base import clone

from elman.data.sessions.reader import of_names
from elman.errors import InputError
from elman.tasks.load import load
from elman.tasks.recommend import Recommender, last_apart, latest_apart

RING = [f"i{at}" for at in range(20)]


def events(sessions=120, seed=0, first=0):
    """Sessions that go round a ring by a step that two items show, and one does not."""
    random = np.random.default_rng(seed)
    who, what, when = [], [], []
    for session in range(sessions):
        at, step = random.integers(20), random.choice([1, 7])
        for k in range(random.integers(4, 12)):
            who.append(session)
            what.append(RING[(at + k * step) % 20])
            when.append(first + 100 * session + k)
    return {"who": who, "what": what, "when": when}


def quick(**settings):
    return Recommender(
        **{"session": "who", "item": "what", "time": "when", "hidden": 32, "steps": 120, "learning_rate": 1e-2,
           "batch_size": 16, "chunk": 6, "patience": 0, "dropout": 0.0, "input_dropout": 0.0, **settings}
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted():
    return quick().fit(events())


def test_what_needs_more_than_the_last_item_is_learnt(fitted):
    scores, rivals = fitted.evaluation_.metrics, fitted.evaluation_.baselines
    assert set(rivals) == {"popularity", "markov", "item_knn", "v_sknn"}
    assert scores["mrr_20"] > 0.8 > max(found["mrr_20"] for found in rivals.values())
    assert fitted.evaluation_.good
    assert "the sessions that end last judge" in " ".join(fitted.notes_)


def test_the_next_items_of_a_session(fitted):
    frame = fitted.predict([["i3", "i10", "i17"], ["i3", "i4", "i5"]], top=3)
    assert frame.columns == ["session", "rank", "item", "probability"]
    assert frame.filter(pl.col("rank") == 1)["item"].to_list() == ["i4", "i6"]
    assert frame["rank"].to_list() == [1, 2, 3, 1, 2, 3]
    assert (frame["probability"].diff().drop_nulls()[:2] <= 0).all()
    assert fitted.predict(session=" i3, i10 ,i17", top=1)["item"].to_list() == ["i4"]


def test_new_leaves_out_what_was_there(fitted):
    session = [RING[at % 20] for at in range(18)]
    every = fitted.predict([session], top=100)
    assert every.height == 20 and every["probability"].sum() == pytest.approx(1)
    assert set(fitted.predict([session], top=100, new=True)["item"]) == {"i18", "i19"}


def test_a_file_of_sessions_is_gone_on_with(fitted, tmp_path):
    file = tmp_path / "now.csv"
    pl.DataFrame({"who": ["u", "v", "u"], "what": ["i3", "i0", "i4"], "when": [1, 2, 3]}).write_csv(file)
    frame = fitted.predict(file, top=1)
    assert frame["session"].to_list() == ["v", "u"] and frame["item"].to_list()[1] == "i5"


def test_a_saved_model_says_the_same(fitted, tmp_path):
    again = load(fitted.save(tmp_path / "m.elman"))
    assert isinstance(again, Recommender)
    assert again.predict([["i3", "i4"]]).equals(fitted.predict([["i3", "i4"]]))
    new = events(30, seed=9, first=10**6)
    assert again.evaluate(new).metrics == fitted.evaluate(new).metrics
    assert ">Rare and common items<" in fitted.report()


@pytest.mark.parametrize(
    "settings",
    [
        {"objective": "bpr_max"},
        {"objective": "top1_max", "negatives": 8},
        {"negatives": 8, "tied": False, "cell": "lstm", "embedding": 16},
        {"negatives": 8, "logq": False, "repeats": False, "layers": 2},
        {"hold": "last"},
    ],
)
def test_options_learn(settings):
    model = quick(steps=100, **settings).fit(events())
    assert model.training_.history[-1]["loss"] < model.training_.history[0]["loss"]
    assert model.evaluation_.metrics["mrr_20"] > 0.5
    assert clone(model).get_params() == model.get_params()


def test_the_same_seed_gives_the_same_bits():
    once, again = (quick(steps=20, negatives=8).fit(events()) for _ in range(2))
    for a, b in zip(once.network_.state_dict().values(), again.network_.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_items_that_were_not_met_count_as_missed():
    late = events(20, seed=3, first=10**6)
    late["what"] = ["strange" if at % 3 == 0 else name for at, name in enumerate(late["what"])]
    model = quick(steps=5).fit(events(), test=late)
    assert any("were not met in training, and count as missed" in note for note in model.notes_)
    with pytest.raises(InputError, match=r"its last is 'i200' \(did you mean i"):
        model.predict(session="strange,i200")
    assert model.predict(session="strange,i3", top=1).height == 1


def test_the_last_event_or_the_latest_sessions_are_held_back():
    data = of_names([["a"], ["a", "b"], ["a", "b", "c"], ["c", "b", "a", "c"]])
    train, choose, judge = last_apart(data, 0.999, 0)
    assert [train.row(at) for at in range(4)] == [["a"], ["a"], ["a"], ["c", "b"]]
    assert judge.sessions.row(0) == ["a", "b"] and judge.first.tolist() == [1, 2, 3] and judge.own.tolist() == [1, 2, 3]
    assert choose.sessions.row(1) == ["c", "b", "a"] and choose.first.tolist() == [1, 2]
    train, choose, judge = latest_apart(data, 0.25, 0.25)
    assert train.names == ["0", "1"] and choose.sessions.names == ["2"] and judge.sessions.names == ["3"]
    assert judge.first.tolist() == [1]


def test_bad_settings_and_sources_are_one_sentence(fitted):
    with pytest.raises(InputError, match="--negatives must be at least 2"):
        quick(negatives=1).fit(events())
    with pytest.raises(InputError, match="has no column 'user'"):
        quick(session="user").fit(events())
    with pytest.raises(InputError, match="a session of two events and three items are needed"):
        quick().fit({"who": [1, 2, 3], "what": ["a", "b", "c"], "when": [1, 2, 3]})
    with pytest.raises(InputError, match="either a file of sessions or one --session"):
        fitted.predict()
    with pytest.raises(InputError, match="--top must be at least 1"):
        fitted.predict(session="i1", top=0)
    with pytest.raises(InputError, match="the session holds no item"):
        fitted.predict(session=" , ")
    with pytest.raises(InputError, match="no session has two events"):
        fitted.evaluate({"who": [1], "what": ["i1"], "when": [1]})


def test_leaving_out_one_of_the_last_items_costs_most(fitted):
    found = fitted.explain("i3,i4,i5,i6")
    first = fitted.predict([["i3", "i4", "i5", "i6"]])
    assert found.facts["answer"] == first["item"][0]
    assert found.facts["probability"] == pytest.approx(first["probability"][0], abs=1e-5)
    lost, items = found.facts["left_out"], found.facts["items"]
    assert items == ["i3", "i4", "i5", "i6"] and np.argmax(lost) >= 2 and max(lost) > 0
    without = fitted.predict([["i3", "i4", "i5"]], top=20)
    known = dict(zip(without["item"], without["probability"], strict=True))
    told = np.log(found.facts["probability"]) - np.log(known[found.facts["answer"]])
    assert lost[3] == pytest.approx(told, abs=1e-3)
    with pytest.raises(InputError, match="two at least are needed"):
        fitted.explain("i3,unheard of")


def test_a_session_of_a_file_is_explained(fitted):
    assert fitted.explain(events(3, seed=5), 2).facts["items"] == [
        name for name, who in zip(events(3, seed=5)["what"], events(3, seed=5)["who"], strict=True) if who == 1
    ]
