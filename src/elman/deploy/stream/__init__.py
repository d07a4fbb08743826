"""A fitted model along a stream: an answer after each step, from a state of constant size."""

from elman.deploy.stream.streams import Stream, Streams, stream

__all__ = ["Stream", "Streams", "stream"]
