"""Pictures, clips and movements: files to a classifier and back."""

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image

from elman.data.pictures.ways import PictureEncoder
from elman.errors import InputError
from elman.tasks.classify import Classifier
from elman.tasks.load import load
from elman.tasks.regress import Regressor
from made_pictures import bars, folder_of_bars, folder_of_clips, spot, write_clip, write_motion


def quick(**settings):
    return Classifier(**{"steps": 40, "hidden": 12, "learning_rate": 2e-2, "batch_size": 16, "members": 1, **settings})


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ELMAN_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of_bars(tmp_path_factory.mktemp("bars"))


@pytest.fixture(scope="module")
def fitted(folder):
    """A model which no test may change."""
    return quick(steps=80).fit(str(folder))


def test_a_folder_of_pictures_is_learnt(fitted):
    assert isinstance(fitted.encoder_, PictureEncoder)
    assert fitted.classes_.tolist() == ["lying", "standing"]
    assert fitted.evaluation_.metrics["accuracy"] > 0.8
    assert set(fitted.evaluation_.baselines) == {"majority", "linear pixels"}
    said = " ".join(fitted.notes_)
    assert "pictures of 8 x 8 pixels in shades of grey are read row by row" in said
    assert fitted.title() == "Label of each picture"


def test_a_file_a_folder_a_list_and_an_array_are_answered(fitted, folder, tmp_path):
    one = fitted.predict(str(folder / "lying" / "0.png"))
    assert one.columns[:3] == ["file", "label", "probability"] and one.height == 1
    every = fitted.predict(folder)
    assert every.height == 48
    assert np.mean([row["label"] in row["file"] for row in every.to_dicts()]) > 0.8
    files = [folder / "lying" / "0.png", folder / "standing" / "0.png"]
    assert fitted.predict(files).shape == (2,)
    x, y = bars(6)
    assert fitted.predict(x).shape == (6,)
    np.savez(tmp_path / "new.npz", x=x, y=y)
    assert fitted.predict(tmp_path / "new.npz").height == 6
    assert fitted.evaluate(tmp_path / "new.npz").rows == 6


def test_a_model_of_pictures_is_saved(fitted, folder, tmp_path):
    again = load(fitted.save(tmp_path / "m"))
    assert again.predict(folder).equals(fitted.predict(folder))
    assert json.loads((tmp_path / "m" / "encoders.json").read_text())["kind"] == "pictures"
    assert again.hints()[0][0] == "predict {} x.png"


@pytest.mark.parametrize("way", ["pixels", "permuted"])
def test_pictures_are_read_pixel_by_pixel(tmp_path, way):
    x, y = bars(64)
    np.savez(tmp_path / "bars.npz", x_train=x, y_train=y, x_test=x[:20], y_test=y[:20])
    model = quick(as_=way, position=4, cell="gru", steps=30).fit(tmp_path / "bars.npz")
    assert model.encoder_.steps == 64 and model.network_.members[0].body.position.shape == (64, 4)
    assert model.evaluation_.rows == 20  # the archive's own part judges
    assert model.evaluate(tmp_path / "bars.npz").metrics == model.evaluation_.metrics
    again = load(model.save(tmp_path / "m"))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_the_report_shows_the_pictures_that_were_mistaken(folder):
    assert "Worst mistakes, seen" in quick(steps=1).fit(folder).report()


def test_rows_that_were_learnt_from_are_noticed(folder):
    model = quick(steps=2).fit(folder)
    assert any("rows were learnt from" in note for note in model.evaluate(folder).notes)


