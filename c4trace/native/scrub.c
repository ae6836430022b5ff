/* Taking secrets out of running text: stretches of it are found to be secret, each stretch becomes one C4T_REDACTED.
 *
 * A run is what lies between white space, double quotes and angle brackets; a word is letters, digits, '_' and '-'. One pass: every byte
 * is looked at a few times, never more. In doubt text is taken out: nobody misses it as much as a password would be missed. But for what
 * lies before an '@', secrets end where a run ends, so that scrubbing what was scrubbed finds the same ones and changes nothing.
 */
#include "scrub.h"

#include <string.h>

#include "mask.h"

struct span {
    size_t from, to; /* empty where from >= to */
};

/* What a secret goes on to at least; where another one begins in it and goes further, it goes on from there again. */
enum until { UNTIL_BREAK, UNTIL_SPACE, UNTIL_LINE_END };

struct scan {
    const char *s;
    size_t size;
    size_t run_end, space, line_end; /* where the run, the text without white space and the line looked at last end */
    struct span quoted[2];           /* the '\'' and the '"' value looked at last */
    size_t quoted_run_end[2];        /* where the run ends in which that one ends */
    size_t query;                    /* where the query or fragment of the run begins */
    struct span user;                /* user and password of the run */
    struct span value;               /* what a word or a query announced */
    enum until until;                /* of value */
};

static bool is_space(char c) { return (unsigned char)c <= ' ' || c == 0x7F; }
static bool is_break(char c) { return is_space(c) || c == '"' || c == '<' || c == '>'; }
static bool is_line_end(char c) { return c == '\r' || c == '\n'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
static bool is_alnum(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); }
static bool is_word(char c) { return is_alnum(c) || c == '_' || c == '-'; }
static bool inside(struct span span, size_t i) { return i >= span.from && i < span.to; }

/* The ends below are kept: the next word often asks for the same, and without that a hostile text would cost its square. */
static size_t run_end(struct scan *scan, size_t i) {
    if (i < scan->run_end) return scan->run_end;
    while (i < scan->size && !is_break(scan->s[i])) ++i;
    return i;
}

static size_t space(struct scan *scan, size_t i) {
    if (i < scan->space) return scan->space;
    while (i < scan->size && !is_space(scan->s[i])) ++i;
    return scan->space = i;
}

static size_t line_end(struct scan *scan, size_t i) {
    if (i < scan->line_end) return scan->line_end;
    while (i < scan->size && !is_line_end(scan->s[i])) ++i;
    return scan->line_end = i;
}

/* Find user, password and query in the run at `from`. All up to the last '@' counts as user and password, since passwords may hold any
 * character, a '?' too. */
static void look_at_run(struct scan *scan, size_t from) {
    const char *s = scan->s;
    size_t end = run_end(scan, from), none = end, url = none, at = none, colon = none, query = none, slash = none;
    bool at_before_url = false;
    for (size_t i = from; i < end; ++i) {
        if (s[i] == '@') {
            at = i;
            if (url == none) at_before_url = true;
        }
        if (s[i] == ':' && colon == none) colon = i;
        if (s[i] == '/' && slash == none) slash = i;
        if (url == none && end - i >= 3 && !memcmp(s + i, "://", 3)) url = i + 3;
        if (query == none && ((s[i] == '?' && slash < i) || (s[i] == '#' && url < i))) query = i;
    }
    scan->run_end = end;
    scan->query = query;
    scan->user = (struct span){0, 0};
    if (at != none && (url != none || colon < at))
        scan->user = (struct span){url == none || at_before_url ? from : url, at};
}

/* Whether the word holds the entry; '_' and '-' in it do not count. */
static bool word_holds(const char *word, size_t size, const char *entry) {
    for (size_t from = 0; from < size; ++from) {
        if (lower(word[from]) != entry[0]) continue;
        size_t i = from, matched = 0;
        while (i < size && entry[matched]) {
            if (word[i] != '_' && word[i] != '-' && lower(word[i]) != entry[matched++]) break;
            ++i;
            if (!entry[matched]) return true;
        }
    }
    return false;
}

static bool word_is(const char *word, size_t size, const char *entry) {
    size_t i = 0;
    while (i < size && entry[i] && lower(word[i]) == entry[i]) ++i;
    return i == size && !entry[i];
}

static bool word_in(const char *word, size_t size, enum c4t_mask_table table,
                    bool (*matches)(const char *, size_t, const char *)) {
    const char *const *key = c4t_mask_keys(table);
    while (*key && !matches(word, size, *key)) ++key;
    return *key;
}

static size_t skip(const struct scan *scan, size_t i, const char *set) {
    while (i < scan->size && scan->s[i] && strchr(set, scan->s[i])) ++i;
    return i;
}

