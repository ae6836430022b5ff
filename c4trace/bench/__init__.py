"""What tracing costs on this machine: `c4trace bench`, and the loop in C that it and benchmarks/ measure calls with."""
