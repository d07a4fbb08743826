"""A text goes on, a letter at a time, by ONNX Runtime alone: thirty lines, the state in and out.

elman fit generate book.txt && elman export book.elman book.onnx
python onnx_writer.py book.onnx "The old house"
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

path, prompt, temperature = [*sys.argv[1:], "0.7"][:3]
session = onnxruntime.InferenceSession(path)
told = json.loads(Path(path).with_suffix(".json").read_text(encoding="utf-8"))["text"]
number = {symbol: at for at, symbol in enumerate(told["symbols"])}
states = session.get_inputs()[1:]  # after the tokens: each (layers, B, size), 0 where a text begins
state = {one.name: np.zeros([1 if size == "batch" else size for size in one.shape], np.float32) for one in states}
tokens = [number.get(letter, told["unknown"]) for letter in prompt]
for _ in range(200):
    logits, *after = session.run(None, {"tokens": np.array([tokens]), **state})
    state = dict(zip(state, after, strict=True))
    z = logits[0, -1].astype(float) / float(temperature)
    p = np.exp(z - z.max())
    tokens = [int(np.random.default_rng().choice(len(p), p=p / p.sum()))]
    print(told["symbols"][tokens[0]], end="", flush=True)
