"""One page a task; base.py holds what all of them do, store.py how a model lies on disk."""
