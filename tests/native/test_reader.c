/* What the reader makes of rings: lines, gaps, returns, in order. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "made_segment.h"
#include "read_text.h"
#include "reader.h"

static void put_with_return(struct made_segment *segment, struct made_record record) {
    made_put(segment, 0, &record);
    struct made_record returned = return_of(record, 5);
    made_put(segment, 0, &returned);
}

static void every_event_has_its_line(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP * 4);
    facts = segment.header;
    struct made_record r = event_at(C4T_EV_OPEN, 10, 1, 1);
    TEXT1(r, "ws://h:4984/db/_blipsync");
    TEXT2(r, "{\"auth\": {\"type\" : \"Basic\"}, \"n\":[1, -2.5e3 ,true,null]}");
    r.flags = C4T_REC_ADDRESS | C4T_REC_REDACTED;
    put_with_return(&segment, r);
    r = event_at(C4T_EV_FROM_NATIVE, 20, 2, 2);
    r.flags = C4T_REC_ADDRESS;
    put_with_return(&segment, r);
    r = event_at(C4T_EV_GOT_HTTP_RESPONSE, 30, 1, 3);
    r.code = 101;
    TEXT2(r, "{\"Server\":\"x\"}");
    put_with_return(&segment, r);
    r = event_at(C4T_EV_GOT_PEER_CERTIFICATE, 40, 1, 4);
    r.n = 3;
    TEXT1(r, "h.example");
    DATA(r, "abc");
    made_put(&segment, 0, &r);
    struct made_record refused = return_of(r, 5);
    refused.flags |= C4T_REC_FALSE;
    made_put(&segment, 0, &refused);
    put_with_return(&segment, event_at(C4T_EV_OPENED, 50, 1, 5));
    r = event_at(C4T_EV_WRITE, 60, 1, 6);
    r.n = 10;
    r.flags = C4T_REC_CUT;
    DATA(r, "\xff\x00\x01\x02");
    put_with_return(&segment, r);
    r = event_at(C4T_EV_COMPLETED_WRITE, 70, 1, 7);
    r.n = 10;
    put_with_return(&segment, r);
    r = event_at(C4T_EV_RECEIVED, 80, 1, 8);
    put_with_return(&segment, r);
    r = event_at(C4T_EV_COMPLETED_RECEIVE, 90, 1, 9);
    put_with_return(&segment, r);
    r = event_at(C4T_EV_CLOSE_REQUESTED, 100, 1, 10);
    r.code = 1001;
    TEXT1(r, "going \"away\"\n");
    put_with_return(&segment, r);
    r = event_at(C4T_EV_REQUEST_CLOSE, 110, 1, 11);
    r.code = 1000;
    put_with_return(&segment, r);
    put_with_return(&segment, event_at(C4T_EV_CLOSE, 120, 1, 12));
    r = event_at(C4T_EV_CLOSED, 130, 1, 13);
    r.domain = 6;
    r.code = -7;
    TEXT1(r, "gone");
    put_with_return(&segment, r);
    put_with_return(&segment, event_at(C4T_EV_CLOSED, 140, 2, 14));
    put_with_return(&segment, event_at(C4T_EV_DISPOSE, 150, 1, 15));
    put_with_return(&segment, event_at(C4T_EV_ATTACHED, 160, 0, 16));

    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    CHECK_EQUAL(drain(reader), 16);
    check_text(
        "{\"type\":\"event\",\"seq\":1,\"t\":10,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"open\",\"factory\":\"orders\","
        "\"framing\":\"client\","
        "\"address\":\"ws://h:4984/db/_blipsync\","
        "\"options\":{\"auth\":{\"type\":\"Basic\"},\"n\":[1,-2.5e3,true,null]}}\n"
        "{\"type\":\"event\",\"seq\":2,\"t\":20,\"dt\":5,\"sid\":2,\"tid\":70,\"ev\":\"fromNative\",\"factory\":"
        "\"orders\",\"framing\":\"client\"}\n"
        "{\"type\":\"event\",\"seq\":3,\"t\":30,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"gotHTTPResponse\",\"status\":"
        "101,\"headers\":{\"Server\":\"x\"}}\n"
        "{\"type\":\"event\",\"seq\":4,\"t\":40,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"gotPeerCertificate\",\"n\":3,"
        "\"hostname\":\"h.example\",\"accepted\":false,\"data\":\"YWJj\"}\n"
        "{\"type\":\"event\",\"seq\":5,\"t\":50,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"opened\"}\n"
        "{\"type\":\"event\",\"seq\":6,\"t\":60,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"write\",\"n\":10,\"data\":\"/"
        "wABAg==\",\"cut\":6}\n"
        "{\"type\":\"event\",\"seq\":7,\"t\":70,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"completedWrite\",\"n\":10}\n"
        "{\"type\":\"event\",\"seq\":8,\"t\":80,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"received\",\"n\":0}\n"
        "{\"type\":\"event\",\"seq\":9,\"t\":90,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"completedReceive\",\"n\":0}\n"
        "{\"type\":\"event\",\"seq\":10,\"t\":100,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"closeRequested\",\"status\":"
        "1001,\"message\":\"going \\\"away\\\"\\n\"}\n"
        "{\"type\":\"event\",\"seq\":11,\"t\":110,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"requestClose\",\"status\":"
        "1000}\n"
        "{\"type\":\"event\",\"seq\":12,\"t\":120,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"close\"}\n"
        "{\"type\":\"event\",\"seq\":13,\"t\":130,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"closed\",\"error\":{"
        "\"domain\":6,\"code\":-7,\"message\":\"gone\"}}\n"
        "{\"type\":\"event\",\"seq\":14,\"t\":140,\"dt\":5,\"sid\":2,\"tid\":70,\"ev\":\"closed\"}\n"
        "{\"type\":\"event\",\"seq\":15,\"t\":150,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"dispose\"}\n"
        "{\"type\":\"event\",\"seq\":16,\"t\":160,\"dt\":5,\"sid\":0,\"tid\":70,\"ev\":\"attached\"}\n");
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void an_open_tells_the_framing_of_its_factory(void) {
    static const char *const framings[] = {",\"framing\":\"client\"", ",\"framing\":\"none\"",
                                           ",\"framing\":\"server\"",
                                           ""}; /* by number; one that is not known is not told */
    for (uint32_t framing = 0; framing < 4; framing++) {
        struct made_segment segment;
        made_segment(&segment, 2, MADE_CAP);
        facts = segment.header;
        struct c4t_factory_row *factory = made_row(&segment, &segment.header->factories, 0);
        factory->framing = framing;
        put_with_return(&segment, event_at(C4T_EV_OPEN, 10, 1, 1));
        struct c4t_reader *reader = open_reader(&segment, C4T_READ);
        drain(reader);
        char expected[256];
        snprintf(expected, sizeof expected,
                 "{\"type\":\"event\",\"seq\":1,\"t\":10,\"dt\":5,\"sid\":1,\"tid\":70,\"ev\":\"open\",\"factory\":"
                 "\"orders\""
                 "%s}\n",
                 framings[framing]);
        check_text(expected);
        c4t_reader_close(reader);
        made_segment_remove(&segment);
    }
}

