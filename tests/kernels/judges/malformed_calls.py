"""Calls that must be refused in Python and never end the interpreter; as a script, it makes them and says how they end.

It prints a line of JSON before each call and one after, so that the last line tells which call ended the
interpreter; its argument is how many calls to leave out, to go on from there.
"""

import faulthandler
import json
import sys
import warnings

import torch

from elman import kernels, nn
from elman.kernels import Options, Weights

STEPS, ROWS, FEATURES, HIDDEN, WAYS = 6, 4, 3, 5, 2
MODULES = ("RNN", "LSTM", "GRU", "SLSTM", "IndRNN", "MinGRU", "MinLSTM", "RGLRU")
GATES = {"rnn": 1, "lstm": 4, "gru": 3, "slstm": 4, "indrnn": 1, "mingru": 2, "minlstm": 3, "rglru": 3}
STATES = {"lstm": 2, "slstm": 4}
TOO_MANY = 2**45  # elements, which no address space holds
REFUSED = "was refused, "

TENSORS = {  # what may befall a tensor of three dimensions
    "with four dimensions": lambda t: t[None],
    "with two dimensions": lambda t: t[:, 0],
    "with one dimension": lambda t: t[0, 0],
    "with none": lambda t: t[0, 0, 0],
    "one short in the first": lambda t: t[1:],
    "one short in the second": lambda t: t[:, 1:],
    "one short in the third": lambda t: t[..., 1:],
    "one long in the third": lambda t: torch.cat([t, t[..., :1]], -1),
    "in float64": lambda t: t.double(),
    "in float16": lambda t: t.half(),
    "in int64": lambda t: t.long(),
    "in bool": lambda t: t.bool(),
    "complex": lambda t: t.to(torch.complex64),
    "on meta": lambda t: t.to("meta"),
    "sparse": lambda t: t.to_sparse(),
    "a number": lambda t: 1.0,
    "a list": lambda t: t.tolist(),
}
INPUTS = {name: change for name, change in TENSORS.items() if "first" not in name and "second" not in name}
INPUTS |= {"without steps": lambda t: t[:0], "of a huge T": lambda t: t[:1].expand(TOO_MANY, -1, -1)}
INPUTS |= {"of a huge B": lambda t: t[:, :1].expand(-1, TOO_MANY, -1), "None": lambda t: None}
del INPUTS["with two dimensions"]  # one sequence to a module
LENGTHS = {
    "zero": torch.tensor([6, 2, 0, 1]),
    "negative": torch.tensor([6, -2, 1, 1]),
    "too long": torch.tensor([6, 2, 1, 7]),
    "huge": torch.tensor([6, 2, 1, 2**62]),
    "least": torch.tensor([6, 2, 1, -(2**63)]),
    "float": torch.tensor([6.0, 2.0, 1.0, 1.0]),
    "float with a gradient": torch.tensor([6.0, 2.0, 1.0, 1.0], requires_grad=True),
    "NaN": torch.tensor([6.0, 2.0, 1.0, torch.nan]),
    "bool": torch.ones(4, dtype=torch.bool),
    "too few": torch.tensor([6, 2, 1]),
    "too many": torch.tensor([6, 2, 1, 1, 1]),
    "a column": torch.tensor([[6], [2], [1], [1]]),
    "a number": torch.tensor(6),
    "on meta": torch.ones(4, dtype=torch.int64, device="meta"),
}
PARAMETERS = {  # what may stand in a parameter's place
    "with one row less": lambda w: w[1:],
    "with one number": lambda w: w.flatten()[:1],
    "with no number": lambda w: w.flatten()[:0],
    "with one dimension more": lambda w: w[None],
    "in float64": lambda w: w.double(),
    "in int64": lambda w: w.long(),
    "on meta": lambda w: w.to("meta"),
}


def inputs():
    return torch.linspace(-1, 1, STEPS * ROWS * FEATURES).view(STEPS, ROWS, FEATURES)


