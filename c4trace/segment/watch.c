#include "watch.h"

#include <stdlib.h>
#include <string.h>

#include "reader_state.h"
#include "watch_state.h"

#define SAMPLE_NS 450000000 /* a look each quarter or half of a second, less its jitter */
#define RATE_OVER_NS 900000000

enum { WRITE_BYTES = 1, RECEIVED_BYTES = 5 }; /* in c4t_session_copy.flows */

/* A damaged segment may have any time in it. */
static int64_t since(int64_t before, int64_t after) { return (int64_t)((uint64_t)after - (uint64_t)before); }

static int64_t sample_ns(const struct c4t_watch_source *source, uint64_t sample) {
    return source->sampled_ns[sample % C4T_WATCH_KEPT];
}

struct c4t_watch *c4t_watch_new(void) { return calloc(1, sizeof(struct c4t_watch)); }

void c4t_watch_free(struct c4t_watch *watch) {
    if (!watch) return;
    for (uint32_t i = 0; i < watch->source_room; i++) free(watch->sources[i].entries);
    free(watch->sources);
    free(watch->places);
    free(watch);
}

void c4t_watch_forget(struct c4t_watch *watch, uint32_t source) {
    if (source >= watch->source_room) return;
    free(watch->sources[source].entries);
    memset(&watch->sources[source], 0, sizeof watch->sources[source]);
    watch->place_count = 0; /* the order may name what is gone */
}

static void empty(struct c4t_watch_entry *entry) {
    if (entry->session.sid) entry->session.sid = 0;
}

/* The source with room for `rows` entries, or NULL. Orders made before may point to entries that have moved. */
static struct c4t_watch_source *source_of(struct c4t_watch *watch, uint32_t i, uint32_t rows) {
    watch->place_count = 0;
    if (i >= C4T_WATCH_SOURCES) return NULL;
    if (i >= watch->source_room) {
        struct c4t_watch_source *more = realloc(watch->sources, (i + 1) * sizeof *more);
        if (!more) return NULL;
        memset(more + watch->source_room, 0, (i + 1 - watch->source_room) * sizeof *more);
        watch->sources = more;
        watch->source_room = i + 1;
    }
    struct c4t_watch_source *source = &watch->sources[i];
    if (rows > source->room) {
        uint32_t room = rows + rows / 4;
        struct c4t_watch_entry *more = calloc(room, sizeof *more); /* rows without a session take no memory */
        if (!more) return NULL;
        if (source->rows) memcpy(more, source->entries, source->rows * sizeof *more);
        free(source->entries);
        source->entries = more;
        source->room = room;
    }
    for (uint32_t row = rows; row < source->rows; row++) empty(&source->entries[row]);
    source->rows = rows;
    return source;
}

/* The present of a source; true where a sample of this look is to be kept. */
static bool begin_look(struct c4t_watch_source *source, int64_t now_ns) {
    if (!source->samples) source->began_ns = now_ns;
    source->now_ns = now_ns;
    if (!source->samples) return true;
    return since(sample_ns(source, source->samples - 1), now_ns) >= SAMPLE_NS;
}

static void end_look(struct c4t_watch_source *source, bool sampled) {
    if (sampled) source->sampled_ns[source->samples++ % C4T_WATCH_KEPT] = source->now_ns;
}

/* `now` is the entry's session at this look. What opened since the first look had no bytes before it did. */
static void take_in(const struct c4t_watch_source *source, uint32_t number, struct c4t_watch_entry *entry,
                    const struct c4t_session_copy *now, bool sample) {
    if (entry->session.sid != now->sid) {
        memset(entry->written, 0, sizeof entry->written);
        memset(entry->received, 0, sizeof entry->received);
        entry->first = now->t_open > source->began_ns ? 0 : source->samples;
        entry->source = number;
    }
    entry->session = *now;
    entry->flights = 0;
    if (!sample) return;
    entry->written[source->samples % C4T_WATCH_KEPT] = now->flows[WRITE_BYTES];
    entry->received[source->samples % C4T_WATCH_KEPT] = now->flows[RECEIVED_BYTES];
}

static int by_session(const void *a, const void *b) {
    const struct c4t_flight_copy *one = a, *other = b;
    if (one->sid != other->sid) return one->sid < other->sid ? -1 : 1;
    return one->ns > other->ns ? -1 : one->ns < other->ns; /* the longest first */
}

