/* Writing text of bounded size, without the C library's printf: that one asks the locale and may allocate. */
#include "text.h"

#include <math.h>
#include <string.h>

void c4t_text_put(struct c4t_text *text, const char *bytes, size_t size) {
    if (text->full || size > text->cap - text->n) {
        text->full = true;
        return;
    }
    if (size) memcpy(text->out + text->n, bytes, size);
    text->n += size;
}

void c4t_text_puts(struct c4t_text *text, const char *string) { c4t_text_put(text, string, strlen(string)); }

/* How many of the `left` bytes at `s` are one character, or -n: the first n are the start of one at most (Unicode, table 3-7). */
static int character(const uint8_t *s, size_t left) {
    if (s[0] < 0x80) return 1;
    int size = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
               : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
               : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                              : 0;
    if (!size) return -1;
    uint8_t low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    uint8_t high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    for (int i = 1; i < size; ++i) {
        if ((size_t)i >= left || s[i] < low || s[i] > high) return -i;
        low = 0x80;
        high = 0xBF;
    }
    return size;
}

static void put_escape(struct c4t_text *text, unsigned code) {
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[code >> 4 & 15], hex[code & 15]};
    c4t_text_put(text, escape, sizeof escape);
}

static void put_json_character(struct c4t_text *text, const char *s, int size) {
    uint8_t first = (uint8_t)s[0], second = size == 2 ? (uint8_t)s[1] : 0;
    if (first == '"' || first == '\\') c4t_text_put(text, "\\", 1);
    if (first < 0x20 || first == 0x7F)
        put_escape(text, first);
    else if (first == 0xC2 && second < 0xA0) /* U+0080 to U+009F: controls to some terminals */
        put_escape(text, second);
    else
        c4t_text_put(text, s, (size_t)size);
}

/* How many of the bytes come first that are written as they are, in JSON too: nearly all text is made of these. */
static size_t plain_bytes(const char *bytes, size_t size) {
    size_t i = 0;
    while (i < size && (uint8_t)bytes[i] >= ' ' && (uint8_t)bytes[i] < 0x7F && bytes[i] != '"' && bytes[i] != '\\') ++i;
    return i;
}

void c4t_text_utf8(struct c4t_text *text, const char *bytes, size_t size, bool json) {
    for (size_t i = 0; i < size && !text->full;) {
        size_t plain = plain_bytes(bytes + i, size - i);
        if (plain) {
            size_t room = text->cap - text->n;
            c4t_text_put(text, bytes + i, plain < room ? plain : room);
            text->full = plain > room;
            i += plain;
            continue;
        }
        int found = character((const uint8_t *)bytes + i, size - i);
        if (found < 0)
            c4t_text_put(text, "\xEF\xBF\xBD", 3);
        else if (json)
            put_json_character(text, bytes + i, found);
        else
            c4t_text_put(text, bytes + i, (size_t)found);
        i += (size_t)(found < 0 ? -found : found);
    }
}

void c4t_text_unsigned(struct c4t_text *text, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    c4t_text_put(text, digits + at, sizeof digits - at);
}

void c4t_text_int(struct c4t_text *text, int64_t value) {
    if (value < 0) c4t_text_put(text, "-", 1);
    c4t_text_unsigned(text, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

#define LIMBS 90 /* of nine digits: 2^53 * 5^1074 has 767 digits */
#define LIMB 1000000000u
#define SIGNIFICANT 17 /* as many digits as tell all doubles apart */

struct decimal {
    uint32_t limb[LIMBS]; /* lowest first */
    int used;
};

static void multiply(struct decimal *number, uint32_t by) {
    uint64_t carry = 0;
    for (int i = 0; i < number->used; ++i) {
        carry += (uint64_t)number->limb[i] * by;
        number->limb[i] = (uint32_t)(carry % LIMB);
        carry /= LIMB;
    }
    while (carry) {
        number->limb[number->used++] = (uint32_t)(carry % LIMB);
        carry /= LIMB;
    }
}

/* By base^exponent, but at most by base^12, which fits 32 bits. */
static void multiply_power(struct decimal *number, uint32_t base, int exponent) {
    uint32_t by = 1;
    for (int i = 0; i < exponent && i < 12; ++i) by *= base;
    multiply(number, by);
}

/* All digits of the number, highest first, no leading zeros. */
static int to_digits(const struct decimal *number, char digits[LIMBS * 9]) {
    int n = 0;
    for (int i = number->used - 1; i >= 0; --i)
        for (uint32_t unit = LIMB / 10; unit; unit /= 10) {
            char digit = (char)('0' + number->limb[i] / unit % 10);
            if (n || digit != '0') digits[n++] = digit;
        }
    return n;
}

/* Round to SIGNIFICANT digits. Returns how many are left without trailing zeros; *point, where the decimal point stands, may move. */
static int round_digits(char *digits, int n, int *point) {
    if (n > SIGNIFICANT) {
        bool up = digits[SIGNIFICANT] >= '5';
        n = SIGNIFICANT;
        while (up && n && digits[n - 1] == '9') --n;
        if (up && n) ++digits[n - 1];
        if (!n) {
            digits[n++] = '1';
            ++*point;
        }
    }
    while (n > 1 && digits[n - 1] == '0') --n;
    return n;
}

/* The digits with the decimal point behind the `point`-th of them. */
static void put_decimal(struct c4t_text *text, const char *digits, int n, int point) {
    bool plain = point > -5 && point <= SIGNIFICANT;
    int whole = plain ? point : 1;
    if (whole <= 0) c4t_text_put(text, "0", 1);
    for (int i = 0; i < whole; ++i) c4t_text_put(text, i < n ? digits + i : "0", 1);
    c4t_text_put(text, ".", 1);
    for (int i = whole; i < 0; ++i) c4t_text_put(text, "0", 1);
    int from = whole < 0 ? 0 : whole;
    if (from < n)
        c4t_text_put(text, digits + from, (size_t)(n - from));
    else
        c4t_text_put(text, "0", 1);
    if (plain) return;
    c4t_text_put(text, "e", 1);
    c4t_text_int(text, point - 1);
}

/* value = mantissa * 2^e; where e is negative that is mantissa * 5^-e / 10^-e: a whole number and a place for the point. */
void c4t_text_double(struct c4t_text *text, double value) {
    if (!isfinite(value)) {
        c4t_text_puts(text, "null");
        return;
    }
    if (signbit(value)) c4t_text_put(text, "-", 1);
    int e;
    uint64_t mantissa = (uint64_t)ldexp(frexp(fabs(value), &e), 53);
    e -= 53;
    if (!mantissa) {
        c4t_text_puts(text, "0.0");
        return;
    }
    for (; !(mantissa & 1); mantissa >>= 1) ++e;
    struct decimal number = {{(uint32_t)(mantissa % LIMB), (uint32_t)(mantissa / LIMB)}, 2};
    for (int i = 0; i < e; i += 12) multiply_power(&number, 2, e - i);
    for (int i = 0; i < -e; i += 12) multiply_power(&number, 5, -e - i);
    char digits[LIMBS * 9];
    int n = to_digits(&number, digits);
    int point = n + (e < 0 ? e : 0);
    n = round_digits(digits, n, &point);
    put_decimal(text, digits, n, point);
}
