/* The tap between a stand-in LiteCore and a stand-in factory: what passes, what is counted, what is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "stand_in.h"

static void mirrors_the_inner_factory_exactly(void) {
    c4trace_tracer *tracer = open_tracer("mirror", C4T_CAPTURE_HEADERS, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "no framing");
    CHECK(traced->framing == C4T_NO_FRAMING && traced->context == &context_of_inner);
    CHECK(traced->open && traced->write && traced->completed_receive && traced->request_close && traced->dispose);
    CHECK(!traced->close && !traced->attached);
    traced = wrap(tracer, &framed_factory, "framed");
    CHECK(traced->framing == C4T_CLIENT_FRAMING && !traced->context && !traced->open && traced->close &&
          !traced->request_close && !traced->dispose);
    /* A 64-byte factory ends where `attached` would be: what lies behind it is not read. */
    unsigned char *small = malloc(C4T_FACTORY_SIZE_64);
    memcpy(small, &inner_factory, C4T_FACTORY_SIZE_64);
    traced = c4trace_wrap(tracer, small, C4T_FACTORY_SIZE_64, "small", NULL);
    CHECK(traced && !traced->attached);
    free(small);
    c4trace_close(tracer, 0);
}

static void refuses_factories_that_break_the_contract(void) {
    c4trace_tracer *tracer = open_tracer("refuse", C4T_CAPTURE_HEADERS, 0);
    c4trace_failure failure;
    c4t_socket_factory bad = inner_factory;
    bad.write = NULL;
    CHECK(!c4trace_wrap(tracer, &bad, 0, "a", &failure) && failure.error == C4TRACE_BAD_FACTORY &&
          strstr(failure.text, "write"));
    bad = inner_factory;
    bad.request_close = NULL;
    CHECK(!c4trace_wrap(tracer, &bad, 0, "a", &failure) && strstr(failure.text, "requestClose"));
    bad = inner_factory;
    bad.close = in_close;
    CHECK(!c4trace_wrap(tracer, &bad, 0, "a", &failure) && strstr(failure.text, "close must be NULL"));
    bad = inner_factory;
    bad.framing = 7;
    CHECK(!c4trace_wrap(tracer, &bad, 0, "a", &failure) && strstr(failure.text, "framing is 7"));
    CHECK(!c4trace_wrap(tracer, &inner_factory, 80, "a", &failure) && strstr(failure.text, "80 bytes"));
    CHECK(!c4trace_wrap(tracer, NULL, 0, "a", &failure) && !c4trace_wrap(tracer, &inner_factory, 0, "", &failure));
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "a");
    CHECK(!c4trace_wrap(tracer, traced, 0, "b", &failure) && strstr(failure.text, "traced one already"));
    CHECK(!c4trace_wrap(tracer, &inner_factory, 0, "a", &failure) && strstr(failure.text, "taken"));
    c4trace_tracer *twin;
    c4trace_config config = C4TRACE_CONFIG_INIT;
    config.name = "refuse";
    CHECK(c4trace_open(&config, &twin, &failure) == C4TRACE_NAME_TAKEN);
    c4trace_close(tracer, 0);
    CHECK(!c4trace_wrap(tracer, &inner_factory, 0, "c", &failure) && failure.error == C4TRACE_CLOSED);
}

static void one_session(c4trace_tracer *tracer, const c4t_socket_factory *traced, c4t_socket *socket) {
    traced->open(socket, &address, (c4t_slice){NULL, 0}, traced->context);
    UP(tracer, got_http_response)(socket, 101, (c4t_slice){NULL, 0});
    UP(tracer, opened)(socket);
    traced->write(socket, (c4t_slice){"hello", 5});
    UP(tracer, completed_write)(socket, 2);
    UP(tracer, completed_write)(socket, 3);
    UP(tracer, received)(socket, (c4t_slice){"answer", 6});
    traced->completed_receive(socket, 6);
    traced->request_close(socket, 1000, (c4t_slice){"bye", 3});
    UP(tracer, closed)(socket, (c4t_error){6, 1000, 0});
    traced->dispose(socket);
}

