"""Modules: the recurrent stack and its starting weights."""

from elman.nn.initialise import initialise
from elman.nn.recurrent import GRU, LSTM, RNN

__all__ = ["GRU", "LSTM", "RNN", "initialise"]
