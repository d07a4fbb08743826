"""Forecasts: the measures of their error, those that need no model, the backtest beside these, and its pages."""
