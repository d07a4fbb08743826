"""Voice commands: a folder of sounds to a classifier and back, with made sweeps for words."""

import json

import numpy as np
import polars as pl
import pytest
import soundfile
import torch

from elman.data.sound.features import SoundEncoder
from elman.data.sound.recordings import Recordings
from elman.errors import InputError
from elman.tasks import sounds
from elman.tasks.classify import Classifier
from elman.tasks.load import load
from elman.tasks.regress import Regressor

SWEEPS = {"down": (1600, 400), "flat": (800, 800), "up": (400, 1600)}


def sweep(word, seed, rate=8000):
    """A tone from one frequency to another, of a speaker's own pitch, pace and noise."""
    draw = np.random.default_rng([seed, len(word)])
    first, last = np.array(SWEEPS[word]) * draw.uniform(0.8, 1.25)
    hertz = np.linspace(first, last, round(rate * draw.uniform(0.25, 0.45)))
    wave = 0.3 * np.sin(2 * np.pi * hertz.cumsum() / rate)
    return (wave + draw.normal(0, 0.005, len(wave))).astype(np.float32)


def commands(folder, count=16, begin=0):
    """A subfolder a word; files are named speaker_number.wav."""
    for word in SWEEPS:
        (folder / word).mkdir(parents=True, exist_ok=True)
        for at in range(begin, begin + count):
            soundfile.write(folder / word / f"{'abcd'[at % 4]}_{at}.wav", sweep(word, at), 8000)
    return folder


