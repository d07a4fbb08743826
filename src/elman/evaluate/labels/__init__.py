"""A label a row: the measures of classification, its figures and its pages."""
