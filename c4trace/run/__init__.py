"""Tracing a program from its start, its code unchanged: `c4trace run`."""