def quick(**settings):
    return Classifier(
        **{"steps": 40, "hidden": 12, "learning_rate": 2e-2, "batch_size": 16, "weight_decay": 0.0, **settings}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return commands(tmp_path_factory.mktemp("commands"))


@pytest.fixture(scope="module")
def fitted(folder):
    """A model which no test may change."""
    return quick().fit(str(folder))


def test_a_folder_of_sounds_is_learnt(fitted):
    assert isinstance(fitted.encoder_, SoundEncoder)
    assert fitted.classes_.tolist() == list(SWEEPS)
    assert fitted.evaluation_.metrics["accuracy"] > 0.8
    assert set(fitted.evaluation_.baselines) == {"majority", "summaries"}
    said = "\n".join(fitted.notes_)
    assert "sounds are read at 8,000 Hz and have 0.3" in said
    assert "3 labels: down (16), flat (16), up (16)" in said


def test_the_network_alone_learns_too(folder, tmp_path):
    new = commands(tmp_path, 4, begin=50)
    model = quick(blend=False, test_share=0.0, steps=80).fit(folder)
    assert model.weights_[1] == 0
    assert model.evaluate(new).metrics["accuracy"] > 0.8


def test_given_parts_are_read_as_they_are(folder, tmp_path):
    valid, test = commands(tmp_path / "valid", 2, begin=60), commands(tmp_path / "test", 3, begin=70)
    model = quick(steps=5).fit(folder, valid=valid, test=test)
    assert model.evaluation_.rows == 9
    assert "48 rows train, 6 choose when to stop, 9 judge" in model.notes_


def test_files_folders_tables_and_lists_are_answered(fitted, folder, tmp_path, monkeypatch):
    file = folder / "up" / "a_0.wav"
    one = fitted.predict(str(file))
    assert one.columns == ["file", "label", "probability", "p_down", "p_flat", "p_up"]
    assert one["file"].to_list() == [str(file)]
    assert one["p_up"][0] == pytest.approx(fitted.predict_proba([file])[0, 2])
    every = fitted.predict(folder)
    assert every["file"].to_list() == [str(path) for path in sorted(folder.glob("*/*.wav"))]
    truth = [path.parent.name for path in sorted(folder.glob("*/*.wav"))]
    assert (every["label"] == pl.Series(truth)).mean() > 0.8
    assert fitted.predict([str(file), file]).tolist() == one["label"].to_list() * 2
    monkeypatch.chdir(folder)
    (tmp_path / "list.csv").write_text(f"path,note\n{file},x\n")
    assert fitted.predict(tmp_path / "list.csv")["label"][0] == one["label"][0]
    assert fitted.predict(pl.DataFrame({"path": ["up/a_0.wav"], "note": ["x"]}))["label"][0] == one["label"][0]
    assert fitted.predict(pl.DataFrame({"x": ["up/a_0.wav"]}))["file"][0] == "up/a_0.wav"
    with pytest.raises(InputError, match="name the one that holds the files of sound 'file' or 'sound'"):
        fitted.predict(pl.DataFrame({"x": ["up/a_0.wav"], "y": ["b"]}))


def test_sounds_that_cannot_be_judged_keep_their_rows(fitted, folder, tmp_path):
    soundfile.write(tmp_path / "a.wav", sweep("up", 3), 8000)
    soundfile.write(tmp_path / "b.wav", np.zeros(800), 8000)
    (tmp_path / "c.wav").write_bytes(b"")
    frame = fitted.predict(tmp_path)
    assert [path.rpartition("/")[2] for path in frame["file"]] == ["a.wav", "b.wav", "c.wav"]
    assert frame["label"][0] is not None
    assert frame["label"][1:].to_list() == frame["probability"][1:].to_list() == [None, None]
    files = sorted(tmp_path.iterdir())
    assert fitted.predict(files).tolist() == [frame["label"][0], None, None]
    assert np.isnan(fitted.predict_proba(files)).any(1).tolist() == [False, True, True]
    with pytest.raises(InputError, match=r"c.wav holds no samples"):
        fitted.predict(tmp_path / "c.wav")
    with pytest.raises(InputError, match=r"b.wav is silent"):
        fitted.predict(tmp_path / "b.wav")


def test_other_rates_channels_and_widths_give_the_same_label(fitted, tmp_path):
    wave = sweep("up", 3, rate=48_000)
    soundfile.write(tmp_path / "a.wav", wave, 48_000, subtype="PCM_24")
    soundfile.write(tmp_path / "b.flac", np.column_stack([wave, wave]), 48_000)
    soundfile.write(tmp_path / "c.ogg", wave, 48_000)
    frame = fitted.predict(tmp_path)
    assert len(set(frame["label"])) == 1
    assert np.ptp(frame["p_up"].to_numpy()) < 0.1


def test_saved_and_loaded_it_answers_alike(fitted, folder, tmp_path):
    fitted.save(tmp_path / "m")
    again = load(tmp_path / "m")
    file = folder / "down" / "b_1.wav"
    assert again.predict(file).equals(fitted.predict(file))
    assert again.evaluate(folder).metrics == pytest.approx(fitted.evaluate(folder).metrics)
    assert json.loads((tmp_path / "m" / "encoders.json").read_text())["kind"] == "sound"
    page = (tmp_path / "m" / "report.html").read_text()
    assert "Label of each sound" in page
    assert "What it looked at" not in page
    again.fit(folder)
    assert again.plan_.last == fitted.plan_.last


def test_left_out_sounds_are_said(folder, tmp_path):
    own = commands(tmp_path, 6)
    soundfile.write(own / "up" / "none.wav", np.zeros(0), 8000)
    soundfile.write(own / "up" / "still.wav", np.zeros(4000), 16_000)
    (own / "README").write_text("words")
    model = quick(steps=2).fit(own)
    said = "\n".join(model.notes_)
    assert "1 files in " in said
    assert f"1 of 20 sounds hold no samples and are left out: {own / 'up' / 'none.wav'}" in said
    assert f"1 of 20 sounds are silent and are left out: {own / 'up' / 'still.wav'}" in said
    assert "the sounds have 8,000 Hz (18), 16,000 Hz (1) and are read at 8,000 Hz" in said
    assert "3 labels: down (6), flat (6), up (6)" in said


def test_speakers_stay_in_one_part(folder):
    model = quick(by_speaker=True, valid_share=0.25, test_share=0.25)
    model.meet(folder, None)
    data = model.read(folder, None)
    assert isinstance(data.x, Recordings)
    parts, _ = model.parted(data, np.zeros(len(data), np.int64), folder, None, None)
    speakers = {name: {path.rpartition("/")[2][0] for path in part.x.names} for name, part in parts.items()}
    assert sorted("".join("".join(sorted(one)) for one in speakers.values())) == list("abcd")
    assert len(speakers["train"]) == 2
    model = quick(by_speaker=True, valid_share=0.25, test_share=0.25, steps=2).fit(folder)
    assert "speakers: 2 train, 1 choose when to stop, 1 judge" in model.notes_


def test_many_sounds_have_fewer_takes(folder, monkeypatch):
    counts = []
    for most in (2**28, 130_000, 1):
        monkeypatch.setattr(sounds, "MOST_TAKEN", most)
        examples = quick().prepare(folder, None, None, quick().config()).train
        counts.append(len(examples.x.takes))
    assert counts[0] == 5
    assert 1 < counts[1] < 5
    assert counts[2] == 1
    short = quick(longest=7)
    assert int(short.prepare(folder, None, None, short.config()).train.batch(torch.arange(4)).inputs["x"].shape[0]) < 9


def test_equal_sounds_stay_in_one_part(tmp_path):
    for at in range(12):
        for word in ("up", "down"):
            (tmp_path / word).mkdir(exist_ok=True)
            soundfile.write(tmp_path / word / f"{at}.wav", sweep(word, at // 3), 8000)
    model = quick()
    model.meet(tmp_path, None)
    data = model.read(tmp_path, None)
    parts, _ = model.parted(data, np.zeros(len(data), np.int64), tmp_path, None, None)
    held = [set(model.keys(part)) for part in parts.values()]
    assert sum(map(len, held)) == len(set.union(*held)) == 8


def test_augmentation_and_its_absence(folder):
    learnt = {}
    for augment in (True, False):
        model = quick(augment=augment)
        examples = model.prepare(folder, None, None, model.config()).train
        torch.manual_seed(0)
        first = examples.batch(torch.arange(8)).inputs["x"]
        again = examples.batch(torch.arange(8)).inputs["x"]
        learnt[augment] = first.shape == again.shape and torch.equal(first, again)
    assert learnt == {True: False, False: True}


@pytest.mark.parametrize("settings", [{"features": "mel", "deltas": False}, {"features": "mel"}, {"bands": 20}])
def test_other_features(folder, settings):
    model = quick(steps=2, **settings).fit(folder)
    own = settings.get("bands", 40) if settings.get("features") == "mel" else 13
    assert model.encoder_.features == own * (3 if model.config_.deltas else 1) * model.encoder_.stack
    assert model.change() is not None


def test_a_table_of_sounds_with_labels_or_numbers(folder, monkeypatch):
    monkeypatch.chdir(folder)
    files = sorted(folder.glob("*/*.wav"))
    frame = pl.DataFrame(
        {
            "clip": [str(file.relative_to(folder)) for file in files],
            "word": [file.parent.name for file in files],
            "high": [float(SWEEPS[file.parent.name][1]) for file in files],
        }
    )
    model = quick(sound="clip", label="word", steps=5).fit(frame)
    assert model.classes_.tolist() == list(SWEEPS)
    assert model.predict(frame)["file"].to_list() == frame["clip"].to_list()
    numbers = Regressor(sound="clip", target="high", steps=5, hidden=8).fit(frame)
    found = numbers.predict(frame)
    assert found.columns == ["file", "high"]
    assert found["high"].dtype == pl.Float64
    labels = quick(steps=5).fit(files, frame["word"].to_list())
    assert labels.classes_.tolist() == list(SWEEPS)


def test_texts_and_sounds_are_not_taken_for_one_another(fitted, folder, tmp_path):
    with pytest.raises(InputError, match="the model reads sounds, but 'turn left' was given: give a file"):
        fitted.predict("turn left")
    with pytest.raises(InputError, match="the model reads sounds, but texts or numbers were given"):
        fitted.encoded(["a text"])
    texts = Classifier(steps=2, hidden=4).fit(["a b", "c d", "a c", "b d"], [0, 1, 0, 1])
    with pytest.raises(InputError, match="the model reads texts or numbers, but files were given"):
        texts.encoded(fitted.read(folder, None).x)
    with pytest.raises(InputError, match="holds no sounds"):
        fitted.predict(tmp_path)
    with pytest.raises(InputError, match=r"there is no file .*x.wav"):
        fitted.predict(str(tmp_path / "x.wav"))
    with pytest.raises(InputError, match="1 of 2 files are absent"):
        fitted.predict([str(tmp_path / "x.wav"), folder / "up" / "a_0.wav"])
    with pytest.raises(InputError, match="2 sounds have 1 labels"):
        quick().fit(["a.wav", "b.wav"], ["up"])


def test_settings_are_checked():
    for settings, flag in (({"rate": 10}, "--rate"), ({"bands": 5}, "--bands")):
        with pytest.raises(InputError, match=flag):
            quick(**settings).config()
