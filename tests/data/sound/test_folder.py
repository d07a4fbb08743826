"""A folder of sounds a label: what is read, what is counted, what is refused."""

import pytest

from elman.data.sound.folder import labelled_sounds, sounds_in
from elman.errors import InputError


def test_labels_are_the_names_of_the_folders(tones, tmp_path):
    files = [tones("no/a.wav"), tones("no/b.FLAC"), tones("yes/a.ogg")]
    tones("._hidden.wav")
    read, labels, notes = labelled_sounds(tmp_path)
    assert (read, labels, notes) == (files, ["no", "no", "yes"], ())
    assert sounds_in(tmp_path) == files
    assert sounds_in(tmp_path / "no") == files[:2]


def test_what_is_not_read_is_counted(tones, tmp_path):
    tones("no/a.wav")
    tones("beside.wav")
    (tmp_path / "no" / "notes.txt").write_text("a")
    (tmp_path / "LICENSE").write_text("a")
    read, _, notes = labelled_sounds(tmp_path)
    assert [path.name for path in read] == ["a.wav"]
    assert notes == (f"3 files in {tmp_path.name} are no sounds of a label and are not read",)


def test_sounds_without_folders_and_folders_without_sounds_are_refused(tones, tmp_path):
    tones("a.wav")
    with pytest.raises(InputError, match="holds sounds, but no folders"):
        labelled_sounds(tmp_path)
    tones("no/a.wav")
    (tmp_path / "yes").mkdir()
    with pytest.raises(InputError, match=r"yes holds no sounds \(.wav, .flac, .ogg, .mp3\)"):
        labelled_sounds(tmp_path)
