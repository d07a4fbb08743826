"""Why a label or a number is what it is: the word, the channel and the pixels that a made set was labelled by."""

import numpy as np
import polars as pl
import pytest
import soundfile
from PIL import Image

from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tasks.regress import Regressor
from made_pictures import folder_of_bars, folder_of_clips

QUICK = {"hidden": 8, "batch_size": 16}


def reviews(rows=160):
    rng = np.random.default_rng(0)
    filler = ["room", "staff", "pool", "bed", "desk", "view", "door"]
    words = [list(rng.choice(filler, 6)) for _ in range(rows)]
    good = rng.random(rows) < 0.5
    for own, is_good in zip(words, good, strict=True):
        own[int(rng.integers(6))] = "lovely" if is_good else "dirty"
    labels = np.where(good, "pos", "neg")
    return pl.DataFrame({"text": [" ".join(own) for own in words], "mood": labels, "stars": np.where(good, 5.0, 1.0)})


@pytest.fixture(scope="module")
def moods():
    return Classifier(text="text", label="mood", steps=80, **QUICK).fit(reviews())


@pytest.mark.parametrize(
    ("text", "word", "label"), [("room bed lovely door", "lovely", "pos"), ("dirty view", "dirty", "neg")]
)
def test_the_word_that_a_text_is_labelled_by_comes_first(moods, text, word, label):
    explained = moods.explain(text)
    assert explained.facts["answer"].startswith(label)
    assert explained.table.rows[0][0] == word and explained.table.rows[0][2] > 0
    assert explained.sentence.startswith(f"For {label} (") and f"speaks most {word} (+" in explained.sentence
    parts = explained.facts["parts"]
    assert [part["part"] for part in parts] == text.split()
    assert sum(part["integrated_gradients"] for part in parts) == pytest.approx(explained.facts["total"])
    assert explained.facts["total"] == pytest.approx(explained.facts["difference"], rel=0.01)
    assert any("the network alone is explained" in note for note in explained.notes) == bool(moods.weights_[1])


def test_a_row_of_a_table_and_what_units_are_moved_by(moods, tmp_path):
    path = tmp_path / "reviews.csv"
    reviews().write_csv(path)
    explained = moods.explain(str(path), 3)
    assert explained.facts["row"] == 3 and [p["part"] for p in explained.facts["parts"]] == reviews()["text"][2].split()
    moved = explained.facts["units"]
    assert {"lovely", "dirty"} & set(moved[0]["symbols"])
    with pytest.raises(InputError, match="--row is 161, but there are rows 1 to 160"):
        moods.explain(str(path), 161)


def test_several_networks_and_words_alike_add_up_too():
    model = Classifier(text="text", label="mood", steps=60, members=2, pool="max", **QUICK).fit(reviews())
    explained = model.explain("bed bed lovely bed")
    assert explained.facts["total"] == pytest.approx(explained.facts["difference"], rel=0.01)
    assert {"bed (1)", "bed (2)", "lovely (3)"} <= {row[0] for row in explained.table.rows}
    assert len(explained.table.columns) == 3  # without attention


def test_of_a_number_the_word_has_its_share():
    model = Regressor(text="text", target="stars", steps=80, blend=False, **QUICK).fit(reviews())
    explained = model.explain("room lovely bed")
    assert explained.facts["answer"].startswith("stars ") and explained.notes == ()
    assert explained.table.rows[0][0] == "lovely"
    assert explained.facts["total"] == pytest.approx(explained.facts["difference"], rel=0.01)


