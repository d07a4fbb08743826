"""The files of the page: every word in both languages, nothing from elsewhere, and text never as markup."""

import re
from pathlib import Path

import pytest

import elman.deploy

FOLDER = Path(elman.deploy.__file__).parent / "serve" / "page"
FILES = {path.relative_to(FOLDER).as_posix(): path.read_text("utf-8") for path in FOLDER.rglob("*.*")}
WORD = re.compile(r'^  (?:"([^"]+)"|(\w+)): \["((?:[^"\\]|\\.)*)",\s+"((?:[^"\\]|\\.)*)"\],$', re.M)
WORDS = {quoted or plain: (en, zh) for quoted, plain, en, zh in WORD.findall(FILES["words.js"])}


def test_every_word_has_both_languages_with_the_same_gaps():
    assert len(WORDS) == FILES["words.js"].count('["') > 100
    for key, (en, zh) in WORDS.items():
        assert set(re.findall(r"{\w+}", en)) == set(re.findall(r"{\w+}", zh)), key
        assert re.search("[一-鿿]", zh) or not re.search("[A-Za-z]", re.sub(r"{\w+}", "", en)), key


def test_every_word_that_is_said_is_known():
    rest = "".join(text for name, text in FILES.items() if name.endswith(".js"))
    said = set(
        re.findall(
            r'\b(?:word|label|button|field|tell|read|trouble|said|alternative)\((?:[^"()]|\([^()]*\))*"([a-z][\w ]*)"',
            rest,
        )
    )
    elements = {
        "p",
        "h3",
        "span",
        "summary",
        "caption",
        "label",
        "button",
        "a",
        "ul",
        "ol",
        "audio",
        "img",
        "div",
        "iframe",
    }
    assert len(said) > 60 and said - elements <= set(WORDS) | {"submit", "type"}


def test_no_word_is_left_over():
    rest = "".join(text for name, text in FILES.items() if name.endswith(".js") and name != "words.js")
    made = re.compile(r"(?:what|column|speaks) .*|(?:translate|summarize) told|translate|summarize")  # by the task
    assert not [key for key in WORDS if f'"{key}"' not in rest and not made.fullmatch(key)]


def test_every_module_that_is_imported_is_there():
    for name, text in FILES.items():
        for target in re.findall(r'^import .* from "(.+)";$|import\("(.+)"\)', text, re.M):
            assert (FOLDER / name).parent.joinpath(max(target)).is_file(), (name, target)


@pytest.mark.parametrize("name", FILES)
def test_nothing_comes_from_elsewhere_and_text_is_never_markup(name):
    text = re.sub(r"http://www\.w3\.org/2000/svg|Source: .*", "", FILES[name])
    assert not re.search(
        r"(?:https?|wss?)://|//cdn|\binnerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text
    )
    assert not re.search(r'\bstyle="|\bon\w+="|<script>|<style>|javascript:', text)  # which the policy forbids
    assert name.endswith(".svg") or max(map(len, FILES[name].splitlines())) <= 120
