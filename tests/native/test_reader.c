/* What the reader makes of a segment: lines, gaps, returns, and what it refuses. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "made_segment.h"
#include "reader.h"

static char all_text[4u << 20];
static size_t all_size;
static char error[512];

static struct c4t_reader *open_reader(const struct made_segment *segment, int mode) {
    struct c4t_reader *reader = c4t_reader_open(segment->path, mode, 0, error, sizeof error);
    if (!reader) fprintf(stderr, "%s\n", error);
    CHECK(reader);
    return reader;
}

/* Everything the reader still has, as text in all_text. */
static uint64_t drain(struct c4t_reader *reader) {
    struct c4t_batch batch;
    uint64_t events = 0;
    all_size = 0;
    while (c4t_reader_drain(reader, C4T_WANT_TEXT, &batch)) {
        CHECK(all_size + batch.text_size < sizeof all_text);
        memcpy(all_text + all_size, batch.text, batch.text_size);
        all_size += batch.text_size;
        events += batch.events;
    }
    all_text[all_size] = 0;
    return events;
}

static void check_text(const char *expected) {
    if (strcmp(all_text, expected) == 0) return;
    fprintf(stderr, "is:\n%sexpected:\n%s", all_text, expected);
    abort();
}

static const struct c4t_segment_header *facts;

static struct made_record event_at(uint8_t event, uint64_t t_ns, uint64_t sid, uint64_t call) {
    return (struct made_record){.event = event, .ticks = facts->ticks + t_ns, .sid = sid, .tid = 70, .call = call};
}

static struct made_record return_of(struct made_record event, uint64_t dt_ns) {
    return (struct made_record){.event = event.event,
                                .flags = C4T_REC_RETURN,
                                .ticks = event.ticks + dt_ns,
                                .sid = event.sid,
                                .call = event.call,
                                .n = dt_ns};
}

#define TEXT1(record, literal) ((record).text1 = literal, (record).text1_size = sizeof(literal) - 1)
#define TEXT2(record, literal) ((record).text2 = literal, (record).text2_size = sizeof(literal) - 1)
#define DATA(record, literal) ((record).data = literal, (record).data_size = sizeof(literal) - 1)

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
        "\"address\":\"ws://h:4984/db/_blipsync\","
        "\"options\":{\"auth\":{\"type\":\"Basic\"},\"n\":[1,-2.5e3,true,null]}}\n"
        "{\"type\":\"event\",\"seq\":2,\"t\":20,\"dt\":5,\"sid\":2,\"tid\":70,\"ev\":\"fromNative\",\"factory\":"
        "\"orders\"}\n"
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

