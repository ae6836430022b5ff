/* What the mask lets through, what it takes out, and that it holds against bytes made to break it. */
#include "mask.h"

#include <math.h>
#include <string.h>

#include "check.h"
#include "fleece_doc.h"
#include "json_check.h"
#include "segment.h"

#define CANARY "c4n4ry-Hunter2"
#define ROOM (64u * 1024u)

typedef size_t writes(const void *, size_t, char *, size_t, unsigned *);

static struct doc doc; /* the document a test is making */
static char json[ROOM + 1];
static unsigned flags;

static struct place text(const char *string) { return doc_string(&doc, string); }

/* A dict of the pairs given: key, value, key, value … */
#define DICT(...)                                                                                                      \
    doc_dict(&doc, (struct place[]){__VA_ARGS__}, sizeof((struct place[]){__VA_ARGS__}) / sizeof(struct place) / 2,    \
             false)
#define ARRAY(...)                                                                                                     \
    doc_array(&doc, (struct place[]){__VA_ARGS__}, sizeof((struct place[]){__VA_ARGS__}) / sizeof(struct place), false)

/* End the document with this root, let `function` write it into `cap` bytes, check that this is JSON, and begin a new document. */
static const char *written(writes *function, struct place root, size_t cap) {
    doc_end(&doc, root);
    flags = 0;
    memset(json, '~', sizeof json);
    size_t n = function(guarded(doc.bytes, doc.n), doc.n, json, cap, &flags);
    doc.n = 0;
    CHECK(n <= cap && json[cap] == '~');
    CHECK(n == 0 || json_object(json, n));
    json[n] = 0;
    return json;
}

static void expect(const char *is, const char *expected) {
    if (strcmp(is, expected)) fprintf(stderr, "is       %s\nexpected %s\n", is, expected);
    CHECK(!strcmp(is, expected));
}

static void shows(writes *function, struct place root, const char *expected) {
    expect(written(function, root, ROOM), expected);
}

static void hides_canary(writes *function, struct place root) {
    const char *is = written(function, root, ROOM);
    if (!*is || strstr(is, "c4n4ry") || strstr(is, "Hunter2")) fprintf(stderr, "is %s\n", is);
    CHECK(*is && !strstr(is, "c4n4ry") && !strstr(is, "Hunter2"));
    CHECK(flags & C4T_REC_REDACTED);
}

static void what_a_reader_needs_is_shown(void) {
    shows(
        c4t_options_json,
        DICT(text("BLIPCompressionLevel"), doc_short(6), text("WS-Protocols"),
             text("BLIP_3+CBMobile_3,BLIP_3+CBMobile_2"), text("acceptAllCerts"), doc_bool(true), text("heartbeat"),
             doc_int(&doc, 300000), text("maxRetries"), doc_int(&doc, -1), text("networkInterface"), text("eth0"),
             text("noDeltas"), doc_bool(false), text("reset"), doc_null()),
        "{\"BLIPCompressionLevel\":6,\"WS-Protocols\":\"BLIP_3+CBMobile_3,BLIP_3+CBMobile_2\",\"acceptAllCerts\":true,"
        "\"heartbeat\":300000,\"maxRetries\":-1,\"networkInterface\":\"eth0\",\"noDeltas\":false,\"reset\":null}");
    CHECK_EQUAL(flags, 0);
    shows(c4t_options_json,
          DICT(text("auth"),
               DICT(text("challengeAuth"), doc_bool(true), text("password"), text("x"), text("type"), text("Basic")),
               text("proxy"),
               DICT(text("auth"), DICT(text("type"), text("Basic")), text("host"), text("proxy.example"), text("port"),
                    doc_int(&doc, 8080), text("type"), text("HTTP"))),
          "{\"auth\":{\"challengeAuth\":true,\"password\":\"[redacted]\",\"type\":\"Basic\"},"
          "\"proxy\":{\"auth\":{\"type\":\"Basic\"},\"host\":\"proxy.example\",\"port\":8080,\"type\":\"HTTP\"}}");
    CHECK_EQUAL(flags, C4T_REC_REDACTED);
    shows(c4t_headers_json,
          DICT(text("Sec-WebSocket-Protocol"), text("BLIP_3+CBMobile_3"), text("Set-Cookie"),
               ARRAY(text("a=b"), text("c=d")), text("VIA"), ARRAY(text("1.1 one"), text("1.1 two")),
               text("X-Correlation-Id"), text("7f2a")),
          "{\"Sec-WebSocket-Protocol\":\"BLIP_3+CBMobile_3\",\"Set-Cookie\":\"[redacted]\",\"VIA\":[\"1.1 one\",\"1.1 "
          "two\"],"
          "\"X-Correlation-Id\":\"7f2a\"}");
    shows(c4t_options_json, DICT(), "{}");
}

