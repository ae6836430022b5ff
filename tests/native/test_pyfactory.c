/* The way to a factory in Python: what its C half promises, tried with C functions in place of Python's. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "host.h"
#include "pyfactory.h"

/* A LiteCore in miniature: one C4Socket, whose references and up-calls are noted. */
static struct {
    _Atomic int references, released_buffers;
    _Atomic int opened, received, completed_write, closed;
    _Atomic bool in_received, closed_in_received;
    c4t_error error;
    char *writable;
    const c4t_socket_factory *factory;
    bool closes_in_received; /* calls `close` inside received, as LiteCore does with its lock held */
} core;
static c4t_socket *const c4 = (c4t_socket *)(uintptr_t)0x1230;

static c4t_socket *core_retain(c4t_socket *socket) {
    atomic_fetch_add(&core.references, 1);
    return socket;
}
static void core_release(c4t_socket *socket) {
    if (atomic_fetch_sub(&core.references, 1) == 1) core.factory->dispose(socket);
}
static void core_release_buffer(const void *bytes) {
    (void)bytes;
    atomic_fetch_add(&core.released_buffers, 1);
}
static void core_http(c4t_socket *socket, int status, c4t_slice headers) { (void)socket, (void)status, (void)headers; }
static void core_opened(c4t_socket *socket) {
    CHECK(socket == c4);
    CHECK(atomic_load(&core.references) > 0);
    atomic_fetch_add(&core.opened, 1);
}
static void core_received(c4t_socket *socket, c4t_slice bytes) {
    CHECK(atomic_load(&core.references) > 0);
    atomic_fetch_add(&core.received, 1);
    if (core.factory->framing != C4T_NO_FRAMING)
        memset((void *)(uintptr_t)bytes.buf, '?', bytes.size); /* unmasks in place */
    if (!core.closes_in_received) return;
    atomic_store(&core.in_received, true);
    core.factory->close(socket);
    CHECK_EQUAL(atomic_load(&core.closed), 0); /* it would wait for a lock that this thread holds (C4S-052) */
    atomic_store(&core.in_received, false);
}
static void core_completed_write(c4t_socket *socket, size_t n) {
    (void)socket, (void)n;
    CHECK(atomic_load(&core.references) > 0);
    atomic_fetch_add(&core.completed_write, 1);
}
static void core_close_requested(c4t_socket *socket, int status, c4t_slice message) {
    core.factory->request_close(socket, status, message);
}
static void core_closed(c4t_socket *socket, c4t_error error) {
    (void)socket;
    CHECK(!atomic_load(&core.in_received));
    CHECK(atomic_load(&core.references) > 0);
    core.error = error;
    atomic_fetch_add(&core.closed, 1);
}
static c4t_error core_error_make(uint8_t domain, int code, c4t_slice message) {
    return (c4t_error){domain, code, (uint32_t)message.size};
}

static const c4tpy_upcalls up_calls = {.factory_size = C4T_FACTORY_SIZE_72,
                                       .got_http_response = (void *)core_http,
                                       .opened = (void *)core_opened,
                                       .received = (void *)core_received,
                                       .completed_write = (void *)core_completed_write,
                                       .close_requested = (void *)core_close_requested,
                                       .closed = (void *)core_closed,
                                       .retain = (void *)core_retain,
                                       .release = (void *)core_release,
                                       .release_buffer = (void *)core_release_buffer,
                                       .error_make = (void *)core_error_make};

/* "Python". */
static struct {
    _Atomic int open, write, completed_receive, close, request_close, dispose;
    c4tpy_socket *socket; /* kept */
    bool closes_in_close, blocks, forks;
    pid_t child; /* of the last fork; 0 in it */
    _Atomic bool blocked, go_on;
} python;

