#include "json_check.h"

#include <stdint.h>
#include <string.h>

struct at {
    const char *s, *end;
    int depth;
};

static bool value(struct at *at);

static bool take(struct at *at, const char *text) {
    size_t size = strlen(text);
    if ((size_t)(at->end - at->s) < size || memcmp(at->s, text, size)) return false;
    at->s += size;
    return true;
}

static bool hex(struct at *at) {
    for (int i = 0; i < 4; ++i, ++at->s)
        if (at->s == at->end || !*at->s || !strchr("0123456789abcdefABCDEF", *at->s)) return false;
    return true;
}

static bool string(struct at *at) {
    if (!take(at, "\"")) return false;
    while (at->s < at->end && *at->s != '"') {
        unsigned char c = (unsigned char)*at->s++;
        if (c < 0x20 || c == 0x7F) return false;
        if (c != '\\') continue;
        if (at->s == at->end || !*at->s || !strchr("\"\\/bfnrtu", *at->s)) return false;
        if (*at->s++ == 'u' && !hex(at)) return false;
    }
    return take(at, "\"");
}

static bool digits(struct at *at) {
    const char *from = at->s;
    while (at->s < at->end && *at->s >= '0' && *at->s <= '9') ++at->s;
    return at->s > from;
}

static bool number(struct at *at) {
    take(at, "-");
    if (!take(at, "0") && !digits(at)) return false;
    if (take(at, ".") && !digits(at)) return false;
    if (!take(at, "e")) return true;
    take(at, "-");
    return digits(at);
}

static bool members(struct at *at, const char *close, bool named) {
    if (take(at, close)) return true;
    do {
        if (named && !(string(at) && take(at, ":"))) return false;
        if (!value(at)) return false;
    } while (take(at, ","));
    return take(at, close);
}

static bool value(struct at *at) {
    if (++at->depth > 32) return false;
    bool good = take(at, "{")   ? members(at, "}", true)
                : take(at, "[") ? members(at, "]", false)
                                : take(at, "null") || take(at, "true") || take(at, "false") ||
                                      (at->s < at->end && *at->s == '"' ? string(at) : number(at));
    --at->depth;
    return good;
}

bool utf8_valid(const char *text, size_t size) {
    const uint8_t *s = (const uint8_t *)text, *end = s + size;
    while (s < end) {
        int more = *s < 0x80 ? 0 : *s >> 5 == 6 ? 1 : *s >> 4 == 14 ? 2 : *s >> 3 == 30 ? 3 : -1;
        if (more < 0 || end - s <= more) return false;
        uint32_t code = more == 0 ? *s : more == 1 ? *s & 0x1Fu : more == 2 ? *s & 0x0Fu : *s & 0x07u;
        for (int i = 1; i <= more; ++i) {
            if (s[i] >> 6 != 2) return false;
            code = code << 6 | (s[i] & 0x3Fu);
        }
        static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (code < least[more] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
        s += more + 1;
    }
    return true;
}

bool json_object(const char *text, size_t size) {
    struct at at = {text, text + size, 0};
    return size && text[0] == '{' && value(&at) && at.s == at.end && utf8_valid(text, size);
}
