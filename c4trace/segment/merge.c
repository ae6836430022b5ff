/* Rings into one order. A cause was published before its effect was stamped; so whatever is stamped before a look began has all its causes
 * in that look, and always giving the ring whose front has the earliest stamp gives causes before effects. Records of a shared ring may
 * be a little out of order: that does no harm, for what lies before a cause in its ring was stamped before the effect as well. */
#include <stdlib.h>
#include <string.h>

#include "reader_state.h"

#define NO_FRONT UINT64_MAX
#define MORE_LOOKS 16
#define BLOCKED_SECONDS_INVERSE                                                                                        \
    10u /* a shared ring that is blocked for longer than a tenth of a second holds nothing up any more */

int c4t_merge_begin(struct c4t_reader *reader) {
    struct c4t_merge *merge = &reader->merge;
    merge->slot_count = reader->facts.threads.count;
    merge->front = calloc(reader->cursor_count + 1, sizeof *merge->front);
    merge->slots = calloc(merge->slot_count + 1, sizeof *merge->slots);
    merge->last_seqs = calloc(C4T_LAST_SEQS, sizeof *merge->last_seqs);
    if (!merge->front || !merge->slots || !merge->last_seqs || !c4t_returns_begin(&merge->returns)) return -1;
    merge->front[reader->cursor_count] = NO_FRONT;
    merge->best = reader->cursor_count;
    return 0;
}

void c4t_merge_end(struct c4t_reader *reader) {
    free(reader->merge.front);
    free(reader->merge.slots);
    free(reader->merge.last_seqs);
    c4t_returns_end(&reader->merge.returns);
}

static void choose(struct c4t_merge *merge, uint32_t count) {
    uint64_t best = NO_FRONT, runner_up = NO_FRONT;
    uint32_t at = count; /* none: front[count] is NO_FRONT */
    for (uint32_t i = 0; i < count; i++) {
        uint64_t ticks = merge->front[i];
        if (ticks < best) {
            runner_up = best;
            best = ticks;
            at = i;
        } else if (ticks < runner_up) {
            runner_up = ticks;
        }
    }
    merge->best = at;
    merge->runner_up = runner_up;
}

static void read_front(struct c4t_reader *reader, uint32_t i) {
    struct c4t_merge *merge = &reader->merge;
    const struct c4t_record *record = c4t_cursor_front(&reader->cursors[i]);
    uint64_t ticks = record ? record->ticks : NO_FRONT;
    /* A stamp from the future (a virtual machine came back with its counter reset) must not hold its ring up for ever. */
    if (record && ticks > merge->now && ticks - merge->now > reader->facts.ticks_per_sec) ticks = merge->now - 1;
    merge->front[i] = ticks;
}

static void begin_look(struct c4t_reader *reader, uint64_t now, uint64_t limit) {
    struct c4t_merge *merge = &reader->merge;
    merge->now = now;
    for (uint32_t i = 0; i < reader->cursor_count; i++) {
        struct c4t_cursor *cursor = &reader->cursors[i];
        if (cursor->shared) {
            c4t_cursor_look(cursor);
            /* What a blocked ring hides was published after it was last seen clear. */
            if (!cursor->blocked)
                cursor->clear_ticks = now;
            else if (!merge->finally &&
                     now - cursor->clear_ticks < reader->facts.ticks_per_sec / BLOCKED_SECONDS_INVERSE &&
                     cursor->clear_ticks < limit)
                limit = cursor->clear_ticks;
        }
        read_front(reader, i);
    }
    merge->limit = limit;
    choose(merge, reader->cursor_count);
}

/* The given front is done with; its cursor has a new one. */
static void pass_given(struct c4t_reader *reader) {
    struct c4t_merge *merge = &reader->merge;
    if (!merge->given) return;
    c4t_cursor_pass(merge->given);
    uint32_t i = (uint32_t)(merge->given - reader->cursors);
    merge->given = NULL;
    read_front(reader, i);
    if (i != merge->best || merge->front[i] > merge->runner_up) choose(merge, reader->cursor_count);
}

uint64_t c4t_now_before_heads(const struct c4t_reader *reader) {
    uint64_t now = c4t_now(reader);
    /* The heads must not be loaded before the clock is read. */
#if defined(__x86_64__)
    __asm__ volatile("lfence" ::: "memory");
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
    return now;
}

