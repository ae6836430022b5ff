/* Writing text of bounded size: raw, or as parts of JSON. */
#ifndef C4TRACE_TEXT_H
#define C4TRACE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What does not fit is not written at all and sets `full`; then nothing is written any more until the caller takes `n` back. */
struct c4t_text {
    char *out;
    size_t n;
    size_t cap;
    bool full;
};

void c4t_text_put(struct c4t_text *text, const char *bytes, size_t size);
void c4t_text_puts(struct c4t_text *text, const char *string);
/* UTF-8 from anywhere: each maximal part that is none becomes U+FFFD, as Python's errors="replace" does. With `json` what JSON
 * asks to be escaped is, and so are all control characters. Writes as many whole characters as fit. */
void c4t_text_utf8(struct c4t_text *text, const char *bytes, size_t size, bool json);
void c4t_text_unsigned(struct c4t_text *text, uint64_t value);
void c4t_text_int(struct c4t_text *text, int64_t value);
/* A number that reads back as the same double; null where JSON has none (infinities, NaN). */
void c4t_text_double(struct c4t_text *text, double value);

#endif
