/* A host of the stand-in: gives it arguments that are all different, lets it play sessions, and says in one line what arrived.
 *
 *   host new | with-socket | from-native | from-native2 | register     one session, made by that function
 *   host fork N                                                      a session, then N children with a session each, without exec
 *   host idle-fork N                                                 the same, but the children leave LiteCore alone
 *   host many                                                        20 sessions, each with a factory of its own
 *   host leak                                                        a session whose slices are never released
 *   host linger N                                                    a session, N seconds of nothing, another session
 *
 * Exit status: 0 everything arrived as it was given and did what it should, 1 something did not (a line on stderr says what).
 */
#include "stand_in.h"

#ifdef LOOKS_UP
#include "lookups.h"
#else
static void look_up(void) {}
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int context, failures, attached_calls;
static char headers[20];
static struct arguments given;
static C4Error error;

static void expect(bool holds, const char *what) {
    if (holds) return;
    fprintf(stderr, "host: %s\n", what);
    failures++;
}

static void open_socket(C4Socket *socket, const C4Address *address, C4Slice options, void *with) {
    expect(with == &context && address->port == 4984 && !options.buf, "open: arguments");
    c4socket_gotHTTPResponse(socket, 101, (C4Slice){headers, sizeof headers});
    c4socket_opened(socket);
    c4socket_received(socket, (C4Slice){"abcdefg", 7});
}
static bool leaks;
static void write_socket(C4Socket *socket, C4Slice data) {
    c4socket_completedWrite(socket, data.size);
#ifndef RELEASES_NOWHERE
    if (!leaks) _FLBuf_Release(data.buf);
#endif
}
static void completed_receive(C4Socket *socket, size_t n) { expect(socket && n == 7, "completedReceive: arguments"); }
static void request_close(C4Socket *socket, int status, C4String message) {
    expect(status == 1000 && message.size == 4, "requestClose: arguments");
    c4socket_closed(socket, (C4Error){6, 1000, 0} CLOSED_MORE);
}
static void dispose(C4Socket *socket) { expect(socket, "dispose: arguments"); }

#if GENERATION == 41
static void attached(C4Socket *socket) { attached_calls += socket != NULL; }
#endif

static const C4SocketFactory factory = {.framing = 1,
                                        .context = &context,
                                        .open = open_socket,
                                        .write = write_socket,
                                        .completedReceive = completed_receive,
                                        .requestClose = request_close,
                                        .dispose = dispose,
#if GENERATION == 41
                                        .attached = attached
#elif GENERATION == 99
                                        .unheard_of = dispose
#endif
};

/* Every byte of the parameters differs from its neighbours, so that nothing can move unseen. */
static void fill(void) {
    unsigned char *bytes = (unsigned char *)&given.params;
    for (size_t i = 0; i < sizeof given.params; i++) bytes[i] = (unsigned char)(i * 7 + 1);
    given.params.socketFactory = &factory;
    given.database = (C4Database *)0x1111;
    given.address = (C4Address){{"ws", 2}, {"db.example", 10}, 4984, {"/db", 3}};
    given.database_name = (C4String){"a database", 10};
    given.log_prefix = GENERATION >= 32 ? (C4String){"prefix", 6} : (C4String){NULL, 0};
    for (unsigned i = 0; i < 3; i++) given.more[i] = GENERATION == 99 ? i + 1 : 0;
    given.out_error = &error;
}

/* All but the factory arrived as it was; that one may be another, with the same framing and context. */
static bool arrived(const struct arguments *got) {
    C4ReplicatorParameters params = got->params;
    bool replaced = params.socketFactory != &factory;
    params.socketFactory = &factory;
    expect(!memcmp(&params, &given.params, sizeof params), "c4repl_new: the parameters have changed");
    expect(!memcmp(&got->database_name, &given.database_name, sizeof got->database_name), "c4repl_new: the name");
    expect(!memcmp(&got->log_prefix, &given.log_prefix, sizeof got->log_prefix), "c4repl_new: the prefix");
    expect(!memcmp(got->more, given.more, sizeof got->more), "c4repl_new: what follows");
    expect(got->database == given.database && got->out_error == given.out_error, "c4repl_new: the pointers");
    return replaced;
}

static bool address_arrived(const C4Address *got) {
    return got->port == given.address.port && !memcmp(&got->scheme, &given.address.scheme, sizeof got->scheme) &&
           !memcmp(&got->hostname, &given.address.hostname, sizeof got->hostname) &&
           !memcmp(&got->path, &given.address.path, sizeof got->path);
}

