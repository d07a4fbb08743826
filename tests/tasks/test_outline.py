"""A network that its weights do not bear out is never made."""

import pytest
import torch
from torch import nn

from elman.errors import InputError
from elman.nn.sequence import ClassifierNetwork, SequenceNetwork
from elman.tasks.outline import check_weights


def make(hidden=3, layers=1):
    body = SequenceNetwork(vocabulary=5, embedding=2, grams=4, hidden=hidden, layers=layers)
    return ClassifierNetwork(body, 2)


def test_a_network_has_its_own_weights():
    check_weights(make, make().state_dict(), "weights")


@pytest.mark.parametrize("hidden", [4, 10**6, 10**8])
def test_another_size_is_refused_without_being_made(hidden):
    with pytest.raises(InputError, match=r"has the size \(.*\) in float32, but \(.*\) in float32 by its settings"):
        check_weights(lambda: make(hidden), make().state_dict(), "weights")


def test_what_lacks_and_what_is_needless_is_named():
    with pytest.raises(InputError, match=r"weights lacks 'body.stack.weight_ih_l1', .*, by its settings"):
        check_weights(lambda: make(layers=2), make().state_dict(), "weights")
    with pytest.raises(InputError, match="weights holds needless"):
        check_weights(make, make(layers=2).state_dict(), "weights")


def test_another_type_is_refused():
    with pytest.raises(InputError, match="in float64, but"):
        check_weights(make, make().double().state_dict(), "weights")


def test_every_size_is_that_of_the_network_itself():
    def odd():
        network = nn.Linear(3, 2)
        network.x = nn.Parameter(0.5 * torch.randn(2, 3) / 7)
        network.y = nn.Parameter(torch.empty_like(network.x))
        nn.init.orthogonal_(network.y)
        return network

    check_weights(odd, {name: torch.zeros_like(tensor) for name, tensor in odd().state_dict().items()}, "weights")


def test_the_random_numbers_of_others_stay_as_they_are():
    weights, before = make().state_dict(), torch.random.get_rng_state()
    check_weights(make, weights, "weights")
    assert torch.equal(torch.random.get_rng_state(), before)