static void nested_calls_keep_their_durations(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP * 4);
    facts = segment.header;
    struct made_record outer = event_at(C4T_EV_RECEIVED, 10, 1, 1),
                       inner = event_at(C4T_EV_COMPLETED_RECEIVE, 20, 1, 2);
    made_put(&segment, 0, &outer);
    made_put(&segment, 0, &inner);
    struct made_record inner_return = return_of(inner, 3), outer_return = return_of(outer, 30);
    made_put(&segment, 0, &inner_return);
    made_put(&segment, 0, &outer_return);
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    drain(reader);
    check_text(
        "{\"type\":\"event\",\"seq\":1,\"t\":10,\"dt\":30,\"sid\":1,\"tid\":70,\"ev\":\"received\",\"n\":0}\n"
        "{\"type\":\"event\",\"seq\":2,\"t\":20,\"dt\":3,\"sid\":1,\"tid\":70,\"ev\":\"completedReceive\",\"n\":0}\n");
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void a_call_that_returns_later_has_a_return_line(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP * 4);
    facts = segment.header;
    struct made_record open = event_at(C4T_EV_OPEN, 10, 1, 1),
                       certificate = event_at(C4T_EV_GOT_PEER_CERTIFICATE, 11, 1, 2);
    made_put(&segment, 0, &open);
    made_put(&segment, 0, &certificate);
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    look(reader, 0);
    check_text("{\"type\":\"event\",\"seq\":1,\"t\":10,\"sid\":1,\"tid\":70,\"ev\":\"open\",\"factory\":\"orders\","
               "\"framing\":\"client\"}\n"
               "{\"type\":\"event\",\"seq\":2,\"t\":11,\"sid\":1,\"tid\":70,\"ev\":\"gotPeerCertificate\",\"n\":0}\n");
    CHECK_EQUAL(made_ring(&segment, 0)->tail, made_ring(&segment, 0)->head);
    struct made_record returned = return_of(certificate, 4000),
                       never_seen = return_of(event_at(C4T_EV_OPEN, 1, 1, 99), 1);
    made_put(&segment, 0, &returned);
    made_put(&segment, 0, &never_seen);
    returned = return_of(open, 7000);
    made_put(&segment, 0, &returned);
    CHECK_EQUAL(drain(reader), 0);
    check_text("{\"type\":\"return\",\"seq\":2,\"dt\":4000,\"accepted\":true}\n"
               "{\"type\":\"return\",\"seq\":1,\"dt\":7000}\n");
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void what_is_too_new_is_held_back(void) {
    struct made_segment segment;
    made_segment(&segment, 3, MADE_CAP);
    facts = segment.header;
    struct made_record old = event_at(C4T_EV_OPENED, 10, 1, 1), fresh = event_at(C4T_EV_OPENED, 0, 2, 2);
    fresh.ticks = made_now(&segment);
    made_put(&segment, 1, &fresh);
    made_put(&segment, 0, &old);
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    look(reader, 3600u * 1000000000ull);
    check_text("");
    CHECK_EQUAL(made_ring(&segment, 0)->tail, 0);
    look(reader, made_now(&segment) - facts->ticks - 1000);
    check_text("{\"type\":\"event\",\"seq\":1,\"t\":10,\"sid\":1,\"tid\":70,\"ev\":\"opened\"}\n");
    look(reader, 0);
    CHECK(strstr(all_text, "\"seq\":2,") && strstr(all_text, "\"sid\":2,"));
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void gaps_tell_what_was_lost_and_after_which_event(void) {
    struct made_segment segment;
    made_segment(&segment, 3, MADE_CAP);
    facts = segment.header;
    struct made_record first = event_at(C4T_EV_OPENED, 10, 1, 1), second = event_at(C4T_EV_OPENED, 20, 2, 2);
    struct made_record gap = {.event = C4T_EV_GAP, .ticks = facts->ticks + 30, .sid = 1, .n = 5};
    struct made_record several = {.event = C4T_EV_GAP, .ticks = facts->ticks + 40, .n = 7};
    struct made_record unknown = {.event = C4T_EV_GAP, .ticks = facts->ticks + 50, .sid = 77, .n = 1};
    made_put(&segment, 0, &first);
    made_put(&segment, 0, &second);
    made_put(&segment, 0, &gap);
    made_put(&segment, 1, &several);
    made_put(&segment, 1, &unknown);
    made_lose(&segment, 0, 2);
    made_lose(&segment, 0, 2);
    made_lose(&segment, 2, 9);
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    drain(reader);
    check_text("{\"type\":\"event\",\"seq\":1,\"t\":10,\"sid\":1,\"tid\":70,\"ev\":\"opened\"}\n"
               "{\"type\":\"event\",\"seq\":2,\"t\":20,\"sid\":2,\"tid\":70,\"ev\":\"opened\"}\n"
               "{\"type\":\"gap\",\"sid\":1,\"after\":1,\"lost\":5}\n"
               "{\"type\":\"gap\",\"sid\":0,\"after\":2,\"lost\":7}\n"
               "{\"type\":\"gap\",\"sid\":77,\"after\":2,\"lost\":1}\n"
               "{\"type\":\"gap\",\"sid\":2,\"after\":2,\"lost\":2}\n"
               "{\"type\":\"gap\",\"sid\":0,\"after\":2,\"lost\":1}\n");
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void text_that_is_no_text_is_made_harmless(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP * 4);
    facts = segment.header;
    static const char *const objects[] = {"{\"a\":1",
                                          "[1]",
                                          "{\"a\":01}",
                                          "{\"a\":1e999}",
                                          "{\"a\":\"\x01\"}",
                                          "{a:1}",
                                          "{\"a\":1}x",
                                          "{\"a\":nul}",
                                          "",
                                          "{\"\\ud800\":\"\\udc00\xff\\ud83d\\ude00\"}"};
    for (uint32_t i = 0; i < 10; i++) {
        struct made_record r = event_at(C4T_EV_GOT_HTTP_RESPONSE, i, 1, i + 1);
        r.text2 = objects[i];
        r.text2_size = (uint32_t)strlen(objects[i]);
        made_put(&segment, 0, &r);
    }
    struct made_record r = event_at(C4T_EV_REQUEST_CLOSE, 50, 1, 20);
    TEXT1(r, "\xff"
             "a\xc3"
             "\xa9\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf\xe2\x82\x1b\x7f");
    made_put(&segment, 0, &r);
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    drain(reader);
    for (uint64_t i = 0; i < 9; i++) {
        char line[200];
        snprintf(
            line, sizeof line,
            "{\"type\":\"event\",\"seq\":%d,\"t\":%d,\"sid\":1,\"tid\":70,\"ev\":\"gotHTTPResponse\",\"status\":0}\n",
            (int)i + 1, (int)i);
        CHECK(strstr(all_text, line));
    }
    CHECK(strstr(all_text, "\"headers\":{\"\\ufffd\":\"\\ufffd\xef\xbf\xbd\\ud83d\\ude00\"}}\n"));
#define NOT "\xef\xbf\xbd"
    CHECK(strstr(all_text,
                 "\"message\":\"" NOT "a\xc3\xa9" NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT NOT "\\u001b\x7f\"}\n"));
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void records_run_past_the_end_of_a_lap(void) {
    struct made_segment segment;
    made_segment(&segment, 2, 1u << 18);
    facts = segment.header;
    static unsigned char data[C4T_PAYLOAD_MAX];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (unsigned char)(i * 31 >> 3);
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    uint64_t bytes = 0, expected = 0;
    for (uint64_t i = 0; i < 400; i++) {
        struct made_record r = event_at(C4T_EV_WRITE, i, 1, i + 1);
        r.data = data;
        r.data_size = (uint32_t)(i * 7919 % sizeof data);
        r.n = r.data_size;
        if (!made_has_room(&segment, 0, &r)) {
            struct c4t_event_view view;
            CHECK_EQUAL(c4t_reader_look(reader, 0), 0);
            while (c4t_reader_next(reader, &view)) {
                CHECK_EQUAL(view.data_size, view.n);
                CHECK(memcmp(view.data, data, view.data_size) == 0);
                bytes += view.n;
            }
            c4t_reader_done(reader);
            CHECK_EQUAL(bytes, expected);
        }
        CHECK(made_has_room(&segment, 0, &r));
        made_put(&segment, 0, &r);
        expected += r.n;
    }
    CHECK(made_ring(&segment, 0)->head > 50 * made_ring(&segment, 0)->cap);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void lifecycle_lines_come_on_their_own(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    struct made_record opened = event_at(C4T_EV_OPENED, 10, 1, 1), write = event_at(C4T_EV_WRITE, 20, 1, 2);
    struct made_record gap = {.event = C4T_EV_GAP, .ticks = facts->ticks + 30, .sid = 1, .n = 5};
    made_put(&segment, 0, &opened);
    made_put(&segment, 0, &write);
    made_put(&segment, 0, &gap);
    struct c4t_batch batch;
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    usleep(1000);
    c4t_reader_collect(reader, C4T_WANT_TEXT | C4T_WANT_LIFECYCLE, 10000000, &batch); /* a notice ends the wait */
    CHECK_EQUAL(batch.events, 2);
    CHECK_EQUAL(batch.lost, 5);
    CHECK(batch.text_size > batch.notices_size && batch.notices_size);
    CHECK(memmem(batch.notices, batch.notices_size, "opened", 6) &&
          memmem(batch.notices, batch.notices_size, "gap", 3));
    CHECK(!memmem(batch.notices, batch.notices_size, "write", 5) && memmem(batch.text, batch.text_size, "write", 5));
    c4t_reader_stop(reader);
    c4t_reader_collect(reader, C4T_WANT_TEXT, 10000000, &batch); /* returns at once */
    CHECK_EQUAL(batch.text_size, 0);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void a_look_hushes_the_bell_and_a_stop_rings_it(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME), *looking = open_reader(&segment, C4T_READ);
    struct c4t_batch batch;
    segment.header->bell = 1;
    c4t_reader_collect(looking, C4T_WANT_TEXT, 0, &batch);
    CHECK_EQUAL(segment.header->bell, 1); /* it is not for them */
    c4t_reader_collect(reader, C4T_WANT_TEXT, 0, &batch);
    CHECK_EQUAL(segment.header->bell, 0);
    c4t_reader_stop(looking);
    CHECK_EQUAL(segment.header->bell, 0);
    c4t_reader_stop(reader);
    CHECK_EQUAL(segment.header->bell, 1);
    c4t_reader_close(looking);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

int main(void) {
    every_event_has_its_line();
    an_open_tells_the_framing_of_its_factory();
    nested_calls_keep_their_durations();
    a_call_that_returns_later_has_a_return_line();
    what_is_too_new_is_held_back();
    gaps_tell_what_was_lost_and_after_which_event();
    text_that_is_no_text_is_made_harmless();
    records_run_past_the_end_of_a_lap();
    lifecycle_lines_come_on_their_own();
    a_look_hushes_the_bell_and_a_stop_rings_it();
    return 0;
}
