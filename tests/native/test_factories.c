/* Traced factories that outlive their tracer: each goes on to its own inner one, and to no other tracer. */
#include <string.h>

#include "check.h"
#include "stand_in.h"

static const c4t_slice none = {NULL, 0};

/* Another tracer may be in the place of the one that stepped aside. */
static void calls_of_a_factory_whose_tracer_stepped_aside_stay_untraced(void) {
    c4trace_tracer *tracer = open_tracer("aside", C4T_CAPTURE_FULL, 0);
    const c4t_socket_factory *traced = wrap(tracer, &inner_factory, "f");
    traced->open(SOCKET(1), &address, none, traced->context);
    c4t_step_aside(tracer, "a test");
    c4trace_close(tracer, 0);
    c4trace_tracer *next;
    do next = open_tracer("next", C4T_CAPTURE_FULL, 0);
    while (next != tracer && (c4trace_close(next, 0), true));
    wrap(next, &inner_factory, "f");
    traced->write(SOCKET(1), (c4t_slice){"hello", 5});
    traced->open(SOCKET(2), &address, none, traced->context);
    CHECK(seen.write == 1 && seen.open == 1);
    CHECK_EQUAL(total(next, C4T_EV_WRITE, -1).n, 0);
    CHECK_EQUAL(next->header->sessions_total, 0);
    c4trace_close(next, 0);
}

static uint64_t others;
static void others_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) {
    (void)s, (void)a, (void)o, (void)c;
    others++;
}

/* LiteCore may call the copy that it has as long as the process lives. */
static void a_traced_factory_leads_to_its_own_inner_one_for_good(void) {
    c4t_socket_factory other = inner_factory;
    other.open = others_open;
    c4trace_tracer *tracer = open_tracer("first", C4T_CAPTURE_OFF, 0);
    const c4t_socket_factory copy = *wrap(tracer, &inner_factory, "f");
    c4trace_close(tracer, 0);
    for (int i = 0; i < 2 * C4T_TRAMPOLINES; i++) {
        tracer = open_tracer("another", C4T_CAPTURE_OFF, 4u << 20);
        wrap(tracer, &other, "f");
        c4trace_close(tracer, 0);
    }
    copy.open(SOCKET(1), &address, none, copy.context);
    CHECK_EQUAL(others, 0);
    CHECK_EQUAL(seen.open, 1);
}

static void says_so_where_no_set_of_callbacks_is_left(void) {
    c4trace_failure failure = {0, ""};
    int wrapped = 0;
    for (; wrapped <= C4T_TRAMPOLINES && !failure.error; wrapped++) {
        c4t_socket_factory other = inner_factory;
        const uintptr_t never_called = (uintptr_t)wrapped + 1;
        memcpy(&other.open, &never_called, sizeof other.open);
        c4trace_tracer *tracer = open_tracer("many", C4T_CAPTURE_OFF, 4u << 20);
        c4trace_wrap(tracer, &other, 0, "f", &failure);
        c4trace_close(tracer, 0);
    }
    CHECK_EQUAL(failure.error, C4TRACE_TOO_MANY);
    CHECK(wrapped > C4T_TRAMPOLINES / 4); /* others are in use by now */
}

int main(void) {
    enter_folder();
    calls_of_a_factory_whose_tracer_stepped_aside_stay_untraced();
    a_traced_factory_leads_to_its_own_inner_one_for_good();
    says_so_where_no_set_of_callbacks_is_left();
    leave_folder();
    return 0;
}
