/* What a reader gives in batches stays as it is while it is said to. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "made_segment.h"
#include "read_text.h"
#include "reader.h"

#define BATCHES 40

static void texts_stay_until_the_eighth_after_them(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP * 4);
    facts = segment.header;
    struct c4t_reader *reader = open_reader(&segment, C4T_CONSUME);
    struct c4t_batch batches[BATCHES], empty;
    char *copies[BATCHES];
    for (uint64_t i = 0; i < BATCHES; i++) {
        struct made_record r = event_at(i % 3 ? C4T_EV_RECEIVED : C4T_EV_OPEN, 1 + i, i, 1 + i);
        made_put(&segment, 0, &r);
        do c4t_reader_collect(reader, C4T_WANT_TEXT, 1000, &batches[i]);
        while (!batches[i].text_size);
        c4t_reader_collect(reader, C4T_WANT_TEXT, 0, &empty); /* does not count */
        CHECK_EQUAL(empty.text_size, 0);
        copies[i] = malloc(batches[i].text_size);
        memcpy(copies[i], batches[i].text, batches[i].text_size);
        for (uint64_t k = i < C4T_BATCHES - 1 ? 0 : i - (C4T_BATCHES - 2); k <= i; k++)
            CHECK(memcmp(batches[k].text, copies[k], batches[k].text_size) == 0);
    }
    for (uint64_t i = 0; i < BATCHES; i++) free(copies[i]);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

static void sessions_that_begin_are_named(void) {
    struct made_segment segment;
    made_segment(&segment, 2, MADE_CAP * 4);
    facts = segment.header;
    struct made_record r = event_at(C4T_EV_OPEN, 1, 7, 1);
    made_put(&segment, 0, &r);
    r = event_at(C4T_EV_WRITE, 2, 8, 2);
    made_put(&segment, 0, &r);
    r = event_at(C4T_EV_FROM_NATIVE, 3, 9, 3);
    made_put(&segment, 0, &r);
    segment.header->status = C4T_STATUS_CLOSED;
    struct c4t_reader *reader = open_reader(&segment, C4T_READ);
    struct c4t_batch batch;
    CHECK(c4t_reader_drain(reader, C4T_WANT_TEXT, &batch));
    CHECK_EQUAL(batch.begun_count, 2);
    CHECK_EQUAL(batch.begun[0], 7);
    CHECK_EQUAL(batch.begun[1], 9);
    c4t_reader_close(reader);
    made_segment_remove(&segment);
}

int main(void) {
    texts_stay_until_the_eighth_after_them();
    sessions_that_begin_are_named();
    return 0;
}
