"""Write the tiny saved model that every later version must read: python tests/tasks/make_model_0_1.py.

It is made once for a format and then left alone: a later version that cannot read it must say so by a new format.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import torch

from elman.tasks import store
from elman.tasks.forecast import Forecaster

HERE = Path(__file__).parent / "model_0_1"
LEFT_OUT = ("report.html", "picture.svg", "log.jsonl")  # for people; loading needs none of them


def table() -> pl.DataFrame:
    """Two shops by day, a price known ahead, a text column, missing sales, and the shops' rows mixed."""
    rng = np.random.default_rng(0)
    days = np.arange("2024-01-01", "2024-06-29", dtype="datetime64[D]")
    blocks = []
    for shop in ("north", "south"):
        price = rng.normal(2, 0.2, len(days)).round(2)
        sales = 40 + 9 * np.sin(2 * np.pi * np.arange(len(days)) / 7) - 5 * price + rng.normal(size=len(days))
        sales[rng.random(len(days)) < 0.05] = np.nan
        sales[-4:] = np.nan
        weather = rng.choice(["dry", "rain"], len(days))
        blocks.append(
            pl.DataFrame({"day": days, "shop": shop, "sales": sales.round(3), "price": price, "weather": weather})
        )
    return pl.concat(blocks).with_columns(pl.col("sales").fill_nan(None)).sort("day", "shop")


def main() -> None:
    torch.set_num_threads(1)
    model = Forecaster(target="sales", group="shop", known="price", horizon=4, cell="lstm", hidden=6, steps=40)
    shutil.rmtree(HERE, ignore_errors=True)
    model.fit(table()).save(HERE)
    manifest = json.loads((HERE / store.MANIFEST).read_text(encoding="utf-8"))
    for name in LEFT_OUT:
        del manifest["files"][name]
        (HERE / name).unlink()
    (HERE / store.MANIFEST).write_bytes(store.dump_json(manifest))
    frame = model.predict()
    table().write_csv(HERE.with_name("model_0_1_sales.csv"))
    frame.write_csv(HERE.with_name("model_0_1_forecast.csv"))


if __name__ == "__main__":
    main()
