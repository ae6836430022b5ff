/* Reading Fleece: the format's own examples, and everything that is wrong. */
#include "fleece.h"

#include <math.h>
#include <string.h>

#include "check.h"
#include "fleece_doc.h"

/* CHECK for one of many: says which. */
static void demand(bool met, const char *which) {
    if (!met) fprintf(stderr, "with %s:\n", which);
    CHECK(met);
}

static size_t from_hex(const char *hex, uint8_t *bytes) {
    size_t n = 0;
    for (; *hex; hex += 2) {
        while (*hex == ' ') ++hex;
        unsigned byte;
        CHECK(sscanf(hex, "%2x", &byte) == 1);
        bytes[n++] = (uint8_t)byte;
    }
    return n;
}

static bool read_hex(const char *hex, struct c4t_fleece *root) {
    uint8_t bytes[256];
    size_t n = from_hex(hex, bytes);
    return c4t_fleece_root(guarded(bytes, n), n, root);
}

static struct c4t_fleece good(const char *hex) {
    struct c4t_fleece root;
    demand(read_hex(hex, &root), hex);
    return root;
}

static bool is_text(const struct c4t_fleece *value, const char *text) {
    return value->type == C4T_FLEECE_STRING && value->size == strlen(text) && !memcmp(value->bytes, text, value->size);
}

static void scalars_are_read(void) {
    CHECK(good("3000").type == C4T_FLEECE_NULL);
    CHECK(good("3400").type == C4T_FLEECE_FALSE);
    CHECK(good("3800").type == C4T_FLEECE_TRUE);
    CHECK(good("3C00").type == C4T_FLEECE_UNDEFINED);
    static const struct {
        const char *hex;
        int64_t value;
    } ints[] = {{"0000", 0},
                {"04D2", 1234},
                {"0B2E", -1234},
                {"0800", -2048},
                {"0FFF", -1},
                {"07FF", 2047},
                {"1100 0800 8002", 2048},
                {"134E 61BC 0000 8003", 12345678},
                {"17FF FFFF FFFF FFFF 7F00 8005", INT64_MAX},
                {"1700 0000 0000 0000 8000 8005", INT64_MIN},
                {"10FF 8001", -1},
                {"18FF 8001", 255}};
    for (size_t i = 0; i < sizeof ints / sizeof *ints; ++i) {
        struct c4t_fleece value = good(ints[i].hex);
        demand(value.type == C4T_FLEECE_INT && value.integer == ints[i].value, ints[i].hex);
    }
    struct c4t_fleece most = good("1FFF FFFF FFFF FFFF FF00 8005");
    CHECK(most.type == C4T_FLEECE_UNSIGNED && (uint64_t)most.integer == UINT64_MAX);
    CHECK(good("2000 0000 003F 8003").real == 0.5);
    CHECK(good("2400 0000 003F 8003").real == 0.5);
    CHECK(good("2800 182D 4454 FB21 0940 8005").real == M_PI);
}

static void strings_and_data_are_read(void) {
    struct c4t_fleece value = good("4000");
    CHECK(is_text(&value, ""));
    value = good("4161");
    CHECK(is_text(&value, "a"));
    value = good("4261 6200 8002");
    CHECK(is_text(&value, "ab"));
    value = good("4F0F 6162 6364 6566 6768 696A 6B6C 6D6E 6F00 8009");
    CHECK(is_text(&value, "abcdefghijklmno"));
    value = good("5201 FF00 8002");
    CHECK(value.type == C4T_FLEECE_DATA && value.size == 2 && value.bytes[1] == 0xFF);
}

