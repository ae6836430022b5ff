/* Rows of the segment's tables, copied. */
#include <stdlib.h>
#include <string.h>

#include "reader_state.h"

/* relaxed, here and below unless said: each is one number of a moment */
static uint64_t number(const _Atomic uint64_t *from) { return atomic_load_explicit(from, memory_order_relaxed); }
static uint32_t small(const _Atomic uint32_t *from) { return atomic_load_explicit(from, memory_order_relaxed); }

int c4t_reader_factory(struct c4t_reader *reader, uint32_t factory, struct c4t_factory_copy *copy) {
    if (factory >= c4t_rows_in_use(&reader->live->factory_count, &reader->facts.factories)) return -1;
    const struct c4t_factory_row *row = c4t_entry_of(reader, &reader->facts.factories, factory);
    c4t_copy_text(copy->label, row->label, sizeof copy->label);
    copy->framing = row->framing;
    copy->upcalls = small(&row->upcalls);
    copy->releases = small(&row->releases);
    copy->sessions = number(&row->sessions);
    for (uint32_t i = 0; i < C4T_STATE_COUNT; i++)
        copy->states[i] = atomic_load_explicit(&row->states[i], memory_order_relaxed);
    return 0;
}

static void add_slices(uint64_t *n, uint64_t *bytes, const struct c4t_slice_count *count) {
    /* acquire, both: what is counted here was counted as written before */
    *n += atomic_load_explicit(&count->n, memory_order_acquire);
    *bytes += atomic_load_explicit(&count->bytes, memory_order_acquire);
}

/* Where the segment is not what it should be. */
static void at_most(uint64_t *released, uint64_t *unfollowed, uint64_t written) {
    if (*released > written) *released = written;
    if (*unfollowed > written - *released) *unfollowed = written - *released;
}

int c4t_reader_slices(struct c4t_reader *reader, uint32_t factory, struct c4t_slices_copy *copy) {
    memset(copy, 0, sizeof *copy);
    if (factory >= c4t_rows_in_use(&reader->live->factory_count, &reader->facts.factories)) return -1;
    uint32_t blocks = c4t_rows_in_use(&reader->live->cells_top, &reader->facts.cells);
    for (int written = 0; written < 2; written++) { /* what was written is read last */
        for (uint32_t i = 0; i < blocks; i++) {
            const struct c4t_cells *block = c4t_entry_of(reader, &reader->facts.cells, i);
            if (atomic_load_explicit(&block->factory, memory_order_relaxed) != factory + 1) continue;
            if (written) {
                add_slices(&copy->written, &copy->written_bytes, &block->written);
                continue;
            }
            add_slices(&copy->released, &copy->released_bytes, &block->released);
            add_slices(&copy->unfollowed, &copy->unfollowed_bytes, &block->unfollowed);
        }
        blocks = c4t_rows_in_use(&reader->live->cells_top, &reader->facts.cells);
    }
    at_most(&copy->released, &copy->unfollowed, copy->written);
    at_most(&copy->released_bytes, &copy->unfollowed_bytes, copy->written_bytes);
    return 0;
}

uint32_t c4t_reader_closed(struct c4t_reader *reader, struct c4t_closed_copy *copies, uint32_t room) {
    uint32_t rows = c4t_rows_in_use(&reader->live->closed_top, &reader->facts.closed), n = 0;
    for (uint32_t i = 0; i < rows && n < room; i++) {
        const struct c4t_closed_row *row = c4t_entry_of(reader, &reader->facts.closed, i);
        uint64_t count = number(&row->n);
        if (count)
            copies[n++] =
                (struct c4t_closed_copy){.factory = row->factory, .domain = row->domain, .code = row->code, .n = count};
    }
    return n;
}

static int64_t time_or_never(const struct c4t_reader *reader, uint64_t ticks) {
    return ticks ? c4t_time_ns(&reader->timeline, ticks) : INT64_MIN;
}

static void copy_flow(uint64_t *to, const struct c4t_flow *flow) {
    to[0] = number(&flow->n);
    to[1] = number(&flow->bytes);
}