static void py_open(uint64_t factory, c4tpy_socket *socket, const c4t_address *address, c4t_slice options) {
    CHECK(factory > 0 && c4tpy_key(socket) > 0 && c4tpy_address(socket) == c4);
    CHECK(address->port == 80 && !options.buf);
    c4tpy_keep(socket);
    python.socket = socket;
    atomic_fetch_add(&python.open, 1);
}
static void py_write(uint64_t factory, c4tpy_socket *socket, c4t_slice bytes) {
    (void)factory, (void)socket, (void)bytes;
    atomic_fetch_add(&python.write, 1);
    CHECK_EQUAL(atomic_load(&core.released_buffers), 0); /* the bytes are there until Python has copied them */
    if (python.forks) python.child = fork();
    if (!python.blocks) return;
    atomic_store(&python.blocked, true);
    while (!atomic_load(&python.go_on)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}
static void py_completed_receive(uint64_t factory, c4tpy_socket *socket, size_t n) {
    (void)factory, (void)socket, (void)n;
    atomic_fetch_add(&python.completed_receive, 1);
}
static void py_close(uint64_t factory, c4tpy_socket *socket) {
    (void)factory;
    atomic_fetch_add(&python.close, 1);
    if (python.closes_in_close) CHECK(c4tpy_closed(socket, 6, 1000, NULL, 0));
}
static void py_request_close(uint64_t factory, c4tpy_socket *socket, int status, c4t_slice message) {
    (void)factory;
    atomic_fetch_add(&python.request_close, 1);
    CHECK(c4tpy_closed(socket, 6, status, message.buf, message.size));
}
static void py_dispose(uint64_t factory, c4tpy_socket *socket) {
    (void)factory, (void)socket;
    atomic_fetch_add(&python.dispose, 1);
}
static void py_attached(uint64_t factory, c4tpy_socket *socket) { (void)factory, (void)socket; }

static const c4tpy_callbacks methods = {py_open,          py_write,   py_completed_receive, py_close,
                                        py_request_close, py_dispose, py_attached};
static const c4t_address address = {{"ws", 2}, {"localhost", 9}, 80, {"/db", 3}};

/* One open socket; LiteCore itself has one reference. */
static c4tpy_socket *open_one(int framing) {
    memset(&core, 0, sizeof core);
    memset(&python, 0, sizeof python);
    core.factory = c4tpy_factory_struct(c4tpy_factory_new(framing, &up_calls, &methods));
    core.references = 1;
    core.factory->open(c4, &address, (c4t_slice){0}, core.factory->context);
    return python.socket;
}

static void a_socket_is_kept_until_closed_has_returned(void) {
    c4tpy_socket *socket = open_one(C4T_NO_FRAMING);
    CHECK_EQUAL(core.references, 2);
    CHECK(c4tpy_opened(socket));
    core.factory->write(c4, (c4t_slice){"abc", 3});
    CHECK_EQUAL(python.write, 1);
    CHECK_EQUAL(core.released_buffers, 1);
    core_release(c4); /* LiteCore's patience is over: only the factory holds the socket */
    CHECK_EQUAL(python.dispose, 0);
    core.factory->request_close(c4, 504, (c4t_slice){"late", 4});
    CHECK_EQUAL(core.closed, 1);
    CHECK_EQUAL(core.error.code, 504);
    CHECK_EQUAL(core.error.info, 4); /* the text went through c4error_make */
    CHECK_EQUAL(core.references, 0);
    CHECK_EQUAL(python.dispose, 1);
    CHECK(!c4tpy_opened(socket) && !c4tpy_received(socket, "x", 1) && !c4tpy_closed(socket, 6, 1000, NULL, 0));
    CHECK_EQUAL(c4tpy_got_peer_certificate(socket, "x", 1, "x", 1), -1);
    CHECK_EQUAL(core.closed, 1);
    c4tpy_drop(socket);
}

static void closed_inside_close_inside_received_waits(void) {
    c4tpy_socket *socket = open_one(C4T_SERVER_FRAMING);
    core.closes_in_received = python.closes_in_close = true;
    char bytes[] = "abc";
    CHECK(c4tpy_received(socket, bytes, 3));
    CHECK(!strcmp(bytes, "abc")); /* LiteCore unmasked a copy (C4S-044) */
    CHECK_EQUAL(python.close, 1);
    CHECK_EQUAL(core.closed, 1);
    CHECK_EQUAL(core.references, 1);
    core_release(c4);
    CHECK_EQUAL(python.dispose, 1);
    c4tpy_drop(socket);
}

static void closed_inside_close_alone_does_not_wait(void) {
    c4tpy_socket *socket = open_one(C4T_CLIENT_FRAMING);
    python.closes_in_close = true;
    core.factory->close(c4);
    CHECK_EQUAL(core.closed, 1);
    core_release(c4);
    c4tpy_drop(socket);
}

static void *make_up_calls(void *socket) {
    for (int i = 0; i < 2000; i++)
        if (!c4tpy_completed_write(socket, 1)) break;
    return NULL;
}

static void no_up_call_outlives_the_socket(void) {
    for (int i = 0; i < 100; i++) {
        c4tpy_socket *socket = open_one(C4T_NO_FRAMING);
        pthread_t threads[4];
        for (int t = 0; t < 4; t++) CHECK(!pthread_create(&threads[t], NULL, make_up_calls, socket));
        CHECK(c4tpy_closed(socket, 6, 1006, NULL, 0));
        core_release(c4);
        for (int t = 0; t < 4; t++) pthread_join(threads[t], NULL);
        CHECK_EQUAL(core.references, 0); /* each up-call found it above 0 */
        CHECK_EQUAL(python.dispose, 1);
        c4tpy_drop(socket);
    }
}

static void *write_one(void *argument) {
    (void)argument;
    core.factory->write(c4, (c4t_slice){"abc", 3});
    return NULL;
}

/* As os.fork() in a method of a factory. */
static void a_child_forked_inside_comes_out_too(void) {
    c4tpy_socket *socket = open_one(C4T_NO_FRAMING);
    python.forks = true;
    core.factory->write(c4, (c4t_slice){"abc", 3});
    CHECK(python.child >= 0);
    if (!python.child) _exit(c4tpy_shut(20) ? 1 : 0);
    int status;
    CHECK(waitpid(python.child, &status, 0) == python.child && status == 0);
    CHECK(c4tpy_closed(socket, 6, 1000, NULL, 0));
    core_release(c4);
    c4tpy_drop(socket);
}

/* The last test: a gate that is shut stays shut. */
static void past_the_gate_C_answers(void) {
    c4tpy_socket *socket = open_one(C4T_NO_FRAMING);
    python.blocks = true;
    pthread_t thread;
    CHECK(!pthread_create(&thread, NULL, write_one, NULL));
    while (!atomic_load(&python.blocked)) nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    CHECK_EQUAL(c4tpy_shut(20), 1);
    atomic_store(&python.go_on, true);
    CHECK_EQUAL(c4tpy_shut(60000), 0);
    pthread_join(thread, NULL);
    CHECK_EQUAL(core.released_buffers, 1);

    core.factory->write(c4, (c4t_slice){"abc", 3});
    core.factory->completed_receive(c4, 1);
    CHECK_EQUAL(core.released_buffers, 2);
    CHECK_EQUAL(python.write, 1);
    CHECK_EQUAL(python.completed_receive, 0);
    core.factory->request_close(c4, 1000, (c4t_slice){0});
    CHECK_EQUAL(python.request_close, 0);
    CHECK_EQUAL(core.closed, 1);
    CHECK_EQUAL(core.error.code, 1001);
    core_release(c4);
    CHECK_EQUAL(python.dispose, 0);
    c4tpy_drop(socket);

    memset(&core, 0, sizeof core);
    core.factory = c4tpy_factory_struct(c4tpy_factory_new(C4T_SERVER_FRAMING, &up_calls, &methods));
    core.references = 1;
    core.factory->open(c4, &address, (c4t_slice){0}, core.factory->context);
    CHECK_EQUAL(python.open, 1); /* the one before */
    CHECK_EQUAL(core.closed, 1);
    CHECK_EQUAL(core.error.domain, 6);
    CHECK_EQUAL(core.error.code, 1001);
    CHECK_EQUAL(core.references, 1);
    core.factory->close(c4);
    CHECK_EQUAL(core.closed, 1);
    core_release(c4);
}

int main(void) {
    a_socket_is_kept_until_closed_has_returned();
    closed_inside_close_inside_received_waits();
    closed_inside_close_alone_does_not_wait();
    no_up_call_outlives_the_socket();
    a_child_forked_inside_comes_out_too();
    past_the_gate_C_answers();
    return 0;
}
