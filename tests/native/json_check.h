/* Is this JSON? An independent reader, to hold against what our writers write. */
#ifndef C4TRACE_TESTS_JSON_CHECK_H
#define C4TRACE_TESTS_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* Whether all of the text is one JSON object (RFC 8259) in valid UTF-8 without bare control characters. */
bool json_object(const char *text, size_t size);
/* Whether text is valid UTF-8 (RFC 3629). */
bool utf8_valid(const char *text, size_t size);

#endif
