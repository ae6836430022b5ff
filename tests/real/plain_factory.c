/*
 * Socket factories in a shared library of their own, linked to libLiteCore.so and to nothing of c4trace.
 *
 * They are what c4trace meets in production: a C4SocketFactory whose callbacks live in somebody's library, and whose
 * up-calls are that library's imports of c4socket_*. A client's open makes a socket pair, keeps one end and gives the
 * other to a serving socket (c4socket_fromNative) of the same process; a thread an end reads.
 *
 *   whole messages (kC4NoFraming): SOCK_SEQPACKET, one packet a message behind one byte of kind, 'M' or 'C'lose
 *   byte streams (framed by LiteCore): SOCK_STREAM
 *
 * Either way the serving end says 'O' first, when LiteCore has opened it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "plain_litecore.h"

#define EXPORT __attribute__((visibility("default")))

/* What a factory counts of itself: times each call and up-call was made, and their bytes. */
typedef struct {
    atomic_uint_fast64_t open, write, completedReceive, close, requestClose, dispose;
    atomic_uint_fast64_t gotHTTPResponse, opened, closed, closeRequested, completedWrite, received, fromNative;
    atomic_uint_fast64_t write_bytes, completedReceive_bytes, completedWrite_bytes, received_bytes, headers_bytes;
    atomic_uint_fast64_t wrong_contexts;            /* opens that did not get the factory's own context */
    atomic_int_fast64_t closed_domain, closed_code; /* of the last closed */
} plain_counts;

/* One factory and its counts; its own address is the factory's context. */
typedef struct side {
    C4SocketFactory factory;
    plain_counts counts;
} side;

/* One socket, reachable from it as its native handle. */
typedef struct {
    side *side;
    C4Socket *socket;
    int fd, other_fd; /* other_fd: the end a client gives away */
    bool serves;
    atomic_bool close_sent;
} session;

static side clients[2], servers[2];         /* [0] whole messages, [1] byte streams */
static const C4SocketFactory *accepting[2]; /* what c4socket_fromNative is given */
static void (*incoming)(void *context, C4Socket *socket);
static void *incoming_context;

static bool framed(const session *s) { return s->side->factory.framing != kC4NoFraming; }

static session *session_of(C4Socket *socket) { return c4Socket_getNativeHandle(socket); }