static void copy_row(const struct c4t_reader *reader, const struct c4t_session_row *row,
                     struct c4t_session_copy *copy) {
    memset(copy, 0, sizeof *copy);
    copy->t_last = time_or_never(reader, number(&row->t_last));
    copy->t_open = time_or_never(reader, number(&row->t_open));
    copy->t_opened = time_or_never(reader, number(&row->t_opened));
    copy->t_closing = time_or_never(reader, number(&row->t_closing));
    copy->t_closed = time_or_never(reader, number(&row->t_closed));
    copy->t_disposed = time_or_never(reader, number(&row->t_disposed));
    copy_flow(copy->flows, &row->write);
    copy_flow(copy->flows + 2, &row->completed_write);
    copy_flow(copy->flows + 4, &row->received);
    copy_flow(copy->flows + 6, &row->completed_receive);
    copy->lost = number(&row->lost);
    uint64_t held = number(&row->held);
    copy->held = held >> 32 & UINT16_MAX;
    copy->held_bytes = held & UINT32_MAX;
    copy->factory = row->factory;
    copy->state = small(&row->state);
    copy->flags = small(&row->flags);
    copy->last_event = small(&row->last_event);
    copy->http_status = atomic_load_explicit(&row->http_status, memory_order_relaxed);
    copy->error_domain = small(&row->error_domain);
    copy->error_code = atomic_load_explicit(&row->error_code, memory_order_relaxed);
    c4t_copy_text(copy->address, row->address, sizeof copy->address);
}

bool c4t_copy_session(const struct c4t_reader *reader, uint32_t i, struct c4t_session_copy *copy) {
    const struct c4t_session_row *row = c4t_entry_of(reader, &reader->facts.sessions, i);
    uint64_t sid = atomic_load_explicit(&row->sid, memory_order_acquire); /* acquire: set last, the row is whole */
    if (!sid) return false;
    copy_row(reader, row, copy);
    copy->sid = sid;
    c4t_load_fence(); /* the copy was made before sid is read again */
    return number(&row->sid) == sid && copy->state > C4T_STATE_FREE && copy->state < C4T_STATE_COUNT;
}

uint32_t c4t_reader_sessions(struct c4t_reader *reader, struct c4t_session_copy *copies, uint32_t room) {
    uint32_t rows = c4t_rows_in_use(&reader->live->session_top, &reader->facts.sessions), n = 0;
    for (uint32_t i = 0; i < rows && n < room; i++)
        if (c4t_copy_session(reader, i, &copies[n])) n++;
    return n;
}

uint32_t c4t_reader_flights(struct c4t_reader *reader, struct c4t_flight_copy *copies, uint32_t room) {
    struct c4t_reader_info info;
    c4t_reader_info(reader, &info);
    uint64_t now = c4t_moment(reader, info.state);
    uint32_t n = 0;
    for (uint32_t i = 0; i < info.thread_rows && n < room; i++) {
        const struct c4t_thread_row *row = c4t_entry_of(reader, &reader->facts.threads, i);
        uint32_t tid = atomic_load_explicit(&row->tid, memory_order_acquire); /* acquire: the row is ready */
        /* acquire: since when is written before */
        uint64_t flight = atomic_load_explicit(&row->flight, memory_order_acquire), since = number(&row->flight_since);
        c4t_load_fence(); /* both are read before it is seen that neither changed */
        if (!tid || flight != number(&row->flight) || since != number(&row->flight_since)) continue;
        uint64_t sid = C4T_FLIGHT_SID(flight);
        uint32_t event = C4T_FLIGHT_EVENT(flight);
        if (event == C4T_EV_NONE || event >= C4T_EV_COUNT) continue;
        copies[n] = (struct c4t_flight_copy){.sid = sid, .tid = tid, .event = event};
        copies[n].ns = now > since ? c4t_duration_ns(&reader->timeline, now - since) : 0;
        copies[n].began = c4t_time_ns(&reader->timeline, since);
        c4t_copy_text(copies[n].name, row->name, sizeof copies[n].name);
        n++;
    }
    return n;
}
