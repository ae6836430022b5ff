#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reader_state.h"

#define HOLD_BACK_NS (500u * 1000u) /* most calls have returned by then, so an event and its duration share a line */
#define PAUSE_MIN_NS (500u * 1000u)
#define PAUSE_BUSY_NS (2u * 1000u * 1000u) /* while the rings fill slowly: each look costs the host's cores a switch */
#define LOOKS_PER_RING 8u                  /* at the pace of the last pause a ring would fill in so many */
#define PAUSE_MAX_NS (10u * 1000u * 1000u)
#define PAUSE_PER_IDLE 64u /* after an idle second, pauses are a 64th of it, up to the longest */
#define FULL (1u << 20)    /* bytes of text worth a caller's time */
#define LINE_MAX (6u * C4T_RECORD_MAX + 1024u)

#define BEGUN_MAX 8192u
#define BEGINNINGS (1u << C4T_EV_OPEN | 1u << C4T_EV_FROM_NATIVE)

#define LIFECYCLE                                                                                                      \
    (1u << C4T_EV_OPEN | 1u << C4T_EV_FROM_NATIVE | 1u << C4T_EV_GOT_HTTP_RESPONSE |                                   \
     1u << C4T_EV_GOT_PEER_CERTIFICATE | 1u << C4T_EV_OPENED | 1u << C4T_EV_CLOSE_REQUESTED | 1u << C4T_EV_CLOSE |     \
     1u << C4T_EV_REQUEST_CLOSE | 1u << C4T_EV_CLOSED | 1u << C4T_EV_DISPOSE | 1u << C4T_EV_GAP)

/* Returns false without memory. */
static bool begin_batch(struct c4t_collected *collected, struct c4t_batch *batch) {
    memset(batch, 0, sizeof *batch);
    if (collected->text_size) collected->turn++;
    collected->text_size = collected->notices_size = collected->begun_count = 0;
    char **text = &collected->texts[collected->turn % C4T_BATCHES];
    if (!*text) *text = malloc(FULL + LINE_MAX);
    if (!collected->notices) collected->notices = malloc(FULL + LINE_MAX);
    if (!collected->begun) collected->begun = malloc(BEGUN_MAX * sizeof *collected->begun);
    collected->text = *text;
    return *text && collected->notices && collected->begun;
}

static void end_batch(struct c4t_reader *reader, struct c4t_batch *batch) {
    const struct c4t_collected *collected = &reader->collected;
    batch->text = collected->text;
    batch->text_size = collected->text_size;
    batch->notices = collected->notices;
    batch->notices_size = collected->notices_size;
    batch->begun = collected->begun;
    batch->begun_count = collected->begun_count;
}

static void add(struct c4t_collected *collected, uint32_t wants, const struct c4t_event_view *view) {
    bool notice = wants & C4T_WANT_LIFECYCLE && LIFECYCLE >> view->event & 1;
    char *line = collected->text + collected->text_size;
    size_t size = notice || wants & C4T_WANT_TEXT ? c4t_line(&collected->head, view, line) : 0;
    if (wants & C4T_WANT_TEXT) {
        collected->text_size += size;
        if (view->kind == C4T_VIEW_EVENT && BEGINNINGS >> view->event & 1)
            collected->begun[collected->begun_count++] = view->sid;
    }
    if (!notice) return;
    memcpy(collected->notices + collected->notices_size, line, size);
    collected->notices_size += size;
}

static bool is_full(const struct c4t_collected *collected) {
    return collected->text_size >= FULL || collected->notices_size >= FULL || collected->begun_count == BEGUN_MAX;
}

/* What the look has, as far as there is room. Returns how many lines there were. */
static uint64_t fill(struct c4t_reader *reader, uint32_t wants, struct c4t_batch *batch) {
    struct c4t_event_view view;
    uint64_t seen = 0;
    while (!is_full(&reader->collected) && c4t_reader_next(reader, &view)) {
        if (!reader->collected.only_sid || view.sid == reader->collected.only_sid || !view.sid)
            add(&reader->collected, wants, &view);
        seen++;
        if (view.kind == C4T_VIEW_EVENT) batch->events++;
        if (view.kind == C4T_VIEW_GAP) batch->lost += view.n;
    }
    c4t_reader_done(reader);
    return seen;
}

static void pause_for(uint64_t ns) {
    if (!ns) return;
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    nanosleep(&time, NULL);
}

