"""Models of the native layers under torch.compile and torch.export: whole graphs, equal numbers, no growth with T."""

import time

import pytest
import torch
from torch._dynamo.backends.common import aot_autograd
from torch._dynamo.testing import CompileCounterWithBackend
from torch._functorch.aot_autograd import make_boxed_func
from torch.nn.utils.rnn import pack_padded_sequence

from elman import nn
from elman.kernels import library

pytestmark = [
    pytest.mark.skipif(library.native() is None, reason=library.which()),
    # Inductor itself uses what torch has deprecated.
    pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning"),
]

FEATURES, HIDDEN, STEPS, ROWS = 5, 6, 7, 3
LENGTHS = torch.tensor([4, 7, 1])


@pytest.fixture(autouse=True)
def anew():
    torch.compiler.reset()
    torch.manual_seed(0)
    yield
    torch.compiler.reset()


class Model(torch.nn.Module):
    """A stack between two linear layers."""

    def __init__(self, name, **options):
        super().__init__()
        self.before = torch.nn.Linear(FEATURES, HIDDEN)
        self.body = getattr(nn, name)(HIDDEN, HIDDEN, 2, **options)
        self.after = torch.nn.Linear(self.body(torch.zeros(1, 1, HIDDEN))[0].shape[-1], 2)

    def forward(self, x, hx=None, lengths=None):
        y, state = self.body(self.before(x).relu(), hx, lengths=lengths)
        return self.after(y), state


def flat(result):
    y, state = result
    return [y, *(state if isinstance(state, tuple) else [state])]


def results(model, x, **call):
    """The results and the gradients of everything."""
    x = x.clone().requires_grad_()
    outputs = flat(model(x, **call))
    loss = sum((output * output.detach().cos()).sum() for output in outputs)
    return [*outputs, *torch.autograd.grad(loss, [x, *model.parameters()])]


def assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def draw(steps=STEPS, rows=ROWS):
    return torch.randn(steps, rows, FEATURES)


MODELS = [
    ("RNN", {"nonlinearity": "relu", "bidirectional": True}, None),
    ("LSTM", {}, None),
    ("LSTM", {"bidirectional": True, "peephole": True, "layer_norm": True, "proj_size": 3, "clip": 2.0}, LENGTHS),
    ("GRU", {"residual": True, "layer_norm": True}, LENGTHS),
    ("GRU", {"reset_after": False, "bidirectional": True}, None),
    ("SLSTM", {"heads": 2, "bidirectional": True}, LENGTHS),
    ("IndRNN", {}, LENGTHS),
    ("MinGRU", {"bidirectional": True}, LENGTHS),
    ("RGLRU", {"residual": True}, None),
]
EACH = pytest.mark.parametrize(
    ("name", "options", "lengths"),
    MODELS,
    ids=[f"{name}-{'-'.join(o)}-{lengths is not None}" for name, o, lengths in MODELS],
)


@EACH
def test_a_compiled_model_is_one_graph_with_the_same_numbers(name, options, lengths):
    model, x = Model(name, **options), draw()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model, backend=counter, fullgraph=True)
    assert_close(results(compiled, x, lengths=lengths), results(model, x, lengths=lengths))
    assert counter.frame_count == 1


@pytest.mark.slow
@EACH
def test_inductor_gives_the_same_numbers(name, options, lengths):
    model, x = Model(name, **options), draw()
    compiled = torch.compile(model, fullgraph=True)
    assert_close(results(compiled, x, lengths=lengths), results(model, x, lengths=lengths))


def test_inductor_compiles_a_model_with_everything():
    model, x = Model("LSTM", bidirectional=True, peephole=True, layer_norm=True, residual=True), draw()
    state = tuple(torch.randn(4, ROWS, HIDDEN) for _ in "hc")
    compiled = torch.compile(model, fullgraph=True)
    assert_close(results(compiled, x, hx=state, lengths=LENGTHS), results(model, x, hx=state, lengths=LENGTHS))


@pytest.mark.parametrize("options", [{"recurrent_dropout": 0.5}, {"zoneout": 0.3}, {"dropout": 0.5}], ids="-".join)
def test_masks_are_drawn_in_the_graph(options):
    model, x = Model("GRU", **options), draw()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    one, two = compiled(x)[0], compiled(x)[0]
    assert not torch.equal(one, two)
    torch.manual_seed(1)
    again = compiled(x)[0]
    torch.manual_seed(1)
    assert torch.equal(compiled(x)[0], again)
    model.eval()
    assert_close(results(compiled, x), results(model, x))


