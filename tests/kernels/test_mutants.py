"""Every planted mistake of `mutants.py` is seen, in float32 as in float64, and seen for itself alone."""

import pytest
import torch
from cases import CELLS, GATES, TOLERANCE, Case, assert_agrees, outcome, truth
from mutants import GATE_NAMES, MUTANTS, edited, in_order, with_weights

LEAST = 250


def test_there_are_enough_of_them():
    print(f"{len(MUTANTS)} planted mistakes")
    assert len(MUTANTS) >= LEAST


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_each_is_seen(mutant, dtype):
    case, layer = MUTANTS[mutant]
    with pytest.raises(AssertionError, match="is off by"):
        assert_agrees(outcome(layer, case, dtype), truth(case), dtype)


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_without_a_mistake_the_edited_page_agrees(cell):
    case = cell._replace(ragged=True)
    assert_agrees(outcome(edited(case.operation), case, torch.float64), truth(case), torch.float64)


@pytest.mark.parametrize("operation", ["lstm", "gru", "slstm", "minlstm"])
def test_gates_in_their_own_order_agree(operation):
    case = Case(operation, ragged=True)
    same = with_weights(operation, in_order(GATE_NAMES, range(GATES[operation])))
    assert_agrees(outcome(same, case, torch.float64), truth(case), torch.float64)
