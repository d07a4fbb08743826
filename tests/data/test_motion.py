"""Motion files (.ts): sequences and labels, and each line that is something else."""

import pytest

from elman.data.motion import is_motion, read_motion
from elman.errors import InputError

HEAD = "# about\n@problemName x\n@timeStamps false\n@classLabel true left right\n@data\n"


@pytest.fixture
def written(tmp_path):
    def write(text, name="a.ts"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_what_is_a_motion_file(tmp_path):
    assert is_motion("a.ts") and is_motion(tmp_path / "A.TS")
    assert not is_motion("a.csv") and not is_motion(["a.ts"])


def test_sequences_and_their_labels(written):
    found = read_motion(written(HEAD + "1,2,3:4,5,6:left\n\n-1e2, 0.5 ,7:1,1,1: right \n"))
    assert found.x.row(0).tolist() == [[1, 4], [2, 5], [3, 6]]
    assert found.x.row(1).tolist() == [[-100, 1], [0.5, 1], [7, 1]]
    assert found.y.tolist() == ["left", "right"]


def test_one_feature_and_no_header(written):
    found = read_motion(str(written("1,2:a\n3,4:b")))
    assert found.x.row(1).tolist() == [[3], [4]]
    assert found.y.tolist() == ["a", "b"]


def test_rows_may_have_different_lengths(written):
    found = read_motion(written("1,2,3:4,5,6:a\n1:2:b\n"))
    assert found.x.lengths.tolist() == [3, 1]


def test_labels_that_are_numbers_stay_words(written):
    assert read_motion(written("1,2:1.0\n3,4:2.0")).y.tolist() == ["1.0", "2.0"]


def test_lines_of_windows_are_read(written):
    assert read_motion(written(HEAD.replace("\n", "\r\n") + "1,2:a\r\n")).y.tolist() == ["a"]


def test_without_labels(written):
    path = written("@classLabel false\n@data\n1,2:3,4\n5,6:7,8\n")
    with pytest.raises(InputError, match=r"a.ts says that it has no labels, but they are what is learnt"):
        read_motion(path)
    found = read_motion(path, labelled=False)
    assert found.x.row(0).tolist() == [[1, 3], [2, 4]]
    assert len(found.y) == 0
    with_labels = read_motion(written(HEAD + "1,2:3,4:left\n"), labelled=False)
    assert with_labels.x.row(0).tolist() == [[1, 3], [2, 4]]
    assert len(with_labels.y) == 0


@pytest.mark.parametrize(
    "line",
    ["1,?,3:4,5,6:a", "1,2:4,5,6:a", "1,x:a", "1,,2:a", ":a", "alone", "(0,1),(1,2):a", "1,2::a"],
)
def test_a_line_that_is_something_else_is_named(written, line):
    with pytest.raises(InputError, match=r"line 7 of a.ts is .*, but lists of numbers of one length"):
        read_motion(written(HEAD + f"1,2:a\n{line}\n"))


def test_a_missing_value_is_to_be_filled(written):
    with pytest.raises(InputError, match=r"line 1 of a.ts is .*1,\?:a.* a missing value \(\?\) must be filled"):
        read_motion(written("1,?:a"))


def test_time_stamps_are_refused(written):
    with pytest.raises(InputError, match=r"a.ts has time stamps, which are not read"):
        read_motion(written("@timestamps TRUE\n@data\n(0,1),(1,2):a\n"))


def test_what_is_not_finite_or_uneven_is_refused(written):
    with pytest.raises(InputError, match="sequence 1 holds NaN"):
        read_motion(written("1,2:a\n3,NaN:a"))
    with pytest.raises(InputError, match=r"sequence 1 has shape \(2, 2\), but sequence 0 has \(2, 1\)"):
        read_motion(written("1,2:a\n1,2:3,4:a"))


@pytest.mark.parametrize("text", ["", HEAD, "\n\n"])
def test_a_file_without_sequences_is_refused(written, text):
    with pytest.raises(InputError):
        read_motion(written(text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no such file|there is no"):
        read_motion(tmp_path / "none.ts")
