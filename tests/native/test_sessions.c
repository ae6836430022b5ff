/* Sessions that outlive what they belonged to: a tracer that was closed, a process that has forked. */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "stand_in.h"

static const c4t_slice none = {NULL, 0};

static c4trace_tracer *with_rows(const char *name, uint32_t sessions) {
    c4trace_config config = C4TRACE_CONFIG_INIT;
    c4trace_tracer *model = open_tracer("model", C4T_CAPTURE_OFF, 0), *tracer;
    config.name = name;
    config.upcalls = &model->port->real;
    config.sessions = sessions;
    CHECK(!c4trace_open(&config, &tracer, NULL));
    c4trace_close(model, 0);
    return tracer;
}

static void up_calls_of_a_closed_tracers_sessions_are_not_the_next_ones(void) {
    c4trace_tracer *tracer = with_rows("rows", 1);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    void (*opened)(c4t_socket *) = UP(tracer, opened);
    for (int i = 0; i < 4; i++) traced->open(SOCKET(i), &address, none, traced->context);
    CHECK_EQUAL(tracer->header->lost[C4T_LOSS_SESSION_ROW], 3);
    c4trace_close(tracer, 0);
    c4trace_tracer *next;
    do next = with_rows("next", 1); /* in the place of the first */
    while (next != tracer && (c4trace_close(next, 0), true));
    wrap(next, &inner_factory, "f");
    for (int i = 0; i < 4; i++) opened(SOCKET(i));
    CHECK_EQUAL(total(next, C4T_EV_OPENED, -1).n, 0);
    CHECK_EQUAL(next->header->orphans, 4);
    c4trace_close(next, 0);
}

static void in_the_child(c4trace_tracer *parents, const c4t_socket_factory *inner) {
    void (*opened)(c4t_socket *) = UP(parents, opened);
    c4trace_tracer *own;
    int i = 0;
    do own = open_tracer((char[]){'c', (char)('a' + i++), 0}, C4T_CAPTURE_FULL, 0); /* in the parent's place */
    while (own != parents && i < C4T_TRACERS_MAX);
    CHECK(own == parents);
    const c4t_socket_factory *traced = wrap(own, inner, "f");
    opened(SOCKET(1));
    traced->open(SOCKET(2), &address, none, traced->context);
    for (i = 0; i < C4T_TRACERS_MAX; i++) c4trace_close(&c4t_tracers[i], 0);
}

static void a_forked_child_that_traces_leaves_its_parents_sessions_alone(void) {
    c4trace_tracer *tracer = open_tracer("fork", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, none, traced->context);
    traced->open(SOCKET(2), &address, none, traced->context);
    pid_t child = fork();
    if (!child) {
        in_the_child(tracer, &inner_factory);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    for (uint32_t i = 0; i < 2; i++) {
        CHECK_EQUAL(row_of(tracer, i)->state, C4T_STATE_OPENING);
        CHECK(!(row_of(tracer, i)->flags & C4T_SESSION_VANISHED));
    }
    struct c4t_factory_row *row = c4t_at(tracer, &tracer->header->factories, 0);
    CHECK_EQUAL(row->states[C4T_STATE_OPENING], 2);
    c4trace_close(tracer, 0);
}

int main(void) {
    enter_folder();
    up_calls_of_a_closed_tracers_sessions_are_not_the_next_ones();
    a_forked_child_that_traces_leaves_its_parents_sessions_alone();
    leave_folder();
    return 0;
}
