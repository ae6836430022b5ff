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

/* A consumer that lives but does not read. */
static void consume_nothing(c4trace_tracer *tracer) {
    tracer->header->consumer_beat = UINT64_MAX;
    tracer->header->consumer_pid = 1;
}

/* It has read all but the last `bytes` of what its ring can hold. */
static void make_room(c4trace_tracer *tracer, uint64_t bytes) {
    struct c4t_ring *ring = c4t_leases[tracer->index]->ring;
    ring->tail = ring->head + bytes - ring->cap;
}

static void what_a_full_ring_drops_is_counted_and_marked(void) {
    c4trace_tracer *tracer = open_tracer("full", C4T_CAPTURE_FULL, 2 << 20);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    consume_nothing(tracer);
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    enum { WRITES = 20000 };
    for (int i = 0; i < WRITES; i++) traced->write(SOCKET(1), (c4t_slice){"x", 1});
    struct records found = records_of(tracer);
    uint64_t lost = dropped_of(tracer);
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
    CHECK(tracer->header->consumer_pid == 0 && dropped_of(tracer) == lost);
    c4trace_close(tracer, 0);
}

enum { SESSIONS = 5 };

/* One of each of the events that come with every message; returns how many that are. */
static int exchange(c4trace_tracer *tracer, const c4t_socket_factory *traced, int i) {
    traced->write(SOCKET(i), (c4t_slice){"hello", 5});
    UP(tracer, completed_write)(SOCKET(i), 5);
    UP(tracer, received)(SOCKET(i), (c4t_slice){"hello", 5});
    traced->completed_receive(SOCKET(i), 5);
    return 4;
}

/* Numbers of the newest records of this thread's ring. */
struct newest {
    uint64_t gap[C4T_RING_GAPS], gap_sid[C4T_RING_GAPS], call;
    uint32_t gaps, entries;
};
static struct newest newest_of(c4trace_tracer *tracer, uint64_t from) {
    struct c4t_thread *thread = c4t_leases[tracer->index];
    struct newest found = {0};
    for (uint64_t at = from; at < thread->head;) {
        const struct c4t_record *record = (void *)(thread->ring_data + (at & (thread->ring_cap - 1)));
        at += record->size;
        if (record->flags & C4T_REC_RETURN) continue;
        if (record->event == C4T_EV_GAP) {
            CHECK(found.gaps < C4T_RING_GAPS && !found.entries);
            found.gap[found.gaps] = record->n;
            found.gap_sid[found.gaps++] = record->sid;
        } else {
            found.entries++;
            found.call = record->call;
        }
    }
    return found;
}

/* Write until one is dropped, the first; returns how many there were. */
static uint64_t fill(c4trace_tracer *tracer, const c4t_socket_factory *traced) {
    uint64_t n = 0;
    consume_nothing(tracer);
    for (; !dropped_of(tracer); n++) traced->write(SOCKET(0), (c4t_slice){"hello", 5});
    return n;
}

static void what_is_dropped_is_counted_for_its_session(uint32_t level) {
    c4trace_tracer *tracer = open_tracer("whose", level, 2 << 20);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    uint64_t made[SESSIONS] = {1}, dropped = 0, all = SESSIONS - 1, writes = 104;
    for (int i = 0; i < SESSIONS; i++) traced->open(SOCKET(i), &address, (c4t_slice){NULL, 0}, traced->context);
    for (int i = 0; i < 100; i++) all += (uint64_t)exchange(tracer, traced, 0); /* now the thread owns its directions */
    uint64_t filled = fill(tracer, traced), returns = tracer->header->lost[C4T_LOSS_RETURN];
    struct c4t_thread *thread = c4t_leases[tracer->index];
    all += filled;
    writes += filled;
    tracer->header->bell = 0; /* the consumer looks, and must be told again */
    for (int round = 0; round < 1000; round++)
        for (int i = 0; i < SESSIONS && round % (i + 1) == 0; i++) made[i] += (uint64_t)exchange(tracer, traced, i);
    for (int i = 0; i < SESSIONS; i++) {
        CHECK_EQUAL(row_of(tracer, (uint32_t)i)->lost, made[i]);
        dropped += made[i];
    }
    CHECK_EQUAL(dropped_of(tracer), dropped);
    CHECK_EQUAL(tracer->header->bell, 1);
    CHECK_EQUAL(thread->call & C4T_CALL_MASK, all + dropped);
    /* Room for one record only: it tells of a session, and the event that came is lost, too. */
    uint64_t from = thread->head;
    make_room(tracer, sizeof(struct c4t_record));
    traced->write(SOCKET(0), (c4t_slice){"hello", 5});
    struct newest found = newest_of(tracer, from);
    CHECK(found.gaps == 1 && !found.entries && found.gap_sid[0] == row_of(tracer, 0)->sid);
    CHECK_EQUAL(found.gap[0], made[0]);
    CHECK_EQUAL(row_of(tracer, 0)->lost, made[0] + 1);
    /* Room for all: three sessions by name, the others together, then the event, and no gap before the next one. */
    from = thread->head;
    make_room(tracer, thread->ring_cap);
    for (int i = 0; i < 3; i++) traced->write(SOCKET(4), (c4t_slice){"hello", 5});
    found = newest_of(tracer, from);
    CHECK(found.gaps == C4T_RING_GAPS && found.entries == 3);
    for (uint32_t i = 0; i < C4T_RING_GAPS - 1; i++) CHECK_EQUAL(found.gap_sid[i], row_of(tracer, i)->sid);
    CHECK_EQUAL(found.gap[0], 1);
    CHECK_EQUAL(found.gap[1], made[1]);
    CHECK_EQUAL(found.gap[2], made[2]);
    CHECK_EQUAL(found.gap[3], made[3] + made[4]);
    CHECK_EQUAL(found.gap_sid[3], 0);
    CHECK_EQUAL(found.call & C4T_CALL_MASK, all + dropped + 4);
    CHECK_EQUAL(dropped_of(tracer), dropped + 1);
    CHECK_EQUAL(total(tracer, C4T_EV_WRITE, -1).n, writes + dropped / 4);
    CHECK_EQUAL(total(tracer, C4T_EV_WRITE, -1).hist[0], writes + dropped / 4);
    CHECK_EQUAL(tracer->header->lost[C4T_LOSS_RETURN], returns);
    c4trace_close(tracer, 0);
}

