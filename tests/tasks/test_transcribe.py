"""The transcriber: sounds in, texts out, saved and read again. A word is a tone."""

import random
import sys

import numpy as np
import polars as pl
import pytest
import torch

from elman.errors import InputError, MissingDependency
from elman.tasks.load import load
from elman.tasks.transcribe import Transcriber

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("jiwer")

RATE = 8000
TONES = {"a": 300.0, "b": 700.0, "c": 1500.0}


def wave(words, seed=0):
    noise = np.random.default_rng(seed)
    parts = []
    for word in words:
        seconds = noise.uniform(0.08, 0.12)
        parts.append(0.5 * np.sin(2 * np.pi * TONES[word] * np.arange(round(seconds * RATE)) / RATE))
        parts.append(np.zeros(round(noise.uniform(0.03, 0.06) * RATE)))
    whole = np.concatenate(parts)
    return whole + 0.003 * noise.standard_normal(len(whole))


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """A manifest of 160 sounds of 1 to 3 words, beside the folder of the sounds."""
    folder = tmp_path_factory.mktemp("spoken")
    (folder / "wav").mkdir()
    draw, lines = random.Random(0), ["file\ttext"]
    for at in range(160):
        words = [draw.choice("abc") for _ in range(draw.randint(1, 3))]
        soundfile.write(folder / "wav" / f"{at:03}.wav", wave(words, at), RATE)
        lines.append(f"wav/{at:03}.wav\t{' '.join(words)}")
    path = folder / "manifest.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def quick(**settings):
    return Transcriber(
        **{"sound": "file", "text": "text", "hidden": 24, "steps": 150, "dropout": 0.0, "bands": 20, "layers": 1,
           "learning_rate": 1e-2, "batch_size": 16, "target_level": "word", "valid_share": 0.2, "test_share": 0.2,
           "patience": 0, **settings}
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted(manifest):
    return quick().fit(manifest)


def truth(manifest):
    return pl.read_csv(manifest, separator="\t")


def test_what_was_learnt_is_written(fitted, manifest):
    assert fitted.evaluation_.metrics["wer"] < 0.2
    assert set(fitted.evaluation_.baselines) == {"most_frequent", "empty"}
    frame = fitted.predict(manifest)
    assert frame["file"].to_list() == truth(manifest)["file"].to_list()
    right = sum(a == b for a, b in zip(frame["text"], truth(manifest)["text"], strict=True))
    assert right > 110
    assert ">When it was heard<" in fitted.report()


def test_a_saved_model_says_the_same(fitted, manifest, tmp_path):
    again = load(fitted.save(tmp_path / "m.elman"))
    assert isinstance(again, Transcriber)
    assert again.predict(manifest).equals(fitted.predict(manifest))
    assert again.evaluate(manifest).metrics == fitted.evaluate(manifest).metrics


def test_a_file_a_list_a_folder_and_waves_are_heard_alike(fitted, manifest):
    folder = manifest.parent / "wav"
    files = sorted(folder.iterdir())
    texts = fitted.predict(files)
    assert fitted.predict(folder)["text"].to_list() == texts == fitted.predict(manifest)["text"].to_list()
    one = fitted.predict(str(files[0]))
    assert one.columns == ["file", "text"] and one["text"].to_list() == texts[:1]
    frame = fitted.predict(pl.DataFrame({"file": [str(path) for path in files[:2]]}))
    assert frame["text"].to_list() == texts[:2]
    found = fitted.transcripts([torch.from_numpy(wave("ab")).float(), wave("c")])
    wrong = (np.zeros((80, 2)), r"shape \(80, 2\)"), ([], r"shape \(0,\)"), ([np.nan], "NaN or infinity")
    for bad, said in wrong:
        with pytest.raises(InputError, match=f"wave 1 has {said}, but samples"):
            fitted.transcripts([wave("c"), bad])
    assert found == ["a b", "c"]


@pytest.mark.parametrize(
    "settings",
    [
        {"by": "attention", "attention": "multiplicative"},
        {"by": "both", "stack": 2, "join": 2, "layers": 2},
        {"cell": "gru", "speed": 0.0, "noise": 0.0, "mask": 0.0, "target_level": "char"},
    ],
)
def test_options_learn(manifest, settings):
    model = quick(steps=30, **settings).fit(manifest)
    history = model.training_.history
    assert history[-1]["loss"] < history[0]["loss"]
    ranked = model.written(model.encoder_.encode([torch.from_numpy(wave("abc")).float()]), 3)[0]
    assert 1 < len(ranked) <= 3 and [one.score for one in ranked] == sorted((one.score for one in ranked), reverse=True)
    assert "When it was heard" in model.report()


def test_both_weighs_what_attention_found_by_ctc(manifest):
    model = quick(by="both", steps=20, ctc_share=0.999).fit(manifest)
    rows = model.encoder_.encode([torch.from_numpy(wave("abc")).float()])
    found = model.written(rows, 5)[0]
    _, said, lengths = next(model._said(rows, model.network_))
    from elman.nn.ctc import ctc_costs

    costs = [
        float(ctc_costs(said, lengths, torch.tensor(one.symbols).long()[:, None], torch.tensor([len(one.symbols)])))
        for one in found
    ]
    assert costs == sorted(costs)


def test_a_text_longer_than_its_sound_is_said_and_left_out(manifest, tmp_path):
    table = truth(manifest).with_columns(file=str(manifest.parent) + "/" + pl.col("file"))
    table = table.with_columns(text=pl.when(pl.int_range(160) < 8).then(pl.lit("a " * 200)).otherwise(pl.col("text")))
    path = tmp_path / "long.csv"
    table.write_csv(path)
    model = quick(steps=2, valid_share=0.1, test_share=0.1).fit(path, valid=manifest, test=manifest)
    assert any("8 of 160 sounds are too short for ctc" in note and "--stack" in note for note in model.notes_)
    assert any("160 sounds train" in note for note in model.notes_)
    free = quick(steps=2, by="attention", test_share=0.0).fit(path)
    assert not any("too short" in note for note in free.notes_)
    with pytest.raises(InputError, match="160 of 160 sounds are too short for ctc to say their texts: give a smaller"):
        quick(steps=2).fit(table.with_columns(text=pl.lit("a b " * 200)), valid=manifest, test=manifest)


def test_absent_files_are_all_listed(manifest, tmp_path):
    path = tmp_path / "absent.tsv"
    path.write_text("file\ttext\nno1.wav\ta\nno2.wav\tb\n")
    with pytest.raises(InputError, match=r"2 of 2 files are absent: .*no1.wav, .*no2.wav"):
        quick().fit(path)


def test_empty_sides_and_silence_are_counted_and_a_silent_sound_says_nothing(fitted, manifest, tmp_path):
    table = truth(manifest).with_columns(file=str(manifest.parent) + "/" + pl.col("file"))
    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    odd = pl.DataFrame({"file": [str(tmp_path / "silent.wav"), table["file"][0], ""], "text": ["a", " ", "b"]})
    model = quick(steps=2, test_share=0.0).fit(pl.concat([table, odd]))
    assert any("2 of 163 rows have an empty side" in note for note in model.notes_)
    assert any("1 of 161 sounds are silent" in note for note in model.notes_)
    assert fitted.predict(odd)["text"].to_list() == ["", fitted.predict([table["file"][0]])[0], ""]
    with pytest.raises(InputError, match="silent"):
        fitted.predict(str(tmp_path / "silent.wav"))


def test_bad_settings_and_sources_are_one_sentence(fitted, manifest, tmp_path):
    with pytest.raises(InputError, match="--by must be ctc, attention or both"):
        quick(by="ear").fit(manifest)
    with pytest.raises(InputError, match="--stack must be at least 1"):
        quick(stack=0).fit(manifest)
    with pytest.raises(InputError, match="has no column 'words'"):
        quick(text="words").fit(manifest)
    with pytest.raises(InputError, match="nothing to listen to"):
        fitted.predict(None)
    with pytest.raises(InputError, match="holds no files"):
        fitted.predict(tmp_path)


def test_a_missing_scorer_is_said_before_the_training(manifest, monkeypatch):
    monkeypatch.setitem(sys.modules, "jiwer", None)
    model = quick()
    with pytest.raises(MissingDependency, match="pip install 'elman\\[sound\\]'"):
        model.fit(manifest)
    assert not hasattr(model, "network_")


def test_the_alarm_knows_blanks_and_sameness(manifest):
    model = quick(steps=1, test_share=0.0, average=0.0, learning_rate=1e-6).fit(manifest)
    prepared = model.prepare(manifest, None, None, model.config())
    head = model.network_.head
    with torch.no_grad():
        head.weight.zero_()
        head.bias[0] = 20.0
        assert "nothing but blanks (100.0 % of the steps)" in model.alarm(model.network_, prepared.valid)
        head.bias[2] = 40.0
        assert "get the same answer" in model.alarm(model.network_, prepared.valid)


def test_a_trained_network_sets_off_no_alarm(fitted, manifest):
    prepared = fitted.prepare(manifest, None, None, fitted.config())
    assert fitted.alarm(fitted.network_, prepared.valid) is None


@pytest.mark.parametrize("by", ["ctc", "attention"])
def test_what_was_heard_is_explained_by_when_it_sounds(manifest, fitted, by, tmp_path):
    model = fitted if fitted.config_.by == by else quick(by=by, steps=20).fit(manifest)
    soundfile.write(tmp_path / "a.wav", np.concatenate([wave("a"), np.zeros(RATE)]), RATE)
    found = model.explain(str(tmp_path / "a.wav"))
    assert found.facts["total"] == pytest.approx(found.facts["difference"], rel=0.02)
    sounding = sum(abs(part["integrated_gradients"]) for part in found.facts["parts"][:10])
    assert sounding > 0.3 * sum(abs(part["integrated_gradients"]) for part in found.facts["parts"])
    assert found.facts["file"].endswith("a.wav") and {"time", "attention"} <= set(found.plots)
    assert ("hidden" in found.plots) == (by == "attention")
    with pytest.raises(InputError, match="--row is 9"):
        model.explain(str(tmp_path / "a.wav"), 9)
