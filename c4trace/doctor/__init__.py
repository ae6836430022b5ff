"""The doctor: is this machine fit for tracing, and what is to be done where it is not?"""