static bool send_packet(session *s, char kind, const void *data, size_t size) {
    struct iovec parts[2] = {{&kind, 1}, {(void *)data, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    return sendmsg(s->fd, &message, MSG_NOSIGNAL) == (ssize_t)size + 1;
}

static bool send_stream(session *s, const char *data, size_t size) {
    while (size) {
        ssize_t sent = send(s->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0) return false;
        data += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* The last thing a session's thread does: the socket, and with it the session, may be gone afterwards. */
static void finish(session *s, uint8_t domain, int code) {
    C4Socket *socket = s->socket;
    s->side->counts.closed++;
    s->side->counts.closed_domain = domain;
    s->side->counts.closed_code = code;
    c4socket_closed(socket, (C4Error){domain, code, 0});
    c4socket_release(socket);
}

static void receive(session *s, char *data, size_t size) {
    s->side->counts.received++;
    s->side->counts.received_bytes += size;
    c4socket_received(s->socket, (C4Slice){data, size});
}

static void read_stream(session *s) {
    char buffer[32768];
    ssize_t size;
    while ((size = recv(s->fd, buffer, sizeof buffer, 0)) > 0) receive(s, buffer, (size_t)size);
    finish(s, size < 0 ? POSIXDomain : 0, size < 0 ? errno : 0);
}

static void read_packets(session *s) {
    char packet[65536];
    ssize_t size;
    while ((size = recv(s->fd, packet, sizeof packet, 0)) > 0 && packet[0] == 'M')
        receive(s, packet + 1, (size_t)size - 1);
    if (size <= 0) {
        finish(s, POSIXDomain, size < 0 ? errno : ECONNRESET);
        return;
    }
    uint16_t status;
    memcpy(&status, packet + 1, sizeof status);
    if (!s->close_sent) {
        s->side->counts.closeRequested++;
        c4socket_closeRequested(s->socket, status, (C4Slice){packet + 3, (size_t)size - 3});
    }
    finish(s, WebSocketDomain, status);
}

static void read_all(session *s) {
    if (framed(s))
        read_stream(s);
    else
        read_packets(s);
}

static void *serve(void *argument) {
    session *s = argument;
    s->side->counts.opened++;
    c4socket_opened(s->socket);
    if (framed(s))
        send_stream(s, "O", 1);
    else
        send_packet(s, 'O', NULL, 0);
    read_all(s);
    return NULL;
}

static void answered(session *s) {
    static const char headers[] = "{\"Sec-WebSocket-Protocol\":\"BLIP_3+CBMobile_2\"}";
    C4SliceResult fleece = FLData_ConvertJSON((C4Slice){headers, sizeof headers - 1}, NULL);
    s->side->counts.gotHTTPResponse++;
    s->side->counts.headers_bytes += fleece.size;
    c4socket_gotHTTPResponse(s->socket, 101, fleece);
    _FLBuf_Release(fleece.buf);
    s->side->counts.opened++;
    c4socket_opened(s->socket);
}

/* Makes the serving end of a client's socket pair and gives it to the test, which starts a passive replicator on it. */
static void accept_other_end(int fd, bool is_framed) {
    static const C4Address from = {{"ws", 2}, {"plain.test", 10}, 4984, {"/db", 3}};
    session *s = calloc(1, sizeof *s);
    s->side = &servers[is_framed];
    s->fd = fd;
    s->serves = true;
    s->side->counts.fromNative++;
    s->socket = c4socket_fromNative(*accepting[is_framed], s, &from);
    c4socket_retain(s->socket);
    incoming(incoming_context, s->socket);
}

static void *connect_and_read(void *argument) {
    session *s = argument;
    char first;
    accept_other_end(s->other_fd, framed(s));
    if (recv(s->fd, &first, 1, 0) == 1 && first == 'O') {
        answered(s);
        read_all(s);
    } else {
        finish(s, POSIXDomain, ECONNREFUSED);
    }
    return NULL;
}

static void start_thread(session *s, void *(*run)(void *)) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, s)) abort(); /* a test without threads shows nothing */
    pthread_detach(thread);
}

static void plain_open(C4Socket *socket, const C4Address *address, C4Slice options, void *context) {
    (void)address, (void)options;
    session *s = session_of(socket);
    side *own = s ? s->side : context;
    own->counts.open++;
    if (context != own) own->counts.wrong_contexts++;
    if (!s) {
        s = calloc(1, sizeof *s);
        int ends[2];
        s->side = own;
        if (socketpair(AF_UNIX, framed(s) ? SOCK_STREAM : SOCK_SEQPACKET, 0, ends))
            abort(); /* out of file descriptors: nothing to be shown any more */
        s->fd = ends[0];
        s->other_fd = ends[1];
        s->socket = c4socket_retain(socket);
        c4Socket_setNativeHandle(socket, s);
    }
    start_thread(s, s->serves ? serve : connect_and_read);
}

static void plain_write(C4Socket *socket, C4SliceResult data) {
    session *s = session_of(socket);
    s->side->counts.write++;
    s->side->counts.write_bytes += data.size;
    bool sent = framed(s) ? send_stream(s, data.buf, data.size) : send_packet(s, 'M', data.buf, data.size);
    _FLBuf_Release(data.buf);
    if (sent) { /* else the reader comes upon the end and says closed (C4S-037) */
        s->side->counts.completedWrite++;
        s->side->counts.completedWrite_bytes += data.size;
        c4socket_completedWrite(socket, data.size);
    }
}

static void plain_completed_receive(C4Socket *socket, size_t size) {
    session *s = session_of(socket);
    s->side->counts.completedReceive++;
    s->side->counts.completedReceive_bytes += size;
}

static void plain_close(C4Socket *socket) {
    session *s = session_of(socket);
    s->side->counts.close++;
    shutdown(s->fd, SHUT_RDWR); /* the reader sees the end and says closed */
}

static void plain_request_close(C4Socket *socket, int status, C4Slice message) {
    session *s = session_of(socket);
    char packet[2 + 123]; /* RFC 6455 5.5: the reason of a CLOSE has at most 123 bytes */
    uint16_t code = (uint16_t)status;
    size_t size = message.size < 123 ? message.size : 123;
    s->side->counts.requestClose++;
    memcpy(packet, &code, sizeof code);
    if (size) memcpy(packet + 2, message.buf, size);
    s->close_sent = true;
    send_packet(s, 'C', packet, 2 + size);
}

static void plain_dispose(C4Socket *socket) {
    session *s = session_of(socket);
    plain_counts *counts = &s->side->counts;
    close(s->fd);
    free(s);
    counts->dispose++; /* last: it is what the test waits for */
}

static void set_up(side *of, uint8_t framing) {
    of->factory = (C4SocketFactory){framing,
                                    of,
                                    plain_open,
                                    plain_write,
                                    plain_completed_receive,
                                    framing == kC4NoFraming ? NULL : plain_close,
                                    framing == kC4NoFraming ? plain_request_close : NULL,
                                    plain_dispose};
}

__attribute__((constructor)) static void set_up_all(void) {
    set_up(&clients[0], kC4NoFraming);
    set_up(&servers[0], kC4NoFraming);
    set_up(&clients[1], kC4WebSocketClientFraming);
    set_up(&servers[1], kC4WebSocketServerFraming);
    accepting[0] = &servers[0].factory;
    accepting[1] = &servers[1].factory;
}

EXPORT const C4SocketFactory *plain_client(bool is_framed) { return &clients[is_framed].factory; }

EXPORT const C4SocketFactory *plain_server(bool is_framed) { return &servers[is_framed].factory; }

/* Has sockets for incoming connections made of another factory than plain_server's, such as a traced one. */
EXPORT void plain_accept_with(bool is_framed, const C4SocketFactory *factory) { accepting[is_framed] = factory; }

/* Names the function that gets every serving socket. */
EXPORT void plain_on_incoming(void (*function)(void *context, C4Socket *socket), void *context) {
    incoming = function;
    incoming_context = context;
}

EXPORT const plain_counts *plain_client_counts(bool is_framed) { return &clients[is_framed].counts; }

EXPORT const plain_counts *plain_server_counts(bool is_framed) { return &servers[is_framed].counts; }
