/* Directions of a session that pass from thread to thread: whoever has one often running owns it, until another thread comes. Nothing
 * may be lost or counted twice at any of these moments. */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "stand_in.h"

enum { THREADS = 4, BURST = 200, SIZE = 5 };
#ifdef C4TRACE_SANITIZED
enum { BURSTS = 40 };
#else
enum { BURSTS = 400 };
#endif

static c4trace_tracer *tracer;
static const c4t_socket_factory *traced;

static void burst(int i) {
    for (int k = 0; k < BURST; k++) {
        traced->write(SOCKET(i), (c4t_slice){"hello", SIZE});
        UP(tracer, completed_write)(SOCKET(i), SIZE);
        UP(tracer, received)(SOCKET(i), (c4t_slice){"hello", SIZE});
        traced->completed_receive(SOCKET(i), SIZE);
    }
}

static void *talk(void *data) {
    unsigned thread = *(unsigned *)data;
    for (unsigned i = 0; i < BURSTS; i++) {
        burst((int)(i + thread * (i % 3)) % 2); /* now on one's own, now on another thread's */
        if (i % 2) sched_yield();
    }
    return NULL;
}

static void *burst_once(void *i) {
    burst(*(int *)i);
    return NULL;
}

/* The same, by threads of which each has the row that one before had. */
static void *talk_by_turns(void *data) {
    unsigned thread = *(unsigned *)data;
    for (unsigned i = 0; i < BURSTS; i++) {
        int socket = (int)(i + thread * (i % 3)) % 2;
        pthread_t turn;
        CHECK(!pthread_create(&turn, NULL, burst_once, &socket));
        CHECK(!pthread_join(turn, NULL));
    }
    return NULL;
}

static uint64_t unmeasured(void) {
    uint64_t n = tracer->header->lost[C4T_LOSS_LATENCY];
    for (uint32_t i = 0; i < tracer->header->thread_top; i++)
        n += ((struct c4t_thread_row *)c4t_at(tracer, &tracer->header->threads, i))->unmeasured;
    return n;
}

/* With rows for so many threads only. */
static void a_direction_that_changes_hands_loses_nothing(void *(*talks)(void *), uint32_t rows) {
    tracer = open_tracer("hands", C4T_CAPTURE_EVENTS, 0);
    traced = wrap(tracer, &inner_factory, "f");
    if (tracer->free_slot_count > rows) tracer->free_slot_count = rows;
    for (int i = 0; i < 2; i++) traced->open(SOCKET(i), &address, (c4t_slice){NULL, 0}, traced->context);
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        CHECK(!pthread_create(&threads[i], NULL, talks, &numbers[i]));
    }
    for (unsigned i = 0; i < THREADS; i++) CHECK(!pthread_join(threads[i], NULL));
    for (int i = 0; i < 2; i++) traced->dispose(SOCKET(i));

    const uint64_t all = (uint64_t)THREADS * BURSTS * BURST;
    static const int events[] = {C4T_EV_WRITE, C4T_EV_COMPLETED_WRITE, C4T_EV_RECEIVED, C4T_EV_COMPLETED_RECEIVE};
    for (int i = 0; i < 4; i++) {
        struct c4t_cell cell = total(tracer, events[i], -1);
        CHECK_EQUAL(cell.n, all);
        CHECK_EQUAL(cell.hist[0], all);
        CHECK_EQUAL(cell.hist[0], all);
        CHECK_EQUAL(cell.bytes, all * SIZE);
    }
    uint64_t flows[4] = {0};
    for (uint32_t i = 0; i < 2; i++) {
        const struct c4t_session_row *row = row_of(tracer, i);
        const struct c4t_flow *const each[] = {&row->write, &row->completed_write, &row->received,
                                               &row->completed_receive};
        for (int k = 0; k < 4; k++) {
            CHECK_EQUAL(each[k]->bytes, each[k]->n * SIZE);
            flows[k] += each[k]->n;
        }
    }
    for (int k = 0; k < 4; k++) CHECK_EQUAL(flows[k], all);
    CHECK_EQUAL(total(tracer, 0, C4T_LAT_WRITE_ACK).hist[0] + total(tracer, 0, C4T_LAT_RECEIVE_ACK).hist[0] +
                    unmeasured(),
                2 * all);
    c4trace_close(tracer, 0);
}

static void a_crowd_is_timed_by_the_first_of_it(void) {
    tracer = open_tracer("crowd", C4T_CAPTURE_OFF, 0);
    traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    enum { WRITES = 3 * C4T_MARKS };
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < WRITES; i++) traced->write(SOCKET(1), (c4t_slice){"hello", SIZE});
        /* Those with a mark of their own end one by one; the last mark stands for all the others. */
        uint64_t before = total(tracer, 0, C4T_LAT_WRITE_ACK).hist[0];
        UP(tracer, completed_write)(SOCKET(1), (C4T_MARKS - 2) * SIZE);
        CHECK_EQUAL(total(tracer, 0, C4T_LAT_WRITE_ACK).hist[0] - before, C4T_MARKS - 2);
        traced->write(SOCKET(1), (c4t_slice){"hello", SIZE});
        UP(tracer, completed_write)(SOCKET(1), (WRITES - (C4T_MARKS - 2)) * SIZE - 1);
        CHECK_EQUAL(total(tracer, 0, C4T_LAT_WRITE_ACK).hist[0] - before, C4T_MARKS - 2);
        UP(tracer, completed_write)(SOCKET(1), 1);
        CHECK_EQUAL(total(tracer, 0, C4T_LAT_WRITE_ACK).hist[0] - before, WRITES);
        UP(tracer, completed_write)(SOCKET(1), SIZE);
        CHECK_EQUAL(total(tracer, 0, C4T_LAT_WRITE_ACK).hist[0] - before, WRITES + 1);
    }
    CHECK_EQUAL(unmeasured(), 0);
    c4trace_close(tracer, 0);
}

int main(void) {
    enter_folder();
    a_direction_that_changes_hands_loses_nothing(talk, UINT32_MAX);
    a_direction_that_changes_hands_loses_nothing(talk_by_turns, UINT32_MAX);
    a_direction_that_changes_hands_loses_nothing(talk_by_turns, 3); /* the main thread's among them */
    a_crowd_is_timed_by_the_first_of_it();
    leave_folder();
    return 0;
}
