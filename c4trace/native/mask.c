/* The policy of what may be shown, and options and headers written by it. */
#include "mask.h"

#include <string.h>

#include "fleece.h"
#include "scrub.h"
#include "segment.h"
#include "sha256.h"
#include "text.h"

/* docIDs, channels, filterParams and remoteDBUniqueID are no secrets, but often somebody's personal data: they are not shown. */
static const char *const plain_options[] = {"BLIPCompressionLevel",
                                            "WS-Protocols",
                                            "acceptAllCerts",
                                            "acceptParentDomainCookies",
                                            "autoPurge",
                                            "checkpointInterval",
                                            "filter",
                                            "heartbeat",
                                            "maxIncomingRevs",
                                            "maxRetries",
                                            "maxRetryInterval",
                                            "maxRevsBeingRequested",
                                            "maxRevsInFlight",
                                            "networkInterface",
                                            "noDecryption",
                                            "noDeltas",
                                            "noIncomingConflicts",
                                            "onlySelfSignedServer",
                                            "outgoingConflicts",
                                            "progress",
                                            "reset",
                                            "skipDeleted",
                                            NULL};
static const char *const hashed_options[] = {"pinnedCert", "rootCerts", NULL};
static const char *const plain_auth[] = {"challengeAuth", "type", NULL};
static const char *const hashed_auth[] = {"clientCert", NULL};
static const char *const plain_proxy[] = {"host", "port", "type", NULL};
static const char *const plain_headers[] = {"accept",
                                            "accept-encoding",
                                            "connection",
                                            "content-encoding",
                                            "content-length",
                                            "content-type",
                                            "date",
                                            "retry-after",
                                            "sec-websocket-extensions",
                                            "sec-websocket-protocol",
                                            "sec-websocket-version",
                                            "server",
                                            "transfer-encoding",
                                            "upgrade",
                                            "user-agent",
                                            "vary",
                                            "via",
                                            "x-correlation-id",
                                            NULL};
static const char *const secret_words[] = {"accesskey",  "apikey",  "clientcertkey", "credential", "nonce",
                                           "passphrase", "passwd",  "password",      "privatekey", "pwd",
                                           "secret",     "session", "signature",     "token",      NULL};
static const char *const secret_lines[] = {"authorization", "authenticate", "cookie", NULL};
static const char *const schemes[] = {"basic", "bearer", "digest", "negotiate", "ntlm", NULL};

static const char *const nothing[] = {NULL};

static const char *const *const tables[C4T_MASK_TABLES + 1] = {
    [C4T_MASK_PLAIN_OPTIONS] = plain_options,
    [C4T_MASK_HASHED_OPTIONS] = hashed_options,
    [C4T_MASK_PLAIN_AUTH] = plain_auth,
    [C4T_MASK_HASHED_AUTH] = hashed_auth,
    [C4T_MASK_PLAIN_PROXY] = plain_proxy,
    [C4T_MASK_PLAIN_HEADERS] = plain_headers,
    [C4T_MASK_SECRET_WORDS] = secret_words,
    [C4T_MASK_SECRET_LINES] = secret_lines,
    [C4T_MASK_SCHEMES] = schemes,
    [C4T_MASK_TABLES] = nothing, /* for a dict without such keys */
};

const char *const *c4t_mask_keys(enum c4t_mask_table table) { return tables[table]; }

const char *c4t_mask_key(int table, int i) {
    if (table < 0 || table >= C4T_MASK_TABLES || i < 0) return NULL;
    const char *const *key = tables[table];
    while (*key && i--) ++key;
    return *key;
}

/* What one call may cost, in bytes looked at and this much more for each value; what is left then counts as cut. */
#define BUDGET ((size_t)1 << 20)
#define VALUE_COST 64u
/* Kept free for closing a collection and saying how many of its members are missing: ,"…":"18446744073709551615 members cut"} */
#define CLOSING 48u

struct writer {
    struct c4t_text text;
    size_t budget;
    unsigned flags;
    bool damaged; /* the Fleece is: nothing of it is to be used */
};

/* What a collection is, and so how its members are shown. */
enum shape { OPTIONS, AUTH, PROXY, HEADERS, HEADER_LINES, HEADER_VALUES };

static const struct rule {
    enum c4t_mask_table plain, hashed;
    bool any_case; /* of the keys */
} rules[] = {
    [OPTIONS] = {C4T_MASK_PLAIN_OPTIONS, C4T_MASK_HASHED_OPTIONS, false},
    [AUTH] = {C4T_MASK_PLAIN_AUTH, C4T_MASK_HASHED_AUTH, false},
    [PROXY] = {C4T_MASK_PLAIN_PROXY, C4T_MASK_TABLES, false},
    [HEADERS] = {C4T_MASK_PLAIN_HEADERS, C4T_MASK_TABLES, true},
};

static bool spend(struct writer *writer, size_t cost) {
    bool enough = cost <= writer->budget;
    writer->budget = enough ? writer->budget - cost : 0;
    if (!enough) writer->text.full = true;
    return enough;
}

