/* The tracer under a crowd: many sockets, many threads, every re-entrancy of the boundary; all counts must agree to the last byte. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "traced.h"

#ifdef C4TRACE_SANITIZED
enum { MESSAGES = 8, SHORT_LIVED = 1000, REOPENS = 600, FORKS = 10, REOPENED = 40 };
#else
enum { MESSAGES = 50, SHORT_LIVED = 4000, REOPENS = 3000, FORKS = 50, REOPENED = 200 };
#endif

static struct traced traced;

static c4thost_config crowd(uint32_t ack) {
    c4thost_config config = C4THOST_CONFIG_INIT;
    config.threads = 8;
    config.ack = ack;
    config.events = 1u << C4THOST_RECEIVED | 1u << C4THOST_DISPOSED;
    config.linger = 0;
    config.connect_timeout_ms = config.close_timeout_ms = 60000; /* never, however slow the machine */
    return config;
}

static void eight_threads_and_512_sockets(unsigned ways, uint32_t ack, bool quit) {
    c4thost_config config = crowd(ack);
    traced_start(&traced, ways, &config, C4T_CAPTURE_HEADERS, false);
    traced_talk(&traced, 8 * 64, MESSAGES, quit);
    traced_finish(&traced);
}

static void more_threads_than_rings(void) {
    c4thost_config config = crowd(C4THOST_ACK_PROCESSED);
    config.threads = 64;
    traced_start(&traced, ECHO_ACKS_INSIDE, &config, C4T_CAPTURE_FULL, false);
    traced_talk(&traced, 256, MESSAGES, false);
    traced_finish(&traced);
}

static void short_lived_threads_each_make_one_up_call(void) {
    c4thost_config config = crowd(C4THOST_ACK_INSIDE);
    traced_start(&traced, ECHO_NEW_THREADS, &config, C4T_CAPTURE_HEADERS, false);
    traced_talk(&traced, 40, SHORT_LIVED / 40, false);
    traced_finish(&traced);
}

static void an_address_used_again_is_another_session(void) {
    c4thost_config config = crowd(C4THOST_ACK_PROCESSED);
    traced_start(&traced, ECHO_OBEYS_Q, &config, C4T_CAPTURE_HEADERS, false);
    for (int i = 0; i < REOPENS; i++) traced_talk(&traced, 1, 2, i % 2);
    CHECK(atomic_load(&traced.echo.reopens) > REOPENS / 2);
    traced_finish(&traced);
}

static void *talk(void *sockets) {
    traced_talk(&traced, *(unsigned *)sockets, MESSAGES, false);
    return NULL;
}

/* A factory that takes no lock, for forked children: another thread may have held any lock at the fork. */
static uint64_t bare_calls;
static void bare_open(c4t_socket *s, const c4t_address *a, c4t_slice o, void *c) { (void)s, (void)a, (void)o, (void)c; }
static void bare_write(c4t_socket *s, c4t_slice d) { (void)s, (void)d; }
static void bare_completed(c4t_socket *s, size_t n) { (void)s, bare_calls += n; }
static void bare_request_close(c4t_socket *s, int c, c4t_slice m) { (void)s, (void)c, (void)m; }
static const c4t_socket_factory bare = {.framing = C4T_NO_FRAMING,
                                        .open = bare_open,
                                        .write = bare_write,
                                        .completed_receive = bare_completed,
                                        .request_close = bare_request_close};

static int child(const c4t_socket_factory *factory) {
    c4t_socket *socket = (c4t_socket *)(uintptr_t)0x4440;
    const c4t_address address = {{"ws", 2}, {"child", 5}, 80, {"/", 1}};
    factory->open(socket, &address, (c4t_slice){0}, factory->context);
    for (int i = 0; i < 1000; i++) factory->completed_receive(socket, 1);
    c4trace_close(traced.tracer, 0); /* must leave the parent's segment alone */
    return bare_calls == 1000 ? 0 : 1;
}

static void forked_children_leave_no_trace(void) {
    c4thost_config config = crowd(C4THOST_ACK_PROCESSED);
    traced_start(&traced, 0, &config, C4T_CAPTURE_HEADERS, false);
    const c4t_socket_factory *factory = c4trace_wrap(traced.tracer, &bare, 0, "bare", NULL);
    CHECK(factory);
    pthread_t driver;
    unsigned sockets = 256;
    CHECK(!pthread_create(&driver, NULL, talk, &sockets));
    for (int i = 0; i < FORKS; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (!pid) _exit(child(factory));
        int status;
        CHECK_EQUAL(waitpid(pid, &status, 0), pid);
        CHECK_EQUAL(status, 0);
    }
    pthread_join(driver, NULL);
    traced_finish(&traced);
}

