/* Base64 (RFC 4648, section 4) with padding, at memory speed. */
#ifndef C4TRACE_BASE64_H
#define C4TRACE_BASE64_H

#include <stddef.h>

#define C4T_BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes C4T_BASE64_SIZE(size) characters, not terminated. Returns the end. */
typedef char *c4t_base64_writer(char *out, const unsigned char *data, size_t size);

/* The fastest way that this machine has. */
c4t_base64_writer c4t_base64;

struct c4t_base64_way {
    const char *name; /* NULL: behind the last one */
    c4t_base64_writer *write;
};
/* All ways that this machine has, the fastest first; the last one needs nothing. */
const struct c4t_base64_way *c4t_base64_ways(void);

#endif
