"""Text as it lies in files: nothing lost, and what is wrong named by its place."""

import gzip
import json

import polars as pl
import pytest

from elman.data.text.reader import read_labelled, read_plain, read_tagged, read_texts
from elman.errors import InputError


def test_a_table_gives_texts_and_labels_as_they_stand(tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text('label,review\n1,"good, really"\n0,"  bad\nvery ""bad"" "\n1,很好\n', encoding="utf-8")
    read = read_labelled(path, "review", "label")
    assert read.x == ["good, really", '  bad\nvery "bad" ', "很好"]
    assert read.y.tolist() == ["1", "0", "1"]
    assert read.notes == ()
    assert read_labelled(path, "review", None).y.size == 0


@pytest.mark.parametrize("kind", ["tsv", "jsonl", "parquet", "gz", "frame", "dict"])
def test_every_kind_of_table_reads_alike(tmp_path, kind):
    columns = {"text": ["one 😀", "two", "three"], "mood": ["neutral", "None", "positive"]}
    frame = pl.DataFrame(columns)
    path = tmp_path / f"texts.{kind}"
    if kind == "tsv":
        frame.write_csv(path, separator="\t")
    elif kind == "jsonl":
        frame.write_ndjson(path)
    elif kind == "parquet":
        frame.write_parquet(path)
    elif kind == "gz":
        path.write_bytes(gzip.compress(frame.write_csv().encode()))
    source = {"frame": frame, "dict": columns}.get(kind, path)
    read = read_labelled(source, "text", "mood")
    assert read.x == columns["text"]
    assert read.y.tolist() == columns["mood"]


def test_labels_may_be_numbers():
    read = read_labelled({"text": ["a", "b"], "stars": [1, 4.5]}, "text", "stars", number=True)
    assert read.y.tolist() == [1.0, 4.5]
    with pytest.raises(InputError, match="must hold numbers, but row 2 holds 'many'"):
        read_labelled({"text": ["a", "b"], "stars": ["1", "many"]}, "text", "stars", number=True)


@pytest.mark.parametrize("text", ["label,text\nx,a\ny,\nz,b\n", "text,label\na,x\n,y\nb,z\n"])
def test_an_empty_cell_of_a_file_of_lines_is_an_empty_text(tmp_path, text):
    path = tmp_path / "texts.csv"
    path.write_text(text)
    read = read_labelled(path, "text", "label")
    assert read.x == ["a", "", "b"]
    assert read.notes == ("1 of 3 texts are empty; each is read as one unknown symbol",)


def test_a_missing_text_is_named_with_its_row_and_line(tmp_path):
    with pytest.raises(InputError, match="column 'text' of the table has no text in row 2"):
        read_labelled({"text": ["a", None], "label": ["x", "y"]}, "text", "label")
    path = tmp_path / "texts.data"
    path.write_text('\ufeff{"text": "a", "label": "x"}\n\n{"text": null, "label": "y"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"no text in row 2 \(line 3\)"):
        read_labelled(path, "text", "label")


@pytest.mark.parametrize("number", [False, True])
def test_a_missing_label_is_named_with_its_row_and_line(tmp_path, number):
    path = tmp_path / "texts.csv"
    path.write_text("text,label\na,1\nb,NA\n")
    with pytest.raises(InputError, match=r"column 'label' of texts.csv has no label in row 2 \(line 3\)"):
        read_labelled(path, "text", "label", number=number)


def test_the_column_of_text_is_found_where_only_one_can_be_it(tmp_path):
    assert read_labelled({"words": ["a"], "label": ["x"]}, None, "label").x == ["a"]
    assert read_labelled({"id": ["1"], "Text": ["a"], "label": ["x"]}, None, "label").x == ["a"]
    with pytest.raises(InputError, match="name the one that holds the text with --text"):
        read_labelled({"id": ["1"], "words": ["a"], "label": ["x"]}, None, "label")
    with pytest.raises(InputError, match=r"no column 'txt' \(did you mean 'text'\?\)"):
        read_labelled({"text": ["a"]}, "txt", None)


def test_texts_must_be_texts():
    assert read_labelled({"text": [1, 2]}, "text", None).x == ["1", "2"]
    with pytest.raises(InputError, match="must hold text, but it holds lists"):
        read_labelled(pl.DataFrame({"text": [["a", "b"], ["c"]]}), "text", None)
    with pytest.raises(InputError, match="every text of column 'text' of the table is empty"):
        read_labelled({"text": ["", " "]}, "text", None)


def folder(tmp_path):
    for label, texts in {"pos": ["good\n", ""], "neg": ["bad"], ".git": ["no"]}.items():
        (tmp_path / label).mkdir()
        for at, text in enumerate(texts):
            (tmp_path / label / f"{at}.txt").write_text(text)
    return tmp_path


def test_a_folder_has_a_folder_for_each_label(tmp_path):
    read = read_labelled(folder(tmp_path), None, None)
    assert read.x == ["bad", "good\n", ""]
    assert read.y.tolist() == ["neg", "pos", "pos"]
    (tmp_path / "readme.md").write_text("?")
    assert any("1 files" in note and "are not read" in note for note in read_labelled(tmp_path, None, None).notes)


def test_a_folder_that_holds_no_labels_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no folders, but one for each label is needed"):
        read_labelled(tmp_path, None, None)
    folder(tmp_path)
    (tmp_path / "pos" / "2.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(InputError, match=r"pos.2\.txt is not UTF-8: byte 0xE9 at position 0 \(line 1\)"):
        read_labelled(tmp_path, None, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds no \.txt files"):
        read_labelled(tmp_path, None, None)


def test_a_plain_text_is_read_whole(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes("\ufeffTo be,\r\n  or not\n\n".encode())
    assert read_plain(path) == "To be,\n  or not\n\n"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("ab\n你".encode("gb18030"), r"text.txt is not UTF-8: byte 0xC4 at position 3 \(line 2\)"),
        ("text".encode("utf-16"), "UTF-16"),
        (b" \n", "is empty: a text is needed"),
        (b"a\0b", "NUL byte at position 1, so it is not a text"),
        (b"%PDF-1.4", "is a PDF document, not a text"),
    ],
)
def test_what_is_no_plain_text_is_refused(tmp_path, raw, message):
    path = tmp_path / "text.txt"
    path.write_bytes(raw)
    with pytest.raises(InputError, match=message):
        read_plain(path)


def test_tagged_words_are_the_first_and_last_of_the_columns(tmp_path):
    path = tmp_path / "tags.conll"
    path.write_text(
        "-DOCSTART- -X- O\n\nEU NNP I-ORG\r\nrejects VBZ O\n  \n\nNew York\tB-LOC\n\u3000\tO", encoding="utf-8"
    )
    read = read_tagged(path)
    assert read.tokens == [["EU", "rejects"], ["New York", "\u3000"]]
    assert read.tags == [["I-ORG", "O"], ["B-LOC", "O"]]
    path.write_text("EU\nrejects\n\nit O\n")
    assert read_tagged(path, tagged=False).tokens == [["EU", "rejects"], ["it"]]
    assert read_tagged(path, tagged=False).tags is None


@pytest.mark.parametrize("line", ["rejects", "rejects\t", "\tO"])
def test_a_line_without_word_or_tag_is_named(tmp_path, line):
    path = tmp_path / "tags.conll"
    path.write_text(f"EU I-ORG\n\n{line}\n")
    with pytest.raises(InputError, match=r"line 3 of tags\.conll is .* but a word and its tag are needed"):
        read_tagged(path)


def test_a_file_without_words_is_refused(tmp_path):
    path = tmp_path / "tags.conll"
    path.write_text("-DOCSTART- O\n\n")
    with pytest.raises(InputError, match="holds no words"):
        read_tagged(path)


def test_a_text_of_json_may_hold_anything(tmp_path):
    texts = ["tab\there", "line\nend", '"', "\u2028", "😀"]
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(json.dumps({"text": text, "label": "x"}) for text in texts))
    assert read_labelled(path, "text", "label").x == texts


def test_texts_come_as_a_list_as_one_or_as_lines(tmp_path):
    file = tmp_path / "lines.txt"
    file.write_text("one. two\n\nthree\n", encoding="utf-8")
    assert read_texts(file, "x", "speak") == read_texts(str(file), "x", "speak") == ["one. two", "", "three"]
    assert read_texts(["a", ""], "x", "speak") == ["a", ""]
    assert read_texts("one. two", "x", "speak") == ["one. two"]
    with pytest.raises(InputError, match="the texts hold None, which is no text"):
        read_texts(["a", None], "x", "speak")
    with pytest.raises(InputError, match="there is nothing to speak"):
        read_texts(None, "x", "speak")
