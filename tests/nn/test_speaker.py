"""Attention that moves on, the network that speaks, and what it learns by."""

import math

import pytest
import torch

from elman.nn.attention import LocationAttention, MixtureAttention
from elman.nn.speaker import SpeakerNetwork, Spoken, speech_loss

B, T, S, Q, M = 3, 6, 9, 5, 4
LENGTHS = torch.tensor([9, 5, 7])
PAST = torch.arange(S) >= LENGTHS[:, None]


def drawn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def logistic(x):
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("components", [1, 3])
def test_the_mixture_is_its_equations(components):
    torch.manual_seed(0)
    attention = MixtureAttention(Q, M, size=7, components=components, pace=0.8).double()
    torch.nn.init.normal_(attention.outer.weight)
    q, memory = drawn(B, T, Q), drawn(B, S, M)
    context, weights, state = attention(q, memory, attention.keys(memory), PAST, attention.begin(memory))
    for b in range(B):
        place = [-0.5] * components
        for t in range(T):
            w, d, s = attention.outer(attention.inner(q[b, t]).tanh()).chunk(3)
            share = w.softmax(0).tolist()
            place = [at + math.log1p(math.exp(move)) for at, move in zip(place, d.tolist(), strict=True)]
            rests = [at - 0.9 * math.sin(2 * math.pi * at) / (2 * math.pi) for at in place]
            width = [attention.width * logistic(x) + 1e-3 for x in s.tolist()]
            for i in range(S):
                a = sum(
                    p * (logistic((i + 0.5 - at) / v) - logistic((i - 0.5 - at) / v))
                    for p, at, v in zip(share, rests, width, strict=True)
                )
                assert weights[b, t, i].item() == pytest.approx(0 if PAST[b, i] else a, abs=1e-9)
        assert state[b].tolist() == pytest.approx(place)
    torch.testing.assert_close(context, weights @ memory)


def test_the_mixture_starts_at_the_pace_of_the_data():
    attention = MixtureAttention(Q, M, pace=0.75)
    torch.nn.init.zeros_(attention.outer.weight)
    memory = torch.zeros(1, 40, M)
    _, weights, state = attention(torch.zeros(1, 20, Q), memory, memory, None, attention.begin(memory))
    assert state.item() == pytest.approx(0.75 * 20 - 0.5, rel=1e-5)
    assert weights[0].argmax(1).tolist() == sorted(weights[0].argmax(1).tolist())


def test_location_attention_is_its_equations():
    torch.manual_seed(0)
    attention = LocationAttention(Q, M, size=7, channels=3, width=5).double()
    q, memory = drawn(B, T, Q), drawn(B, S, M)
    context, weights, _ = attention(q, memory, attention.keys(memory), PAST, attention.begin(memory))
    C = attention.conv.weight
    for b in range(B):
        last, total = torch.zeros(S + 4).double(), torch.zeros(S + 4).double()
        last[2] = 1
        for t in range(T):
            scores = torch.full((S,), -math.inf).double()
            for i in range(int(LENGTHS[b])):
                f = (C[:, 0] * last[i : i + 5] + C[:, 1] * total[i : i + 5]).sum(1)
                inner = attention.inner(q[b, t]) + attention.key(memory[b, i]) + attention.place(f)
                scores[i] = inner.tanh() @ attention.v
            expected = scores.softmax(0)
            torch.testing.assert_close(weights[b, t], expected)
            last[2:-2] = expected
            total[2:-2] += expected
    torch.testing.assert_close(context, weights @ memory)


@pytest.mark.parametrize("kind", [MixtureAttention, LocationAttention])
def test_attention_step_by_step_is_attention_at_once(kind):
    torch.manual_seed(0)
    attention = kind(Q, M).double()
    q, memory = drawn(B, T, Q), drawn(B, S, M)
    keys, state = attention.keys(memory), attention.begin(memory)
    context, weights, _ = attention(q, memory, keys, PAST, state)
    for t in range(T):
        c, w, state = attention(q[:, t : t + 1], memory, keys, PAST, state)
        torch.testing.assert_close(c[:, 0], context[:, t])
        torch.testing.assert_close(w[:, 0], weights[:, t])