int c4t_reader_look(struct c4t_reader *reader, uint64_t hold_back_ns) {
    pass_given(reader);
    uint64_t now = c4t_now_before_heads(reader);
    c4t_timeline_refine(&reader->timeline, now);
    uint64_t hold_back = c4t_ticks_of_ns(&reader->timeline, hold_back_ns);
    begin_look(reader, now, now > hold_back ? now - hold_back : 0);
    return reader->mode == C4T_CONSUME ? c4t_lease_beat(reader) : 0;
}

void c4t_reader_look_finally(struct c4t_reader *reader) {
    pass_given(reader);
    reader->merge.finally = true;
    c4t_read_ended_threads(reader);
    reader->merge.last_ring = reader->merge.last_gap = 0;
    reader->merge.more_looks = MORE_LOOKS;
    uint64_t now = c4t_now_before_heads(reader);
    begin_look(reader, now, c4t_reader_host_is_over(reader) ? NO_FRONT : now);
}

void c4t_reader_done(struct c4t_reader *reader) {
    pass_given(reader);
    if (reader->mode != C4T_CONSUME) return;
    for (uint32_t i = 0; i < reader->cursor_count; i++) c4t_cursor_release(&reader->cursors[i]);
}

static struct c4t_last_seq *last_seq_of(struct c4t_merge *merge, uint64_t sid) {
    return &merge->last_seqs[sid % C4T_LAST_SEQS];
}

static int give_gap(struct c4t_reader *reader, uint64_t sid, uint64_t lost, struct c4t_event_view *view) {
    struct c4t_merge *merge = &reader->merge;
    const struct c4t_last_seq *last = last_seq_of(merge, sid);
    merge->gaps += lost;
    *view = (struct c4t_event_view){
        .kind = C4T_VIEW_GAP, .event = C4T_EV_GAP, .sid = sid, .n = lost, .dt_ns = -1, .accepted = -1};
    view->seq = sid && last->sid == sid ? last->seq : merge->seq;
    return 1;
}

static int give_untold(struct c4t_reader *reader, uint64_t untold, struct c4t_event_view *view) {
    give_gap(reader, 0, untold, view);
    c4t_count_overwritten(reader);
    return 1;
}

static void read_label(struct c4t_reader *reader, struct c4t_event_view *view) {
    if (view->factory >= c4t_rows_in_use(&reader->live->factory_count, &reader->facts.factories)) return;
    const struct c4t_factory_row *row = c4t_entry_of(reader, &reader->facts.factories, view->factory);
    c4t_copy_text(reader->merge.label, row->label, sizeof reader->merge.label);
    view->label = reader->merge.label;
    view->label_size = (uint32_t)strlen(reader->merge.label);
    view->framing = *(const volatile uint32_t *)&row->framing; /* once: it may change */
}

static int32_t accepted_of(const struct c4t_record *returned) {
    return returned->event == C4T_EV_GOT_PEER_CERTIFICATE ? !(returned->flags & C4T_REC_FALSE) : -1;
}

static void find_duration(struct c4t_reader *reader, struct c4t_cursor *cursor, struct c4t_event_view *view) {
    struct c4t_record *returned = c4t_cursor_return_of_front(cursor);
    if (!returned) {
        const struct c4t_record *front = c4t_cursor_front(cursor);
        c4t_returns_put(&reader->merge.returns, front->call, view->seq, front->sid);
        return;
    }
    view->dt_ns = c4t_duration_ns(&reader->timeline, returned->n);
    view->accepted = accepted_of(returned);
    c4t_copy_set_done(returned);
}

static bool has_bytes(uint8_t event) {
    return event == C4T_EV_WRITE || event == C4T_EV_RECEIVED || event == C4T_EV_GOT_PEER_CERTIFICATE;
}

static int give_event(struct c4t_reader *reader, struct c4t_cursor *cursor, struct c4t_event_view *view) {
    struct c4t_merge *merge = &reader->merge;
    view->kind =
        C4T_VIEW_EVENT; /* every field is set, one by one: clearing all of it first takes a third of the time */
    view->dt_ns = view->accepted = -1;
    view->seq = ++merge->seq;
    find_duration(reader, cursor, view);
    const struct c4t_record *record = c4t_cursor_front(cursor);
    view->event = record->event;
    view->flags = record->flags;
    view->factory = record->factory;
    view->tid = record->tid;
    view->t_ns = c4t_time_ns(&reader->timeline, record->ticks);
    view->sid = record->sid;
    view->n = record->n;
    view->code = record->code;
    view->domain = record->domain;
    view->text1_size = record->text1;
    view->text2_size = record->text2;
    view->data_size = record->data;
    view->text1 = (const char *)(record + 1);
    view->text2 = view->text1 + record->text1;
    view->data = (const unsigned char *)view->text2 + record->text2;
    bool is_cut = has_bytes(record->event) && (record->data || record->flags & C4T_REC_CUT) && record->n > record->data;
    view->cut = is_cut ? record->n - record->data : 0;
    view->label_size = view->framing = 0;
    view->label = NULL;
    if (record->event == C4T_EV_OPEN || record->event == C4T_EV_FROM_NATIVE) read_label(reader, view);
    *last_seq_of(merge, record->sid) = (struct c4t_last_seq){.sid = record->sid, .seq = view->seq};
    return 1;
}