static void certificates_are_shown_as_their_hash(void) {
    shows(c4t_options_json, DICT(text("pinnedCert"), doc_data(&doc, "abc", 3)),
          "{\"pinnedCert\":{\"bytes\":3,\"sha256\":"
          "\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"}}");
    CHECK_EQUAL(flags, 0);
    shows(c4t_options_json, DICT(text("rootCerts"), text("")),
          "{\"rootCerts\":{\"bytes\":0,\"sha256\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}"
          "}");
    static char long_data[131072]; /* 448 bits, where the padding takes a block of its own, and blocks without a rest */
    memset(long_data, 'a', sizeof long_data);
    shows(c4t_options_json, DICT(text("pinnedCert"), text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
          "{\"pinnedCert\":{\"bytes\":56,\"sha256\":"
          "\"248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1\"}}");
    shows(c4t_options_json, DICT(text("auth"), DICT(text("clientCert"), doc_data(&doc, long_data, sizeof long_data))),
          "{\"auth\":{\"clientCert\":{\"bytes\":131072,\"sha256\":"
          "\"b44ffb72fcc259676bd80495fef1b44b808ca8f1ffe1b1706a4d7911b0e31f11\"}}}");
    hides_canary(c4t_options_json, DICT(text("pinnedCert"), ARRAY(text(CANARY))));
}

static void numbers_read_back_as_they_were(void) {
    static const double values[] = {
        0.1,  -2.5, 1e300, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 123456789.125,
        1e16, 1e17, 1e-5,  1e-4,   9.999999999999999e22,    99999999999999999.0,    M_PI};
    for (size_t i = 0; i < sizeof values / sizeof *values; ++i) {
        const char *is = written(c4t_options_json, DICT(text("heartbeat"), doc_double(&doc, values[i])), ROOM);
        CHECK(strtod(strchr(is, ':') + 1, NULL) == values[i]);
    }
    shows(c4t_options_json, DICT(text("heartbeat"), doc_double(&doc, 0.5)), "{\"heartbeat\":0.5}");
    shows(c4t_options_json, DICT(text("heartbeat"), doc_double(&doc, 0x1p-10)), "{\"heartbeat\":0.0009765625}");
    shows(c4t_options_json, DICT(text("heartbeat"), doc_double(&doc, 0x1p-20)), "{\"heartbeat\":9.5367431640625e-7}");
    shows(c4t_options_json, DICT(text("heartbeat"), doc_double(&doc, 42)), "{\"heartbeat\":42.0}");
    shows(c4t_options_json, DICT(text("heartbeat"), doc_double(&doc, -0.0)), "{\"heartbeat\":-0.0}");
    shows(c4t_options_json, DICT(text("heartbeat"), doc_double(&doc, INFINITY)), "{\"heartbeat\":null}");
    shows(c4t_options_json, DICT(text("heartbeat"), doc_double(&doc, NAN)), "{\"heartbeat\":null}");
    shows(c4t_options_json, DICT(text("heartbeat"), doc_int(&doc, INT64_MIN)), "{\"heartbeat\":-9223372036854775808}");
}

static void strings_become_valid_json(void) {
    shows(c4t_options_json, DICT(text("filter"), text("a\"b\\c\n\x01\x7F\xC2\x85 caf\xC3\xA9 \xF0\x9F\x90\xA6")),
          "{\"filter\":\"a\\\"b\\\\c\\u000a\\u0001\\u007f\\u0085 caf\xC3\xA9 \xF0\x9F\x90\xA6\"}");
    /* Overlong, surrogate, beyond Unicode, alone, cut off: one U+FFFD for each maximal part. */
    shows(c4t_options_json,
          DICT(text("filter"), text("\xC0\xAF|\xE0\x80\xAF|\xED\xA0\x80|\xF4\x90\x80\x80|\xFF|\xE2\x82|\xF0\x9F\x90")),
          "{\"filter\":\"\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|"
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|"
          "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|"
          "\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD\"}");
}