static _Atomic bool turning;
static void *turn_capture(void *argument) {
    (void)argument;
    for (uint32_t level = 0; atomic_load(&turning); level = (level + 1) % (C4T_CAPTURE_FULL + 1)) {
        CHECK(!c4trace_set_capture(traced.tracer, level, 100));
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
    }
    return NULL;
}

static void counters_stay_exact_while_capture_is_turned(void) {
    c4thost_config config = crowd(C4THOST_ACK_INSIDE);
    traced_start(&traced, ECHO_OPENS_INSIDE, &config, C4T_CAPTURE_OFF, true);
    pthread_t turner;
    atomic_store(&turning, true);
    CHECK(!pthread_create(&turner, NULL, turn_capture, NULL));
    traced_talk(&traced, 256, MESSAGES, false);
    atomic_store(&turning, false);
    pthread_join(turner, NULL);
    traced_finish(&traced);
}

#ifndef __SANITIZE_THREAD__
/* The tracer goes while calls are under way; to host and factory it must be as if it had never been there. */
static void closing_the_tracer_disturbs_nobody(void) {
    c4thost_config config = crowd(C4THOST_ACK_PROCESSED);
    for (int i = 0; i < 5; i++) {
        traced_start(&traced, ECHO_ACKS_INSIDE, &config, C4T_CAPTURE_FULL, true);
        pthread_t driver;
        unsigned sockets = 128;
        CHECK(!pthread_create(&driver, NULL, talk, &sockets));
        nanosleep(&(struct timespec){.tv_nsec = 1000000 * (i + 1)}, NULL);
        c4trace_close(traced.tracer, 0);
        pthread_join(driver, NULL);
        traced_abandon(&traced);
    }
}

static _Atomic bool talking;
static void *talk_on(void *argument) {
    (void)argument;
    while (atomic_load(&talking)) traced_talk(&traced, 64, 4, false);
    return NULL;
}

/* Tracers come and go more often than there is room for, under one and the same traffic. */
static void opening_and_closing_tracers_disturbs_nobody(void) {
    c4thost_config config = crowd(C4THOST_ACK_INSIDE);
    traced_start(&traced, 0, &config, C4T_CAPTURE_FULL, true);
    pthread_t driver;
    atomic_store(&talking, true);
    CHECK(!pthread_create(&driver, NULL, talk_on, NULL));
    for (int i = 0; i < REOPENED; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 500000 * (i % 7)}, NULL);
        traced_reopen(&traced);
    }
    atomic_store(&talking, false);
    pthread_join(driver, NULL);
    c4trace_close(traced.tracer, 0);
    traced_abandon(&traced);
}
#endif

int main(void) {
    eight_threads_and_512_sockets(0, C4THOST_ACK_PROCESSED, false);
    eight_threads_and_512_sockets(ECHO_ACKS_INSIDE | ECHO_CLOSES_INSIDE | ECHO_OPENS_INSIDE, C4THOST_ACK_INSIDE, false);
    eight_threads_and_512_sockets(ECHO_OBEYS_Q, C4THOST_ACK_INSIDE, true);
    eight_threads_and_512_sockets(ECHO_OBEYS_Q | ECHO_CLOSES_INSIDE | ECHO_ACKS_INSIDE, C4THOST_ACK_PROCESSED, true);
    eight_threads_and_512_sockets(ECHO_FRAMED | ECHO_ACKS_INSIDE, C4THOST_ACK_INSIDE, false);
    eight_threads_and_512_sockets(ECHO_FRAMED | ECHO_OBEYS_Q, C4THOST_ACK_PROCESSED, true);
    more_threads_than_rings();
    short_lived_threads_each_make_one_up_call();
    an_address_used_again_is_another_session();
    forked_children_leave_no_trace();
    counters_stay_exact_while_capture_is_turned();
#ifndef __SANITIZE_THREAD__ /* It sees a race where a closed tracer's pages are replaced by empty ones, for late calls to write to. */
    closing_the_tracer_disturbs_nobody();
    opening_and_closing_tracers_disturbs_nobody();
#endif
    return 0;
}
