/* Text from a segment, which may hold anything, as JSON that every reader takes. */
#ifndef C4TRACE_JSON_TEXT_H
#define C4TRACE_JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define C4T_JSON_GROWTH 6u /* bytes of output per byte of input, at most */

/* A JSON string with its quotes; what is no UTF-8 becomes U+FFFD, byte by byte. Returns the end. */
char *c4t_json_string(char *out, const char *text, size_t size);
/* JSON text again, without white space between tokens, if it is one well-formed object; else NULL, and `out` holds rubbish. */
char *c4t_json_object(char *out, const char *text, size_t size);
/* Numbers are written eight digits at a time: up to 7 bytes behind the end are touched, 24 in all. */
char *c4t_json_unsigned(char *out, uint64_t value);
char *c4t_json_int(char *out, int64_t value);
/* With leading zeros; `value` is below 10^8. */
char *c4t_json_eight_digits(char *out, uint32_t value);

static inline char *c4t_put(char *out, const char *text, size_t size) {
    memcpy(out, text, size);
    return out + size;
}
/* A literal, in a few moves. Returns the end. */
#define C4T_PUT(out, literal) c4t_put(out, literal, sizeof(literal) - 1)

#endif
