"""What is lost when things go wrong: every script of faults, one line each of what was tried and what held.

    python benchmarks/reliability.py [--only resume crashes ...] [--quick] [--out FILE]

    resume          interrupted fits go on to the same bits; poison; seeds                       (resume.py)
    crashes         dying at every write, kill -9, signals, full disks, lowered memory           (crashes.py)
    hostile_files   flipped bits, truncations, mutated files, models of strangers                (hostile_files.py)
    large           a series larger than memory                                                  (large.py)
    large_text      texts larger than memory                                                     (large_text.py)
    world           one training in several processes                                            (world.py)
    many            searches and predictions in several processes                                (many.py)

Each line has its name, what was ``tried``, what ``held`` and what was ``lost``, and figures of its own. Lines of other
parts that the file holds already stay.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import os
import time
from pathlib import Path

PARTS = ("resume", "crashes", "hostile_files", "large", "large_text", "world", "many")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--quick", action="store_true", help="a few of each, for parts that can")
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: what is counted is no time
    from machine import RESULTS, describe

    parser.add_argument("--out", type=Path, default=RESULTS / "reliability.json")
    asked = parser.parse_args()
    held = json.loads(asked.out.read_text()) if asked.out.exists() else {}
    parts = held.get("parts", {})
    for name in asked.only:
        began = time.perf_counter()
        lines = importlib.import_module(name).lines
        options = {"quick": True} if asked.quick and "quick" in inspect.signature(lines).parameters else {}
        found = lines(**options)
        parts[name] = {"seconds": round(time.perf_counter() - began), "lines": found}
        for line in found:
            if isinstance(line.get("lost"), list):
                line["losses"] = line["lost"]  # in words
            line["lost"] = line["tried"] - line["held"]
            print(f"{name}: {line['name']}: {line['held']} of {line['tried']} held", flush=True)
        ordered = {part: parts[part] for part in PARTS if part in parts}
        asked.out.write_text(json.dumps({"machine": describe(), "parts": ordered}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
