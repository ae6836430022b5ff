/* What may leave the host in text: the one place where secrets are taken out before anything is written to the segment.
 *
 * Options and headers become JSON of which every value is either known to be harmless or replaced by "[redacted]"; keys that are not known
 * are replaced. Everything behind the segment follows the same tables and rules (c4trace/redact.py). Nothing here allocates, locks or
 * recurses deeper than the options of a replicator go, and the work is bounded whatever the bytes say.
 */
#ifndef C4TRACE_MASK_H
#define C4TRACE_MASK_H

#include <stddef.h>

#include "c4trace.h"

/* The tables of the policy, as c4t_mask_key numbers them. */
enum c4t_mask_table {
    C4T_MASK_PLAIN_OPTIONS = 0,  /* options whose scalar value is shown */
    C4T_MASK_HASHED_OPTIONS = 1, /* options with public certificates: shown as size and SHA-256 */
    C4T_MASK_PLAIN_AUTH = 2,     /* the same two for the dict `auth` */
    C4T_MASK_HASHED_AUTH = 3,
    C4T_MASK_PLAIN_PROXY = 4,   /* for the dict `proxy`, whose own `auth` is one like above */
    C4T_MASK_PLAIN_HEADERS = 5, /* lower-case names of HTTP headers whose value is shown, in requests and responses */
    C4T_MASK_SECRET_WORDS = 6,  /* in running text, a name with one of these in it has a secret value */
    C4T_MASK_SECRET_LINES = 7,  /* the same, and the value goes to the end of the line */
    C4T_MASK_SCHEMES = 8,       /* in running text, the word behind one of these is a credential */
    C4T_MASK_TABLES = 9
};

/* The i-th entry of a table, NULL past its end. */
C4TRACE_API const char *c4t_mask_key(int table, int i);
/* All entries of a table, and a NULL behind them; of C4T_MASK_TABLES, none. */
const char *const *c4t_mask_keys(enum c4t_mask_table table);

/* Write the options given to open, or the headers given to gotHTTPResponse, as a JSON object without secrets. Returns the bytes written to
 * `out` (UTF-8, not NUL-terminated), 0 for no Fleece dict. Adds to *flags: C4T_REC_REDACTED when a value was replaced, C4T_REC_CUT when
 * members were left out for lack of room (the object says how many, under "…"), C4T_REC_UNREADABLE when the bytes are no Fleece dict.
 * No bytes at all (size 0) are no options: returns 0 and sets nothing. */
C4TRACE_API size_t c4t_options_json(const void *fleece, size_t size, char *out, size_t cap, unsigned *flags);
C4TRACE_API size_t c4t_headers_json(const void *fleece, size_t size, char *out, size_t cap, unsigned *flags);

/* Copy a message or an address without the secrets that may stand in running text: user and query of URLs, credentials, cookies,
 * values of names like password or token. Invalid UTF-8 is replaced. Returns and flags as above; what does not fit is cut off. */
C4TRACE_API size_t c4t_scrub_text(const char *text, size_t size, char *out, size_t cap, unsigned *flags);

#endif
