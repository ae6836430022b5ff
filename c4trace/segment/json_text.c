#include "json_text.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define NUMBER_MAX 64

struct parser {
    const unsigned char *at, *end;
    char *out;
    int depth;
};

/* Bytes of the well-formed UTF-8 sequence at `at` (RFC 3629), 0 if there is none. */
static size_t sequence(const unsigned char *at, const unsigned char *end) {
    size_t left = (size_t)(end - at);
    unsigned char lead = at[0];
    size_t size = lead < 0x80                   ? 1
                  : lead >= 0xC2 && lead < 0xE0 ? 2
                  : lead >= 0xE0 && lead < 0xF0 ? 3
                  : lead >= 0xF0 && lead < 0xF5 ? 4
                                                : 0;
    if (!size || size > left) return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xC0) != 0x80) return 0;
    if (lead == 0xE0 && at[1] < 0xA0) return 0; /* overlong */
    if (lead == 0xED && at[1] > 0x9F) return 0; /* surrogates */
    if (lead == 0xF0 && at[1] < 0x90) return 0; /* overlong */
    if (lead == 0xF4 && at[1] > 0x8F) return 0; /* past U+10FFFF */
    return size;
}

/* One character that is not plain ASCII; moves `at` behind it. */
static char *put_wide(char *out, const unsigned char **at, const unsigned char *end) {
    size_t size = sequence(*at, end);
    const unsigned char *from = *at;
    *at += size ? size : 1;
    return size ? c4t_put(out, (const char *)from, size) : c4t_put(out, "\xEF\xBF\xBD", 3);
}

static char *put_control(char *out, unsigned char c) {
    static const char hex[] = "0123456789abcdef";
    const char short_form = c == '\n' ? 'n' : c == '\r' ? 'r' : c == '\t' ? 't' : 0;
    *out++ = '\\';
    if (short_form) {
        *out++ = short_form;
        return out;
    }
    out = c4t_put(out, "u00", 3);
    *out++ = hex[c >> 4];
    *out++ = hex[c & 15];
    return out;
}

char *c4t_json_string(char *out, const char *text, size_t size) {
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    *out++ = '"';
    while (at < end) {
        unsigned char c = *at;
        if (c >= 0x80) {
            out = put_wide(out, &at, end);
            continue;
        }
        if (c < 0x20) {
            out = put_control(out, c);
        } else {
            if (c == '"' || c == '\\') *out++ = '\\';
            *out++ = (char)c;
        }
        at++;
    }
    *out++ = '"';
    return out;
}

static void skip_space(struct parser *p) {
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r')) p->at++;
}

/* The next token's character is `c`: take it. */
static bool take(struct parser *p, unsigned char c) {
    skip_space(p);
    if (p->at >= p->end || *p->at != c) return false;
    *p->out++ = (char)c;
    p->at++;
    return true;
}

static int hex4(const unsigned char *at, const unsigned char *end) {
    int value = 0;
    if (end - at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int c = at[i] | 0x20;
        if (at[i] >= '0' && at[i] <= '9')
            value = value * 16 + (at[i] - '0');
        else if (c >= 'a' && c <= 'f')
            value = value * 16 + (c - 'a' + 10);
        else
            return -1;
    }
    return value;
}

/* \uXXXX at `at`, which points behind the u. Half a surrogate pair becomes U+FFFD. */
static bool take_escaped_code(struct parser *p) {
    int code = hex4(p->at, p->end);
    if (code < 0) return false;
    bool high = code >= 0xD800 && code < 0xDC00, low = code >= 0xDC00 && code < 0xE000;
    int second = high && p->end - p->at >= 10 && p->at[4] == '\\' && p->at[5] == 'u' ? hex4(p->at + 6, p->end) : -1;
    bool pair = second >= 0xDC00 && second < 0xE000;
    if (pair)
        p->out = c4t_put(c4t_put(p->out, "\\u", 2), (const char *)p->at, 10);
    else if (high || low)
        p->out = c4t_put(p->out, "\\ufffd", 6);
    else
        p->out = c4t_put(c4t_put(p->out, "\\u", 2), (const char *)p->at, 4);
    p->at += pair ? 10 : 4;
    return true;
}

static bool take_string(struct parser *p) {
    if (!take(p, '"')) return false;
    while (p->at < p->end && *p->at != '"') {
        unsigned char c = *p->at;
        if (c < 0x20) return false;
        if (c >= 0x80) {
            p->out = put_wide(p->out, &p->at, p->end);
        } else if (c != '\\') {
            *p->out++ = (char)c;
            p->at++;
        } else {
            if (p->end - p->at < 2) return false;
            unsigned char escaped = p->at[1];
            if (escaped != 'u' && !(escaped && strchr("\"\\/bfnrt", escaped))) return false;
            p->at += 2;
            if (escaped == 'u') {
                if (!take_escaped_code(p)) return false;
            } else {
                *p->out++ = '\\';
                *p->out++ = (char)escaped;
            }
        }
    }
    return take(p, '"');
}

static const char *digits(const char *at) {
    while (*at >= '0' && *at <= '9') at++;
    return at;
}