/* A return record whose event was given without its duration; 0 where that event never was. */
static int give_return(struct c4t_reader *reader, const struct c4t_record *record, struct c4t_event_view *view) {
    uint64_t seq, sid;
    if (!c4t_returns_take(&reader->merge.returns, record->call, &seq, &sid)) return 0;
    *view = (struct c4t_event_view){
        .kind = C4T_VIEW_RETURN, .event = record->event, .flags = record->flags, .sid = sid, .seq = seq};
    view->dt_ns = c4t_duration_ns(&reader->timeline, record->n);
    view->accepted = accepted_of(record);
    return 1;
}

/* Finally: losses that no record in the ring tells of yet. */
static int give_last_gap(struct c4t_reader *reader, struct c4t_event_view *view) {
    struct c4t_merge *merge = &reader->merge;
    for (; merge->last_ring < reader->cursor_count; merge->last_ring++, merge->last_gap = 0) {
        const struct c4t_ring *ring = reader->cursors[merge->last_ring].ring;
        while (merge->last_gap < C4T_RING_GAPS) {
            const struct c4t_gap *gap = &ring->gap[merge->last_gap++];
            uint64_t lost = atomic_load_explicit(&gap->n, memory_order_relaxed); /* relaxed: a plain count */
            if (lost)
                return give_gap(reader,
                                reader->cursors[merge->last_ring].shared
                                    ? 0
                                    : atomic_load_explicit(&gap->sid, memory_order_relaxed),
                                lost, view);
        }
    }
    uint64_t untold = c4t_untold_at_the_end(reader);
    if (untold) return give_untold(reader, untold, view);
    c4t_count_overwritten(reader);
    return 0;
}

/* Finally, of a live host: something was skipped and nothing told of it, because all that is left is newer than the look. */
static bool look_again(struct c4t_reader *reader) {
    struct c4t_merge *merge = &reader->merge;
    bool skipped = false;
    for (uint32_t i = 0; i < reader->cursor_count; i++) skipped |= reader->cursors[i].jumped;
    if (!skipped || merge->limit == NO_FRONT || merge->more_looks == 0) return false;
    merge->more_looks--;
    uint64_t now = c4t_now_before_heads(reader);
    begin_look(reader, now, now);
    return true;
}

static bool unblock(struct c4t_reader *reader) {
    bool more = false;
    for (uint32_t i = 0; i < reader->cursor_count; i++)
        if (reader->cursors[i].blocked && c4t_cursor_unblock(&reader->cursors[i])) more = true;
    if (more) begin_look(reader, reader->merge.now, reader->merge.limit);
    return more;
}

int c4t_reader_next(struct c4t_reader *reader, struct c4t_event_view *view) {
    struct c4t_merge *merge = &reader->merge;
    for (;;) {
        pass_given(reader);
        if (merge->front[merge->best] >= merge->limit) {
            if (!merge->finally) return 0;
            if ((merge->limit == NO_FRONT && unblock(reader)) || look_again(reader)) continue;
            return give_last_gap(reader, view);
        }
        struct c4t_cursor *cursor = &reader->cursors[merge->best];
        const struct c4t_record *record = c4t_cursor_front(cursor);
        if (!(record->flags & C4T_REC_RETURN) && record->event != C4T_EV_GAP) {
            uint64_t untold = c4t_untold_before(reader, cursor, record);
            if (untold) return give_untold(reader, untold, view);
        }
        merge->given = cursor;
        if (record->flags & C4T_REC_RETURN) {
            if (give_return(reader, record, view)) return 1;
        } else if (record->event == C4T_EV_GAP) {
            return give_gap(reader, record->sid, record->n, view);
        } else {
            return give_event(reader, cursor, view);
        }
    }
}