/* Every place in the options where somebody's secret may be. */
static void a_secret_anywhere_in_the_options_is_not_shown(void) {
    static const char *const auth_keys[] = {"password", "token", "clientCertKey", "username", "sessionName", "unknown"};
    static const char *const options[] = {"cookies", "cookie",       "token",      "docIDs",    "channels",
                                          "unknown", "filterParams", "authHeader", "Heartbeat", "remoteDBUniqueID"};
    static const char *const headers[] = {"Authorization",
                                          "Proxy-Authorization",
                                          "Cookie",
                                          "X-Api-Key",
                                          "X-Auth-Token",
                                          "Set-Cookie",
                                          "WWW-Authenticate",
                                          "Location",
                                          "Sec-WebSocket-Key",
                                          "X-Anything",
                                          "Host",
                                          ""};
    for (size_t i = 0; i < sizeof auth_keys / sizeof *auth_keys; ++i) {
        hides_canary(c4t_options_json, DICT(text("auth"), DICT(text(auth_keys[i]), text(CANARY))));
        hides_canary(c4t_options_json,
                     DICT(text("auth"), DICT(text(auth_keys[i]), doc_data(&doc, CANARY, strlen(CANARY)))));
        hides_canary(c4t_options_json, DICT(text("proxy"), DICT(text("auth"), DICT(text(auth_keys[i]), text(CANARY)))));
        hides_canary(c4t_options_json, DICT(text("proxy"), DICT(text(auth_keys[i]), text(CANARY))));
    }
    for (size_t i = 0; i < sizeof options / sizeof *options; ++i) {
        hides_canary(c4t_options_json, DICT(text(options[i]), text(CANARY)));
        hides_canary(c4t_options_json, DICT(text(options[i]), ARRAY(text(CANARY))));
        hides_canary(c4t_options_json, DICT(text(options[i]), DICT(text(CANARY), text(CANARY))));
        hides_canary(c4t_options_json, DICT(text(options[i]), DICT(text("type"), DICT(text("type"), text(CANARY)))));
    }
    for (size_t i = 0; i < sizeof headers / sizeof *headers; ++i) {
        char line[128];
        snprintf(line, sizeof line, "%s: " CANARY, headers[i]);
        hides_canary(c4t_options_json, DICT(text("headers"), DICT(text(headers[i]), text(CANARY))));
        hides_canary(c4t_options_json, DICT(text("headers"), DICT(text(headers[i]), ARRAY(text(CANARY)))));
        hides_canary(c4t_options_json,
                     DICT(text("headers"), ARRAY(text(line), text(CANARY), doc_data(&doc, line, strlen(line)))));
        hides_canary(c4t_headers_json, DICT(text(headers[i]), text(CANARY)));
        hides_canary(c4t_headers_json, DICT(text(headers[i]), ARRAY(text(CANARY), text(CANARY))));
    }
}

/* A key that is shown is no way around either. */
static void a_secret_in_the_wrong_place_is_not_shown(void) {
    static const char *const plain[] = {"heartbeat", "WS-Protocols", "networkInterface", "filter"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; ++i) {
        hides_canary(c4t_options_json, DICT(text(plain[i]), ARRAY(text(CANARY))));
        hides_canary(c4t_options_json, DICT(text(plain[i]), DICT(text("type"), text(CANARY))));
        hides_canary(c4t_options_json, DICT(text(plain[i]), doc_data(&doc, CANARY, strlen(CANARY))));
        hides_canary(c4t_options_json, DICT(text(plain[i]), text("wss://joe:" CANARY "@host/db")));
        hides_canary(c4t_options_json, DICT(text(plain[i]), text("password=" CANARY)));
    }
    hides_canary(c4t_options_json, DICT(text("auth"), text(CANARY)));
    hides_canary(c4t_options_json, DICT(text("auth"), ARRAY(text(CANARY))));
    hides_canary(c4t_options_json, DICT(text("headers"), text("Cookie: " CANARY)));
    hides_canary(c4t_options_json, DICT(text("proxy"), text("http://joe:" CANARY "@proxy:8080")));
    hides_canary(c4t_options_json, DICT(text("proxy"), DICT(text("host"), text("joe:" CANARY "@proxy"))));
    hides_canary(c4t_options_json, DICT(text("proxy"), DICT(text("url"), text(CANARY))));
    hides_canary(c4t_options_json, DICT(text("proxy"), DICT(text("url"), text("http://joe:" CANARY "@proxy:8080"))));
    hides_canary(c4t_options_json, DICT(text("proxy"), DICT(text("proxy"), DICT(text("type"), text(CANARY)))));
    hides_canary(c4t_options_json, DICT(text("Authorization: Basic " CANARY), doc_null()));
    hides_canary(c4t_headers_json, DICT(text("Server"), DICT(text("Server"), text(CANARY))));
    hides_canary(c4t_headers_json, DICT(text("Server"), ARRAY(ARRAY(text(CANARY)))));
    hides_canary(c4t_headers_json, DICT(doc_short(5), text(CANARY)));
    hides_canary(c4t_headers_json, DICT(doc_short(-2048), DICT(text("Server"), text(CANARY))));
}