static void a_return_without_room_is_counted(void) {
    c4trace_tracer *tracer = open_tracer("return", C4T_CAPTURE_HEADERS, 2 << 20);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(0), &address, (c4t_slice){NULL, 0}, traced->context);
    fill(tracer, traced);
    uint64_t returns = tracer->header->lost[C4T_LOSS_RETURN];
    for (uint64_t i = 1; i <= 3; i++) {
        make_room(tracer, 2 * sizeof(struct c4t_record)); /* for the gap and an entry */
        for (int k = 0; k < 10; k++) traced->write(SOCKET(0), (c4t_slice){"hello", 5});
        CHECK_EQUAL(tracer->header->lost[C4T_LOSS_RETURN], returns + i);
        CHECK_EQUAL(dropped_of(tracer), 1 + i * 9);
        CHECK_EQUAL(row_of(tracer, 0)->lost, 1 + i * 9);
    }
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
    consume_nothing(tracer);
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
    CHECK(total(tracer, C4T_EV_WRITE, -1).n == 200000 && total(tracer, C4T_EV_WRITE, -1).hist[0] == 200000);
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

enum { CROWD = 12 };
static pthread_barrier_t all_there;

static void *flood(void *data) {
    struct pounding *p = data;
    for (int i = 0; i < p->calls; i++) {
        p->traced->write(SOCKET(p->first), (c4t_slice){"hello", 5});
        if (i == 0) pthread_barrier_wait(&all_there); /* none ends before all have a ring */
    }
    return NULL;
}

static void what_many_threads_drop_is_counted_too(void) {
    c4trace_tracer *tracer = open_tracer("crowd", C4T_CAPTURE_EVENTS, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    uint32_t rings = tracer->header->rings.count;
    struct c4t_ring *shared = c4t_at(tracer, &tracer->header->rings, rings - 1);
    CHECK(rings < CROWD && shared->shared);
    consume_nothing(tracer);
    struct pounding each[CROWD];
    pthread_t threads[CROWD];
    pthread_barrier_init(&all_there, NULL, CROWD);
    for (int i = 0; i < CROWD; i++) {
        if (i % 2 == 0) traced->open(SOCKET(i / 2), &address, (c4t_slice){NULL, 0}, traced->context);
        each[i] = (struct pounding){tracer, traced, i / 2, (int)(shared->cap / sizeof(struct c4t_record))};
    }
    for (int i = 0; i < CROWD; i++) CHECK(!pthread_create(&threads[i], NULL, flood, &each[i]));
    for (int i = 0; i < CROWD; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all_there);
    uint64_t all = (uint64_t)CROWD * (uint64_t)each[0].calls, lost = dropped_of(tracer), of_sessions = 0;
    CHECK(shared->dropped > 0 && shared->dropped < lost);
    CHECK_EQUAL(shared->gap[0].n, shared->dropped);
    CHECK_EQUAL(records_of(tracer).entries[C4T_EV_WRITE] + lost, all);
    for (uint32_t i = 0; i < CROWD / 2; i++) of_sessions += row_of(tracer, i)->lost;
    CHECK_EQUAL(of_sessions, lost);
    CHECK_EQUAL(total(tracer, C4T_EV_WRITE, -1).n, all);
    c4trace_close(tracer, 0);
}

int main(void) {
    enter_folder();
    what_a_full_ring_drops_is_counted_and_marked();
    a_ring_that_fills_wakes_the_consumer();
    for (uint32_t level = C4T_CAPTURE_EVENTS; level <= C4T_CAPTURE_FULL; level++)
        what_is_dropped_is_counted_for_its_session(level);
    a_return_without_room_is_counted();
    what_many_threads_drop_is_counted_too();
    capture_levels_decide_what_is_stored();
    a_thousand_short_threads_lose_nothing();
    leave_folder();
    return 0;
}