static C4Socket *make(const char *how) {
    C4Socket *socket = (C4Socket *)0x4000;
    void *const handle = (void *)0x6000;
    if (!strcmp(how, "new")) {
        C4Replicator *replicator =
            c4repl_new(given.database, given.address, given.database_name, given.params PREFIX_ARGUMENT, &error);
        expect(replicator == (C4Replicator *)0x7000, "c4repl_new: its result");
        expect(address_arrived(&stand_in_got()->address), "c4repl_new: the address");
    } else if (!strcmp(how, "with-socket")) {
        given.database_name = (C4String){0};
        c4repl_newWithSocket(given.database, socket, given.params PREFIX_ARGUMENT, &error);
        expect(stand_in_got()->address.port == 0x4000, "c4repl_newWithSocket: the socket");
    } else if (!strcmp(how, "from-native")) {
        socket = c4socket_fromNative(factory, handle, &given.address);
    } else if (!strcmp(how, "from-native2")) {
        socket = c4socket_fromNative2(factory, handle, &given.address, true);
    } else {
        c4socket_registerFactory(factory);
    }
    expect(socket, "fromNative: its arguments");
    return socket;
}

/* One session; whether its factory was replaced. */
static bool session(const char *how) {
    int upcalls = stand_in_upcalls();
    size_t bytes = stand_in_bytes();
    int buffers = stand_in_buffers();
    (void)buffers;
    attached_calls = 0;
    fill();
    C4Socket *socket = make(how);
    bool replaced = stand_in_factory()->write != factory.write;
    if (!strcmp(how, "new") || !strcmp(how, "with-socket"))
        expect(arrived(stand_in_got()) == replaced, "c4repl_new: another factory that is not traced");
    expect(stand_in_factory()->framing == 1 && stand_in_factory()->context == &context, "the factory's own fields");
    expect(!stand_in_factory()->close, "a callback that was NULL");
#if GENERATION == 99
    expect(stand_in_factory()->unheard_of == dispose, "a field behind those that are known");
#endif
    expect(attached_calls == (GENERATION == 41 && !strncmp(how, "from-native", 11)), "attached: its calls");
    stand_in_play(stand_in_factory(), socket);
    expect(stand_in_upcalls() - upcalls == 5, "up-calls: their number");
    expect(stand_in_bytes() - bytes == sizeof headers + 7 + 10 + 1000, "up-calls: their arguments");
#ifndef RELEASES_NOWHERE
    expect(stand_in_buffers() - buffers == leaks, "what write was given: its references");
#endif
    return replaced;
}

static void fork_children(int n, bool idle) {
    for (int i = 0; i < n; i++) {
        pid_t child = fork();
        if (!child) {
            if (!idle) session("new");
            _exit(failures ? 1 : 0);
        }
    }
    for (int i = 0; i < n; i++) {
        int status;
        expect(wait(&status) > 0 && status == 0, "a child has failed");
    }
}

#define WRITE(n)                                                                                                       \
    static void write_##n(C4Socket *socket, C4Slice data) { write_socket(socket, data); }
#define TWENTY(M)                                                                                                      \
    M(0) M(1) M(2) M(3) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11) M(12) M(13) M(14) M(15) M(16) M(17) M(18) M(19)
TWENTY(WRITE)
#define NAME(n) write_##n,
static void (*const writes[])(C4Socket *, C4Slice) = {TWENTY(NAME)};

/* Each factory differs from the others in its write alone; how many were replaced. */
static int many(void) {
    int replaced = 0;
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        C4SocketFactory own = factory;
        own.write = writes[i];
        fill();
        given.params.socketFactory = &own;
        c4repl_new(given.database, given.address, given.database_name, given.params PREFIX_ARGUMENT, &error);
        replaced += stand_in_factory()->write != own.write;
        stand_in_play(stand_in_factory(), (C4Socket *)(0x4000 + 16 * i));
    }
    expect(stand_in_upcalls() == 5 * 20, "up-calls: their number");
    return replaced;
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "new";
    look_up();
    int children = argc > 2 ? atoi(argv[2]) : 0;
    if (!strcmp(how, "many")) {
        printf("replaced %d\n", many());
        return failures ? 1 : 0;
    }
    leaks = !strcmp(how, "leak");
    bool replaced = session(children || leaks ? "new" : how);
    printf("factory %s\n", replaced ? "replaced" : "as given");
    fflush(stdout);
    if (!strcmp(how, "linger")) {
        sleep((unsigned)children);
        session("new");
    } else if (children) {
        fork_children(children, !strcmp(how, "idle-fork"));
    }
    return failures ? 1 : 0;
}
