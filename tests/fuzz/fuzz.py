"""One parser fed by a fuzzer that sees which lines of elman its inputs reach: python fuzz.py TARGET FOLDER [OPTIONS].

FOLDER is filled with good files to begin with; OPTIONS are libFuzzer's. What breaks a parser is left in FOLDER, and
``python fuzz.py TARGET FOLDER FILE`` reads it again.
"""

import functools
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["elman"]):
    from elman.data import files, memory, packed, table, times  # noqa: F401
    from elman.errors import ElmanError

    sys.path.insert(0, str(Path(__file__).parents[1]))
    from parsers import PARSERS, Parser

LONGEST = 1 << 14  # bytes of an input


def read_cells(path: Path) -> None:
    """Each line a cell of a column of times."""
    import polars as pl

    cells = path.read_bytes().decode(errors="replace").split("\n")
    times.read_times(pl.DataFrame({"day": pl.Series(cells, dtype=pl.String)}), "day")


def cells() -> list[bytes]:
    kinds = (
        "2020-01-31",
        "1/4/1999 13:30:05.25",
        "4 Jan 1999",
        "19990104",
        "1999-Q1",
        "1999",
        "1600000000",
        "12 PM",
        "NA",
    )
    long = [f"2020-01-{day:02}T00:00+02:00" for day in range(1, 9)]
    return ["\n".join([kind] * 3).encode() for kind in kinds] + ["\n".join(long).encode()]


@functools.cache
def _model() -> dict[str, bytes]:
    from elman.tasks.classify import Classifier

    settings: dict[str, Any] = {"rarest": 1, "steps": 2, "hidden": 2, "batch_size": 8}
    with tempfile.TemporaryDirectory() as folder:
        path = Classifier(**settings).fit(["red green", "blue dark"] * 12, ["a", "b"] * 12).save(Path(folder, "model"))
        return {one.name: one.read_bytes() for one in path.iterdir() if one.name != "manifest.json"}


def read_within(name: str, path: Path) -> None:
    """The file in the place of one of a model's, signed again."""
    from elman.tasks.load import load
    from strangers import write

    load(write(path.parent / "model", {**_model(), name: path.read_bytes()}))


def within(name: str) -> Parser:
    return Parser("", lambda: [_model()[name]], functools.partial(read_within, name))


TARGETS: dict[str, Parser] = {
    **{
        kind: PARSERS[kind]
        for kind in ("csv", "jsonl", "text", "vectors", "vocabulary", "toml", "json", "state", "steps")
    },
    **{kind: PARSERS[kind] for kind in ("wav", "png", "npz", "onnx") if PARSERS[kind].here},
    "times": Parser(".txt", cells, read_cells),
    **{name: within(name) for name in ("config.json", "encoders.json", "kept.safetensors", "weights.safetensors")},
}


def main(target: str, folder: Path, options: list[str]) -> None:
    parser = TARGETS[target]
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    path = folder / f"input{parser.suffix}"
    with atheris.instrument_imports(include=["elman"]):  # what is imported when first needed
        good = parser.good()
        _attempt(parser.read, path, good[0])
    for at, raw in enumerate(good):
        (corpus / f"good{at}").write_bytes(raw)

    def once(raw: bytes) -> None:
        _attempt(parser.read, path, raw)

    limits = [
        "-timeout=10",
        "-rss_limit_mb=3000",
        "-len_control=0",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={folder}/",
    ]
    given = [one for one in options if not one.startswith("-")] or [str(corpus)]
    atheris.Setup([sys.argv[0], *limits, *(one for one in options if one.startswith("-")), *given], once)
    atheris.Fuzz()


def _attempt(read: Callable[[Path], Any], path: Path, raw: bytes) -> None:
    path.write_bytes(raw)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            read(path)
        except ElmanError as error:
            assert "\n" not in str(error) and len(str(error)) < 1000, f"no sentence: {error}"


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
