/* Events that were never seen: every thread numbers its events, so what is missing shows when the next one comes. */
#include "reader_state.h"

uint64_t c4t_dropped(const struct c4t_reader *reader) {
    uint64_t dropped = 0;
    for (uint32_t i = 0; i < reader->facts.rings.count; i++) {
        const struct c4t_ring *ring = c4t_entry_of(reader, &reader->facts.rings, i);
        dropped += atomic_load_explicit(&ring->dropped, memory_order_relaxed); /* relaxed: a plain count */
    }
    return dropped;
}

void c4t_count_overwritten(struct c4t_reader *reader) {
    if (reader->mode != C4T_CONSUME || !reader->merge.jumps) return;
    uint64_t accounted = c4t_dropped(reader) - reader->dropped_at_attach + reader->overwritten;
    if (reader->merge.gaps <= accounted) return;
    atomic_fetch_add_explicit(&reader->live->lost[C4T_LOSS_OVERWRITTEN], reader->merge.gaps - accounted,
                              memory_order_relaxed); /* relaxed: as above */
    reader->overwritten += reader->merge.gaps - accounted;
}

/* Asked once for every thread after a cursor has jumped, because only then are there any that no gap tells of. Events that were dropped have
 * numbers too, and gap records may have told of them. */
uint64_t c4t_untold_before(struct c4t_reader *reader, struct c4t_cursor *cursor, const struct c4t_record *record) {
    struct c4t_merge *merge = &reader->merge;
    if (cursor->jumped) merge->jumps++;
    cursor->jumped = false;
    uint64_t slot = record->call >> 40, number = record->call & 0xFFFFFFFFFFull;
    if (slot >= merge->slot_count) return 0;
    struct c4t_slot_progress *progress = &merge->slots[slot];
    if ((progress->number || merge->from_start) && number > progress->number + 1)
        merge->missing += number - progress->number - 1;
    progress->number = number;
    bool asked = progress->jumps == merge->jumps;
    progress->jumps = merge->jumps;
    return !asked && merge->missing > merge->gaps ? merge->missing - merge->gaps : 0;
}

uint64_t c4t_untold_at_the_end(struct c4t_reader *reader) {
    struct c4t_merge *merge = &reader->merge;
    if (!merge->jumps) return 0;
    for (uint32_t i = 0; i < merge->slot_count; i++) {
        struct c4t_slot_progress *progress = &merge->slots[i];
        if (progress->ended_at <= progress->number || !(progress->number || merge->from_start)) continue;
        merge->missing += progress->ended_at - progress->number;
        progress->number = progress->ended_at;
    }
    return merge->missing > merge->gaps ? merge->missing - merge->gaps : 0;
}

void c4t_read_ended_threads(struct c4t_reader *reader) {
    uint32_t rows = c4t_rows_in_use(&reader->live->thread_top, &reader->facts.threads);
    for (uint32_t i = 0; i < rows; i++) {
        const struct c4t_thread_row *row = c4t_entry_of(reader, &reader->facts.threads, i);
        reader->merge.slots[i].ended_at =
            atomic_load_explicit(&row->calls, memory_order_acquire); /* acquire: published before */
    }
}
