/* Rings and threads: what is stored, what is dropped and said so, and that short-lived threads lose nothing. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "check.h"
#include "stand_in.h"

static void read_all(c4trace_tracer *tracer) {
    for (uint32_t i = 0; i < tracer->header->rings.count; i++) {
        struct c4t_ring *ring = c4t_at(tracer, &tracer->header->rings, i);
        ring->tail = ring->head;
    }
}

static void what_a_full_ring_drops_is_counted_and_marked(void) {
    c4trace_tracer *tracer = open_tracer("full", C4T_CAPTURE_FULL, 2 << 20);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    tracer->header->consumer_beat = UINT64_MAX; /* a consumer that lives but does not read */
    tracer->header->consumer_pid = 1;
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    enum { WRITES = 20000 };
    for (int i = 0; i < WRITES; i++) traced->write(SOCKET(1), (c4t_slice){"x", 1});
    struct records found = records_of(tracer);
    uint64_t lost = tracer->header->lost[C4T_LOSS_RING_FULL];
    CHECK(lost > 0 && found.entries[C4T_EV_WRITE] + lost == WRITES && row_of(tracer, 0)->lost == lost);
    CHECK(total(tracer, C4T_EV_WRITE, -1).n == WRITES && seen.write == WRITES);
    /* There is room again: the gap is written down before the next event. */
    read_all(tracer);
    traced->write(SOCKET(1), (c4t_slice){"x", 1});
    found = records_of(tracer);
    CHECK(found.entries[C4T_EV_GAP] == lost && found.entries[C4T_EV_WRITE] == 1);
    /* A consumer whose lease has run out no longer makes the ring drop the newest. */
    tracer->header->consumer_beat = 1;
    for (int i = 0; i < WRITES; i++) traced->write(SOCKET(1), (c4t_slice){"x", 1});
    CHECK(tracer->header->consumer_pid == 0 && tracer->header->lost[C4T_LOSS_RING_FULL] == lost);
    c4trace_close(tracer, 0);
}

static void *sleep_until_rung(void *bell) {
    while (!atomic_load((_Atomic uint32_t *)bell)) syscall(SYS_futex, bell, FUTEX_WAIT, 0, NULL, NULL, 0);
    return NULL;
}

static void a_ring_that_fills_wakes_the_consumer(void) {
    c4trace_tracer *tracer = open_tracer("bell", C4T_CAPTURE_FULL, 2 << 20);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    uint64_t cap = c4t_leases[tracer->index]->ring_cap;
    int few = (int)(cap / 16 / 128), many = (int)(cap / 4 / 128); /* 128 bytes a call */
    for (int i = 0; i < many; i++) traced->write(SOCKET(1), (c4t_slice){NULL, 1});
    CHECK(tracer->header->bell == 0); /* nobody reads */
    read_all(tracer);
    tracer->header->consumer_beat = UINT64_MAX;
    tracer->header->consumer_pid = 1;
    pthread_t sleeper;
    CHECK(!pthread_create(&sleeper, NULL, sleep_until_rung, &tracer->header->bell));
    for (int i = 0; i < few; i++) traced->write(SOCKET(1), (c4t_slice){NULL, 1});
    CHECK(tracer->header->bell == 0);
    errno = 0;
    for (int i = 0; i < many; i++) traced->write(SOCKET(1), (c4t_slice){NULL, 1});
    CHECK(tracer->header->bell == 1 && errno == 0);
    pthread_join(sleeper, NULL);
    read_all(tracer);
    tracer->header->bell = 0;
    for (int i = 0; i < few; i++) traced->write(SOCKET(1), (c4t_slice){NULL, 1});
    CHECK(tracer->header->bell == 0);
    c4trace_close(tracer, 0);
}

static void capture_levels_decide_what_is_stored(void) {
    c4trace_tracer *tracer = open_tracer("levels", C4T_CAPTURE_OFF, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    CHECK(records_of(tracer).entries[C4T_EV_OPEN] == 0 && total(tracer, C4T_EV_OPEN, -1).n == 1);
    const uint32_t stored[] = {0, 0, 0, 3, 5};
    for (uint32_t level = C4T_CAPTURE_EVENTS; level <= C4T_CAPTURE_FULL; level++) {
        CHECK(c4trace_set_capture(tracer, level, 3) == 0);
        struct c4t_thread *thread = c4t_leases[tracer->index];
        uint64_t at = thread->head;
        traced->write(SOCKET(1), (c4t_slice){"hello", 5});
        struct c4t_record *record = (void *)(thread->ring_data + (at & (thread->ring_cap - 1)));
        CHECK(record->event == C4T_EV_WRITE && record->n == 5 && record->data == stored[level]);
        CHECK(!(record->flags & C4T_REC_CUT) == (level != C4T_CAPTURE_BYTES));
        CHECK(!memcmp(record + 1, "hello", record->data));
    }
    CHECK(c4trace_set_capture(tracer, 9, 0) == C4TRACE_BAD_CONFIG);
    c4trace_close(tracer, 0);
}

struct pounding {
    c4trace_tracer *tracer;
    const c4t_socket_factory *traced;
    int first, calls;
};
static void *pound(void *data) {
    const struct pounding *p = data;
    for (int i = 0; i < p->calls; i++) {
        p->traced->write(SOCKET(p->first + i % 64), (c4t_slice){"hello", 5});
        UP(p->tracer, completed_write)(SOCKET(p->first + i % 64), 5);
    }
    return NULL;
}

static void a_thousand_short_threads_lose_nothing(void) {
    c4trace_tracer *tracer = open_tracer("threads", C4T_CAPTURE_OFF, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    for (int i = 0; i < 64; i++) traced->open(SOCKET(i), &address, (c4t_slice){NULL, 0}, traced->context);
    struct pounding p = {tracer, traced, 0, 200};
    for (int round = 0; round < 20; round++) {
        pthread_t threads[50];
        for (int i = 0; i < 50; i++) CHECK(!pthread_create(&threads[i], NULL, pound, &p));
        for (int i = 0; i < 50; i++) pthread_join(threads[i], NULL);
    }
    CHECK(total(tracer, C4T_EV_WRITE, -1).n == 200000 && total(tracer, C4T_EV_WRITE, -1).done == 200000);
    CHECK(total(tracer, C4T_EV_COMPLETED_WRITE, -1).bytes == 1000000);
    uint64_t writes = 0, bytes = 0;
    for (int i = 0; i < 64; i++) {
        writes += row_of(tracer, (uint32_t)i)->write.n;
        bytes += row_of(tracer, (uint32_t)i)->completed_write.bytes;
    }
    CHECK(writes == 200000 && bytes == 1000000);
    CHECK(tracer->header->thread_top <= 60 && tracer->free_slot_count == C4T_THREADS_MAX - 1);
    c4trace_close(tracer, 0);
}

int main(void) {
    enter_folder();
    what_a_full_ring_drops_is_counted_and_marked();
    a_ring_that_fills_wakes_the_consumer();
    capture_levels_decide_what_is_stored();
    a_thousand_short_threads_lose_nothing();
    leave_folder();
    return 0;
}