static bool listed(enum c4t_mask_table table, const uint8_t *name, size_t size, bool any_case) {
    for (const char *const *key = c4t_mask_keys(table); *key; ++key) {
        const char *entry = *key;
        size_t i = 0;
        for (; i < size && entry[i]; ++i) {
            char c = (char)name[i];
            if (any_case && c >= 'A' && c <= 'Z') c = (char)(c + 32);
            if (c != entry[i]) break;
        }
        if (i == size && !entry[i]) return true;
    }
    return false;
}

static bool is_key(const struct c4t_fleece *key, const char *name) {
    return key->type == C4T_FLEECE_STRING && key->size == strlen(name) && !memcmp(key->bytes, name, key->size);
}

static void write_redacted(struct writer *writer) {
    c4t_text_puts(&writer->text, "\"" C4T_REDACTED "\"");
    writer->flags |= C4T_REC_REDACTED;
}

static void write_string(struct writer *writer, const uint8_t *bytes, size_t size) {
    if (!spend(writer, size)) return;
    c4t_text_put(&writer->text, "\"", 1);
    if (c4t_scrub(&writer->text, (const char *)bytes, size, true)) writer->flags |= C4T_REC_REDACTED;
    c4t_text_put(&writer->text, "\"", 1);
}

/* A value that may be shown: scalars only, since nobody knows what a collection might hold. */
static void write_plain(struct writer *writer, const struct c4t_fleece *value) {
    switch (value->type) {
    case C4T_FLEECE_NULL:
    case C4T_FLEECE_UNDEFINED:
        c4t_text_puts(&writer->text, "null");
        break;
    case C4T_FLEECE_FALSE:
        c4t_text_puts(&writer->text, "false");
        break;
    case C4T_FLEECE_TRUE:
        c4t_text_puts(&writer->text, "true");
        break;
    case C4T_FLEECE_INT:
        c4t_text_int(&writer->text, value->integer);
        break;
    case C4T_FLEECE_UNSIGNED:
        c4t_text_unsigned(&writer->text, (uint64_t)value->integer);
        break;
    case C4T_FLEECE_FLOAT:
        c4t_text_double(&writer->text, value->real);
        break;
    case C4T_FLEECE_STRING:
        write_string(writer, value->bytes, value->size);
        break;
    default:
        write_redacted(writer);
    }
}

/* A certificate: {"bytes":N,"sha256":"…"}, without the hash where that would cost too much. */
static void write_hashed(struct writer *writer, const struct c4t_fleece *value) {
    if (value->type != C4T_FLEECE_DATA && value->type != C4T_FLEECE_STRING) {
        write_redacted(writer);
        return;
    }
    c4t_text_puts(&writer->text, "{\"bytes\":");
    c4t_text_unsigned(&writer->text, value->size);
    if (value->size <= writer->budget && spend(writer, value->size)) {
        uint8_t digest[32];
        c4t_sha256(value->bytes, value->size, digest);
        c4t_text_puts(&writer->text, ",\"sha256\":\"");
        for (int i = 0; i < 64; ++i)
            c4t_text_put(&writer->text, &"0123456789abcdef"[digest[i / 2] >> (i % 2 ? 0 : 4) & 15], 1);
        c4t_text_put(&writer->text, "\"", 1);
    }
    c4t_text_put(&writer->text, "}", 1);
}

/* A header in one string, as an array of headers has it: "Name: value". */
static void write_line(struct writer *writer, const struct c4t_fleece *item) {
    const uint8_t *colon = item->type == C4T_FLEECE_STRING && item->size ? memchr(item->bytes, ':', item->size) : NULL;
    size_t name = colon ? (size_t)(colon - item->bytes) : 0;
    if (!colon || !spend(writer, item->size)) {
        write_redacted(writer);
    } else if (listed(C4T_MASK_PLAIN_HEADERS, item->bytes, name, true)) {
        write_string(writer, item->bytes, item->size);
    } else {
        c4t_text_put(&writer->text, "\"", 1);
        c4t_scrub(&writer->text, (const char *)item->bytes, name, true);
        c4t_text_puts(&writer->text, ": " C4T_REDACTED "\"");
        writer->flags |= C4T_REC_REDACTED;
    }
}

static void write_collection(struct writer *writer, const struct c4t_fleece *collection, enum shape shape);

/* The collections that are looked into; every other one is a value like any other, and mostly redacted. */
static bool write_inner(struct writer *writer, const struct c4t_fleece *key, const struct c4t_fleece *value,
                        enum shape shape) {
    bool dict = value->type == C4T_FLEECE_DICT, array = value->type == C4T_FLEECE_ARRAY;
    if (dict && (shape == OPTIONS || shape == PROXY) && is_key(key, "auth"))
        write_collection(writer, value, AUTH);
    else if (dict && shape == OPTIONS && is_key(key, "proxy"))
        write_collection(writer, value, PROXY);
    else if ((dict || array) && shape == OPTIONS && is_key(key, "headers"))
        write_collection(writer, value, dict ? HEADERS : HEADER_LINES);
    else if (array && shape == HEADERS && listed(C4T_MASK_PLAIN_HEADERS, key->bytes, key->size, true))
        write_collection(writer, value, HEADER_VALUES);
    else
        return false;
    return true;
}