static uint32_t first_of(const struct c4t_flight_copy *flights, uint32_t count, uint64_t sid) {
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (flights[middle].sid < sid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* `flights` are sorted. */
static void put_flights(struct c4t_watch_source *source, const struct c4t_flight_copy *flights, uint32_t count) {
    for (uint32_t row = 0; count && row < source->rows; row++) {
        struct c4t_watch_entry *entry = &source->entries[row];
        if (!entry->session.sid) continue;
        uint32_t first = first_of(flights, count, entry->session.sid), n = 0;
        while (first + n < count && flights[first + n].sid == entry->session.sid) n++;
        entry->flights = n;
        if (!n) continue;
        entry->flight_tid = flights[first].tid;
        entry->flight_event = flights[first].event;
        entry->flight_ns = flights[first].ns;
        memcpy(entry->flight_thread, flights[first].name, sizeof entry->flight_thread);
    }
}

int c4t_watch_reader(struct c4t_watch *watch, uint32_t number, struct c4t_reader *reader) {
    struct c4t_reader_info info;
    c4t_reader_info(reader, &info);
    struct c4t_watch_source *source = source_of(watch, number, info.session_rows);
    struct c4t_flight_copy *flights = calloc(info.thread_rows + 1, sizeof *flights);
    if (!source || !flights) {
        free(flights);
        return -1;
    }
    bool sample = begin_look(source, info.now_ns);
    for (uint32_t row = 0; row < source->rows; row++) {
        struct c4t_session_copy now;
        if (c4t_copy_session(reader, row, &now))
            take_in(source, number, &source->entries[row], &now, sample);
        else
            empty(&source->entries[row]);
    }
    uint32_t count = c4t_reader_flights(reader, flights, info.thread_rows);
    qsort(flights, count, sizeof *flights, by_session);
    put_flights(source, flights, count);
    free(flights);
    end_look(source, sample);
    return 0;
}

int c4t_watch_rows(struct c4t_watch *watch, uint32_t number, int64_t now_ns, const struct c4t_session_copy *rows,
                   uint32_t count, const struct c4t_flight_copy *flights, uint32_t flight_count) {
    struct c4t_watch_source *source = source_of(watch, number, count);
    struct c4t_flight_copy *sorted = calloc(flight_count + 1, sizeof *sorted);
    if (!source || !sorted) {
        free(sorted);
        return -1;
    }
    bool sample = begin_look(source, now_ns);
    for (uint32_t row = 0; row < count; row++) {
        if (rows[row].sid)
            take_in(source, number, &source->entries[row], &rows[row], sample);
        else
            empty(&source->entries[row]);
    }
    if (flight_count) memcpy(sorted, flights, flight_count * sizeof *sorted);
    qsort(sorted, flight_count, sizeof *sorted, by_session);
    put_flights(source, sorted, flight_count);
    free(sorted);
    end_look(source, sample);
    return 0;
}

static uint64_t oldest_of(const struct c4t_watch_source *source, const struct c4t_watch_entry *entry) {
    uint64_t kept = source->samples > C4T_WATCH_KEPT ? source->samples - C4T_WATCH_KEPT : 0;
    return entry->first > kept ? entry->first : kept;
}

static double per_second(uint64_t before, uint64_t after, int64_t ns) {
    return ns > 0 ? (double)c4t_outstanding(after, before) * 1e9 / (double)ns : 0;
}

double c4t_watch_rate(const struct c4t_watch_source *source, const struct c4t_watch_entry *entry, bool written) {
    uint64_t oldest = oldest_of(source, entry), base = source->samples;
    while (base > oldest) {
        base--;
        if (since(sample_ns(source, base), source->now_ns) >= RATE_OVER_NS) break;
    }
    int64_t ns = base == source->samples ? 0 : since(sample_ns(source, base), source->now_ns);
    if (ns <= 0) return -1;
    uint64_t before = (written ? entry->written : entry->received)[base % C4T_WATCH_KEPT];
    uint64_t after = entry->session.flows[written ? WRITE_BYTES : RECEIVED_BYTES];
    return per_second(before, after, ns);
}

static void copy_entry(const struct c4t_watch_source *source, const struct c4t_watch_entry *entry,
                       struct c4t_watched *row) {
    memset(row, 0, sizeof *row);
    row->session = entry->session;
    row->source = entry->source;
    row->now_ns = source->now_ns;
    row->written_rate = c4t_watch_rate(source, entry, true);
    row->received_rate = c4t_watch_rate(source, entry, false);
    row->flights = entry->flights;
    if (entry->flights) {
        row->flight_tid = entry->flight_tid;
        row->flight_event = entry->flight_event;
        row->flight_ns = entry->flight_ns;
        memcpy(row->flight_thread, entry->flight_thread, sizeof row->flight_thread);
    }
    for (uint64_t n = oldest_of(source, entry); n + 1 < source->samples; n++) {
        uint32_t from = (uint32_t)(n % C4T_WATCH_KEPT), to = (uint32_t)((n + 1) % C4T_WATCH_KEPT);
        int64_t ns = since(sample_ns(source, n), sample_ns(source, n + 1));
        row->written[row->samples] = per_second(entry->written[from], entry->written[to], ns);
        row->received[row->samples] = per_second(entry->received[from], entry->received[to], ns);
        row->samples++;
    }
}

uint32_t c4t_watch_copy(const struct c4t_watch *watch, uint32_t from, struct c4t_watched *rows, uint32_t room) {
    uint32_t n = 0;
    for (; n < room && from < watch->place_count; n++, from++) {
        const struct c4t_watch_entry *entry = watch->places[from].entry;
        copy_entry(&watch->sources[entry->source], entry, &rows[n]);
    }
    return n;
}
