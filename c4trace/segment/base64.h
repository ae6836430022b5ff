/* Base64 (RFC 4648, section 4) with padding, at memory speed. */
#ifndef C4TRACE_BASE64_H
#define C4TRACE_BASE64_H

#include <stddef.h>

#define C4T_BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes C4T_BASE64_SIZE(size) characters, not terminated. Returns the end. */
char *c4t_base64(char *out, const unsigned char *data, size_t size);
/* The same without vector instructions, whatever the machine has. */
char *c4t_base64_plain(char *out, const unsigned char *data, size_t size);

#endif