def module_calls():
    for kind in MODULES:
        make = getattr(nn, kind)
        module = make(FEATURES, HIDDEN, 2, bidirectional=True)
        x = inputs()
        after = module(x)[1]
        state = after if isinstance(after, tuple) else (after,)

        def whole(parts):
            return parts if len(parts) > 1 else parts[0]

        for name, change in INPUTS.items():
            yield f"{kind}: input {name}", lambda m=module, c=change: m(c(inputs()))
        for name, change in TENSORS.items():
            for place in {0, len(state) - 1}:
                bad = [change(s.detach()) if i == place else s.detach() for i, s in enumerate(state)]
                yield f"{kind}: state {place} {name}", lambda m=module, b=tuple(bad): m(inputs(), whole(b))
        for name, lengths in LENGTHS.items():
            yield f"{kind}: lengths {name}", lambda m=module, n=lengths: m(inputs(), lengths=n)
        one = tuple(s[:, 0].detach() for s in state)
        batch = tuple(s.detach() for s in state)
        yield f"{kind}: a batch with the state of one sequence", lambda m=module, s=one: m(inputs(), whole(s))
        yield f"{kind}: one sequence with the state of a batch", lambda m=module, s=batch: m(inputs()[:, 0], whole(s))
        for name, parameter in module.named_parameters():
            if name.endswith("_l1"):
                for how, change in PARAMETERS.items():
                    swapped = {name: change(parameter.detach())}
                    yield (
                        f"{kind}: {name} {how}",
                        lambda m=module, s=swapped: torch.func.functional_call(m, s, (inputs(),)),
                    )
        yield f"{kind}: a huge hidden_size", lambda make=make: make(1, TOO_MANY)
        yield f"{kind}: an overflowing hidden_size", lambda make=make: make(1, 2**62)


def weights_of(operation):
    rows = GATES[operation] * HIDDEN
    recurrent = {"rnn": (rows, HIDDEN), "lstm": (rows, HIDDEN), "gru": (rows, HIDDEN), "slstm": (rows, HIDDEN)}
    recurrent["indrnn"] = (HIDDEN,)
    two = operation in ("rnn", "lstm", "gru")
    return Weights(
        torch.randn(rows, FEATURES),
        torch.randn(recurrent[operation]) if operation in recurrent else None,
        torch.randn(rows),
        torch.randn(rows) if two else None,
        decay=torch.randn(HIDDEN) if operation == "rglru" else None,
    )


def kernel_calls():
    for operation in GATES:
        own = weights_of(operation)
        state = tuple(torch.zeros(WAYS, ROWS, HIDDEN) for _ in range(STATES.get(operation, 1)))

        def run(x=None, state=state, weights=(own, own), operation=operation, **rest):
            return kernels.layer(operation, inputs() if x is None else x, state, weights, **rest)

        for name, change in INPUTS.items():
            if name not in ("None", "a number", "a list"):
                yield f"{operation}: x {name}", lambda run=run, c=change: run(c(inputs()))
        yield f"{operation}: x with two dimensions", lambda run=run: run(inputs()[0])
        for name, change in TENSORS.items():
            bad = (*state[:-1], change(state[-1]))
            yield f"{operation}: state {name}", lambda run=run, b=bad: run(state=b)
        yield f"{operation}: no state", lambda run=run: run(state=())
        yield f"{operation}: a state too many", lambda run=run, s=state: run(state=(*s, s[0]))
        yield f"{operation}: no weights", lambda run=run: run(weights=())
        yield f"{operation}: three directions", lambda run=run, w=own: run(weights=(w, w, w))
        for field, tensor in own._asdict().items():
            if tensor is not None:
                for how, change in PARAMETERS.items():
                    bad = own._replace(**{field: change(tensor)})
                    yield f"{operation}: {field} {how}", lambda run=run, w=own, b=bad: run(weights=(w, b))
        for name, lengths in LENGTHS.items():
            yield f"{operation}: lengths {name}", lambda run=run, n=lengths: run(lengths=n)
        if operation in ("rnn", "lstm", "gru"):
            for field, shape in {"drop": (WAYS, ROWS, HIDDEN), "zone_h": (WAYS, STEPS, ROWS, HIDDEN)}.items():
                for how, change in PARAMETERS.items():
                    bad = Options(**{field: change(torch.ones(shape))})
                    yield f"{operation}: {field} {how}", lambda run=run, o=bad: run(options=o)
            for clip in (-1.0, 0.0, torch.nan):
                yield f"{operation}: clip {clip}", lambda run=run, c=clip: run(options=Options(clip=c))


def calls():
    return dict([*module_calls(), *kernel_calls()])


if __name__ == "__main__":
    faulthandler.enable()
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    torch.set_num_threads(1)
    for name, call in list(calls().items())[int(sys.argv[1]) :]:
        print(json.dumps([name, "did not return"]), flush=True)
        try:
            call()
            end = "was accepted"
        except (ValueError, TypeError, RuntimeError, MemoryError, OverflowError) as error:
            end = f"{REFUSED}{type(error).__name__}: {error}"
        except Exception as error:
            end = f"was not foreseen, {type(error).__name__}: {error}"
        print(json.dumps([name, end]), flush=True)
