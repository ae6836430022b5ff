/* Base64 and JSON as the reader writes them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "check.h"
#include "json_text.h"

static void base64_is_that_of_the_rfc(void) {
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char out[16] = "";
        char *end = c4t_base64(out, (const unsigned char *)pairs[i][0], strlen(pairs[i][0]));
        CHECK_EQUAL(end - out, C4T_BASE64_SIZE(strlen(pairs[i][0])));
        CHECK(memcmp(out, pairs[i][1], strlen(pairs[i][1])) == 0);
    }
}

static void every_way_writes_what_plain_code_writes(void) {
    unsigned char *data = malloc(70000);
    char *expected = malloc(C4T_BASE64_SIZE(70000));
    for (size_t i = 0; i < 70000; i++) data[i] = (unsigned char)(i * 2654435761u >> 13 ^ i);
    const struct c4t_base64_way *plain = c4t_base64_ways();
    while (plain[1].name) plain++;
    CHECK(strcmp(plain->name, "plain") == 0);
    for (size_t size = 0; size < 70000; size += size < 400 ? 1 : 6967) {
        size_t chars = (size_t)(plain->write(expected, data, size) - expected);
        CHECK_EQUAL(chars, C4T_BASE64_SIZE(size));
        for (const struct c4t_base64_way *way = c4t_base64_ways(); way->name; way++) {
            /* exactly as much as there is, so that a sanitizer sees every byte too many */
            unsigned char *exact = malloc(size ? size : 1);
            char *out = malloc(chars ? chars : 1);
            memcpy(exact, data, size);
            CHECK_EQUAL(way->write(out, exact, size) - out, chars);
            CHECK(memcmp(out, expected, chars) == 0);
            free(exact);
            free(out);
        }
    }
    free(data);
    free(expected);
}

static void numbers_are_decimal(void) {
    static const uint64_t numbers[] = {0,          1,        9, 10, 11, 99, 100, 101, 999, 1000, 12345678901234567ull,
                                       UINT64_MAX, INT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char expected[32], out[32];
        snprintf(expected, sizeof expected, "%llu", (unsigned long long)numbers[i]);
        *c4t_json_unsigned(out, numbers[i]) = 0;
        CHECK(strcmp(out, expected) == 0);
        snprintf(expected, sizeof expected, "%lld", (long long)numbers[i]);
        *c4t_json_int(out, (int64_t)numbers[i]) = 0;
        CHECK(strcmp(out, expected) == 0);
    }
    char out[32];
    *c4t_json_int(out, INT64_MIN) = 0;
    CHECK(strcmp(out, "-9223372036854775808") == 0);
}

static void check_object(const char *text, const char *expected) {
    char out[2048];
    char *end = c4t_json_object(out, text, strlen(text));
    if (!expected) {
        if (end) fprintf(stderr, "taken: %s\n", text);
        CHECK(!end);
        return;
    }
    CHECK(end);
    *end = 0;
    if (strcmp(out, expected) != 0) fprintf(stderr, "%s\nis: %s\nnot: %s\n", text, out, expected);
    CHECK(strcmp(out, expected) == 0);
}

static void objects_are_whole_or_left_out(void) {
    check_object("{}", "{}");
    check_object(" { \"a\" : [ ] ,\r\n\t\"b\":{ \"c\":\"d\\n\\u00e9\\/\" } } ",
                 "{\"a\":[],\"b\":{\"c\":\"d\\n\\u00e9\\/\"}}");
    check_object("{\"a\":[0,-0,1.5,-12e+3,1E-2,true,false,null]}", "{\"a\":[0,-0,1.5,-12e+3,1E-2,true,false,null]}");
    static const char *const bad[] = {"",
                                      "{",
                                      "}",
                                      "null",
                                      "\"a\"",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,}",
                                      "{\"a\":1 \"b\":2}",
                                      "{\"a\":[1,]}",
                                      "{\"a\":01}",
                                      "{\"a\":-}",
                                      "{\"a\":.5}",
                                      "{\"a\":1.}",
                                      "{\"a\":1e}",
                                      "{\"a\":+1}",
                                      "{\"a\":NaN}",
                                      "{\"a\":1e400}",
                                      "{\"a\":tru}",
                                      "{\"a\":\"\n\"}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\u12g4\"}",
                                      "{\"a\":\"\\u123",
                                      "{\"a\":\"",
                                      "{\"a\":\"\\",
                                      "{}{}",
                                      "{a:1}",
                                      "{1:1}",
                                      "{\"a\":[}",
                                      "{\"a\":{]}",
                                      "{\"a\":1111111111111111111111111111111111111111111111111111111111111111111111}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) check_object(bad[i], NULL);
    char deep[400] = "{\"a\":";
    for (int i = 0; i < 60; i++) strcat(deep, "[");
    char closed[600];
    strcpy(closed, deep);
    for (int i = 0; i < 60; i++) strcat(closed, "]");
    strcat(closed, "}");
    check_object(closed, closed);
    for (int i = 0; i < 10; i++) strcat(deep, "[");
    check_object(deep, NULL);
}

int main(void) {
    base64_is_that_of_the_rfc();
    every_way_writes_what_plain_code_writes();
    numbers_are_decimal();
    objects_are_whole_or_left_out();
    return 0;
}
