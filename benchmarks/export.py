"""Are exported layers right at every shape, and what does int8 cost?

    python benchmarks/export.py [--minutes 0.8] [--out FILE]

Layers: eight modules of torch.nn are exported once, at 2 rows of 5 steps where an exporter wants an example, and run by
ONNX Runtime at three shapes, beside torch itself. An export is right where all outputs are within 1e-4.

int8: a classifier of film reviews, a generator of Shakespeare and a forecaster of a price learn for ``--minutes``, are
exported as float32 and as int8, and are scored on rows that they have not seen; a call's time is that of one text, one
symbol, one window on one thread, the median of many.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import torch
from machine import DATA, RESULTS, describe
from torch import nn

import elman
from elman.deploy import export

MODULES: dict[str, Callable[[], nn.Module]] = {
    "RNN tanh": lambda: nn.RNN(5, 6),
    "RNN relu": lambda: nn.RNN(5, 6, nonlinearity="relu"),
    "GRU": lambda: nn.GRU(5, 6),
    "GRU without bias": lambda: nn.GRU(5, 6, bias=False),
    "LSTM": lambda: nn.LSTM(5, 6),
    "LSTM with projection": lambda: nn.LSTM(5, 6, proj_size=3),
    "LSTM, 2 layers both ways": lambda: nn.LSTM(5, 6, 2, bidirectional=True),
    "GRU, 2 layers both ways": lambda: nn.GRU(5, 6, 2, bidirectional=True),
}
SHAPES = [(2, 5), (3, 7), (1, 1)]  # rows and steps
CLOSE = 1e-4
CALLS = 200


def by_elman(module: nn.Module, folder: Path) -> bytes:
    path = folder / "layer.onnx"
    export.module(module, path, lengths=False, overwrite=True)
    return path.read_bytes()


def by_torch(module: nn.Module, folder: Path) -> bytes:
    """torch's exporter without dynamo, which needs no further package."""
    raw, axes = io.BytesIO(), {"x": {0: "time", 1: "batch"}, "y": {0: "time", 1: "batch"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (torch.randn(5, 2, 5),), raw, dynamo=False, input_names=["x"], output_names=["y"], dynamic_axes=axes
        )
    return raw.getvalue()


@torch.no_grad()
def matrix(exporter: Callable[[nn.Module, Path], bytes]) -> dict[str, Any]:
    """For each module whether the exported one is right at each shape, or why there is none."""
    found: dict[str, Any] = {}
    for name, build in MODULES.items():
        torch.manual_seed(0)
        module = build().eval()
        begin = time.perf_counter()
        try:
            with tempfile.TemporaryDirectory() as folder:
                session = running(exporter(module, Path(folder)))
        except Exception as error:  # what an exporter raises is its own
            found[name] = {"right": 0, "why": f"{type(error).__name__}: {error}".splitlines()[0][:120]}
            continue
        record: dict[str, Any] = {"seconds": round(time.perf_counter() - begin, 2), "differences": []}
        for rows, steps in SHAPES:
            x = torch.randn(steps, rows, 5)
            feeds = {"x": x.numpy()}
            for one in session.get_inputs():
                if one.name != "x":
                    feeds[one.name] = np.zeros((one.shape[0], rows, one.shape[2]), np.float32)
            try:
                y = session.run([session.get_outputs()[0].name], feeds)[0]
                record["differences"].append(float(np.abs(y - module(x)[0].numpy()).max()))
            except Exception as error:
                record["differences"].append(f"{type(error).__name__}: {error}".splitlines()[0][:120])
        record["right"] = sum(isinstance(one, float) and one < CLOSE for one in record["differences"])
        found[name] = record
    right = sum(one["right"] for one in found.values())
    print(f"{exporter.__name__}: right at {right} of {len(MODULES) * len(SHAPES)}", flush=True)
    return {"right": right, "of": len(MODULES) * len(SHAPES), "modules": found}


def running(raw: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    return onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])


def whole_numbers(model: Any, test: Any, axes: dict[str, int], folder: Path) -> dict[str, Any]:
    """The exports of a model as float32 and int8: sizes, differences, scores and the time of a call."""
    record: dict[str, Any] = {}
    for kind in ("float32", "int8"):
        done = export.model(model, folder / f"{kind}.onnx", int8=kind == "int8", test=test, overwrite=True)
        assert done.scores is not None
        record[kind] = {"bytes": done.bytes, "scores": done.scores["exported"], **(done.int8 or {})}
        record[kind] |= {"ms": round(call_ms(done, axes), 3)}
        record["elman"] = {"scores": done.scores["elman"]}
    print(json.dumps(record), flush=True)
    return record


def call_ms(done: Any, axes: dict[str, int]) -> float:
    """The median time of a call of one row; ``axes`` says how many steps it has."""
    session, feeds = running(done.onnx.read_bytes()), {}
    for one in session.get_inputs():
        shape = [axes.get(size, size) if isinstance(size, str) else size for size in one.shape]
        kind = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(double)": np.float64}
        feeds[one.name] = np.ones(shape, kind.get(one.type, np.float32))
    if "lengths" in feeds:
        feeds["lengths"][:] = axes["time"]
    times = []
    for _ in range(CALLS):
        begin = time.perf_counter()
        session.run(None, feeds)
        times.append(time.perf_counter() - begin)
    return 1000 * median(times)


def models(minutes: float, folder: Path) -> dict[str, Any]:
    if not DATA.is_dir():
        return {"absent": "the data are not there (benchmarks/machine.py says where they are looked for)"}
    found = {}
    reviews = pl.read_csv(DATA / "text" / "mr.tsv", separator="\t", quote_char=None)
    reviews = reviews.sample(fraction=1.0, shuffle=True, seed=0)
    classifier = elman.Classifier(text="text", label="label", minutes=minutes, members=1, blend=False, test_share=0.0)
    classifier.fit(reviews[1000:])
    axes = {"batch": 1, "time": 21, "pieces": 20}
    found["classifier of film reviews"] = whole_numbers(classifier, reviews[:1000], axes, folder)
    book = (DATA / "text" / "tinyshakespeare.txt").read_text()
    cut = int(0.9 * len(book))
    generator = elman.Generator(minutes=minutes, members=1, hidden=256, test_share=0.0).fit(book[:cut])
    found["generator of Shakespeare"] = whole_numbers(
        generator, book[cut : cut + 50_000], {"batch": 1, "time": 1}, folder
    )
    prices = pl.read_csv(DATA / "series" / "sp500.csv").select("Date", "Close")
    cut = int(0.8 * len(prices))
    forecaster = elman.Forecaster(target="Close", horizon=5, minutes=minutes, test_share=0.0).fit(prices[:cut])
    axes = {"batch": 1, "rows": forecaster.lookback_ + max(forecaster.encoder_.lags, default=0)}
    found["forecaster of the S&P 500"] = whole_numbers(forecaster, prices, axes, folder)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=0.8)
    parser.add_argument("--out", type=Path, default=RESULTS / "export.json")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    record = {"machine": {**describe(), "onnxruntime": onnxruntime.__version__}}
    record["layers"] = {"elman": matrix(by_elman), "torch, dynamo=False": matrix(by_torch)}
    if find_spec("onnxscript") is None:
        record["layers"]["torch, dynamo=True"] = {"absent": "onnxscript is not installed"}
    with tempfile.TemporaryDirectory() as folder:
        record["int8"] = models(options.minutes, Path(folder))
    options.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
