"""Forecast a column: fit, read the score beside its baselines, forecast, save, load."""

import sys
from pathlib import Path
from tempfile import mkdtemp

import elman
from elman.tasks.demo import weather


def main(minutes: float = 0.5) -> None:
    model = elman.Forecaster(target="temp_max", horizon=14, minutes=minutes).fit(weather())

    print(model.evaluate())  # this model beside naive, seasonal naive and drift, with a verdict
    print(model.predict().head(3))  # time, forecast, lower and upper (95 %), lower_80 and upper_80

    path = model.save(Path(mkdtemp()) / "seattle.elman")
    again = elman.load(path)
    assert again.predict().equals(model.predict())
    print(f"saved {sorted(p.name for p in path.iterdir())}")


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