static bool is_redacted(const struct scan *scan, size_t from) {
    size_t size = strlen(C4T_REDACTED);
    return scan->size - from >= size && !memcmp(scan->s + from, C4T_REDACTED, size);
}

/* The value behind the quote right before `from`. It goes on to the end of the run: 'it''s' is one value to some. */
static struct span quoted(struct scan *scan, size_t from) {
    char quote = scan->s[from - 1];
    int which = quote == '"';
    if (is_redacted(scan, from))
        return (struct span){from, run_end(scan, from)}; /* it may have taken the closing quote with it */
    if (!inside(scan->quoted[which], from)) {
        size_t to = from;
        while (to < scan->size && scan->s[to] != quote) to += scan->s[to] == '\\' ? 2 : 1;
        if (to > scan->size) to = scan->size;
        scan->quoted[which] = (struct span){from, to};
        scan->quoted_run_end[which] = run_end(scan, to);
    }
    return (struct span){from, scan->quoted_run_end[which]};
}

static size_t end_of(struct scan *scan, size_t i, enum until until) {
    return until == UNTIL_LINE_END ? line_end(scan, i) : until == UNTIL_SPACE ? space(scan, i) : i;
}

/* Hide what is announced at `i`. */
static void hide(struct scan *scan, size_t i, struct span found, enum until until) {
    if (found.from >= found.to) return;
    if (i >= scan->value.to) {
        scan->value = found;
        scan->until = until;
    } else if (found.to > scan->value.to) {
        scan->value.to = end_of(scan, found.to, scan->until);
    }
}

/* Hide the value behind the name at `i` that ends at `end`: name=value, "name": "value" and the like. */
static void hide_named(struct scan *scan, size_t i, size_t end, enum until until) {
    size_t sign = skip(scan, end, " \t\"'\\]");
    size_t from = skip(scan, sign, "=:");
    if (from == sign) return;
    from = skip(scan, from, "=:> \t\\");
    if (until == UNTIL_SPACE && from < scan->size && (scan->s[from] == '"' || scan->s[from] == '\''))
        hide(scan, i, quoted(scan, from + 1), UNTIL_BREAK);
    else
        hide(scan, i, (struct span){from, end_of(scan, from, until)}, until);
}

/* Hide the credential behind the scheme at `i` that ends at `end`. */
static void hide_credential(struct scan *scan, size_t i, size_t end, enum until until) {
    size_t from = skip(scan, end, " \t:=\"'");
    if (from > end) hide(scan, i, (struct span){from, end_of(scan, from, until)}, until);
}

/* Hide the secret that the word at `i` announces. */
static void look_at_word(struct scan *scan, size_t i) {
    size_t end = i;
    while (end < scan->size && is_word(scan->s[end])) ++end;
    const char *word = scan->s + i;
    size_t size = end - i;
    if (size >= 10 && !memcmp(word, "eyJ", 3)) /* {" in base64: a JSON web token, whatever was said before it */
        hide(scan, i, (struct span){i, space(scan, i)}, UNTIL_SPACE);
    else if (skip(scan, end, " \t:=\"'\\]") ==
             end) /* nothing can be announced: most words end here, before the tables */
        return;
    else if (word_in(word, size, C4T_MASK_SCHEMES, word_is))
        hide_credential(scan, i, end, word_is(word, size, "digest") ? UNTIL_LINE_END : UNTIL_SPACE);
    else if (word_in(word, size, C4T_MASK_SECRET_LINES, word_holds))
        hide_named(scan, i, end, UNTIL_LINE_END);
    else if (word_in(word, size, C4T_MASK_SECRET_WORDS, word_holds))
        hide_named(scan, i, end, UNTIL_SPACE);
}

bool c4t_scrub(struct c4t_text *text, const char *bytes, size_t size, bool json) {
    struct scan scan = {.s = bytes, .size = size};
    bool any = false, hidden = false;
    size_t shown = 0; /* where the text begins that is to be shown next */
    for (size_t i = 0; i < size && !text->full; ++i) {
        if (i >= scan.run_end && !is_break(bytes[i])) look_at_run(&scan, i);
        if (i < scan.run_end && i == scan.query) hide(&scan, i, (struct span){i + 1, space(&scan, i + 1)}, UNTIL_SPACE);
        if (is_word(bytes[i]) && (i == 0 || !is_word(bytes[i - 1]))) look_at_word(&scan, i);
        bool secret = inside(scan.user, i) || inside(scan.value, i);
        if (secret && !hidden) {
            c4t_text_utf8(text, bytes + shown, i - shown, json);
            c4t_text_puts(text, C4T_REDACTED);
            any = true;
        }
        if (secret) shown = i + 1;
        hidden = secret;
    }
    c4t_text_utf8(text, bytes + shown, size - shown, json);
    return any;
}
