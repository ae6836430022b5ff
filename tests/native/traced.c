#include "traced.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static c4trace_tracer *open_tracer(const char *folder, uint32_t capture) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = "stress";
    config.upcalls = c4thost_upcalls(C4T_FACTORY_SIZE_72);
    config.folder = folder;
    config.capture = capture;
    config.segment_bytes = 64u << 20; /* as a tracer that records has it */
    c4trace_tracer *tracer;
    c4trace_failure failure = {0};
    if (c4trace_open(&config, &tracer, &failure)) fprintf(stderr, "%s\n", failure.text);
    CHECK_EQUAL(failure.error, 0);
    return tracer;
}

static struct echo_upcalls traced_upcalls(c4trace_tracer *tracer) {
    struct echo_upcalls up = echo_host_upcalls(C4T_FACTORY_SIZE_72);
    *(void **)&up.table.got_http_response = c4trace_upcall(tracer, "c4socket_gotHTTPResponse");
    *(void **)&up.table.opened = c4trace_upcall(tracer, "c4socket_opened");
    *(void **)&up.table.received = c4trace_upcall(tracer, "c4socket_received");
    *(void **)&up.table.completed_write = c4trace_upcall(tracer, "c4socket_completedWrite");
    *(void **)&up.table.close_requested = c4trace_upcall(tracer, "c4socket_closeRequested");
    *(void **)&up.table.closed = c4trace_upcall(tracer, "c4socket_closed");
    return up;
}

/* Whether this may come now: within a session, the merged stream must tell things in the order in which one caused the other. */
static bool in_order(const struct traced_stream *stream, uint8_t event) {
    const c4thost_tally *seen = stream->seen.events;
    if (stream->ended || (!stream->began && event != C4T_EV_OPEN)) return false;
    if (seen[C4T_EV_COMPLETED_WRITE].bytes > seen[C4T_EV_WRITE].bytes) return false;
    if (seen[C4T_EV_COMPLETED_RECEIVE].bytes > seen[C4T_EV_RECEIVED].bytes) return false;
    switch (event) {
    case C4T_EV_WRITE:
        return seen[C4T_EV_OPENED].n;
    case C4T_EV_OPENED:
        return seen[C4T_EV_GOT_HTTP_RESPONSE].n;
    case C4T_EV_CLOSED:
        return seen[C4T_EV_REQUEST_CLOSE].n + seen[C4T_EV_CLOSE].n;
    default:
        return true;
    }
}

static void follow(struct traced_stream *stream, const struct c4t_event_view *view) {
    stream->seen.events[view->event].n++;
    stream->seen.events[view->event].bytes += view->n;
    stream->disorder = stream->disorder || !in_order(stream, view->event);
    stream->began = true;
    stream->ended = view->event == C4T_EV_DISPOSE;
}

static void take_all(struct traced *traced, uint64_t *last_seq) {
    struct c4t_event_view view;
    while (c4t_reader_next(traced->reader, &view)) {
        CHECK(view.sid < TRACED_SIDS);
        struct traced_stream *stream = &traced->streams[view.sid];
        if (view.kind == C4T_VIEW_EVENT) {
            CHECK_EQUAL(view.seq, *last_seq + 1);
            *last_seq = view.seq;
            traced->events++;
            follow(stream, &view);
        } else if (view.kind == C4T_VIEW_GAP) {
            traced->lost += view.n;
            stream->lost += (uint32_t)view.n;
        }
    }
    c4t_reader_done(traced->reader);
}

