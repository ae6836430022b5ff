/* Writing Fleece by hand: documents as an encoder writes them, and such as none would. Children are put before what holds them. */
#ifndef C4TRACE_TESTS_FLEECE_DOC_H
#define C4TRACE_TESTS_FLEECE_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct doc {
    uint8_t bytes[1 << 18];
    size_t n;
};

/* Where a value is: written at `at`, or, if that is SIZE_MAX, small enough for the slot itself. */
struct place {
    size_t at;
    uint8_t slot[2];
};

struct place doc_short(int value); /* -2048 to 2047 */
struct place doc_null(void);
struct place doc_bool(bool value);
struct place doc_int(struct doc *doc, int64_t value);
struct place doc_double(struct doc *doc, double value);
struct place doc_string(struct doc *doc, const char *string);
struct place doc_data(struct doc *doc, const void *bytes, size_t size);
struct place doc_array(struct doc *doc, const struct place *items, size_t n, bool wide);
/* `pairs`: n times a key and its value; an encoder would sort them. Slots are wide where `wide` says so or must be. */
struct place doc_dict(struct doc *doc, const struct place *pairs, size_t n, bool wide);
/* End the document: `root` is its root. */
void doc_end(struct doc *doc, struct place root);

/* A copy of bytes right before memory that must not be read, behind memory that must not be read; until the next call. */
const void *guarded(const void *bytes, size_t size);

#endif
