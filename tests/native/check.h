/* What a test demands; the first demand that is not met ends the program. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(what)                                                                                                    \
    do {                                                                                                               \
        if (!(what)) {                                                                                                 \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);                                         \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#define CHECK_EQUAL(is, expected)                                                                                      \
    do {                                                                                                               \
        long long is_ = (long long)(is), expected_ = (long long)(expected);                                            \
        if (is_ != expected_) {                                                                                        \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #is, is_, expected_);                 \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

#endif
