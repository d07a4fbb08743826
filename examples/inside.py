"""Seeing inside: a network that cannot learn, the doctor's reason, its advice followed, and what the answer rests on.

Each sequence is 100 random numbers with marks beside them. Asked for is the number that is marked, the first of them: a
memory of 100 steps.
"""

from typing import Any

import numpy as np

import elman

PLAIN = {"hidden": 32, "pool": "last", "bidirectional": False, "blend": False, "dropout": 0.0}


def main() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (3000, 100, 2)).astype(np.float32)
    x[..., 1] = np.arange(100) == 0
    y = x[:, 0, 0]

    def learnt(**settings: Any) -> elman.Regressor:
        model = elman.Regressor(**PLAIN, steps=300, learning_rate=0.01, **settings)
        model.fit(x[:2500], y[:2500], test=(x[2500:], y[2500:]))
        print(f"{settings}: mean error {model.evaluate().metrics['mae']:.3f}")
        return model

    changes: dict[str, Any] = {"cell": "rnn"}
    for finding in learnt(**changes).diagnose():
        print(f"  {finding.kind}: {finding}")
        if finding.kind == "problem":
            changes |= finding.settings

    model = learnt(**changes)  # cell="lstm", memory=100
    print(f"  {model.diagnose()[0]}")
    print(model.explain(x[2500:2501]).sentence)


if __name__ == "__main__":
    main()