def test_a_broken_picture_stops_the_fit_unless_told_to_go_on(tmp_path):
    folder_of_bars(tmp_path, 8)
    (tmp_path / "lying" / "x.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(InputError, match=r"x\.png is no picture"):
        quick(steps=2).fit(tmp_path)
    model = quick(steps=2, skip_broken=True).fit(tmp_path)
    assert any("WARNING: 1 of 17 pictures cannot be read and are left out" in note for note in model.notes_)
    found = model.predict(tmp_path)
    assert found.height == 17
    assert found.filter(pl.col("file").str.ends_with("x.png"))["label"].to_list() == [None]


def test_pictures_of_any_shape_fit_into_one(tmp_path):
    for at in range(12):
        for name, size in (("wide", (16, 9)), ("tall", (12, 16))):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.new("RGB", size, (20 * at, 100, 50)).save(tmp_path / name / f"{at}.jpg")
    model = quick(steps=3).fit(tmp_path)
    assert model.encoder_.shape in ((9, 16, 3), (16, 12, 3))
    assert any("are scaled into" in note for note in model.notes_)
    small = quick(steps=3, size=6, colour=False).fit(tmp_path)
    assert max(small.encoder_.shape[:2]) == 6 and small.encoder_.shape[2] == 1


def test_settings_that_do_not_fit_are_refused(folder, fitted, tmp_path):
    with pytest.raises(InputError, match="--longest is 3, but pictures are read whole"):
        quick(longest=3).fit(folder)
    with pytest.raises(InputError, match="--position is for pictures"):
        quick(position=3).fit(["a b", "c d"] * 8, [0, 1] * 8)
    with pytest.raises(InputError, match="the model reads pictures, but 'hello there' was given"):
        fitted.predict("hello there")
    with pytest.raises(InputError, match="holds no pictures"):
        fitted.predict(tmp_path)
    with pytest.raises(InputError, match="the pictures have 5 x 3 pixels, but the model reads 8 x 8"):
        fitted.predict(np.zeros((2, 3, 5), np.uint8))
    with pytest.raises(InputError, match="2 pictures have 1 labels"):
        quick().fit(["a.png", "b.png"], ["up"])


def test_numbers_are_learnt_from_pictures(folder):
    files = sorted(folder.glob("*/*.png"))
    y = [float(file.parent.name == "lying") for file in files]
    model = Regressor(steps=20, hidden=8, batch_size=16, members=1).fit([str(file) for file in files], y)
    assert model.predict(files[:3]).shape == (3,)


# Clips.


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return folder_of_clips(tmp_path_factory.mktemp("clips"))


@pytest.mark.parametrize("encoder", ["conv", "convgru"])
def test_a_folder_of_clips_is_learnt(clips, tmp_path, encoder):
    model = quick(steps=25, frame_encoder=encoder, size=16, test_share=0.3, mirror=True).fit(clips)
    assert model.encoder_.shape == (16, 16, 1)
    assert model.evaluation_.metrics["accuracy"] >= 0.5
    assert "The guess over time" in model.report()
    again = load(model.save(tmp_path / "m"))
    found = model.predict(clips)
    assert again.predict(clips).equals(found) and found.height == 20
    assert again.predict(str(clips / "up" / "0.mp4"))["file"][0].endswith("0.mp4")


def test_folders_of_frames_and_clips_of_one_frame_are_clips(tmp_path):
    for name in ("down", "up"):
        for at in range(6):
            place = tmp_path / name / f"clip{at}"
            place.mkdir(parents=True)
            frames = spot(int(name == "up"), at)[: 1 if at == 3 else None]
            for t, frame in enumerate(frames):
                Image.fromarray(frame).save(place / f"{t}.png")
    model = quick(steps=3, size=16).fit(tmp_path)
    assert any("2 of 12 clips have one frame" in note for note in model.notes_)
    assert model.predict(tmp_path / "up").height == 6
    assert model.predict(str(tmp_path / "up" / "clip0")).height == 1


def test_a_broken_clip_stops_the_fit_unless_told_to_go_on(tmp_path):
    folder_of_clips(tmp_path, 6)
    (tmp_path / "up" / "x.mp4").write_bytes(b"no clip at all")
    with pytest.raises(InputError, match=r"x\.mp4 is no clip that can be read"):
        quick(steps=2).fit(tmp_path)
    model = quick(steps=2, size=16, skip_broken=True).fit(tmp_path)
    assert any("WARNING: 1 of 13 clips cannot be read and are left out" in note for note in model.notes_)


def test_clips_of_another_shape_are_read_by_a_fitted_model(clips, tmp_path):
    model = quick(steps=2, size=16, frames=3).fit(clips)
    wide = write_clip(tmp_path / "wide.mp4", np.zeros((9, 36, 64, 3), np.uint8))
    assert model.predict(str(wide)).height == 1
    assert int(model.unlabelled(str(wide)).x.frames.lengths[0]) == 3


# Movements.


def test_movements_are_learnt_from_their_file(tmp_path):
    train = write_motion(tmp_path / "train.ts", 40)
    test = write_motion(tmp_path / "test.ts", 10, begin=100)
    model = quick(steps=60).fit(train, test=test)
    assert model.moves_
    assert model.evaluation_.metrics["accuracy"] > 0.7
    assert model.evaluate(test).rows == 10
    assert model.predict(test).columns[0] == "label"
    assert "The guess over time" in model.report()
    assert not quick(steps=2, augment=False).fit(train).moves_
