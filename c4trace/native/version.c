/* The version comes from pyproject.toml by way of CMake. */
#include "c4trace.h"

const char *c4trace_version(void) { return C4T_VERSION; }
