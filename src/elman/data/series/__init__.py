"""Series: tables with a clock, to the windows that a forecaster reads."""