static void *consume(void *argument) {
    struct traced *traced = argument;
    uint64_t last_seq = 0;
    while (!atomic_load(&traced->drain)) {
        CHECK(!c4t_reader_look(traced->reader, 500000));
        take_all(traced, &last_seq);
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    c4t_reader_look_finally(traced->reader);
    take_all(traced, &last_seq);
    return NULL;
}

static c4t_reader *open_reader(struct traced *traced, enum c4t_reader_mode mode) {
    char error[256] = "";
    c4t_reader *reader = c4t_reader_open(c4trace_segment_path(traced->tracer), mode, 0, error, sizeof error);
    if (!reader) fprintf(stderr, "%s\n", error);
    CHECK(reader);
    return reader;
}

static void wrap_echo(struct traced *traced) {
    c4trace_failure failure;
    const void *factory = c4trace_wrap(traced->tracer, &traced->echo.factory, 0, "echo", &failure);
    if (!factory) fprintf(stderr, "%s\n", failure.text);
    CHECK(factory);
    c4trace_uses_table(traced->tracer, factory);
    atomic_store(&traced->factory, factory);
}

void traced_reopen(struct traced *traced) {
    c4trace_close(traced->tracer, 0);
    traced->tracer = open_tracer(traced->folder, C4T_CAPTURE_FULL);
    wrap_echo(traced);
}

void traced_start(struct traced *traced, unsigned ways, const c4thost_config *config, uint32_t capture,
                  bool without_consumer) {
    memset(traced, 0, sizeof *traced);
    strcpy(traced->folder, "/tmp/c4trace-stress-XXXXXX");
    CHECK(mkdtemp(traced->folder));
    traced->tracer = open_tracer(traced->folder, capture);
    struct echo_upcalls up = traced_upcalls(traced->tracer);
    echo_start(&traced->echo, &up, ways);
    wrap_echo(traced);
    traced->host = c4thost_new(config);
    CHECK(traced->host);
    if (without_consumer) return;
    traced->streams = calloc(TRACED_SIDS, sizeof *traced->streams);
    CHECK(traced->streams);
    traced->reader = open_reader(traced, C4T_CONSUME);
    CHECK(!pthread_create(&traced->consumer, NULL, consume, traced));
}

static uint64_t connects;

uint64_t traced_connect(struct traced *traced) {
    char path[32];
    uint64_t number = connects + 1;
    c4t_address address = {{"ws", 2},
                           {"localhost", 9},
                           4984,
                           {path, (size_t)snprintf(path, sizeof path, "/%llu", (unsigned long long)number)}};
    uint64_t id = c4thost_connect(traced->host, traced->factory, &address, (c4t_slice){"\x70\x00", 2});
    CHECK_EQUAL(id, number);
    connects++;
    return id;
}

static size_t message_size(uint64_t id, unsigned message) { return 2 + (id * 31 + message * 57) % 700; }

void traced_talk(struct traced *traced, unsigned sockets, unsigned messages, bool quit) {
    static const unsigned char bytes[1024];
    uint64_t first = connects + 1, disposed = 0;
    unsigned *heard = calloc(sockets, sizeof *heard);
    CHECK(heard);
    for (unsigned i = 0; i < sockets; i++) {
        uint64_t id = traced_connect(traced);
        for (unsigned m = 0; m < messages; m++) CHECK(!c4thost_send(traced->host, id, bytes, message_size(id, m)));
    }
    while (disposed < sockets) {
        c4thost_event event;
        CHECK_EQUAL(c4thost_next(traced->host, &event, 120000), 1);
        if (event.kind == C4THOST_RECEIVED && event.size) {
            unsigned *mine = &heard[event.id - first];
            CHECK_EQUAL(event.size, message_size(event.id, *mine));
            if (++*mine == messages) {
                if (quit)
                    CHECK(!c4thost_send(traced->host, event.id, "Q", 1));
                else
                    CHECK(!c4thost_close(traced->host, event.id, 1000, (c4t_slice){"done", 4}));
            }
        }
        disposed += event.kind == C4THOST_DISPOSED;
        c4thost_event_free(&event);
    }
    free(heard);
}

static void compare(const c4thost_counts *ours, const c4thost_counts *theirs) {
    for (int event = C4T_EV_OPEN; event < C4T_EV_COUNT; event++) {
        CHECK_EQUAL(theirs->events[event].n, ours->events[event].n);
        CHECK_EQUAL(theirs->events[event].bytes, ours->events[event].bytes);
    }
}

static void compare_totals(struct traced *traced, c4t_reader *reader, const c4thost_counts *counts) {
    static struct c4t_total totals[C4T_TOTALS];
    const double bounds[] = {0.000001, 0.001, 1};
    CHECK(!c4t_reader_totals(reader, 0, bounds, 3, 0, totals));
    c4thost_counts seen = {0};
    for (int event = C4T_EV_OPEN; event < C4T_EV_COUNT; event++) {
        seen.events[event] = (c4thost_tally){totals[event].n, totals[event].bytes};
        CHECK_EQUAL(totals[event].done, totals[event].n);
        CHECK_EQUAL(totals[event].buckets[0] + totals[event].buckets[1] + totals[event].buckets[2] +
                        totals[event].buckets[3],
                    totals[event].n);
    }
    compare(counts, &seen);
    struct c4t_reader_info info;
    c4t_reader_info(reader, &info);
    CHECK_EQUAL(info.sessions_total, connects);
    CHECK_EQUAL(info.orphans, 0);
    const struct c4t_total *latencies = totals + C4T_EV_COUNT;
    CHECK_EQUAL(latencies[C4T_LAT_OPEN].n, connects);
    CHECK_EQUAL(latencies[C4T_LAT_CLOSE].n, connects);
    CHECK_EQUAL(latencies[C4T_LAT_SESSION].n, connects);
    CHECK_EQUAL(latencies[C4T_LAT_WRITE_ACK].n + latencies[C4T_LAT_RECEIVE_ACK].n + info.lost[C4T_LOSS_LATENCY],
                counts->events[C4T_EV_WRITE].n + counts->events[C4T_EV_RECEIVED].n - atomic_load(&traced->echo.ends));
    struct c4t_factory_copy factory;
    CHECK(!c4t_reader_factory(reader, 0, &factory));
    CHECK_EQUAL(factory.sessions, connects);
    CHECK(!strcmp(factory.label, "echo"));
    for (int state = C4T_STATE_OPENING; state <= C4T_STATE_CLOSED; state++) CHECK_EQUAL(factory.states[state], 0);
    if (!traced->reader) return;
    CHECK_EQUAL(traced->lost, info.lost[C4T_LOSS_RING_FULL] + info.lost[C4T_LOSS_OVERWRITTEN]);
    uint64_t all = 0;
    for (int event = C4T_EV_OPEN; event < C4T_EV_COUNT; event++) all += counts->events[event].n;
    CHECK_EQUAL(traced->events + traced->lost, all);
}

/* Each session's row, and its stream if nothing of it was lost, against the host's counts of the same socket. */
static void compare_sessions(struct traced *traced, c4t_reader *reader) {
    struct c4t_session_copy *rows = calloc(TRACED_SIDS, sizeof *rows);
    CHECK(rows);
    uint32_t n = c4t_reader_sessions(reader, rows, TRACED_SIDS);
    CHECK(n > 0 && n <= connects);
    static const enum c4t_event flows[] = {C4T_EV_WRITE, C4T_EV_COMPLETED_WRITE, C4T_EV_RECEIVED,
                                           C4T_EV_COMPLETED_RECEIVE};
    for (uint32_t i = 0; i < n; i++) {
        if (!traced->reader && !rows[i].address[0]) continue; /* opened while the capture level had no text */
        unsigned long long id;
        CHECK_EQUAL(sscanf(rows[i].address, "ws://localhost:4984/%llu", &id), 1);
        c4thost_counts counts;
        CHECK(!c4thost_count(traced->host, id, &counts));
        CHECK_EQUAL(rows[i].state, C4T_STATE_DISPOSED);
        for (int f = 0; f < 4; f++) {
            CHECK_EQUAL(rows[i].flows[2 * f], counts.events[flows[f]].n);
            CHECK_EQUAL(rows[i].flows[2 * f + 1], counts.events[flows[f]].bytes);
        }
        if (!traced->reader) continue;
        const struct traced_stream *stream = &traced->streams[rows[i].sid];
        if (stream->lost || traced->streams[0].lost) continue; /* a gap tells that something is missing, not what */
        CHECK(!stream->disorder);
        compare(&counts, &stream->seen);
    }
    free(rows);
}

/* Host and factory have come to their end, and say the same. */
static c4thost_counts end_of_host(struct traced *traced) {
    c4thost_leaks leaks;
    c4thost_stop(traced->host, &leaks);
    CHECK_EQUAL(leaks.sockets + leaks.slices + leaks.threads, 0);
    echo_stop(&traced->echo);
    c4thost_counts counts;
    CHECK(!c4thost_count(traced->host, 0, &counts));
    for (int i = 0; i < C4THOST_ANOMALY_COUNT; i++) CHECK_EQUAL(counts.anomalies[i], 0);
    CHECK_EQUAL(atomic_load(&traced->echo.disposes), connects);
    CHECK_EQUAL(atomic_load(&traced->echo.written_bytes), counts.events[C4T_EV_WRITE].bytes);
    CHECK_EQUAL(atomic_load(&traced->echo.completed_bytes), counts.events[C4T_EV_COMPLETED_RECEIVE].bytes);
    return counts;
}

static void clean_up(struct traced *traced) {
    c4thost_free(traced->host);
    CHECK(!rmdir(traced->folder)); /* nothing stays behind */
    connects = 0;
}

void traced_abandon(struct traced *traced) {
    end_of_host(traced);
    clean_up(traced);
}

void traced_finish(struct traced *traced) {
    c4thost_counts counts = end_of_host(traced);
    c4trace_stop(traced->tracer);
    if (traced->reader) {
        atomic_store(&traced->drain, true);
        pthread_join(traced->consumer, NULL);
    }
    c4t_reader *reader = open_reader(traced, C4T_READ);
    compare_totals(traced, reader, &counts);
    compare_sessions(traced, reader);
    c4t_reader_close(reader);
    if (traced->reader) c4t_reader_close(traced->reader);
    free(traced->streams);
    c4trace_close(traced->tracer, 0);
    clean_up(traced);
}
