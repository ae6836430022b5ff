#include "read_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "line_head.h"

char all_text[4u << 20];
size_t all_size;
const struct c4t_segment_header *facts;

struct c4t_reader *open_reader(const struct made_segment *segment, int mode) {
    char error[512];
    struct c4t_reader *reader = c4t_reader_open(segment->path, mode, 0, error, sizeof error);
    if (!reader) fprintf(stderr, "%s\n", error);
    CHECK(reader);
    return reader;
}

uint64_t drain(struct c4t_reader *reader) {
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

void look(struct c4t_reader *reader, uint64_t hold_back_ns) {
    static struct c4t_line_head head;
    struct c4t_event_view view;
    all_size = 0;
    CHECK_EQUAL(c4t_reader_look(reader, hold_back_ns), 0);
    while (c4t_reader_next(reader, &view)) {
        size_t most = c4t_line_max(&view), size = c4t_line(&head, &view, all_text + all_size);
        CHECK(size <= most);
        all_size += size;
    }
    c4t_reader_done(reader);
    all_text[all_size] = 0;
}

void check_text(const char *expected) {
    if (strcmp(all_text, expected) == 0) return;
    fprintf(stderr, "is:\n%sexpected:\n%s", all_text, expected);
    abort();
}

struct made_record event_at(uint8_t event, uint64_t t_ns, uint64_t sid, uint64_t call) {
    return (struct made_record){.event = event, .ticks = facts->ticks + t_ns, .sid = sid, .tid = 70, .call = call};
}

struct made_record return_of(struct made_record event, uint64_t dt_ns) {
    return (struct made_record){.event = event.event,
                                .flags = C4T_REC_RETURN,
                                .ticks = event.ticks + dt_ns,
                                .sid = event.sid,
                                .call = event.call,
                                .n = dt_ns};
}