static void collections_are_read(void) {
    struct c4t_fleece root = good("6000"), item, key;
    CHECK(root.type == C4T_FLEECE_ARRAY && root.size == 0 && !c4t_fleece_item(&root, 0, &item));
    root = good("6001 3000 8002");
    CHECK(root.size == 1 && c4t_fleece_item(&root, 0, &item) && item.type == C4T_FLEECE_NULL);
    root = good("4568 656C 6C6F 6002 4161 8005 8003");
    CHECK(root.size == 2 && c4t_fleece_item(&root, 0, &item) && is_text(&item, "a"));
    CHECK(c4t_fleece_item(&root, 1, &item) && is_text(&item, "hello") && !c4t_fleece_item(&root, 2, &item));
    root = good("7000");
    CHECK(root.type == C4T_FLEECE_DICT && root.size == 0 && !c4t_fleece_key(&root, 0, &key) &&
          !c4t_fleece_value(&root, 0, &item));
    root = good("7001 4166 002A 8003");
    CHECK(root.size == 1 && c4t_fleece_key(&root, 0, &key) && is_text(&key, "f"));
    CHECK(c4t_fleece_value(&root, 0, &item) && item.integer == 42);
    root = good("436F 2D6F 7001 8003 002A 8003");
    CHECK(c4t_fleece_key(&root, 0, &key) && is_text(&key, "o-o"));
    root = good("7003 0000 0017 0001 002A 07FF 0FFF 8007");
    CHECK(root.size == 3 && c4t_fleece_key(&root, 2, &key) && key.integer == 2047);
    CHECK(c4t_fleece_value(&root, 2, &item) && item.integer == -1);
}

static void wide_and_long_collections_are_read(void) {
    static struct doc doc;
    static struct place items[3000];
    for (int wide = 0; wide <= 1; ++wide) {
        doc.n = 0;
        struct place shared = doc_string(&doc, "shared");
        for (int i = 0; i < 3000; ++i) items[i] = i % 2 ? shared : doc_short(i % 2048);
        doc_end(&doc, doc_array(&doc, items, 3000, wide));
        struct c4t_fleece root, item;
        CHECK(c4t_fleece_root(guarded(doc.bytes, doc.n), doc.n, &root) && root.size == 3000);
        for (int i = 0; i < 3000; ++i) {
            CHECK(c4t_fleece_item(&root, (size_t)i, &item));
            CHECK(i % 2 ? is_text(&item, "shared") : item.integer == i % 2048);
        }
    }
}

static void a_root_far_away_is_reached_through_a_wide_pointer(void) {
    static struct doc doc;
    static uint8_t filler[100000];
    doc.n = 0;
    struct place first = doc_string(&doc, "first");
    doc_data(&doc, filler, sizeof filler);
    doc_end(&doc, first);
    struct c4t_fleece root;
    CHECK(c4t_fleece_root(guarded(doc.bytes, doc.n), doc.n, &root) && is_text(&root, "first"));
}

static void what_is_no_fleece_is_refused(void) {
    static const char *const bad[] = {
        "",                                   /* nothing */
        "30",                                 /* odd */
        "300000",                             /* odd */
        "3000 3000",                          /* the last two bytes are no pointer */
        "8000",                               /* a pointer to itself */
        "3000 8002",                          /* before the data */
        "3000 BFFF",                          /* far before the data */
        "3000 C001",                          /* into other data */
        "3100",                               /* an unknown special */
        "1100 8001",                          /* an int of two bytes in one */
        "2800 0000 8002",                     /* a double of two bytes */
        "4361 8001",                          /* a string longer than the data */
        "4FFF FFFF FFFF FFFF FFFF FF01 8006", /* a string of 2^64 - 1 bytes */
        "4FFF FFFF FFFF FFFF FFFF FF7F 8006", /* a length of more than 64 bits */
        "4FFF 8001",                          /* a length without an end */
        "6002 3000 8002",                     /* an array longer than the data */
        "7001 3000 8002",                     /* a dict with half a pair */
        "67FF FFFF FFFF FFFF FFFF FF01 8006", /* an array of 2^64 - 1 + 2047 items */
        "77FF FFFF FFFF 0F00 8004",
        "4F80 8080 8080 8080 8080 0200 8006", /* the same, and its low 64 bits are 0 */
        "67FF 81F0 FFFF FFFF FFFF FF01 8006", /* the count overflows to 0 */
        "77FF 81F0 FFFF FFFF FFFF 3F00 8006", /* the size of the slots overflows to 0 */
        "8001 8001",                          /* half a wide pointer */
        "0000 8000 0000 8002",                /* a wide pointer to itself */
        "0000 8000 0004 8002",                /* a wide pointer before the data */
    };
    struct c4t_fleece root;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) demand(!read_hex(bad[i], &root), bad[i]);
    CHECK(!c4t_fleece_root(NULL, 0, &root) && !c4t_fleece_root(NULL, 8, &root));
}

