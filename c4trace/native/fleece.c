/* Reading Fleece: every offset is checked against the stretch its value may lie in before a byte is read. */
#include "fleece.h"

#include <string.h>

enum { TAG_SHORT, TAG_INT, TAG_FLOAT, TAG_SPECIAL, TAG_STRING, TAG_DATA, TAG_ARRAY, TAG_DICT, TAG_POINTER };

#define LONG_STRING 15u /* this length, and this count, say that a varint follows */
#define LONG_COLLECTION 2047u

/* An unsigned LEB128 of at most 64 bits in [*at, limit); *at moves behind it. */
static bool varint(const uint8_t *data, size_t *at, size_t limit, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; *at < limit && shift < 64; shift += 7) {
        uint8_t byte = data[(*at)++];
        if (shift == 63 && byte > 1) return false;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (!(byte & 0x80)) return true;
    }
    return false;
}

static bool read_int(const uint8_t *data, size_t at, size_t limit, struct c4t_fleece *value) {
    unsigned count = (data[at] & 7u) + 1;
    bool is_unsigned = data[at] & 8u;
    if (limit - at - 1 < count) return false;
    uint64_t bits = 0;
    for (unsigned i = 0; i < count; ++i) bits |= (uint64_t)data[at + 1 + i] << (8 * i);
    if (!is_unsigned && count < 8 && data[at + count] & 0x80) bits |= ~(uint64_t)0 << (8 * count);
    value->type = is_unsigned && bits > INT64_MAX ? C4T_FLEECE_UNSIGNED : C4T_FLEECE_INT;
    memcpy(&value->integer, &bits, sizeof bits);
    return true;
}

static bool read_float(const uint8_t *data, size_t at, size_t limit, struct c4t_fleece *value) {
    unsigned count = data[at] & 8u ? 8 : 4;
    if (limit - at - 2 < count) return false;
    uint64_t bits = 0;
    for (unsigned i = 0; i < count; ++i) bits |= (uint64_t)data[at + 2 + i] << (8 * i);
    value->type = C4T_FLEECE_FLOAT;
    if (count == 8) {
        memcpy(&value->real, &bits, sizeof bits);
    } else {
        uint32_t low = (uint32_t)bits;
        float real;
        memcpy(&real, &low, sizeof real);
        value->real = (double)real;
    }
    return true;
}

static bool read_special(const uint8_t *data, size_t at, struct c4t_fleece *value) {
    switch (data[at] & 0x0F) {
    case 0x0:
        value->type = C4T_FLEECE_NULL;
        return true;
    case 0x4:
        value->type = C4T_FLEECE_FALSE;
        return true;
    case 0x8:
        value->type = C4T_FLEECE_TRUE;
        return true;
    case 0xC:
        value->type = C4T_FLEECE_UNDEFINED;
        return true;
    default:
        return false;
    }
}

static bool read_bytes(const uint8_t *data, size_t at, size_t limit, struct c4t_fleece *value) {
    uint64_t size = data[at] & 0x0F;
    value->type = data[at] >> 4 == TAG_STRING ? C4T_FLEECE_STRING : C4T_FLEECE_DATA;
    ++at;
    if (size == LONG_STRING && !varint(data, &at, limit, &size)) return false;
    if (limit - at < size) return false;
    value->bytes = data + at;
    value->size = (size_t)size;
    return true;
}

static bool read_collection(const uint8_t *data, size_t at, size_t limit, struct c4t_fleece *value) {
    size_t per_item = data[at] >> 4 == TAG_DICT ? 2 : 1;
    value->type = per_item == 2 ? C4T_FLEECE_DICT : C4T_FLEECE_ARRAY;
    value->slot = data[at] & 0x08 ? 4 : 2;
    uint64_t count = (data[at] & 0x07u) << 8 | data[at + 1];
    at += 2;
    if (count == LONG_COLLECTION) {
        uint64_t more;
        if (!varint(data, &at, limit, &more) || more > UINT64_MAX - count) return false;
        count += more;
        at += at & 1;
        if (at > limit) return false;
    }
    if (count > (limit - at) / (per_item * value->slot)) return false;
    value->bytes = data + at;
    value->size = (size_t)count;
    return true;
}

/* The value, not a pointer, that begins at `at` and must end before `limit`, which is two bytes away at least. */
static bool read_value(const uint8_t *data, size_t at, size_t limit, struct c4t_fleece *value) {
    *value = (struct c4t_fleece){.data = data};
    switch (data[at] >> 4) {
    case TAG_SHORT: {
        int bits = (data[at] & 0x0F) << 8 | data[at + 1];
        value->type = C4T_FLEECE_INT;
        value->integer = bits & 0x800 ? bits - 0x1000 : bits;
        return true;
    }
    case TAG_INT:
        return read_int(data, at, limit, value);
    case TAG_FLOAT:
        return read_float(data, at, limit, value);
    case TAG_SPECIAL:
        return read_special(data, at, value);
    case TAG_STRING:
    case TAG_DATA:
        return read_bytes(data, at, limit, value);
    case TAG_ARRAY:
    case TAG_DICT:
        return read_collection(data, at, limit, value);
    default:
        return false;
    }
}

/* Where the pointer of `slot` bytes at `at` leads: before itself, always. */
static bool follow(const uint8_t *data, size_t at, size_t slot, size_t *target) {
    bool external = data[at] & 0x40;
    size_t back = (data[at] & 0x3Fu) << 8 | data[at + 1];
    if (slot == 4) back = back << 16 | (size_t)data[at + 2] << 8 | data[at + 3];
    back *= 2;
    if (external || back == 0 || back > at) return false;
    *target = at - back;
    return true;
}

/* The value in, or pointed to by, the slot at `at`. What is pointed to may be a wide pointer in its turn: the writer's way out where a
 * narrow one does not reach far enough. */
static bool read_slot(const uint8_t *data, size_t at, size_t slot, struct c4t_fleece *value) {
    if (!(data[at] & 0x80)) return read_value(data, at, at + slot, value);
    size_t target, limit = at;
    if (!follow(data, at, slot, &target)) return false;
    if (data[target] & 0x80) {
        if (limit - target < 4) return false;
        limit = target;
        if (!follow(data, limit, 4, &target)) return false;
    }
    return read_value(data, target, limit, value);
}

bool c4t_fleece_root(const void *data, size_t size, struct c4t_fleece *root) {
    const uint8_t *bytes = data;
    if (!bytes || size < 2 || size & 1) return false;
    size_t at = size - 2;
    if (!(bytes[at] & 0x80) && size != 2) return false;
    return read_slot(bytes, at, 2, root);
}

static bool collection_slot(const struct c4t_fleece *collection, size_t i, struct c4t_fleece *value) {
    size_t at = (size_t)(collection->bytes - collection->data) + i * collection->slot;
    return read_slot(collection->data, at, collection->slot, value);
}

bool c4t_fleece_item(const struct c4t_fleece *array, size_t i, struct c4t_fleece *item) {
    return i < array->size && collection_slot(array, i, item);
}

bool c4t_fleece_key(const struct c4t_fleece *dict, size_t i, struct c4t_fleece *key) {
    return i < dict->size && collection_slot(dict, 2 * i, key);
}

bool c4t_fleece_value(const struct c4t_fleece *dict, size_t i, struct c4t_fleece *value) {
    return i < dict->size && collection_slot(dict, 2 * i + 1, value);
}
