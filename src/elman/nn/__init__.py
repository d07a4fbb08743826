"""Modules: the recurrent stack, its cells and their starting weights."""

from elman.nn.classic import GRU, LSTM, RNN
from elman.nn.initialise import initialise
from elman.nn.modern import RGLRU, SLSTM, IndRNN, MinGRU, MinLSTM

__all__ = ["GRU", "LSTM", "RGLRU", "RNN", "SLSTM", "IndRNN", "MinGRU", "MinLSTM", "initialise"]