static void a_wide_pointer_ends_before_the_slot_that_leads_to_it(void) {
    static const uint8_t tail[] = {0x80, 0x00, 0x80,
                                   0x01}; /* the last two bytes are the root and would be half the pointer */
    static uint8_t bytes[2 * 0x8001 + sizeof tail];
    memcpy(bytes + sizeof bytes - sizeof tail, tail, sizeof tail);
    struct c4t_fleece root;
    CHECK(!c4t_fleece_root(guarded(bytes, sizeof bytes), sizeof bytes, &root));
}

static void nothing_can_hold_itself(void) {
    struct c4t_fleece item;
    struct c4t_fleece itself = good("6001 8001 8002"); /* the array's item is the array */
    CHECK(itself.type == C4T_FLEECE_ARRAY && !c4t_fleece_item(&itself, 0, &item));
    struct c4t_fleece dict = good("7001 4161 8002 8003");
    CHECK(!c4t_fleece_value(&dict, 0, &item));
    struct c4t_fleece slot = good("6001 8000 8002"); /* the slot points to itself */
    CHECK(!c4t_fleece_item(&slot, 0, &item));
}

static void a_damaged_item_is_refused_where_it_is_asked_for(void) {
    struct c4t_fleece item,
        root = good("6003 0001 C001 8FFF 8004"); /* 1, a pointer into other data, one before the data */
    CHECK(c4t_fleece_item(&root, 0, &item) && item.integer == 1);
    CHECK(!c4t_fleece_item(&root, 1, &item) && !c4t_fleece_item(&root, 2, &item));
    root = good("6001 4261 8002"); /* a string of two bytes does not fit a slot */
    CHECK(!c4t_fleece_item(&root, 0, &item));
    root = good("6801 4261 6200 8003"); /* but it fits a wide one */
    CHECK(c4t_fleece_item(&root, 0, &item) && is_text(&item, "ab"));
}

static void every_prefix_and_every_changed_byte_is_survived(void) {
    static struct doc doc;
    doc.n = 0;
    struct place pairs[] = {doc_string(&doc, "list"), doc_null(), doc_string(&doc, "number"), doc_double(&doc, 1.5)};
    struct place items[] = {pairs[0], doc_int(&doc, -5), doc_data(&doc, "0123456789abcdef", 16)};
    pairs[1] = doc_array(&doc, items, 3, true);
    doc_end(&doc, doc_dict(&doc, pairs, 2, false));
    for (size_t cut = 0; cut <= doc.n; ++cut)
        for (size_t at = 0; at < cut; ++at)
            for (unsigned byte = 0; byte < 256; byte += cut == doc.n ? 1 : 37) {
                uint8_t old = doc.bytes[at];
                doc.bytes[at] = (uint8_t)byte;
                struct c4t_fleece root, key, item;
                if (c4t_fleece_root(guarded(doc.bytes, cut), cut, &root))
                    for (size_t i = 0; i < 100 && i < root.size; ++i) {
                        if (root.type == C4T_FLEECE_DICT)
                            c4t_fleece_key(&root, i, &key), c4t_fleece_value(&root, i, &item);
                        if (root.type == C4T_FLEECE_ARRAY) c4t_fleece_item(&root, i, &item);
                    }
                doc.bytes[at] = old;
            }
}

int main(void) {
    scalars_are_read();
    strings_and_data_are_read();
    collections_are_read();
    wide_and_long_collections_are_read();
    a_root_far_away_is_reached_through_a_wide_pointer();
    what_is_no_fleece_is_refused();
    a_wide_pointer_ends_before_the_slot_that_leads_to_it();
    nothing_can_hold_itself();
    a_damaged_item_is_refused_where_it_is_asked_for();
    every_prefix_and_every_changed_byte_is_survived();
    return 0;
}