def waves(rows=90):
    """Of three channels the second tells the class, in the last third."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(rows, 12, 3)), rng.integers(0, 2, rows)
    x[:, 8:, 1] += 3.0 * (2 * y[:, None] - 1)
    return x, np.array(["down", "up"])[y]


def motion(path, x, y):
    lines = ["@problemName made", "@classLabel true down up", "@data"]
    for row, label in zip(x, y, strict=True):
        lines.append(":".join(",".join(f"{value:.4f}" for value in channel) for channel in row.T) + f":{label}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_the_channel_and_the_third_that_matter_come_first(tmp_path):
    x, y = waves()
    model = Classifier(steps=120, **QUICK).fit(x, y)
    one = model.explain(x[:1])
    assert one.facts["parts"][1]["part"] == "channel 2" and "importance" not in one.facts
    assert one.table.rows[0][0] == "channel 2"
    assert one.facts["total"] == pytest.approx(one.facts["difference"], rel=0.01)
    found = model.explain(str(motion(tmp_path / "made.ts", x, y)), 5)
    ranked = list(found.facts["importance"])
    assert set(ranked[:2]) == {"channel 2", "last third"}
    assert found.facts["importance"]["channel 2"]["low"] > found.facts["importance"]["channel 1"]["high"]
    assert found.sentence.startswith("The answers rest most on ")
    assert "channel 2" in {unit["signal"] for unit in found.facts["units"]}


@pytest.mark.parametrize("way", ["rows", "permuted"])
def test_the_pixels_of_a_picture_are_put_in_their_places(way, tmp_path):
    """Two pictures differ in one corner, and there alone does what hiding a patch takes away differ most."""
    folder = folder_of_bars(tmp_path / "bars", 12)
    model = Classifier(as_=way, steps=20, augment=False, blend=False, learning_rate=2e-2, **QUICK).fit(str(folder))
    found = model.explain(str(folder), 1)
    assert found.facts["total"] == pytest.approx(found.facts["difference"], rel=0.01, abs=1e-6)
    assert set(found.plots) == {"pixels", "patches", "through_time"} and len(found.facts["parts"]) == 64
    alone = np.full((8, 8), 30, np.uint8)
    bright = alone.copy()
    bright[0, 7] = 255
    parts = []
    for name, picture in (("plain", alone), ("bright", bright)):
        Image.fromarray(picture).save(tmp_path / f"{name}.png")
        parts.append(model.explain(str(tmp_path / f"{name}.png")).facts["parts"])
    moved = [abs(b["hidden"] - a["hidden"]) for a, b in zip(*parts, strict=True)]
    assert parts[0][int(np.argmax(moved))]["part"] == "rows 1-1, columns 8-8"


def test_the_frames_of_a_clip_are_told_apart(tmp_path, monkeypatch):
    monkeypatch.setenv("ELMAN_CACHE", str(tmp_path / "cache"))
    folder = folder_of_clips(tmp_path / "clips", 5)
    model = Classifier(steps=6, augment=False, **QUICK).fit(str(folder))
    found = model.explain(str(folder / "up" / "0.mp4"))
    assert [part["part"] for part in found.facts["parts"]] == [f"frame {at}" for at in range(1, 7)]
    assert found.facts["total"] == pytest.approx(found.facts["difference"], rel=0.02, abs=1e-4)
    assert set(found.plots) == {"frames", "pixels", "through_time"} and "units" not in found.facts


def test_a_sound_is_explained_by_its_bands(tmp_path):
    rng = np.random.default_rng(0)
    for at in range(16):
        for name, hertz in (("low", 300), ("high", 2000)):
            (tmp_path / "tones" / name).mkdir(parents=True, exist_ok=True)
            t = np.arange(4000) / 8000
            wave = 0.5 * np.sin(2 * np.pi * hertz * t) + 0.01 * rng.normal(size=4000)
            soundfile.write(tmp_path / "tones" / name / f"{at}.wav", wave, 8000)
    model = Classifier(features="mel", bands=13, deltas=False, steps=30, augment=False, **QUICK)
    found = model.fit(str(tmp_path / "tones")).explain(str(tmp_path / "tones"))
    names = [part["part"] for part in found.facts["parts"]]
    assert len(names) == 13 and all(name.endswith(" Hz") for name in names)
    assert {"first third", "middle third", "last third", *names} == set(found.facts["importance"])
    assert found.facts["total"] == pytest.approx(found.facts["difference"], rel=0.01, abs=1e-6)
    assert found.title.endswith(".wav")
