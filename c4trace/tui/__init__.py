"""The live screen: open sockets of traced processes, or of a recording that is played, in a terminal.

A source looks (processes.py, playback.py); a state says what is wanted to be seen (state.py, by keys.py, bindings.py
and filter.py); a frame is what there is to see (frame.py, made by viewer.py); the view lays it out for a size (view.py,
and the parts it is made of); the terminal shows it (terminal.py), and loop.py goes round.
"""
