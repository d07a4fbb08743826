"""Modules: the recurrent stack, its cells and their starting weights, and what goes around it in a network."""

from elman.nn.attention import AttentionPool
from elman.nn.classic import GRU, LSTM, RNN
from elman.nn.conv import Conv
from elman.nn.convolutional import ConvGRU, ConvLSTM
from elman.nn.dropout import Embedding, VariationalDropout, weight_drop
from elman.nn.initialise import initialise
from elman.nn.modern import RGLRU, SLSTM, IndRNN, MinGRU, MinLSTM

__all__ = [
    "GRU",
    "LSTM",
    "RGLRU",
    "RNN",
    "SLSTM",
    "AttentionPool",
    "Conv",
    "ConvGRU",
    "ConvLSTM",
    "Embedding",
    "IndRNN",
    "MinGRU",
    "MinLSTM",
    "VariationalDropout",
    "initialise",
    "weight_drop",
]
