/* What running text loses, what it keeps, and what a text made to be slow costs. */
#include <string.h>

#include "check.h"
#include "fleece_doc.h"
#include "json_check.h"
#include "mask.h"
#include "segment.h"

#define CANARY "c4n4ry-Hunter2"
#define ROOM (64u * 1024u)

static char out[ROOM + 1];
static unsigned flags;

static void scrubs(const char *is, const char *expected) {
    flags = 0;
    size_t size = strlen(is), n = c4t_scrub_text(guarded(is, size), size, out, ROOM, &flags);
    out[n] = 0;
    if (strcmp(out, expected)) fprintf(stderr, "is       %s\nexpected %s\n", out, expected);
    CHECK(!strcmp(out, expected));
    CHECK_EQUAL(flags, strstr(expected, "[redacted]") ? C4T_REC_REDACTED : 0);
}

static void running_text_loses_its_secrets(void) {
    scrubs("wss://joe:" CANARY "@host:4984/db/_blipsync", "wss://[redacted]@host:4984/db/_blipsync");
    scrubs("wss://joe:p/a@" CANARY "@host/db", "wss://[redacted]@host/db");
    scrubs("wss://" CANARY "@[::1]:4984/db", "wss://[redacted]@[::1]:4984/db");
    scrubs("see 'https://host/cb?code=" CANARY "' now", "see 'https://host/cb?[redacted] now");
    scrubs("https://host/cb#access=" CANARY " next", "https://host/cb#[redacted] next");
    scrubs("https://host/?email=a@" CANARY " next", "https://[redacted] next");
    scrubs("GET /db/?code=" CANARY " HTTP/1.1", "GET /db/?[redacted] HTTP/1.1");
    scrubs("via joe:" CANARY "@proxy:8080 failed", "via [redacted]@proxy:8080 failed");
    scrubs("Authorization: Basic " CANARY ", more\r\nHost: x", "Authorization: [redacted]\r\nHost: x");
    scrubs("proxy-authorization=" CANARY " " CANARY "\nx", "proxy-authorization=[redacted]\nx");
    scrubs("Cookie: a=" CANARY "; b=" CANARY, "Cookie: [redacted]");
    scrubs("Set-Cookie: SyncGatewaySession=" CANARY "; Path=/", "Set-Cookie: [redacted]");
    scrubs("got Basic " CANARY " here", "got Basic [redacted] here");
    scrubs("got bearer\t" CANARY " here", "got bearer\t[redacted] here");
    scrubs("Digest username=\"joe\", response=\"" CANARY "\"\nnext", "Digest [redacted]\nnext");
    scrubs("Bearer token: " CANARY, "Bearer [redacted]");
    scrubs("password=" CANARY "&user=joe rest", "password=[redacted] rest");
    scrubs("Password : " CANARY ".", "Password : [redacted]");
    scrubs("{\"clientSecret\": \"a\\\"" CANARY "\", \"n\": 1}", "{\"clientSecret\": \"[redacted]\", \"n\": 1}");
    scrubs("{\\\"password\\\":\\\"" CANARY "\\\"}", "{\\\"password\\\":\\\"[redacted]");
    scrubs("access_TOKEN='" CANARY " " CANARY "' id", "access_TOKEN='[redacted] id");
    scrubs("token='a'token='b " CANARY "' x", "token='[redacted] x");
    scrubs("password=<" CANARY "\"" CANARY "> x", "password=[redacted] x");
    scrubs("invalid eyJhbGciOiJub25l.eyJzdWIiOiJqb2UifQ." CANARY " x", "invalid [redacted] x");
    scrubs("Cookie: password=\"\n" CANARY "\" " CANARY "\nx", "Cookie: [redacted]\nx");
    scrubs("SyncGatewaySession=" CANARY, "SyncGatewaySession=[redacted]");
    scrubs("headers['X-Api-Key'] = " CANARY, "headers['X-Api-Key'] = [redacted]");
}

static void running_text_without_secrets_stays(void) {
    static const char *const plain[] = {"",
                                        "wss://host:4984/db/_blipsync",
                                        "ws://[::1]:80/db",
                                        "replication stopped: 1001 going away",
                                        "the token has expired",
                                        "password wrong",
                                        "mail joe@example.com",
                                        "really? yes",
                                        "12:30:05 a/b",
                                        "basically digested",
                                        "caf\xC3\xA9 \xF0\x9F\x90\xA6",
                                        "a\x01"
                                        "b"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; ++i) scrubs(plain[i], plain[i]);
    scrubs("bad \xFF\xE2\x82 end", "bad \xEF\xBF\xBD\xEF\xBF\xBD end");
    scrubs("ws://[redacted]@host/?[redacted] token=[redacted]", "ws://[redacted]@host/?[redacted] token=[redacted]");
}

static void running_text_is_cut_between_characters(void) {
    const char *is = "caf\xC3\xA9 \xF0\x9F\x90\xA6 token=" CANARY;
    for (size_t cap = 0; cap < 40; ++cap) {
        flags = 0;
        memset(out, '~', 64);
        size_t n = c4t_scrub_text(is, strlen(is), out, cap, &flags);
        CHECK(n <= cap && out[cap] == '~' && utf8_valid(out, n));
        CHECK(!!(flags & C4T_REC_CUT) == (cap < 27));
        out[n] = 0;
        CHECK(!strstr(out, "c4n4ry") && !strncmp(out, "caf\xC3\xA9 \xF0\x9F\x90\xA6 token=[redacted]", n));
    }
}

/* Texts on which a scan that looks back or ahead without memory takes the square of their length: hours here. */
static void hostile_text_costs_its_length(void) {
    static const char *const parts[] = {"_",      "-p",   "cookie:", "token=",  "token='",   "token=\\\"",
                                        "basic ", "a:b@", "://",     "digest:", "token=\"'", "p_"};
    static char long_text[1 << 20];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
        size_t size = strlen(parts[i]);
        for (size_t at = 0; at < sizeof long_text; ++at) long_text[at] = parts[i][at % size];
        flags = 0;
        size_t n = c4t_scrub_text(long_text, sizeof long_text, out, ROOM, &flags);
        CHECK(n <= ROOM && utf8_valid(out, n));
    }
}

int main(void) {
    running_text_loses_its_secrets();
    running_text_without_secrets_stays();
    running_text_is_cut_between_characters();
    hostile_text_costs_its_length();
    return 0;
}
