"""Where what a segment tells goes: one destination a file, none of which knows another."""