/* The reason why the host writes JSON: one string can be a key and a secret at once. */
static void a_string_that_is_key_and_value_is_shown_as_key_only(void) {
    struct place type = text("type"), password = text("password"), heartbeat = text("heartbeat");
    shows(c4t_options_json,
          DICT(text("auth"), DICT(password, type, type, password), heartbeat, doc_short(5), text("token"), heartbeat),
          "{\"auth\":{\"password\":\"[redacted]\",\"type\":\"password\"},\"heartbeat\":5,\"token\":\"[redacted]\"}");
}

static void what_does_not_fit_is_counted(void) {
    static const struct {
        size_t cap;
        const char *expected;
    } caps[] = {
        {200, "{\"filter\":\"aaaaaaaaaa\",\"heartbeat\":5,\"networkInterface\":\"bbbbbbbbbb\"}"},
        {100, "{\"filter\":\"aaaaaaaaaa\",\"heartbeat\":5,\"…\":\"1 member cut\"}"},
        {65, "{\"heartbeat\":5,\"…\":\"2 members cut\"}"},
        {50, "{\"…\":\"3 members cut\"}"},
        {48, ""},
        {0, ""},
    };
    for (size_t i = 0; i < sizeof caps / sizeof *caps; ++i) {
        struct place root = DICT(text("filter"), text("aaaaaaaaaa"), text("heartbeat"), doc_short(5),
                                 text("networkInterface"), text("bbbbbbbbbb"));
        expect(written(c4t_options_json, root, caps[i].cap), caps[i].expected);
        CHECK_EQUAL(flags, i ? C4T_REC_CUT : 0);
    }
    for (size_t cap = 0; cap < 400; ++cap) { /* a dict within the dict is cut by itself */
        struct place inner =
            DICT(text("accept"), text("12345678"), text("server"), text("12345678"), text("via"), text("12345678"));
        written(c4t_options_json, DICT(text("filter"), text("12345678"), text("headers"), inner), cap);
        CHECK(!(flags & C4T_REC_UNREADABLE) && (*json || flags & C4T_REC_CUT));
    }
    expect(written(c4t_options_json, DICT(text("aaaaaaaaaaaaaa"), text("x"), text("reset"), doc_short(1)), 64),
           "{\"reset\":1,\"…\":\"1 member cut\"}");
    CHECK_EQUAL(flags, C4T_REC_CUT); /* nothing that is shown was replaced */
    static struct place wide[2 * 3000];
    for (int i = 0; i < 3000; ++i) wide[2 * i] = text("password"), wide[2 * i + 1] = text(CANARY);
    hides_canary(c4t_options_json, doc_dict(&doc, wide, 3000, true));
    CHECK(flags & C4T_REC_CUT);
}

