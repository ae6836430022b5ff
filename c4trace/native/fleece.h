/* Reading Fleece that somebody else wrote, in place and without trust.
 *
 * Nothing outside the given bytes is read, nothing is allocated, nothing recursed into. What a pointer leads to must end before the
 * pointer, as every Fleece encoder writes it: so nothing can hold itself, and every walk into the data ends.
 * External pointers, which lead into other data, are refused: options and headers have none.
 */
#ifndef C4TRACE_FLEECE_H
#define C4TRACE_FLEECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum c4t_fleece_type {
    C4T_FLEECE_NULL,
    C4T_FLEECE_UNDEFINED,
    C4T_FLEECE_FALSE,
    C4T_FLEECE_TRUE,
    C4T_FLEECE_INT,      /* integer */
    C4T_FLEECE_UNSIGNED, /* integer, to be read as uint64_t: above INT64_MAX */
    C4T_FLEECE_FLOAT,    /* real */
    C4T_FLEECE_STRING,   /* bytes and size; not checked to be UTF-8 */
    C4T_FLEECE_DATA,     /* bytes and size */
    C4T_FLEECE_ARRAY,    /* size: how many items */
    C4T_FLEECE_DICT      /* size: how many keys */
};

/* One value; written by the functions below only. What a type uses is said above. */
struct c4t_fleece {
    enum c4t_fleece_type type;
    int64_t integer;
    double real;
    const uint8_t *bytes; /* of a collection: its slots */
    size_t size;
    const uint8_t *data; /* the whole document */
    size_t slot;         /* of a collection: bytes a slot takes, 2 or 4 */
};

/* Read the root of a document of `size` bytes. False: this is not Fleece. */
bool c4t_fleece_root(const void *data, size_t size, struct c4t_fleece *root);
/* Read item `i` of an array, or the key or value of a dict's i-th pair. False: not such a value; the document is damaged. */
bool c4t_fleece_item(const struct c4t_fleece *array, size_t i, struct c4t_fleece *item);
bool c4t_fleece_key(const struct c4t_fleece *dict, size_t i, struct c4t_fleece *key);
bool c4t_fleece_value(const struct c4t_fleece *dict, size_t i, struct c4t_fleece *value);

#endif