@pytest.mark.parametrize("name", ["LSTM", "GRU", "MinLSTM"])
def test_other_lengths_take_the_same_graph(name):
    model, x = Model(name, bidirectional=True), draw()
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model, backend=counter, fullgraph=True)
    for lengths in ([4, 7, 1], [7, 7, 7], [1, 1, 1], [2, 3, 7]):
        lengths = torch.tensor(lengths)
        assert_close(results(compiled, x, lengths=lengths), results(model, x, lengths=lengths))
    assert counter.frame_count == 1
    with pytest.raises(ValueError, match="9"):
        compiled(x, lengths=torch.tensor([4, 9, 1]))


@pytest.mark.parametrize("name", ["LSTM", "RGLRU"])
def test_a_dynamic_graph_takes_other_sizes(name):
    model = Model(name, bidirectional=True)
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model, backend=counter, fullgraph=True, dynamic=True)
    frames = []
    for steps, rows in ((7, 3), (11, 5), (300, 2)):
        x, lengths = draw(steps, rows), torch.arange(2, 2 + rows)
        assert_close(results(compiled, x, lengths=lengths), results(model, x, lengths=lengths))
        frames.append(counter.frame_count)
    assert frames == frames[:1] * 3


def test_sizes_that_change_end_in_one_dynamic_graph():
    model = Model("GRU")
    counter = CompileCounterWithBackend("aot_eager")
    compiled = torch.compile(model, backend=counter, fullgraph=True)
    for steps in (7, 9, 20, 33):
        x = draw(steps)
        assert_close(results(compiled, x), results(model, x))
    assert counter.frame_count == 2


@pytest.mark.parametrize("name", ["LSTM", "MinGRU"])
def test_the_graph_does_not_grow_with_time(name):
    def compiling(steps):
        torch.compiler.reset()
        counts = []

        def count(graph, inputs):
            counts.append(len(graph.graph.nodes))
            return make_boxed_func(graph)

        compiled = torch.compile(model, backend=aot_autograd(fw_compiler=count, bw_compiler=count), fullgraph=True)
        begun = time.process_time()
        results(compiled, draw(steps), lengths=LENGTHS)
        return counts, time.process_time() - begun

    model = Model(name, bidirectional=True)
    compiling(7)  # the first one of all takes longer
    few, short = compiling(8)
    many, long = compiling(512)
    assert len(few) == 2, "one graph forward, one backward"
    assert many == few
    assert long < 4 * short


def test_one_operator_a_layer():
    def look(graph, inputs):
        targets.append([str(node.target) for node in graph.graph.nodes if "elman" in str(node.target)])
        return make_boxed_func(graph)

    targets = []
    model = Model("LSTM", bidirectional=True)
    results(torch.compile(model, backend=aot_autograd(fw_compiler=look, bw_compiler=look), fullgraph=True), draw())
    assert targets == [["elman.recurrence.default"] * 2, ["elman.recurrence_backward.default"] * 2]


@pytest.mark.parametrize("batch_first", [False, True])
def test_packed_sequences(batch_first):
    module = nn.GRU(FEATURES, HIDDEN, 2, bidirectional=True, batch_first=batch_first)
    x = draw().transpose(0, 1).contiguous() if batch_first else draw()
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    for lengths in (LENGTHS, torch.tensor([2, 2, 5])):
        packed = pack_padded_sequence(x, lengths, batch_first, enforce_sorted=False)
        (y, h), (found, state) = module(packed), compiled(packed)
        torch.testing.assert_close(found.data, y.data)
        torch.testing.assert_close(state, h)
        assert torch.equal(found.batch_sizes, y.batch_sizes)


@EACH
def test_exported(name, options, lengths):
    model, x = Model(name, **options).eval(), draw()
    call = {} if lengths is None else {"lengths": lengths}
    exported = torch.export.export(model, (x,), call)
    assert_close(flat(exported.module()(x, **call)), flat(model(x, **call)))
    targets = [str(node.target) for node in exported.graph.nodes]
    assert sum(target.startswith("elman.") for target in targets) == 2


def test_exported_with_a_free_number_of_steps_and_rows():
    model = Model("LSTM", bidirectional=True).eval()
    steps, rows = torch.export.Dim("steps", min=2, max=4096), torch.export.Dim("rows", min=2, max=512)
    exported = torch.export.export(model, (draw(),), dynamic_shapes=({0: steps, 1: rows},))
    for x in (draw(2, 2), draw(40, 9)):
        assert_close(flat(exported.module()(x)), flat(model(x)))


def test_no_gradients_no_backward_graph():
    model, x = Model("GRU", bidirectional=True), draw()
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    with torch.no_grad():
        assert_close(flat(compiled(x)), flat(model(x)))
    with torch.inference_mode():
        assert_close(flat(compiled(x)), flat(model(x)))