/* A few bytes that stand for gigabytes: 200 lists of 10,000 items, all the same string. */
static void shared_values_cost_no_more_than_the_budget(void) {
    static char long_string[60000];
    static struct place items[10000], pairs[400];
    memset(long_string, '?', sizeof long_string - 1);
    struct place string = text(long_string);
    for (int i = 0; i < 10000; ++i) items[i] = string;
    struct place list = doc_array(&doc, items, 10000, true);
    for (int i = 0; i < 200; ++i) pairs[2 * i] = text("via"), pairs[2 * i + 1] = list;
    expect(written(c4t_headers_json, doc_dict(&doc, pairs, 200, true), 1024),
           "{\"via\":[\"… 10000 members cut\"],\"…\":\"199 members cut\"}");
    for (int i = 0; i < 10000; ++i) items[i] = doc_short(1);
    list = doc_array(&doc, items, 10000, false);
    for (int i = 0; i < 200; ++i) pairs[2 * i] = text("via"), pairs[2 * i + 1] = list;
    const char *lists = written(c4t_headers_json, doc_dict(&doc, pairs, 200, true), ROOM);
    CHECK(strstr(lists, ",\"… 3619 members cut\"],\"…\":\"198 members cut\"}")); /* the budget pays for 16,381 */
    struct place certificate = doc_data(&doc, long_string, sizeof long_string);
    for (int i = 0; i < 200; ++i) pairs[2 * i] = text("pinnedCert"), pairs[2 * i + 1] = certificate;
    const char *is = written(c4t_options_json, doc_dict(&doc, pairs, 200, true), ROOM);
    int hashes = 0;
    for (const char *at = is; (at = strstr(at, "sha256")); ++at) ++hashes;
    CHECK_EQUAL(hashes, 17); /* of 60,000 bytes each: what a budget of 1 MiB pays for */
}

static void what_is_no_dict_is_unreadable(void) {
    shows(c4t_options_json, text("a string, no dict"), "");
    CHECK_EQUAL(flags, C4T_REC_UNREADABLE);
    shows(c4t_headers_json, ARRAY(text("Server: x")), "");
    CHECK_EQUAL(flags, C4T_REC_UNREADABLE);
    shows(c4t_headers_json, DICT(doc_null(), text("x")), "");
    CHECK_EQUAL(flags, C4T_REC_UNREADABLE);
    static const char *const bad[] = {"3", "password=c4n4ry!", "\x70\x01\x41\x66\xC0\x01\x80\x03",
                                      "\x70\x01\x41\x66\x80\x02\x80\x03"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
        flags = 0;
        CHECK_EQUAL(c4t_options_json(guarded(bad[i], strlen(bad[i])), strlen(bad[i]), json, ROOM, &flags), 0);
        CHECK_EQUAL(flags, C4T_REC_UNREADABLE);
    }
    flags = 0;
    CHECK_EQUAL(c4t_options_json(NULL, 0, json, ROOM, &flags), 0);
    CHECK_EQUAL(flags, 0);
}

static void every_prefix_of_the_options_is_survived(void) {
    struct place root =
        DICT(text("auth"), DICT(text("password"), text(CANARY)), text("headers"), ARRAY(text("Cookie: " CANARY)));
    doc_end(&doc, root);
    for (size_t n = 1; n < doc.n; ++n)
        for (size_t from = 0; from < n; ++from) {
            flags = 0;
            size_t size = c4t_options_json(guarded(doc.bytes + from, n - from), n - from, json, ROOM, &flags);
            CHECK(size ? json_object(json, size) : flags == C4T_REC_UNREADABLE);
            json[size] = 0;
            CHECK(!strstr(json, "c4n4ry"));
        }
    doc.n = 0;
}

static void the_tables_can_be_read(void) {
    for (int table = 0; table < C4T_MASK_TABLES; ++table) {
        int n = 0;
        while (c4t_mask_key(table, n)) ++n;
        CHECK(n > 0 && !c4t_mask_key(table, n + 1) && !c4t_mask_key(table, -1));
    }
    CHECK(!c4t_mask_key(-1, 0) && !c4t_mask_key(C4T_MASK_TABLES, 0));
}

int main(void) {
    what_a_reader_needs_is_shown();
    certificates_are_shown_as_their_hash();
    numbers_read_back_as_they_were();
    strings_become_valid_json();
    a_secret_anywhere_in_the_options_is_not_shown();
    a_secret_in_the_wrong_place_is_not_shown();
    a_string_that_is_key_and_value_is_shown_as_key_only();
    what_does_not_fit_is_counted();
    shared_values_cost_no_more_than_the_budget();
    what_is_no_dict_is_unreadable();
    every_prefix_of_the_options_is_survived();
    the_tables_can_be_read();
    return 0;
}
