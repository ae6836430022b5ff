/* Damaged options, headers and texts: fuzz_mask [ROUNDS [SEED]]. The same numbers give the same inputs.
 *
 * What is checked: no byte outside the input is read, none outside the room written; what is written is JSON or nothing; scrubbed text is
 * valid UTF-8, and scrubbing it again changes nothing. */
#include <string.h>

#include "check.h"
#include "fleece_doc.h"
#include "json_check.h"
#include "mask.h"
#include "segment.h"

#define INPUT_MAX 4096u
#define ROOM 8192u
#define ROUNDS 20000

struct input {
    uint8_t bytes[INPUT_MAX];
    size_t n;
};

static struct input seeds[5];
static uint64_t state;

static uint64_t random_bits(void) { /* splitmix64 */
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static size_t below(size_t n) { return n ? (size_t)(random_bits() % n) : 0; }

static void keep(struct input *seed, const void *bytes, size_t n) {
    CHECK(n <= INPUT_MAX);
    memcpy(seed->bytes, bytes, n);
    seed->n = n;
}

static void make_options(struct doc *doc, struct input *seed, bool wide) {
    struct place string = doc_string(doc, "BLIP_3+CBMobile_3"), type = doc_string(doc, "type"),
                 auth_key = doc_string(doc, "auth");
    struct place auth[] = {doc_string(doc, "password"), type, type, doc_string(doc, "Basic")};
    struct place auth_dict = doc_dict(doc, auth, 2, wide);
    struct place proxy[] = {auth_key, auth_dict, doc_string(doc, "host"), doc_string(doc, "joe:pw@proxy"),
                            type,     string};
    struct place proxy_dict = doc_dict(doc, proxy, 3, wide);
    struct place lines[] = {doc_string(doc, "Cookie: a=b"), doc_string(doc, "Via: https://a:b@host/x?y")};
    struct place pairs[] = {doc_string(doc, "WS-Protocols"),
                            string,
                            auth_key,
                            auth_dict,
                            doc_string(doc, "headers"),
                            doc_array(doc, lines, 2, wide),
                            doc_string(doc, "heartbeat"),
                            doc_double(doc, 0.1),
                            doc_string(doc, "maxRetries"),
                            doc_int(doc, -123456789),
                            doc_string(doc, "pinnedCert"),
                            doc_data(doc, "0123456789abcdefghij", 20),
                            doc_string(doc, "proxy"),
                            proxy_dict,
                            doc_string(doc, "reset"),
                            doc_bool(true)};
    doc_end(doc, doc_dict(doc, pairs, sizeof pairs / sizeof *pairs / 2, wide));
    keep(seed, doc->bytes, doc->n);
    doc->n = 0;
}

static void make_headers(struct doc *doc, struct input *seed) {
    struct place values[] = {doc_string(doc, "1.1 caf\xC3\xA9"), doc_string(doc, "\xFF\xE2\x82"), doc_short(-1),
                             doc_null()};
    struct place pairs[] = {doc_string(doc, "Server"),
                            doc_string(doc, "x \"y\" \\ \x01"),
                            doc_string(doc, "Set-Cookie"),
                            values[0],
                            doc_string(doc, "Via"),
                            doc_array(doc, values, 4, false),
                            doc_short(7),
                            values[1]};
    doc_end(doc, doc_dict(doc, pairs, sizeof pairs / sizeof *pairs / 2, false));
    keep(seed, doc->bytes, doc->n);
    doc->n = 0;
}

static void make_seeds(void) {
    static struct doc doc;
    static const char text[] =
        "wss://joe:p@ss@[::1]:4984/db?token=x#y Authorization: Basic abc=\r\nCookie: a=b; c\n"
        "{\"pass_word\": \"a\\\"b\", 'Api-Key' => x&y} bearer token: z digest a, b\tcaf\xC3\xA9 \xF0\x9F\x90\xA6";
    make_options(&doc, &seeds[0], false);
    make_options(&doc, &seeds[1], true);
    make_headers(&doc, &seeds[2]);
    keep(&seeds[3], text, sizeof text - 1);
    seeds[4].n = 0;
}

/* Bytes that mean something to Fleece or to running text. */
static uint8_t telling_byte(void) {
    static const uint8_t bytes[] =
        "\x00\x01\x0F\x10\x1F\x28\x30\x3C\x40\x42\x4F\x50\x5F\x60\x67\x6F\x70\x77\x78\x7F\x80\xBF\xC0\xE2\xF0\xFF"
        "@:/?#=\"'\\ \n";
    return bytes[below(sizeof bytes - 1)];
}

static void change(struct input *input) {
    size_t at = below(input->n), more = below(16), from;
    if (below(4)) more &= ~(size_t)1; /* an even number keeps what follows where Fleece expects it */
    switch (below(7)) {
    case 0:
        input->bytes[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        input->bytes[at] = telling_byte();
        break;
    case 2:
        input->bytes[at] = (uint8_t)random_bits();
        break;
    case 3:
        input->n = at;
        break;
    case 4: /* take some bytes out */
        if (at + more > input->n) break;
        memmove(input->bytes + at, input->bytes + at + more, input->n - at - more);
        input->n -= more;
        break;
    case 5: /* repeat some */
        from = below(input->n);
        if (from + more > input->n || input->n + more > INPUT_MAX) break;
        memmove(input->bytes + at + more, input->bytes + at, input->n - at);
        memmove(input->bytes + at, input->bytes + from, more);
        input->n += more;
        break;
    default: /* lead a pointer somewhere else */
        at &= ~(size_t)1;
        if (at + 2 > input->n) break;
        input->bytes[at] = 0x80 | (uint8_t)(below(8) ? 0 : below(128));
        input->bytes[at + 1] = (uint8_t)below(input->n / 2 + 1);
    }
}

/* A text of nothing but what the scan looks for. */
static void make_text(struct input *input) {
    static const char *const parts[] = {
        "password", "to-ken", "Cookie", "digest", "Basic", "eyJhbGciOiJ", "[redacted]", "://", "@", "?", "#",       "/",
        ":",        "=",      "\"",     "'",      "\\",    "]",           " ",          "\n",  "<", "x", "\xC3\xA9"};
    input->n = 0;
    for (size_t count = below(20); count; --count) {
        const char *part = parts[below(sizeof parts / sizeof *parts)];
        memcpy(input->bytes + input->n, part, strlen(part));
        input->n += strlen(part);
    }
}

static void write_json(size_t (*write)(const void *, size_t, char *, size_t, unsigned *), const struct input *input,
                       size_t cap) {
    static char out[ROOM + 1];
    unsigned flags = 0;
    out[cap] = '~';
    size_t n = write(guarded(input->bytes, input->n), input->n, out, cap, &flags);
    CHECK(n <= cap && out[cap] == '~');
    CHECK(n ? json_object(out, n) && !(flags & C4T_REC_UNREADABLE)
            : !input->n || flags & (C4T_REC_UNREADABLE | C4T_REC_CUT));
}

static void write_text(const struct input *input, size_t cap) {
    static char once[4 * INPUT_MAX * 10 + 1], twice[sizeof once];
    unsigned flags = 0;
    once[cap] = '~';
    size_t n = c4t_scrub_text(guarded(input->bytes, input->n), input->n, once, cap, &flags);
    CHECK(n <= cap && once[cap] == '~' && utf8_valid(once, n));
    flags = 0;
    n = c4t_scrub_text(guarded(input->bytes, input->n), input->n, once, sizeof once, &flags);
    CHECK(!(flags & C4T_REC_CUT) && utf8_valid(once, n));
    bool redacted = flags;
    flags = 0;
    size_t again = c4t_scrub_text(guarded(once, n), n, twice, sizeof twice, &flags);
    CHECK(again == n && !memcmp(once, twice, n) && (redacted || !flags));
}

int main(int argc, char **argv) {
    long rounds = argc > 1 ? atol(argv[1]) : ROUNDS;
    state = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    make_seeds();
    for (long round = 0; round < rounds; ++round) {
        static struct input input;
        if (below(3))
            input = seeds[below(sizeof seeds / sizeof *seeds)];
        else
            make_text(&input);
        for (size_t changes = below(6); changes && input.n; --changes) change(&input);
        size_t cap = below(4) ? ROOM : below(300);
        write_json(c4t_options_json, &input, cap);
        write_json(c4t_headers_json, &input, cap);
        write_text(&input, cap);
    }
    return 0;
}
