"""Fit, judge, predict, save, load, fit again: nothing is lost on the way and the same settings give the same bits."""

import numpy as np
import polars as pl
import pytest
from tasks_data import SMALL, weekly

from elman.errors import InputError
from elman.tasks.forecast import Forecaster
from elman.tasks.load import load