/* How much of the fullest ring has not been read yet, in parts of its size. */
static double fullest(const struct c4t_reader *reader) {
    double most = 0;
    for (uint32_t i = 0; i < reader->cursor_count; i++) {
        const struct c4t_cursor *cursor = &reader->cursors[i];
        /* relaxed: a measure */
        uint64_t end = atomic_load_explicit(&cursor->ring->reserved, memory_order_relaxed);
        double part = end > cursor->position ? (double)(end - cursor->position) / (double)cursor->cap : 0;
        if (part > most) most = part;
    }
    return most;
}

/* While there is work, short enough that no ring fills at its pace; the longer there was none the longer: an idle host is left alone. */
static uint64_t pause_before_look(const struct c4t_collected *collected, uint64_t now) {
    if (collected->more) return 0;
    uint64_t idle = (now - collected->idle_since_ns) / PAUSE_PER_IDLE;
    uint64_t pause = idle < collected->pace_ns ? collected->pace_ns : idle > PAUSE_MAX_NS ? PAUSE_MAX_NS : idle;
    uint64_t since = now - collected->looked_ns;
    return since < pause ? pause - since : 0;
}

/* Returns false when there will be nothing more to wait for. */
static bool look(struct c4t_reader *reader, uint32_t wants, struct c4t_batch *batch) {
    struct c4t_collected *collected = &reader->collected;
    bool lost_lease = c4t_reader_look(reader, HOLD_BACK_NS) != 0;
    uint64_t passed = c4t_clock_ns(CLOCK_MONOTONIC) - collected->looked_ns;
    double pace = (double)passed / (fullest(reader) * LOOKS_PER_RING + 1e-9);
    collected->pace_ns = pace < PAUSE_MIN_NS ? PAUSE_MIN_NS : pace > PAUSE_BUSY_NS ? PAUSE_BUSY_NS : (uint64_t)pace;
    uint64_t seen = lost_lease ? 0 : fill(reader, wants, batch);
    collected->more = is_full(collected);
    collected->looked_ns = c4t_clock_ns(CLOCK_MONOTONIC);
    if (seen) collected->idle_since_ns = collected->looked_ns;
    batch->over = lost_lease ? 2 : c4t_reader_host_is_over(reader);
    if (c4t_was_cut(reader->guard)) batch->over = 3;
    return !batch->over && !collected->more && !collected->notices_size;
}

void c4t_reader_collect(struct c4t_reader *reader, uint32_t wants, uint32_t wait_us, struct c4t_batch *batch) {
    struct c4t_collected *collected = &reader->collected;
    bool ready = begin_batch(collected, batch);
    uint64_t now = c4t_clock_ns(CLOCK_MONOTONIC), deadline = now + (uint64_t)wait_us * 1000u;
    /* relaxed: carries no other data */
    while (ready && !atomic_load_explicit(&reader->stop, memory_order_relaxed)) {
        uint64_t pause = pause_before_look(collected, now);
        if (now + pause > deadline) pause = deadline - now;
        pause_for(pause);
        if (!look(reader, wants, batch)) break;
        now = collected->looked_ns;
        if (now >= deadline) break;
    }
    end_batch(reader, batch);
}

int c4t_reader_drain(struct c4t_reader *reader, uint32_t wants, struct c4t_batch *batch) {
    if (!begin_batch(&reader->collected, batch)) return 0;
    if (!reader->collected.draining) c4t_reader_look_finally(reader);
    reader->collected.draining = true;
    uint64_t seen = fill(reader, wants, batch);
    end_batch(reader, batch);
    return seen != 0;
}

void c4t_reader_stop(struct c4t_reader *reader) {
    atomic_store_explicit(&reader->stop, 1, memory_order_relaxed);
} /* relaxed: as where it is read */

int c4t_reader_follow(struct c4t_reader *reader, uint64_t sid) {
    if (reader->mode == C4T_CONSUME) return -1;
    c4t_merge_end(reader);
    memset(&reader->merge, 0, sizeof reader->merge);
    if (c4t_merge_begin(reader)) return -1;
    for (uint32_t i = 0; i < reader->cursor_count; i++) reader->cursors[i].blocked = reader->cursors[i].jumped = false;
    c4t_start_cursors(reader, 0);
    reader->collected.draining = reader->collected.more = false;
    reader->collected.only_sid = sid;
    return 0;
}