static void write_pair(struct writer *writer, const struct c4t_fleece *dict, size_t i, enum shape shape) {
    struct c4t_fleece key, value;
    bool named = c4t_fleece_key(dict, i, &key) && (key.type == C4T_FLEECE_STRING || key.type == C4T_FLEECE_INT);
    writer->damaged = !named || !c4t_fleece_value(dict, i, &value);
    if (writer->damaged) return;
    if (key.type == C4T_FLEECE_STRING) {
        write_string(writer, key.bytes, key.size);
    } else { /* a number for a name in a table that is not here */
        c4t_text_puts(&writer->text, "\"#");
        c4t_text_int(&writer->text, key.integer);
        c4t_text_puts(&writer->text, "\"");
    }
    c4t_text_puts(&writer->text, ":");
    const struct rule *rule = &rules[shape];
    if (write_inner(writer, &key, &value, shape)) return;
    if (listed(rule->hashed, key.bytes, key.size, rule->any_case))
        write_hashed(writer, &value);
    else if (listed(rule->plain, key.bytes, key.size, rule->any_case))
        write_plain(writer, &value);
    else
        write_redacted(writer);
}

static void write_item(struct writer *writer, const struct c4t_fleece *array, size_t i, enum shape shape) {
    struct c4t_fleece item;
    writer->damaged = !c4t_fleece_item(array, i, &item);
    if (writer->damaged) return;
    if (shape == HEADER_LINES)
        write_line(writer, &item);
    else
        write_plain(writer, &item);
}

static void write_cut(struct writer *writer, uint64_t cut, bool dict, bool first) {
    struct c4t_text *text = &writer->text;
    if (!first) c4t_text_puts(text, ",");
    c4t_text_puts(text, dict ? "\"…\":\"" : "\"… ");
    c4t_text_unsigned(text, cut);
    c4t_text_puts(text, cut == 1 ? " member cut\"" : " members cut\"");
    writer->flags |= C4T_REC_CUT;
}

/* Write all members that fit; one that does not is taken back as a whole. */
static void write_collection(struct writer *writer, const struct c4t_fleece *collection, enum shape shape) {
    struct c4t_text *text = &writer->text;
    bool dict = collection->type == C4T_FLEECE_DICT, first = true;
    if (text->full || text->cap - text->n < 1 + CLOSING) {
        text->full = true;
        return;
    }
    c4t_text_puts(text, dict ? "{" : "[");
    text->cap -= CLOSING;
    uint64_t cut = 0;
    for (size_t i = 0; i < collection->size && !writer->damaged; ++i) {
        size_t before = text->n;
        unsigned flags = writer->flags;
        if (!spend(writer, VALUE_COST)) {
            cut += collection->size - i;
            break;
        }
        if (!first) c4t_text_puts(text, ",");
        if (dict)
            write_pair(writer, collection, i, shape);
        else
            write_item(writer, collection, i, shape);
        first = first && text->full;
        if (!text->full) continue;
        text->n = before;
        text->full = false;
        writer->flags = flags;
        ++cut;
    }
    text->full = false;
    text->cap += CLOSING;
    if (cut) write_cut(writer, cut, dict, first);
    c4t_text_puts(text, dict ? "}" : "]");
}

static size_t write_json(const void *fleece, size_t size, enum shape shape, char *out, size_t cap, unsigned *flags) {
    if (!size) return 0;
    struct writer writer = {.text = {.out = out, .cap = cap}, .budget = BUDGET};
    struct c4t_fleece root;
    writer.damaged = !c4t_fleece_root(fleece, size, &root) || root.type != C4T_FLEECE_DICT;
    if (!writer.damaged) write_collection(&writer, &root, shape);
    if (writer.damaged) {
        *flags |= C4T_REC_UNREADABLE;
        return 0;
    }
    *flags |= writer.flags | (writer.text.full ? C4T_REC_CUT : 0);
    return writer.text.full ? 0 : writer.text.n;
}

size_t c4t_options_json(const void *fleece, size_t size, char *out, size_t cap, unsigned *flags) {
    return write_json(fleece, size, OPTIONS, out, cap, flags);
}

size_t c4t_headers_json(const void *fleece, size_t size, char *out, size_t cap, unsigned *flags) {
    return write_json(fleece, size, HEADERS, out, cap, flags);
}

size_t c4t_scrub_text(const char *text, size_t size, char *out, size_t cap, unsigned *flags) {
    struct c4t_text written = {.out = out, .cap = cap};
    if (c4t_scrub(&written, text, size, false)) *flags |= C4T_REC_REDACTED;
    if (written.full) *flags |= C4T_REC_CUT;
    return written.n;
}
