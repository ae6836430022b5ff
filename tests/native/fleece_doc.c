#include "fleece_doc.h"

#include <string.h>
#include <sys/mman.h>

#include "check.h"

static void put(struct doc *doc, const void *bytes, size_t size) {
    CHECK(size <= sizeof doc->bytes - doc->n);
    if (size) memcpy(doc->bytes + doc->n, bytes, size);
    doc->n += size;
}

static void put_byte(struct doc *doc, unsigned byte) { put(doc, &(uint8_t){(uint8_t)byte}, 1); }

static void put_varint(struct doc *doc, uint64_t value) {
    for (; value >= 0x80; value >>= 7) put_byte(doc, (value & 0x7F) | 0x80);
    put_byte(doc, (unsigned)value);
}

static struct place end_value(struct doc *doc, size_t start) {
    if (doc->n & 1) put_byte(doc, 0);
    return (struct place){.at = start};
}

struct place doc_short(int value) { return (struct place){SIZE_MAX, {(uint8_t)(value >> 8 & 0x0F), (uint8_t)value}}; }
struct place doc_null(void) { return (struct place){SIZE_MAX, {0x30, 0}}; }
struct place doc_bool(bool value) { return (struct place){SIZE_MAX, {value ? 0x38 : 0x34, 0}}; }

struct place doc_int(struct doc *doc, int64_t value) {
    size_t start = doc->n;
    put_byte(doc, 0x17);
    put(doc, &value, 8);
    return end_value(doc, start);
}

struct place doc_double(struct doc *doc, double value) {
    size_t start = doc->n;
    put(doc, "\x28\0", 2);
    put(doc, &value, 8);
    return end_value(doc, start);
}

static struct place blob(struct doc *doc, unsigned tag, const void *bytes, size_t size) {
    size_t start = doc->n;
    put_byte(doc, tag | (size < 15 ? (unsigned)size : 15));
    if (size >= 15) put_varint(doc, size);
    put(doc, bytes, size);
    return end_value(doc, start);
}

struct place doc_string(struct doc *doc, const char *string) { return blob(doc, 0x40, string, strlen(string)); }
struct place doc_data(struct doc *doc, const void *bytes, size_t size) { return blob(doc, 0x50, bytes, size); }

static void put_pointer(struct doc *doc, size_t to, bool wide) {
    size_t back = (doc->n - to) / 2;
    CHECK(to < doc->n && back < (wide ? 1u << 30 : 1u << 14));
    if (wide) {
        put_byte(doc, 0x80 | (unsigned)(back >> 24));
        put_byte(doc, (unsigned)(back >> 16));
    }
    put_byte(doc, (wide ? 0 : 0x80) | (unsigned)(back >> 8));
    put_byte(doc, (unsigned)back);
}

static struct place collection(struct doc *doc, unsigned tag, const struct place *slots, size_t count, size_t per_item,
                               bool wide) {
    for (size_t i = 0; i < count * per_item; ++i) /* no narrow slot reaches further */
        wide = wide || (slots[i].at != SIZE_MAX && doc->n + 16 + count * per_item * 2 - slots[i].at > 2 * 0x3FFF);
    size_t start = doc->n, head = count < 2047 ? count : 2047;
    put_byte(doc, tag | (wide ? 8 : 0) | (unsigned)(head >> 8));
    put_byte(doc, (unsigned)head);
    if (head == 2047) put_varint(doc, count - 2047);
    if (doc->n & 1) put_byte(doc, 0);
    for (size_t i = 0; i < count * per_item; ++i) {
        if (slots[i].at != SIZE_MAX)
            put_pointer(doc, slots[i].at, wide);
        else
            put(doc, (uint8_t[4]){slots[i].slot[0], slots[i].slot[1], 0, 0}, wide ? 4 : 2);
    }
    return (struct place){.at = start};
}

struct place doc_array(struct doc *doc, const struct place *items, size_t n, bool wide) {
    return collection(doc, 0x60, items, n, 1, wide);
}

struct place doc_dict(struct doc *doc, const struct place *pairs, size_t n, bool wide) {
    return collection(doc, 0x70, pairs, n, 2, wide);
}

void doc_end(struct doc *doc, struct place root) {
    bool far = root.at != SIZE_MAX && doc->n - root.at > 2 * 0x3FFF;
    if (root.at == SIZE_MAX)
        put(doc, root.slot, 2);
    else
        put_pointer(doc, root.at, far);
    if (far) put(doc, "\x80\x02", 2);
}

const void *guarded(const void *bytes, size_t size) {
    static uint8_t *pages;
    const size_t page = 4096, room = 1 << 20; /* one page, the room, one page */
    if (!pages) {
        pages = mmap(NULL, room + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        CHECK(pages != MAP_FAILED && !mprotect(pages + page, room, PROT_READ | PROT_WRITE));
    }
    CHECK(size <= room);
    uint8_t *copy = pages + page + room - size;
    if (size) memcpy(copy, bytes, size);
    return copy;
}