/* All lines of one look, as text. */
static void look(struct c4t_reader *reader, uint64_t hold_back_ns) {
    struct c4t_event_view view;
    all_size = 0;
    CHECK_EQUAL(c4t_reader_look(reader, hold_back_ns), 0);
    while (c4t_reader_next(reader, &view)) {
        size_t most = c4t_line_max(&view), size = c4t_line(&view, all_text + all_size);
        CHECK(size <= most);
        all_size += size;
    }
    c4t_reader_done(reader);
    all_text[all_size] = 0;
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
    check_text("{\"type\":\"event\",\"seq\":1,\"t\":10,\"sid\":1,\"tid\":70,\"ev\":\"open\",\"factory\":\"orders\"}\n"
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

static void a_look_takes_nothing_out_and_starts_with_the_oldest(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    for (uint64_t i = 1; i <= 1000; i++) {
        struct made_record r = event_at(C4T_EV_OPENED, i, 1, i);
        made_put(&segment, 0, &r);
    }
    for (int times = 0; times < 2; times++) {
        struct c4t_reader *reader = open_reader(&segment, C4T_READ);
        uint64_t events = drain(reader);
        CHECK(events > 56 && events <= 64); /* all but at most a sixteenth of the ring */
        CHECK(strstr(all_text, "\"t\":1000,"));
        CHECK_EQUAL(made_ring(&segment, 0)->tail, 0);
        CHECK_EQUAL(segment.header->consumer_pid, 0);
        c4t_reader_close(reader);
    }
    made_segment_remove(&segment);
}

static void a_consumer_that_was_overtaken_counts_what_it_missed(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    for (uint64_t i = 1; i <= 1000; i++) {
        struct made_record r = event_at(C4T_EV_OPENED, i, 1, i);
        made_put(&segment, 0, &r);
        if (i == 10) {
            look(reader, 0);
            segment.header->consumer_pid = 0; /* the host gave it up */
        }
    }
    uint64_t events = 10 + drain(reader);
    CHECK(strstr(all_text, "{\"type\":\"gap\",\"sid\":0,\"after\":10,\"lost\":") == all_text);
    CHECK_EQUAL(segment.header->lost[C4T_LOSS_OVERWRITTEN], 1000 - events);
    CHECK(events > 60 && events < 75);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void a_record_that_was_never_finished_hides_nothing_of_a_dead_host(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    struct made_record a = event_at(C4T_EV_OPENED, 10, 1, 1), torn = event_at(C4T_EV_OPENED, 20, 2, 2),
                       b = event_at(C4T_EV_OPENED, 30, 3, 3);
    DATA(torn, "some bytes of it, so that it takes two lines of the cache and more; that is what makes it harder to "
               "find the next one");
    made_put(&segment, 1, &a);
    made_reserve(&segment, 1, &torn);
    made_put(&segment, 1, &b);
    segment.header->status = C4T_STATUS_CLOSED;
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    CHECK_EQUAL(drain(reader), 2);
    CHECK(strstr(all_text, "\"sid\":1,") && strstr(all_text, "\"sid\":3,"));
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void damage_in_a_ring_costs_no_more_than_what_it_hit(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    facts = segment.header;
    for (uint64_t i = 1; i <= 40; i++) {
        struct made_record r = event_at(C4T_EV_OPENED, i, 1, i);
        made_put(&segment, 0, &r);
    }
    struct c4t_record *record = (void *)(segment.base + made_ring(&segment, 0)->data + 9 * 64);
    record->size = 63;
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    uint64_t events = drain(reader);
    CHECK(events < 40 && events >= 36); /* to the next sixteenth of the ring: four records */
    CHECK(strstr(all_text, "{\"type\":\"gap\",\"sid\":0,\"after\":9,\"lost\":"));
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void refused(const char *path, int mode, const char *because) {
    CHECK(!c4t_reader_open(path, mode, 0, error, sizeof error));
    if (!strstr(error, because)) fprintf(stderr, "says: %s\nexpected: %s\n", error, because);
    CHECK(strstr(error, because) && !strchr(error, '\n'));
}

static void what_is_no_segment_of_ours_is_refused(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_segment_header *header = segment.header, whole = *header;
    char other[200];
    refused("/tmp/c4trace-no-such-folder/x.1.seg", C4T_READ, "No such file");
    refused(segment.folder, C4T_READ, "folder"); /* /tmp itself is everybody's */
    snprintf(other, sizeof other, "%s/link", segment.folder);
    CHECK(symlink(segment.path, other) == 0);
    refused(other, C4T_READ, "symbolic link");
    unlink(other);
    CHECK(mkfifo(other, 0600) == 0);
    refused(other, C4T_READ, "regular file");
    unlink(other);
    int file = open(other, O_CREAT | O_WRONLY, 0600);
    CHECK(write(file, "short", 5) == 5);
    close(file);
    refused(other, C4T_READ, "only 5 bytes");
    unlink(other);
    CHECK(chmod(segment.path, 0622) == 0);
    refused(segment.path, C4T_READ, "others may write to it");
    CHECK(chmod(segment.path, 0600) == 0 && chmod(segment.folder, 0770) == 0);
    refused(segment.path, C4T_READ, "others may write to its folder");
    CHECK(chmod(segment.folder, 0700) == 0);
    header->magic = 0;
    refused(segment.path, C4T_READ, "never finished");
    header->magic = 7;
    refused(segment.path, C4T_READ, "not a segment of c4trace");
    header->magic = C4T_SEGMENT_MAGIC;
    header->layout = 99;
    refused(segment.path, C4T_READ, "layout 99, this c4trace reads layout 1: use c4trace 9.8.7");
    header->layout = whole.layout;
    header->size = whole.size + 1;
    refused(segment.path, C4T_READ, "torn");
    header->size = whole.size;
    header->clock_source = 9;
    refused(segment.path, C4T_READ, "clock 9");
    header->clock_source = whole.clock_source;
    header->sessions.count = 1u << 19;
    refused(segment.path, C4T_READ, "a section does not fit");
    header->sessions = whole.sessions;
    header->cells.offset = UINT64_MAX - 100;
    refused(segment.path, C4T_READ, "a section does not fit");
    header->cells = whole.cells;
    made_ring(&segment, 1)->cap = 4096 + 64;
    refused(segment.path, C4T_READ, "ring 1 does not fit");
    made_ring(&segment, 1)->cap = MADE_CAP;
    made_ring(&segment, 1)->data = segment.size - MADE_CAP;
    refused(segment.path, C4T_READ, "ring 1 does not fit");
    made_segment_remove(&segment);
}

static void a_segment_has_one_consumer(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_reader *first = open_reader(&segment, C4T_CONSUME), *looks = open_reader(&segment, C4T_READ);
    CHECK_EQUAL(segment.header->consumer_pid, getpid());
    refused(segment.path, C4T_CONSUME, "records this segment already");
    c4t_reader_close(looks);
    CHECK_EQUAL(segment.header->consumer_pid, getpid());
    c4t_reader_close(first);
    CHECK_EQUAL(segment.header->consumer_pid, 0);
    first = open_reader(&segment, C4T_CONSUME);
    segment.header->consumer_pid = 1; /* while we slept for too long, another one came */
    CHECK_EQUAL(c4t_reader_look(first, 0), -1);
    struct c4t_batch batch;
    c4t_reader_collect(first, C4T_WANT_TEXT, 1000, &batch);
    CHECK_EQUAL(batch.over, 2);
    c4t_reader_close(first);
    CHECK_EQUAL(segment.header->consumer_pid, 1);
    made_segment_remove(&segment);
}

static void totals_are_applied_and_pending_durations(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_segment_header *header = segment.header;
    struct c4t_cells *block = made_row(&segment, &header->cells, 1);
    struct c4t_cell *cell = &block->event[C4T_EV_WRITE], *latency = &block->latency[C4T_LAT_CLOSE];
    struct c4t_thread_row *thread = made_row(&segment, &header->threads, 3);
    header->cells_top = 2;
    header->thread_top = 4;
    block->factory = 1;
    cell->n = 4;
    cell->bytes = 400;
    cell->done = 2;
    cell->hist[7] = 1;                  /* 7 ns */
    cell->hist[16 * (10 - 3) + 15] = 1; /* up to 2047 ns */
    cell->sum = 7 + 2000;
    cell->slowest_ticks = 2000;
    cell->slowest_sid = 5;
    cell->slowest_at = header->ticks + 1000000000u;
    latency->n = latency->done = latency->hist[0] = 1;
    thread->tid = 1;
    thread->pending_ticks = 1000;
    thread->pending_cell = (uint64_t)((unsigned char *)cell - segment.base);
    static const double bounds[] = {7.5e-9, 1e-6, 2e-6, 3e-6};
    struct c4t_total totals[C4T_TOTALS];
    struct c4t_reader *reader = open_reader(&segment, C4T_CONTROL);
    CHECK_EQUAL(c4t_reader_totals(reader, 0, bounds, 4, 1, totals), 0);
    const struct c4t_total *total = &totals[C4T_EV_WRITE];
    CHECK_EQUAL(total->n, 4);
    CHECK_EQUAL(total->bytes, 400);
    CHECK_EQUAL(total->done, 3);
    CHECK_EQUAL(total->seconds * 1e9 + 0.5, 3007);
    CHECK_EQUAL(total->buckets[0], 1);
    CHECK_EQUAL(total->buckets[1], 0); /* 1000 ns lies in a bucket up to 1023 */
    CHECK_EQUAL(total->buckets[2], 1);
    CHECK_EQUAL(total->buckets[3], 1); /* up to 2047 */
    CHECK_EQUAL(total->slowest_sid, 5);
    CHECK_EQUAL(total->slowest_seconds * 1e9 + 0.5, 2000);
    CHECK_EQUAL((total->slowest_wall - (double)header->wall_ns / 1e9) * 1e3 + 0.5, 1000);
    CHECK_EQUAL(cell->slowest_ticks, 0);
    CHECK_EQUAL(totals[C4T_EV_COUNT + C4T_LAT_CLOSE].done, 1);
    thread->pending_cell += 8; /* hostile: no cell begins there */
    CHECK_EQUAL(c4t_reader_totals(reader, 0, bounds, 4, 1, totals), 0);
    CHECK_EQUAL(totals[C4T_EV_WRITE].done, 3); /* never less than was said */
    thread->pending_cell = UINT64_MAX - 3;
    CHECK_EQUAL(c4t_reader_totals(reader, 1, bounds, 4, 1, totals), 0);
    CHECK_EQUAL(totals[C4T_EV_WRITE].n, 0);
    CHECK_EQUAL(c4t_reader_totals(reader, C4T_FACTORIES_MAX, bounds, 4, 1, totals), -1);
    c4t_reader_close(reader);
    reader = open_reader(&segment, C4T_READ);
    CHECK_EQUAL(c4t_reader_totals(reader, 0, bounds, 4, 1, totals), -1); /* cannot take exemplars */
    CHECK_EQUAL(c4t_reader_set_capture(reader, C4T_CAPTURE_OFF, 0), -1);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void a_dead_host_is_told_from_a_live_one(void) {
    struct made_segment segment;
    struct c4t_reader_info info;
    made_segment(&segment, 2, MADE_CAP);
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    c4t_reader_info(reader, &info);
    CHECK_EQUAL(info.state, C4T_HOST_LIVE);
    CHECK(info.now_ns > 0 && !c4t_reader_host_is_over(reader));
    c4t_reader_close(reader);
    segment.header->pid_start++; /* the pid now belongs to another process */
    struct c4t_thread_row *thread = made_row(&segment, &segment.header->threads, 0);
    segment.header->thread_top = 1;
    thread->tid = 44;
    strcpy(thread->name, "OkHttp Dispatch");
    thread->flight_since = segment.header->ticks + 5000;
    thread->flight_what = 9 << 8 | C4T_EV_WRITE;
    struct c4t_session_row *row = made_row(&segment, &segment.header->sessions, 0);
    segment.header->session_top = 1;
    row->t_last = segment.header->ticks + 8000;
    row->state = C4T_STATE_OPEN;
    row->sid = 9;
    reader = open_reader(&segment, C4T_READ);
    c4t_reader_info(reader, &info);
    CHECK_EQUAL(info.state, C4T_HOST_DEAD);
    CHECK_EQUAL(info.now_ns, 8000);
    struct c4t_flight_copy flight;
    CHECK_EQUAL(c4t_reader_flights(reader, &flight, 1), 1);
    CHECK_EQUAL(flight.sid, 9);
    CHECK_EQUAL(flight.event, C4T_EV_WRITE);
    CHECK_EQUAL(flight.ns, 3000);
    CHECK(strcmp(flight.name, "OkHttp Dispatch") == 0);
    struct c4t_session_copy session;
    CHECK_EQUAL(c4t_reader_sessions(reader, &session, 1), 1);
    CHECK_EQUAL(session.t_last, 8000);
    CHECK(session.t_closed == INT64_MIN);
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

int main(void) {
    every_event_has_its_line();
    nested_calls_keep_their_durations();
    a_call_that_returns_later_has_a_return_line();
    what_is_too_new_is_held_back();
    gaps_tell_what_was_lost_and_after_which_event();
    text_that_is_no_text_is_made_harmless();
    records_run_past_the_end_of_a_lap();
    a_look_takes_nothing_out_and_starts_with_the_oldest();
    a_consumer_that_was_overtaken_counts_what_it_missed();
    a_record_that_was_never_finished_hides_nothing_of_a_dead_host();
    damage_in_a_ring_costs_no_more_than_what_it_hit();
    what_is_no_segment_of_ours_is_refused();
    a_segment_has_one_consumer();
    totals_are_applied_and_pending_durations();
    a_dead_host_is_told_from_a_live_one();
    lifecycle_lines_come_on_their_own();
    return 0;
}
