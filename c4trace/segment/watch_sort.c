/* The order of a watch: which sessions are wanted, and which of them come first. */
#include <stdlib.h>
#include <string.h>

#include "watch_state.h"

static bool has_bit(uint32_t bits, uint32_t bit) { return bit < 32 && bits >> bit & 1; }

static uint64_t pair(uint32_t high, uint32_t low) { return (uint64_t)high << 32 | low; }

static bool is_among(const uint64_t *values, uint32_t count, uint64_t value) {
    for (uint32_t i = 0; i < count; i++)
        if (values[i] == value) return true;
    return false;
}

static bool fits(const struct c4t_watch_entry *entry, const struct c4t_watch_word *word) {
    const struct c4t_session_copy *session = &entry->session;
    if (word->sid && session->sid == word->sid) return true;
    if (has_bit(word->states, session->state) || has_bit(word->events, session->last_event)) return true;
    if (entry->flights && has_bit(word->events, entry->flight_event)) return true;
    if (is_among(word->owners, word->owner_count, pair(entry->source, session->factory))) return true;
    uint64_t error = pair(session->error_domain, (uint32_t)session->error_code);
    if (session->t_closed != INT64_MIN && is_among(word->errors, word->error_count, error)) return true;
    return word->peer && strcasestr(session->address, word->peer) != NULL;
}

static bool is_wanted(const struct c4t_watch_entry *entry, const struct c4t_watch_query *query) {
    for (uint32_t i = 0; i < query->word_count; i++)
        if (fits(entry, &query->words[i]) == (query->words[i].is_not != 0)) return false;
    return true;
}

/* Damaged segments may have any time in them; what has not happened is longest ago. */
static double ago(const struct c4t_watch_source *source, int64_t t_ns) { return (double)source->now_ns - (double)t_ns; }

static double key_of(const struct c4t_watch_source *source, const struct c4t_watch_entry *entry, uint32_t by) {
    const struct c4t_session_copy *session = &entry->session;
    const uint64_t *flows = session->flows;
    switch (by) {
    case C4T_BY_STATE:
        return session->state;
    case C4T_BY_AGE:
        return ago(source, session->t_open);
    case C4T_BY_WRITTEN:
        return (double)flows[1];
    case C4T_BY_WRITTEN_RATE:
        return c4t_watch_rate(source, entry, true);
    case C4T_BY_RECEIVED:
        return (double)flows[5];
    case C4T_BY_RECEIVED_RATE:
        return c4t_watch_rate(source, entry, false);
    case C4T_BY_UNACKED:
        return (double)c4t_outstanding(flows[1], flows[3]);
    case C4T_BY_UNPROCESSED:
        return (double)c4t_outstanding(flows[5], flows[7]);
    case C4T_BY_LAST:
        return -ago(source, session->t_last);
    case C4T_BY_FLIGHT:
        return entry->flights ? (double)entry->flight_ns : -1;
    case C4T_BY_ERROR:
        return (double)session->error_domain * 4294967296.0 + (double)session->error_code;
    case C4T_BY_CLOSED:
        return -ago(source, session->t_closed); /* clocks of sources differ, ages do not */
    default:
        return 0;
    }
}

static int by_session(const struct c4t_watch_entry *one, const struct c4t_watch_entry *other) {
    if (one->source != other->source) return one->source < other->source ? -1 : 1;
    return one->session.sid < other->session.sid ? -1 : one->session.sid > other->session.sid;
}

static int compare(const void *a, const void *b, void *asked) {
    const struct c4t_watch_place *one = a, *other = b;
    const struct c4t_watch_query *query = asked;
    int first = one->key > other->key ? -1 : one->key < other->key;
    if (query->by == C4T_BY_SID) first = by_session(one->entry, other->entry);
    if (query->by == C4T_BY_PEER) first = strcmp(one->entry->session.address, other->entry->session.address);
    if (first) return query->reversed ? -first : first;
    return by_session(one->entry, other->entry);
}

static bool make_room(struct c4t_watch *watch) {
    uint64_t rows = 0;
    for (uint32_t i = 0; i < watch->source_room; i++) rows += watch->sources[i].rows;
    if (rows <= watch->place_room) return true;
    if (rows > UINT32_MAX) return false;
    struct c4t_watch_place *more = realloc(watch->places, rows * sizeof *more);
    if (!more) return false;
    watch->places = more;
    watch->place_room = (uint32_t)rows;
    return true;
}

static void collect(struct c4t_watch *watch, const struct c4t_watch_query *query, struct c4t_watch_order *order) {
    for (uint32_t i = 0; i < watch->source_room; i++) {
        const struct c4t_watch_source *source = &watch->sources[i];
        for (uint32_t row = 0; row < source->rows; row++) {
            const struct c4t_watch_entry *entry = &source->entries[row];
            if (!entry->session.sid || !has_bit(query->states, entry->session.state)) continue;
            order->all++;
            if (!is_wanted(entry, query)) continue;
            watch->places[watch->place_count++] =
                (struct c4t_watch_place){.key = key_of(source, entry, query->by), .entry = entry};
        }
    }
    order->matching = watch->place_count;
}

int c4t_watch_sort(struct c4t_watch *watch, const struct c4t_watch_query *query, struct c4t_watch_order *order) {
    *order = (struct c4t_watch_order){.place = -1};
    watch->place_count = 0;
    if (!make_room(watch)) return -1;
    collect(watch, query, order);
    if (watch->place_count) qsort_r(watch->places, watch->place_count, sizeof *watch->places, compare, (void *)query);
    for (uint32_t i = 0; query->sid && i < watch->place_count; i++) {
        const struct c4t_watch_entry *entry = watch->places[i].entry;
        if (entry->session.sid == query->sid && entry->source == query->source) order->place = i;
    }
    return 0;
}
