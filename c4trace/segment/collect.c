#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "reader_state.h"

#define HOLD_BACK_NS (500u * 1000u) /* most calls have returned by then, so an event and its duration share a line */
#define PAUSE_MIN_NS (500u * 1000u) /* between looks, even where a ring is filling: what is newer is held back anyway */
#define PAUSE_NS (20u * 1000u * 1000u) /* where none is: each look costs the host's cores a switch and cold caches */
#define FULL (1u << 20)                /* bytes of text worth a caller's time */
#define LONGEST_LINE (6u * C4T_RECORD_MAX + 1024u)

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
    if (!*text) *text = malloc(FULL + LONGEST_LINE);
    if (!collected->notices) collected->notices = malloc(FULL + LONGEST_LINE);
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

static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static void nap(uint64_t ns) {
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    nanosleep(&time, NULL);
}

/* Sleep until the host says that a ring is filling, or somebody that we are to stop. Who only looks is told nothing. */
static void sleep_for(struct c4t_reader *reader, uint64_t ns) {
    struct timespec time = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
    if (reader->mode == C4T_CONSUME && (!syscall(SYS_futex, &reader->live->bell, FUTEX_WAIT, 0, &time, NULL, 0) ||
                                        errno == EAGAIN || errno == ETIMEDOUT || errno == EINTR))
        return;
    nap(ns); /* also where there is no page any more to wait at: the file was cut short */
}

/* Before a look: whoever rings from here on tells of what this look may not have. */
static void hush(struct c4t_reader *reader) {
    if (reader->mode == C4T_CONSUME)
        atomic_exchange_explicit(&reader->live->bell, 0, memory_order_acquire); /* acquire: c4t_reader_stop's `stop` */
}

static bool is_stopped(const struct c4t_reader *reader) {
    return atomic_load_explicit(&reader->stop, memory_order_relaxed); /* relaxed: carries no other data */
}

/* Until the next look is due: long after the last one, unless a ring is filling. */
static void pause_before_look(struct c4t_reader *reader, uint64_t now, uint64_t deadline) {
    const struct c4t_collected *collected = &reader->collected;
    if (collected->more) return;
    uint64_t due = least(collected->looked_ns + PAUSE_NS, deadline);
    uint64_t soon = least(collected->looked_ns + PAUSE_MIN_NS, deadline);
    if (due > now) sleep_for(reader, due - now);
    now = c4t_clock_ns(CLOCK_MONOTONIC);
    if (soon > now && !is_stopped(reader)) nap(soon - now);
}

/* How much of the fullest ring has not been read yet, as a part of its size. */
static double fullest(const struct c4t_reader *reader) {
    double most = 0;
    for (uint32_t i = 0; i < reader->cursor_count; i++) {
        const struct c4t_cursor *cursor = &reader->cursors[i];
        /* relaxed: a measure */
        uint64_t end = atomic_load_explicit(&cursor->ring->reserved, memory_order_relaxed);
        double part = end > cursor->position ? (double)(end - cursor->position) / (double)cursor->cap : 0;
        if (part > most) most = part;
    }
    return most < 1 ? most : 1;
}

/* Returns false when there will be nothing more to wait for. */
static bool look(struct c4t_reader *reader, uint32_t wants, struct c4t_batch *batch) {
    struct c4t_collected *collected = &reader->collected;
    hush(reader);
    bool lost_lease = c4t_reader_look(reader, HOLD_BACK_NS) != 0;
    batch->unread = fullest(reader);
    if (!lost_lease) fill(reader, wants, batch);
    collected->more = is_full(collected);
    collected->looked_ns = c4t_clock_ns(CLOCK_MONOTONIC);
    batch->over = lost_lease ? 2 : c4t_reader_host_is_over(reader);
    if (c4t_was_cut(reader->guard)) batch->over = 3;
    return !batch->over && !collected->more && !collected->notices_size;
}

void c4t_reader_collect(struct c4t_reader *reader, uint32_t wants, uint32_t wait_us, struct c4t_batch *batch) {
    struct c4t_collected *collected = &reader->collected;
    bool ready = begin_batch(collected, batch);
    uint64_t now = c4t_clock_ns(CLOCK_MONOTONIC), deadline = now + (uint64_t)wait_us * 1000u;
    while (ready && !is_stopped(reader)) {
        pause_before_look(reader, now, deadline);
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
    atomic_store_explicit(&reader->stop, 1, memory_order_relaxed); /* relaxed: as where it is read */
    if (reader->mode != C4T_CONSUME) return;
    /* release: `stop` before it, for a look that has just begun and hushes it */
    atomic_store_explicit(&reader->live->bell, 1, memory_order_release);
    syscall(SYS_futex, &reader->live->bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

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
