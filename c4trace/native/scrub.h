/* Taking secrets out of running text. */
#ifndef C4TRACE_SCRUB_H
#define C4TRACE_SCRUB_H

#include "text.h"

#define C4T_REDACTED "[redacted]"

/* Write `bytes` to `text` (escaped for JSON if `json`), with C4T_REDACTED in place of each secret. Returns whether there was one. */
bool c4t_scrub(struct c4t_text *text, const char *bytes, size_t size, bool json);

#endif
