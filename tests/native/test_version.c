/* The library knows the version that pyproject.toml gives it. */
#include "c4trace.h"

#include <stdio.h>
#include <string.h>

int main(void) {
    const char *version = c4trace_version();
    int major, minor, patch, end = 0;
    if (sscanf(version, "%d.%d.%d%n", &major, &minor, &patch, &end) != 3 || (size_t)end != strlen(version)) {
        fprintf(stderr, "c4trace_version() is \"%s\", not three numbers\n", version);
        return 1;
    }
    return 0;
}
