/* Taking secrets out of running text: stretches of it are found to be secret, each stretch becomes one C4T_REDACTED.
 *
 * A run is what lies between white space, quotes and angle brackets; a word is letters, digits, '_' and '-'. One pass: every byte is
 * looked at a few times, never more. In doubt text is taken out: nobody misses it as much as a password would be missed.
 */
#include "scrub.h"

#include <string.h>

#include "mask.h"

struct span {
    size_t from, to; /* empty where from >= to */
};

struct scan {
    const char *s;
    size_t size;
    size_t run_end;        /* of the run looked at last */
    size_t line_end;       /* of the line looked at last */
    struct span quoted[2]; /* the '"' and the '\'' values looked at last */
    struct span user;      /* user and password of that run */
    struct span query;     /* query and fragment of that run */
    struct span value;     /* behind a secret's name */
};

static bool is_break(char c) { return (unsigned char)c <= ' ' || c == 0x7F || c == '"' || c == '<' || c == '>'; }
static bool is_line_end(char c) { return c == '\r' || c == '\n'; }
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }
static bool is_alnum(char c) { return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9'); }
static bool is_word(char c) { return is_alnum(c) || c == '_' || c == '-'; }
static bool inside(struct span span, size_t i) { return i >= span.from && i < span.to; }

/* The ends below are kept: the next word often asks for the same, and without that a hostile text would cost its square. */
static size_t run_end(const struct scan *scan, size_t i) {
    if (i < scan->run_end) return scan->run_end;
    while (i < scan->size && !is_break(scan->s[i])) ++i;
    return i;
}

static size_t line_end(struct scan *scan, size_t i) {
    if (i < scan->line_end) return scan->line_end;
    while (i < scan->size && !is_line_end(scan->s[i])) ++i;
    return scan->line_end = i;
}

/* Find user, password and query in the run at `from`. All up to the last '@' counts as user and password, since passwords may hold any
 * character; an '@' behind a '?' leaves open which of both it belongs to. */
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
    scan->user = scan->query = (struct span){0, 0};
    if (at != none && (url != none || colon < at))
        scan->user = (struct span){url == none || at_before_url ? from : url, at};
    if (query != none) scan->query = (struct span){query + 1, end};
    if (query != none && at != none && at > query && url != none) scan->user.to = end;
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

static bool word_in(const char *word, size_t size, int table, bool (*matches)(const char *, size_t, const char *)) {
    for (int i = 0;; ++i) {
        const char *entry = c4t_mask_key(table, i);
        if (!entry) return false;
        if (matches(word, size, entry)) return true;
    }
}

static size_t skip(const struct scan *scan, size_t i, const char *set) {
    while (i < scan->size && scan->s[i] && strchr(set, scan->s[i])) ++i;
    return i;
}

/* The value behind an opening quote, which is right before `from`. */
static struct span quoted(struct scan *scan, size_t from) {
    char quote = scan->s[from - 1];
    struct span *last = &scan->quoted[quote == '"'];
    if (!inside(*last, from)) {
        size_t to = from;
        while (to < scan->size && scan->s[to] != quote) to += scan->s[to] == '\\' ? 2 : 1;
        *last = (struct span){from, to < scan->size ? to : scan->size};
    }
    return (struct span){from, last->to};
}

/* The value behind the name that ends at `i`: name=value, "name": "value" and the like. Empty if none follows. */
static struct span named_value(struct scan *scan, size_t i, bool whole_line) {
    size_t sign = skip(scan, i, " \t\"'\\]");
    size_t from = skip(scan, sign, "=:");
    if (from == sign) return (struct span){0, 0};
    from = skip(scan, from, "=:> \t\\");
    if (from < scan->size && !whole_line && (scan->s[from] == '"' || scan->s[from] == '\''))
        return quoted(scan, from + 1);
    return (struct span){from, whole_line ? line_end(scan, from) : run_end(scan, from)};
}

/* The credential behind the scheme that ends at `i`: a run, or for Digest, which has many, the line. */
static struct span credential(struct scan *scan, size_t i, bool whole_line) {
    size_t from = skip(scan, i, " \t:=\"'");
    if (from == i) return (struct span){0, 0};
    return (struct span){from, whole_line ? line_end(scan, from) : run_end(scan, from)};
}

/* Find the secret that the word at `from` announces. */
static void look_at_word(struct scan *scan, size_t from) {
    size_t end = from;
    while (end < scan->size && is_word(scan->s[end])) ++end;
    const char *word = scan->s + from;
    size_t size = end - from;
    struct span found = {0, 0};
    if (word_in(word, size, C4T_MASK_SCHEMES, word_is))
        found = credential(scan, end, word_is(word, size, "digest"));
    else if (word_in(word, size, C4T_MASK_SECRET_LINES, word_holds))
        found = named_value(scan, end, true);
    else if (word_in(word, size, C4T_MASK_SECRET_WORDS, word_holds))
        found = named_value(scan, end, false);
    if (found.from >= found.to) return;
    if (from >= scan->value.to)
        scan->value = found;
    else if (found.to > scan->value.to)
        scan->value.to = found.to;
}

bool c4t_scrub(struct c4t_text *text, const char *bytes, size_t size, bool json) {
    struct scan scan = {.s = bytes, .size = size};
    bool any = false, hidden = false;
    size_t shown = 0; /* where the text begins that is to be shown next */
    for (size_t i = 0; i < size && !text->full; ++i) {
        if (i >= scan.run_end && !is_break(bytes[i])) look_at_run(&scan, i);
        if (is_word(bytes[i]) && (i == 0 || !is_word(bytes[i - 1]))) look_at_word(&scan, i);
        bool hide = inside(scan.user, i) || inside(scan.query, i) || inside(scan.value, i);
        if (hide && !hidden) {
            c4t_text_utf8(text, bytes + shown, i - shown, json);
            c4t_text_puts(text, C4T_REDACTED);
            any = true;
        }
        if (hide) shown = i + 1;
        hidden = hide;
    }
    c4t_text_utf8(text, bytes + shown, size - shown, json);
    return any;
}
