"""The recording: a file format with its own promise, its writer and its reader."""