def network(**settings):
    torch.manual_seed(0)
    sizes = {"vocabulary": 11, "bands": 4, "frames": 3, "embedding": 6, "hidden": 8, "prenet": 5}
    return SpeakerNetwork(**{**sizes, **settings}).eval()


def text():
    x = torch.randint(2, 11, (S, B), generator=torch.Generator().manual_seed(1))
    return x.masked_fill(PAST.T, 0)


@pytest.mark.parametrize("settings", [{}, {"attention": "location", "cell": "gru"}, {"postnet": 6, "layers": 2}])
def test_what_is_spoken_step_by_step_is_what_teacher_forcing_gives(settings):
    net, x = network(**settings), text()
    with torch.no_grad():
        net.out.bias[-1] = -50  # never stops, so that every row takes its longest
        said = net.speak(x, LENGTHS, torch.tensor([7, 4, 6]))
        steps = torch.tensor([7, 4, 6])
        raw = network(**{**settings, "postnet": 0})
        raw.load_state_dict({k: v for k, v in net.state_dict().items() if not k.startswith("postnet")})
        own = [one.frames.reshape(-1, 3, 4) for one in raw.speak(x, LENGTHS, steps)]
        before = torch.zeros(7, B, 4)
        for b, frames in enumerate(own):
            before[1 : len(frames), b] = frames[:-1, -1]
        spoken = net(x, LENGTHS, before, steps)
    for b, one in enumerate(said):
        assert not one.stopped
        assert one.frames.shape == (3 * steps[b], 4) and one.attention.shape == (steps[b], LENGTHS[b])
        torch.testing.assert_close(one.frames, spoken.refined[: steps[b], b].reshape(-1, 4), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(one.attention, spoken.attention[b, : steps[b], : LENGTHS[b]], rtol=1e-4, atol=1e-5)


def test_a_row_does_not_hear_its_neighbours():
    net, x = network(postnet=6), text()
    with torch.no_grad():
        net.out.bias[-1] = -50
        together = net.speak(x, LENGTHS, torch.tensor([7, 4, 6]))
        alone = net.speak(x[:5, 1:2], LENGTHS[1:2], torch.tensor([4]))
    torch.testing.assert_close(together[1].frames, alone[0].frames, rtol=1e-4, atol=1e-5)


def test_speaking_stops_when_the_logit_says_so():
    net = network()
    with torch.no_grad():
        net.out.bias[-1] = 50
        said = net.speak(text(), LENGTHS, torch.full((B,), 9))
    assert all(one.stopped and len(one.attention) == 1 for one in said)


def test_the_loss_is_its_equations():
    frames, y = drawn(4, 2, 6), drawn(4, 2, 6)
    y[3:, 0], y[2:, 1] = math.nan, math.nan
    stop, attention = drawn(4, 2), drawn(2, 4, 5).softmax(-1)
    lengths, ends = torch.tensor([5, 3]), [3, 2]
    apart, says, strays = [], [], []
    for b, end in enumerate(ends):
        for t in range(end):
            apart += [abs(e) + e * e for e in (frames[t, b] - y[t, b]).tolist()]
            p = logistic(stop[t, b].item())
            says.append(-math.log(p if t == end - 1 else 1 - p))
            strays.append(
                sum(
                    attention[b, t, i].item() * (1 - math.exp(-((t / end - i / lengths[b].item()) ** 2) / 0.08))
                    for i in range(5)
                )
            )
    mean = [sum(part) / len(part) for part in (apart, says, strays)]
    spoken = Spoken(frames, frames, stop, attention)
    assert speech_loss(spoken, y, lengths).item() == pytest.approx(mean[0] + mean[1], rel=1e-5)
    assert speech_loss(spoken, y, lengths, guided=2.0).item() == pytest.approx(
        mean[0] + mean[1] + 2 * mean[2], rel=1e-5
    )
    refined = spoken._replace(refined=frames.clone())
    assert speech_loss(refined, y, lengths).item() == pytest.approx(2 * mean[0] + mean[1], rel=1e-5)
