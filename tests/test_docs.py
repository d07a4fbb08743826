"""What the pages tell people to run is run: python blocks in order in one namespace, console lines of elman."""

import re
import shlex
import wave as wave_module
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from elman.cli import run
from made_pictures import bars, folder_of_clips, spot, write_clip

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    pytest.param(ROOT / "README.zh-CN.md", marks=pytest.mark.slow),  # the same commands again
    ROOT / "docs" / "layers.md",
    ROOT / "docs" / "stream.md",
    ROOT / "docs" / "import.md",
    ROOT / "docs" / "export.md",
    ROOT / "docs" / "nothing-lost.md",
    ROOT / "docs" / "many.md",
]
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path) -> list[tuple[str, str]]:
    return BLOCK.findall(page.read_text(encoding="utf-8")) if page.is_file() else []


def commands(block: str) -> list[list[str]]:
    """The arguments of each line that begins with ``$ elman``, a trailing backslash joining lines."""
    lines = block.replace("\\\n", " ").splitlines()
    return [shlex.split(line, comments=True)[2:] for line in lines if line.startswith("$ elman ")]


def hurried(arguments: list[str]) -> list[str]:
    """The same with three seconds wherever a page gives more: these data are small."""
    return ["0.05" if before == "--minutes" else one for before, one in zip(["", *arguments], arguments, strict=False)]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with prices.csv, business days of a wandering price with its open, high, low and volume,
    the same in shops/, and with small texts: reviews.csv, book.txt, words.conll, pairs.tsv and articles.tsv; sounds:
    takes.tsv; pictures, clips and clicks."""
    rng = np.random.default_rng(0)
    days = [day for day in np.arange("2022-01-03", "2023-12-30", dtype="datetime64[D]") if np.is_busday(day)]
    close = (100 + rng.normal(0, 1, len(days)).cumsum()).round(2)
    pl.DataFrame(
        {
            "Date": np.array(days),
            "Open": (close + rng.normal(0, 0.3, len(days))).round(2),
            "High": close + 1,
            "Low": close - 1,
            "Close": close,
            "Volume": rng.integers(1000, 9000, len(days)),
        }
    ).write_csv(tmp_path / "prices.csv")
    (tmp_path / "shops").mkdir()
    for name in ("north", "south"):
        (tmp_path / "shops" / f"{name}.csv").write_bytes((tmp_path / "prices.csv").read_bytes())
    said = {"negative": ["dirty", "很脏"], "neutral": ["plain", "一般"], "positive": ["lovely", "很好"]}
    rows = [
        (f"The {thing} was {words[0]}, 服务{words[1]} {number}.", mood)
        for mood, words in said.items()
        for thing in ("room", "staff", "breakfast", "pool")
        for number in range(10)
    ]
    pl.DataFrame(rows, schema=["review", "mood"], orient="row").write_csv(tmp_path / "reviews.csv")
    line = "The old house stood by the river, and nobody went in. 老房子在河边。\n"
    (tmp_path / "book.txt").write_text(line * 60, encoding="utf-8")
    sentence = "{} B-PER\nwent O\nto O\n{} B-LOC\n. O\n\n"
    people, places = ("Ada", "Alan", "小明"), ("London", "Paris", "北京")
    tagged = "".join(sentence.format(a, b) for a in people for b in places) * 5
    (tmp_path / "words.conll").write_text(tagged, encoding="utf-8")
    digits = dict(zip("0123456789", "零一二三四五六七八九", strict=True))
    numbers = [str(7919 * at % 1000) for at in range(80)]
    chinese = ["".join(digits[digit] for digit in number) for number in numbers]
    pl.DataFrame({"zh": chinese, "en": numbers}).write_csv(tmp_path / "pairs.tsv", separator="\t")
    words = [f"item{at} is a thing that is sold here" for at in range(60)]
    articles = {"article": words, "title": [word.split()[0] for word in words]}
    pl.DataFrame(articles).write_csv(tmp_path / "articles.tsv", separator="\t")
    takes(tmp_path)
    pictures(tmp_path)
    monkeypatch.setenv("ELMAN_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pictures(folder):
    """An archive mnist.npz, digit.png and half.png of its size, clips in clips/ and new.mp4; clicks.tsv."""
    x, y = bars(200)
    np.savez(folder / "mnist.npz", x_train=x, y_train=y, x_test=x[:40], y_test=y[:40])
    for name in ("digit.png", "half.png"):
        Image.fromarray(x[0]).save(folder / name)
    folder_of_clips(folder / "clips")
    write_clip(folder / "new.mp4", spot(True, 99))
    rows = [(f"v{at // 5}", ("A17", "B3", "C9")[at * at % 7 % 3], at) for at in range(300)]
    pl.DataFrame(rows, schema=["visitor", "product", "at"], orient="row").write_csv(
        folder / "clicks.tsv", separator="\t"
    )


def takes(folder: Path) -> None:
    """takes/*.wav, in which each word is a tone, and takes.tsv, which says what is said."""
    tones = {"one": 300, "two": 600, "three": 1200}
    rng, rate = np.random.default_rng(1), 8000
    (folder / "takes").mkdir()
    rows = []
    for at in range(40):
        said = ["one"] if not at else list(rng.choice(list(tones), 2))
        wave = [np.sin(2 * np.pi * tones[word] * np.arange(rate // 5) / rate) for word in said]
        file = "takes/" + ("one" if not at else f"take{at}") + ".wav"
        with wave_module.open(str(folder / file), "wb") as out:
            out.setparams((1, 2, rate, 0, "NONE", "not compressed"))
            noisy = np.concatenate(wave) + rng.normal(0, 0.01, rate // 5 * len(said))
            out.writeframes((8000 * noisy).astype("<i2").tobytes())
        rows.append((file, " ".join(said)))
    pl.DataFrame(rows, schema=["file", "text"], orient="row").write_csv(folder / "takes.tsv", separator="\t")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_blocks_of_a_page_run(page, folder):
    found = blocks(page)
    if not found:
        pytest.skip(f"{page.name} has no python or console block")
    namespace: dict = {"__name__": "__main__"}
    for kind, block in found:
        if kind == "python":
            exec(compile(block, page.name, "exec"), namespace)
            continue
        for arguments in commands(block):
            if arguments[0] == "serve":
                continue  # which goes on until it is told to stop; tests/deploy/serve starts it
            assert run(hurried(arguments)) == 0, f"elman {shlex.join(arguments)}"


def test_blocks_and_commands_are_found():
    python = "```python\na = 1\n```\n"
    console = "```console\n$ pip install x\n$ elman fit forecast 'a b.csv' \\\n    --json  # words\n12\n```\n"
    (first, code), (second, lines) = BLOCK.findall(python + console)
    assert (first, code, second) == ("python", "a = 1\n", "console")
    assert commands(lines) == [["fit", "forecast", "a b.csv", "--json"]]