static void passes_everything_on_as_it_came(void) {
    c4trace_tracer *tracer = open_tracer("pass", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    one_session(tracer, traced, SOCKET(1));
    CHECK(seen.open == 1 && seen.address == &address && seen.context == &context_of_inner);
    CHECK(seen.write == 1 && seen.write_bytes == 5 && seen.completed_receive == 1 && seen.dispose == 1);
    CHECK(seen.request_close == 1 && seen.status == 1000 && seen.message.size == 3);
    CHECK(seen.real.http == 1 && seen.real.opened == 1 && seen.real.received_bytes == 6 &&
          seen.real.completed_write == 2);
    CHECK(seen.real.closed == 1 && seen.real.error.domain == 6 && seen.real.error.code == 1000);
    c4trace_close(tracer, 0);
}

static void counts_and_records_each_event_once(void) {
    c4trace_tracer *tracer = open_tracer("count", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    for (int i = 0; i < 1000; i++) one_session(tracer, traced, SOCKET(i % 7));
    CHECK(total(tracer, C4T_EV_OPEN, -1).n == 1000 && total(tracer, C4T_EV_WRITE, -1).bytes == 5000);
    CHECK(total(tracer, C4T_EV_COMPLETED_WRITE, -1).n == 2000 &&
          total(tracer, C4T_EV_COMPLETED_WRITE, -1).bytes == 5000);
    CHECK(total(tracer, C4T_EV_DISPOSE, -1).hist[0] == 1000);
    for (int event = 1; event < C4T_EV_COUNT; event++) {
        struct c4t_cell cell = total(tracer, event, -1);
        CHECK(cell.n == cell.hist[0]);
    }
    CHECK(total(tracer, 0, C4T_LAT_WRITE_ACK).hist[0] == 1000 && total(tracer, 0, C4T_LAT_RECEIVE_ACK).hist[0] == 1000);
    CHECK(total(tracer, 0, C4T_LAT_OPEN).hist[0] == 1000 && total(tracer, 0, C4T_LAT_CLOSE).hist[0] == 1000 &&
          total(tracer, 0, C4T_LAT_SESSION).hist[0] == 1000);
    struct c4t_factory_row *row = c4t_at(tracer, &tracer->header->factories, 0);
    CHECK(row->sessions == 1000);
    for (int s = 0; s < C4T_STATE_COUNT; s++) CHECK(row->states[s] == 0);
    struct c4t_closed_row *closed = c4t_at(tracer, &tracer->header->closed, 0);
    CHECK(closed->n == 1000 && closed->domain == 6 && closed->code == 1000);
    CHECK(tracer->header->sessions_total == 1000 && tracer->header->session_top < 1000);
    c4trace_close(tracer, 0);

    tracer = open_tracer("records", C4T_CAPTURE_FULL, 0);
    traced = wrap(tracer, &inner_factory, "f");
    for (int i = 0; i < 100; i++) one_session(tracer, traced, SOCKET(i % 7));
    struct records found = records_of(tracer);
    CHECK(found.entries[C4T_EV_OPEN] == 100 && found.entries[C4T_EV_COMPLETED_WRITE] == 200 &&
          found.entries[C4T_EV_CLOSED] == 100);
    CHECK(found.returns == 1100);
    CHECK(dropped_of(tracer) == 0);
    c4trace_close(tracer, 0);
}

static void keeps_a_row_for_each_session(void) {
    c4trace_tracer *tracer = open_tracer("rows", C4T_CAPTURE_HEADERS, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    c4t_socket *socket = SOCKET(3);
    traced->open(socket, &address, (c4t_slice){NULL, 0}, traced->context);
    struct c4t_session_row *row = row_of(tracer, 0);
    CHECK(row->sid == 1 && row->state == C4T_STATE_OPENING &&
          !strcmp(row->address, "ws://db.example:4984/orders/_blipsync"));
    UP(tracer, opened)(socket);
    CHECK(row->state == C4T_STATE_OPEN && row->t_opened >= row->t_open);
    traced->write(socket, (c4t_slice){"hello", 5});
    UP(tracer, received)(socket, (c4t_slice){"abc", 3});
    CHECK(row->write.n == 1 && row->write.bytes == 5 && row->completed_write.n == 0 && row->received.bytes == 3);
    UP(tracer, close_requested)(socket, 1001, (c4t_slice){NULL, 0});
    CHECK(row->state == C4T_STATE_CLOSING);
    /* The address is reused although no dispose was seen: the first session has vanished, the second is its own. */
    traced->open(socket, &address, (c4t_slice){NULL, 0}, traced->context);
    CHECK(row->state == C4T_STATE_DISPOSED && row->flags & C4T_SESSION_VANISHED);
    CHECK(row_of(tracer, 1)->sid == 2 && row_of(tracer, 1)->state == C4T_STATE_OPENING);
    UP(tracer, closed)(socket, (c4t_error){2, 111, 0});
    CHECK(row_of(tracer, 1)->error_domain == 2 && row_of(tracer, 1)->error_code == 111 &&
          row_of(tracer, 1)->state == C4T_STATE_CLOSED);
    traced->dispose(socket);
    /* After its dispose a late up-call still finds the session it belonged to. */
    UP(tracer, closed)(socket, (c4t_error){0, 0, 0});
    CHECK(seen.real.closed == 2 && tracer->header->orphans == 0);
    UP(tracer, opened)(SOCKET(99));
    CHECK(tracer->header->orphans == 1 && seen.real.opened == 2);
    c4trace_close(tracer, 0);
}

static void passes_untraced_once_it_is_closed(void) {
    c4trace_tracer *tracer = open_tracer("late", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    void (*opened)(c4t_socket *) = UP(tracer, opened);
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    c4trace_close(tracer, 0);
    CHECK(access(c4trace_segment_path(tracer), F_OK));
    c4trace_tracer *other = open_tracer("other", C4T_CAPTURE_FULL, 0);
    wrap(other, &inner_factory, "g");
    opened(SOCKET(1));
    traced->write(SOCKET(1), (c4t_slice){"x", 1});
    traced->dispose(SOCKET(1));
    CHECK(seen.real.opened == 1 && seen.write == 1 && seen.dispose == 1);
    CHECK(total(other, C4T_EV_WRITE, -1).n == 0);
    c4trace_close(other, 0);
}

static void steps_aside_once_and_says_why(void) {
    c4trace_tracer *tracer = open_tracer("aside", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    int said[2], keep = dup(STDERR_FILENO);
    CHECK(!pipe(said) && dup2(said[1], STDERR_FILENO) == STDERR_FILENO);
    c4t_step_aside(tracer, "a test");
    c4t_step_aside(tracer, "another test");
    dup2(keep, STDERR_FILENO);
    close(said[1]);
    char text[256] = "";
    ssize_t n = read(said[0], text, sizeof text - 1);
    CHECK(n > 0 && strstr(text, "aside: stepped aside") && strstr(text, ": a test\n") && !strstr(text, "another"));
    CHECK(read(said[0], text, sizeof text) == 0);
    close(said[0]);
    close(keep);
    traced->write(SOCKET(1), (c4t_slice){"x", 1});
    traced->dispose(SOCKET(1));
    CHECK(seen.write == 1 && seen.dispose == 1 && total(tracer, C4T_EV_WRITE, -1).n == 0);
    CHECK(tracer->header->status == C4T_STATUS_ASIDE && !strcmp(tracer->header->status_text, "a test"));
    c4trace_close(tracer, 0);
    c4trace_close(open_tracer("aside", C4T_CAPTURE_FULL, 0), 0);
}

static void a_level_that_was_turned_half_way_is_followed(void) {
    c4trace_tracer *tracer = open_tracer("half", C4T_CAPTURE_OFF, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "h");
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    for (int i = 0; i < 1000; i++) traced->write(SOCKET(1), (c4t_slice){"x", 1});
    CHECK(records_of(tracer).entries[C4T_EV_WRITE] == 0);
    tracer->header->control = C4T_CAPTURE_EVENTS; /* and its writer was killed before it told the rows */
    for (int i = 0; i < 10000000 && !records_of(tracer).entries[C4T_EV_WRITE]; i++)
        for (int k = 0; k < 100; k++) traced->write(SOCKET(1), (c4t_slice){"x", 1});
    CHECK(records_of(tracer).entries[C4T_EV_WRITE] > 0);
    CHECK(!c4trace_set_capture(tracer, C4T_CAPTURE_OFF, 0));
    uint64_t before = records_of(tracer).entries[C4T_EV_WRITE];
    traced->write(SOCKET(1), (c4t_slice){"x", 1});
    CHECK(records_of(tracer).entries[C4T_EV_WRITE] == before);
    c4trace_close(tracer, 0);
}

static void calls_by_two_clocks_are_told_apart(void) {
    c4trace_tracer *one = open_tracer("one", C4T_CAPTURE_EVENTS, 0);
    CHECK(!setenv("C4TRACE_CLOCK", "monotonic", 1));
    c4trace_tracer *other = open_tracer("other", C4T_CAPTURE_EVENTS, 0);
    CHECK(!unsetenv("C4TRACE_CLOCK") && other->clock == C4T_CLOCK_MONOTONIC);
    const c4t_socket_factory *by_one = wrap(one, &inner_factory, "1"), *by_other = wrap(other, &inner_factory, "2");
    by_one->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, by_one->context);
    by_other->open(SOCKET(2), &address, (c4t_slice){NULL, 0}, by_other->context);
    for (int i = 0; i < 1000; i++) {
        by_one->write(SOCKET(1), (c4t_slice){"x", 1});
        by_other->write(SOCKET(2), (c4t_slice){"xy", 2});
        UP(other, completed_write)(SOCKET(2), 2);
        UP(one, received)(SOCKET(1), (c4t_slice){"xyz", 3});
        by_one->completed_receive(SOCKET(1), 3);
    }
    CHECK(total(one, C4T_EV_WRITE, -1).n == 1000 && total(other, C4T_EV_WRITE, -1).n == 1000);
    CHECK(total(one, C4T_EV_WRITE, -1).bytes == 1000 && total(other, C4T_EV_WRITE, -1).bytes == 2000);
    CHECK(total(one, C4T_EV_COMPLETED_RECEIVE, -1).hist[0] == 1000);
    CHECK(total(other, C4T_EV_COMPLETED_WRITE, -1).hist[0] == 1000);
    CHECK(records_of(one).entries[C4T_EV_WRITE] == 1000 && records_of(other).entries[C4T_EV_WRITE] == 1000);
    c4trace_close(one, 0);
    c4trace_close(other, 0);
}

static void a_forked_child_passes_calls_and_writes_nothing(void) {
    c4trace_tracer *tracer = open_tracer("fork", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, (c4t_slice){NULL, 0}, traced->context);
    uint64_t before = records_of(tracer).entries[C4T_EV_WRITE];
    pid_t child = fork();
    if (!child) {
        traced->write(SOCKET(1), (c4t_slice){"x", 1});
        traced->open(SOCKET(2), &address, (c4t_slice){NULL, 0}, traced->context);
        c4trace_tracer *own = open_tracer("fork", C4T_CAPTURE_OFF, 0);
        bool sees_itself = strcmp(c4trace_segment_path(own), c4trace_segment_path(tracer)) != 0 || own != tracer;
        c4trace_close(own, 0);
        _exit(seen.write == 0 && sees_itself ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(records_of(tracer).entries[C4T_EV_WRITE] == before && tracer->header->sessions_total == 1);
    traced->write(SOCKET(1), (c4t_slice){"x", 1});
    CHECK(records_of(tracer).entries[C4T_EV_WRITE] == before + 1);
    c4trace_close(tracer, 0);
}

int main(void) {
    enter_folder();
    mirrors_the_inner_factory_exactly();
    refuses_factories_that_break_the_contract();
    passes_everything_on_as_it_came();
    counts_and_records_each_event_once();
    keeps_a_row_for_each_session();
    passes_untraced_once_it_is_closed();
    steps_aside_once_and_says_why();
    a_level_that_was_turned_half_way_is_followed();
    calls_by_two_clocks_are_told_apart();
    a_forked_child_passes_calls_and_writes_nothing();
    leave_folder();
    return 0;
}
