/* Text from a segment, which may hold anything, as JSON that every reader takes. */
#ifndef C4TRACE_JSON_TEXT_H
#define C4TRACE_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define C4T_JSON_GROWTH 6u /* bytes of output per byte of input, at most */

/* A JSON string with its quotes; what is no UTF-8 becomes U+FFFD, byte by byte. Returns the end. */
char *c4t_json_string(char *out, const char *text, size_t size);
/* JSON text again, without white space between tokens, if it is one well-formed object; else NULL, and `out` holds rubbish. */
char *c4t_json_object(char *out, const char *text, size_t size);
char *c4t_json_unsigned(char *out, uint64_t value);
char *c4t_json_int(char *out, int64_t value);

#endif
