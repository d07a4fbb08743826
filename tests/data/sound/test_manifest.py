"""A table of sounds with their texts: where files are sought, what is left out, what is refused."""

import polars as pl
import pytest
import torch

from elman.data.sound.manifest import read_manifest
from elman.errors import InputError


@pytest.fixture
def table(tones, tmp_path):
    """A manifest of five rows, two of which can be used."""
    for name in ("a.wav", "b.wav", "clips/c.wav"):
        tones(name)
    tones("still.wav", loud=0)
    frame = pl.DataFrame(
        {
            "file": ["a.wav", "b.wav", "still.wav", None, "clips/c.wav"],
            "text": ["one", " ", "two", "three", "four"],
        }
    )
    frame.write_csv(tmp_path / "spoken.tsv", separator="\t")
    return tmp_path / "spoken.tsv"


def test_rows_are_read_from_the_folder_of_the_table(table):
    found = read_manifest(table, "file", "text")
    assert found.texts == ["one", "four"]
    assert [name.removeprefix(str(table.parent)) for name in found.recordings.names] == ["/a.wav", "/clips/c.wav"]
    assert found.recordings.kept.tolist() == [0, 4]
    assert found.notes == (
        "2 of 5 rows have an empty side and are left out",
        f"1 of 3 sounds are silent and are left out: {table.parent / 'still.wav'}",
    )
    taken = found.take(torch.tensor([1]))
    assert (len(taken), taken.texts, taken.recordings.kept.tolist()) == (1, ["four"], [4])


def test_without_a_column_of_text(table):
    found = read_manifest(table, "file", None)
    assert (found.texts, len(found)) == ([], 3)
    assert found.recordings.kept.tolist() == [0, 1, 4]
    assert found.notes[0] == "1 of 5 rows have no sound and are left out"
    assert found.take(torch.tensor([2])).texts == []


def test_a_frame_is_read_from_here(table, monkeypatch):
    monkeypatch.chdir(table.parent)
    assert read_manifest({"file": ["a.wav"], "text": ["one"]}, "file", "text").recordings.names == ["a.wav"]


def test_what_is_refused(table):
    with pytest.raises(InputError, match=r"^2 of 3 files are absent: .*x\.wav, .*y\.wav"):
        read_manifest({"file": [str(table.parent / "a.wav"), "x.wav", "y.wav"], "text": list("abc")}, "file", "text")
    with pytest.raises(InputError, match=r"spoken.tsv has no column 'fil' \(did you mean 'file'\?\)"):
        read_manifest(table, "fil", "text")
    with pytest.raises(InputError, match=r"no row of the table has something in columns 'file' and 'text'"):
        read_manifest({"file": ["a.wav", ""], "text": ["", "b"]}, "file", "text")