/* Is it a number as RFC 8259 has it, and one that a double can hold? */
static bool is_number(const char *text) {
    const char *at = text + (*text == '-'), *from = at;
    at = digits(at);
    if (at == from || (*from == '0' && at > from + 1)) return false;
    if (*at == '.') {
        from = ++at;
        at = digits(at);
        if (at == from) return false;
    }
    if (*at == 'e' || *at == 'E') {
        at++;
        if (*at == '+' || *at == '-') at++;
        from = at;
        at = digits(at);
        if (at == from) return false;
    }
    return !*at && isfinite(strtod(text, NULL));
}

static bool take_number(struct parser *p) {
    char text[NUMBER_MAX];
    size_t n = 0;
    while (p->at + n < p->end && n < NUMBER_MAX - 1 && p->at[n] && strchr("+-.0123456789eE", p->at[n])) {
        text[n] = (char)p->at[n];
        n++;
    }
    text[n] = 0;
    if (!is_number(text)) return false;
    p->out = c4t_put(p->out, text, n);
    p->at += n;
    return true;
}

static bool take_word(struct parser *p, const char *word) {
    size_t size = strlen(word);
    if ((size_t)(p->end - p->at) < size || memcmp(p->at, word, size) != 0) return false;
    p->out = c4t_put(p->out, word, size);
    p->at += size;
    return true;
}

static bool take_value(struct parser *p);

static bool take_members(struct parser *p, unsigned char open, unsigned char close) {
    if (!take(p, open)) return false;
    if (take(p, close)) return true;
    do {
        if (open == '{' && (!take_string(p) || !take(p, ':'))) return false;
        if (!take_value(p)) return false;
    } while (take(p, ','));
    return take(p, close);
}

static bool take_value(struct parser *p) {
    skip_space(p);
    if (p->at >= p->end || p->depth >= DEPTH_MAX) return false;
    switch (*p->at) {
    case '"':
        return take_string(p);
    case 't':
        return take_word(p, "true");
    case 'f':
        return take_word(p, "false");
    case 'n':
        return take_word(p, "null");
    case '{':
    case '[': {
        p->depth++;
        bool good = take_members(p, *p->at, *p->at == '{' ? '}' : ']');
        p->depth--;
        return good;
    }
    default:
        return take_number(p);
    }
}

char *c4t_json_object(char *out, const char *text, size_t size) {
    struct parser p = {.at = (const unsigned char *)text, .end = (const unsigned char *)text + size, .out = out};
    if (!take_members(&p, '{', '}')) return NULL;
    skip_space(&p);
    return p.at == p.end ? p.out : NULL;
}

/* The eight decimal digits of a number below 10^8, the first one in the lowest byte: halves, quarters and digits are divided out side by
 * side, each by a multiplication with the rounded-up reciprocal that is exact for so few digits. */
static uint64_t eight_digits(uint32_t value) {
    uint64_t fours = value / 10000 | (uint64_t)(value % 10000) << 32;
    uint64_t hundreds = fours * 10486 >> 20 & 0x0000007F0000007F;
    uint64_t twos = hundreds + ((fours - hundreds * 100) << 16);
    uint64_t tens = twos * 103 >> 10 & 0x000F000F000F000F;
    return tens + ((twos - tens * 10) << 8);
}

#define ALL_ZEROS 0x3030303030303030u

char *c4t_json_eight_digits(char *out, uint32_t value) {
    uint64_t text = eight_digits(value) | ALL_ZEROS;
    memcpy(out, &text, 8);
    return out + 8;
}

/* Without leading zeros; the last digit stays. */
static char *put_up_to_eight(char *out, uint32_t value) {
    uint64_t digits = eight_digits(value);
    int zeros = __builtin_ctzll(digits | UINT64_C(1) << 56) & ~7;
    uint64_t text = (digits | ALL_ZEROS) >> zeros;
    memcpy(out, &text, 8);
    return out + 8 - zeros / 8;
}

static char *put_up_to_two(char *out, uint32_t value) {
    if (value >= 10) *out++ = (char)('0' + value / 10);
    *out++ = (char)('0' + value % 10);
    return out;
}

static char *put_up_to_four(char *out, uint32_t value) {
    if (value >= 100) {
        out = put_up_to_two(out, value / 100);
        *out++ = (char)('0' + value / 10 % 10);
        *out++ = (char)('0' + value % 10);
        return out;
    }
    return put_up_to_two(out, value);
}

char *c4t_json_unsigned(char *out, uint64_t value) {
    if (value < 10000) return put_up_to_four(out, (uint32_t)value);
    const uint32_t e8 = 100000000;
    if (value < e8) return put_up_to_eight(out, (uint32_t)value);
    uint64_t high = value / e8;
    if (high < e8)
        out = put_up_to_eight(out, (uint32_t)high);
    else
        out = c4t_json_eight_digits(put_up_to_eight(out, (uint32_t)(high / e8)), (uint32_t)(high % e8));
    return c4t_json_eight_digits(out, (uint32_t)(value % e8));
}

char *c4t_json_int(char *out, int64_t value) {
    if (value >= 0) return c4t_json_unsigned(out, (uint64_t)value);
    *out++ = '-';
    return c4t_json_unsigned(out, 0 - (uint64_t)value);
}
