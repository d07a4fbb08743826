"""A folder of files a label: what is read, what is counted, what is refused."""

import pytest

from elman.data.folder import files_in, labelled_files, names, names_alike
from elman.errors import InputError

SOUNDS = (".wav", ".flac", ".ogg", ".mp3")


@pytest.fixture
def tones(tmp_path):
    """Write an empty file of a name."""

    def write(name):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
        return tmp_path / name

    return write


def test_labels_are_the_names_of_the_folders(tones, tmp_path):
    files = [tones("no/a.wav"), tones("no/b.FLAC"), tones("yes/a.ogg")]
    tones("._hidden.wav")
    read, labels, notes = labelled_files(tmp_path, SOUNDS, "sounds")
    assert (read, labels, notes) == (files, ["no", "no", "yes"], ())
    assert files_in(tmp_path, SOUNDS) == files
    assert files_in(tmp_path / "no", SOUNDS) == files[:2]


def test_what_is_not_read_is_counted(tones, tmp_path):
    tones("no/a.wav")
    tones("beside.wav")
    (tmp_path / "no" / "notes.txt").write_text("a")
    (tmp_path / "LICENSE").write_text("a")
    read, _, notes = labelled_files(tmp_path, SOUNDS, "sounds")
    assert [path.name for path in read] == ["a.wav"]
    assert notes == (f"3 files in {tmp_path.name} are no sounds of a label and are not read",)


def test_sounds_without_folders_and_folders_without_sounds_are_refused(tones, tmp_path):
    tones("a.wav")
    with pytest.raises(InputError, match="holds sounds, but no folders"):
        labelled_files(tmp_path, SOUNDS, "sounds")
    tones("no/a.wav")
    (tmp_path / "yes").mkdir()
    with pytest.raises(InputError, match=r"yes holds no sounds \(.wav, .flac, .ogg, .mp3\)"):
        labelled_files(tmp_path, SOUNDS, "sounds")


def test_files_are_known_by_their_names(tones):
    assert names("x.wav", SOUNDS) and names("a/b.MP3", SOUNDS) and names(str(tones("two words.wav")), SOUNDS)
    assert not names("two words.wav", SOUNDS) and not names("x.csv", SOUNDS)
    assert not names("a" * 5000 + " .wav", SOUNDS) and not names("a\0 .wav", SOUNDS)
    assert names_alike(["a.wav", "b.ogg"], SOUNDS) and names_alike("a.wav", SOUNDS)
    assert not names_alike([], SOUNDS) and not names_alike(["a.wav", 3], SOUNDS)
