/* The calls the embedded host makes to a factory: one at a time for a socket, in order, on one of the host's threads. */
#include <stdlib.h>
#include <string.h>

#include "host_inside.h"

#define TURN 32 /* tasks of one socket before another one's turn */

struct c4thost_task *c4thost_task(enum c4thost_task_kind kind, const void *data, size_t size) {
    struct c4thost_task *task = c4thost_memory(sizeof *task + size);
    task->kind = kind;
    task->size = size;
    if (data && size) memcpy(task->data, data, size);
    return task;
}

static void put(struct c4thost_queue *queue, struct c4thost_task *task) {
    task->next = NULL;
    if (queue->last)
        queue->last->next = task;
    else
        queue->first = task;
    queue->last = task;
}

static struct c4thost_task *take(struct c4thost_queue *queue) {
    struct c4thost_task *task = queue->first;
    if (!task) return NULL;
    queue->first = task->next;
    if (!queue->first) queue->last = NULL;
    return task;
}

void c4thost_drop_tasks(struct c4thost_queue *queue) {
    for (struct c4thost_task *task; (task = take(queue));) free(task);
}

void c4thost_add_task(c4t_socket *socket, struct c4thost_task *task) {
    put(&socket->tasks, task);
    if (socket->scheduled) return;
    socket->scheduled = true;
    socket->pins++;
    c4thost_make_ready(socket);
}

void c4thost_ask_to_close_locked(c4t_socket *socket, int status, c4t_slice message) {
    if (socket->asked || (socket->state != C4THOST_STATE_OPENING && socket->state != C4THOST_STATE_OPEN)) {
        pthread_mutex_unlock(&socket->lock);
        return;
    }
    socket->asked = true;
    c4t_socket_factory factory = socket->factory;
    bool framed = factory.framing != C4T_NO_FRAMING;
    c4thost_count_call(socket, framed ? C4T_EV_CLOSE : C4T_EV_REQUEST_CLOSE, 0);
    if (socket->host) c4thost_set_timer(socket, socket->host->config.close_timeout_ms);
    pthread_mutex_unlock(&socket->lock);
    if (framed)
        factory.close(socket);
    else
        factory.request_close(socket, status, message);
}

static void open_socket(c4t_socket *socket) {
    pthread_mutex_lock(&socket->lock);
    if (socket->state == C4THOST_STATE_NATIVE) socket->state = C4THOST_STATE_OPENING;
    c4t_socket_factory factory = socket->factory;
    bool open = socket->state == C4THOST_STATE_OPENING && factory.open;
    c4t_address address = socket->address;
    c4t_slice options = socket->options;
    if (open) {
        c4thost_count_call(socket, C4T_EV_OPEN, 0);
        c4thost_set_timer(socket, socket->host->config.connect_timeout_ms);
    }
    pthread_mutex_unlock(&socket->lock);
    if (open) factory.open(socket, &address, options, factory.context);
}

/* Write as LiteCore does: on, until a write exceeds the send buffer. It learns of closed only when its own thread hears of it, so a
 * write may come after closed (rule C4S-036). */
static void pump(c4t_socket *socket) {
    for (;;) {
        pthread_mutex_lock(&socket->lock);
        bool may = socket->was_open && !socket->over && !socket->asked;
        struct c4thost_task *task = may && socket->writeable ? take(&socket->outbox) : NULL;
        if (!task) break;
        socket->buffered += task->size;
        socket->writeable = socket->buffered <= C4THOST_SEND_BUFFER;
        c4thost_count_call(socket, C4T_EV_WRITE, task->size);
        void (*write)(c4t_socket *, c4t_slice) = socket->factory.write;
        c4t_slice slice = c4thost_slice(socket->host, task->data, task->size);
        pthread_mutex_unlock(&socket->lock);
        write(socket, slice);
        free(task);
    }
    pthread_mutex_unlock(&socket->lock);
}

static void processed(c4t_socket *socket, size_t n) {
    pthread_mutex_lock(&socket->lock);
    bool call = !socket->over && n <= socket->unprocessed;
    void (*completed_receive)(c4t_socket *, size_t) = socket->factory.completed_receive;
    if (call) {
        socket->unprocessed -= n;
        c4thost_count_call(socket, C4T_EV_COMPLETED_RECEIVE, n);
    }
    pthread_mutex_unlock(&socket->lock);
    if (call) completed_receive(socket, n);
}

static void hand_over(c4t_socket *socket, const struct c4thost_task *task) {
    c4thost_event event = {.id = socket->id, .kind = C4THOST_RECEIVED, .data = task->data, .size = task->size};
    c4thost_tell(socket->host, &event);
    if (socket->host->config.ack == C4THOST_ACK_PROCESSED) processed(socket, task->size);
}

/* The end, as its own thread sees it. The host's reference goes, and with it, mostly, the socket. */
static void end(c4t_socket *socket, const struct c4thost_task *task) {
    c4thost_event event = {.id = socket->id,
                           .kind = C4THOST_CLOSED,
                           .domain = task->domain,
                           .code = task->code,
                           .text = (const char *)task->data,
                           .text_size = task->size};
    c4thost_tell(socket->host, &event);
    pthread_mutex_lock(&socket->lock);
    socket->over = true;
    c4thost_drop_tasks(&socket->outbox);
    pthread_mutex_unlock(&socket->lock);
    c4thost_release_own(socket);
}

static void ask_to_close(c4t_socket *socket, const struct c4thost_task *task) {
    pthread_mutex_lock(&socket->lock);
    c4thost_ask_to_close_locked(socket, task->code, (c4t_slice){task->data, task->size});
}

static void send_later(c4t_socket *socket, struct c4thost_task *task) {
    pthread_mutex_lock(&socket->lock);
    if (socket->over)
        free(task);
    else
        put(&socket->outbox, task);
    pthread_mutex_unlock(&socket->lock);
    pump(socket);
}

static void run_task(c4t_socket *socket, struct c4thost_task *task) {
    switch (task->kind) {
    case C4THOST_TASK_OPEN:
        open_socket(socket);
        break;
    case C4THOST_TASK_SEND:
        send_later(socket, task);
        return;
    case C4THOST_TASK_PUMP:
        pump(socket);
        break;
    case C4THOST_TASK_RECEIVED:
        hand_over(socket, task);
        break;
    case C4THOST_TASK_PROCESSED:
        processed(socket, task->size);
        break;
    case C4THOST_TASK_CLOSE:
        ask_to_close(socket, task);
        break;
    case C4THOST_TASK_CLOSED:
        end(socket, task);
        break;
    }
    free(task);
}

void c4thost_run(c4t_socket *socket) {
    for (int turn = 0;; turn++) {
        pthread_mutex_lock(&socket->lock);
        /* Once the socket is disposed, what is left to do is void. */
        bool dead = socket->state == C4THOST_STATE_DISPOSED || socket->state == C4THOST_STATE_UNUSED;
        if (dead) c4thost_drop_tasks(&socket->tasks);
        if (!dead && socket->tasks.first && turn == TURN) {
            c4thost_make_ready(socket);
            pthread_mutex_unlock(&socket->lock);
            return;
        }
        struct c4thost_task *task = take(&socket->tasks);
        if (!task) {
            socket->scheduled = false;
            c4thost_unpin_locked(socket);
            return;
        }
        pthread_mutex_unlock(&socket->lock);
        run_task(socket, task);
    }
}
