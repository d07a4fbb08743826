"""Clips: from video files and folders of frames to sequences of small pictures."""
