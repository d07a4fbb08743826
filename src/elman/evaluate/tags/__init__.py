"""A tag a token: the measures of tagging, over tokens and over spans, and its pages."""
