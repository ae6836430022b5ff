/* The embedded host as its driver sees it: sockets by id, events, counts, beginning and end. */
#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host_inside.h"

#define STOP_MARGIN_NS 1000000000u /* for dispose to follow closed, and for threads to end */

void *c4thost_memory(size_t size) {
    void *memory = calloc(1, size);
    if (memory) return memory;
    fputs("c4trace: the embedded host is out of memory\n", stderr);
    abort();
}

uint64_t c4thost_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static pthread_mutex_t hosts_lock = PTHREAD_MUTEX_INITIALIZER;
static c4thost *hosts;

static c4thost *make_host(void) {
    c4thost *host = c4thost_memory(sizeof *host);
    pthread_mutex_init(&host->table_lock, NULL);
    pthread_mutex_init(&host->ready_lock, NULL);
    pthread_mutex_init(&host->timer_lock, NULL);
    pthread_mutex_init(&host->events_lock, NULL);
    pthread_mutex_init(&host->running_lock, NULL);
    c4thost_condition(&host->quiet);
    c4thost_condition(&host->ready);
    c4thost_condition(&host->timer_changed);
    c4thost_condition(&host->events_changed);
    c4thost_condition(&host->running_changed);
    host->next = hosts;
    hosts = host;
    return host;
}

static c4thost *take_host(void) {
    pthread_mutex_lock(&hosts_lock);
    c4thost *host = hosts;
    while (host && host->used) host = host->next;
    if (!host) host = make_host();
    host->used = true;
    pthread_mutex_unlock(&hosts_lock);
    return host;
}

static void give_host_back(c4thost *host) {
    pthread_mutex_lock(&hosts_lock);
    host->used = false;
    pthread_mutex_unlock(&hosts_lock);
}

static bool in_range(const c4thost_config *config) {
    return config->size == sizeof *config && config->threads >= 1 && config->threads <= 256 &&
           (config->factory_size == C4T_FACTORY_SIZE_64 || config->factory_size == C4T_FACTORY_SIZE_72) &&
           config->connect_timeout_ms && config->close_timeout_ms && config->ack <= C4THOST_ACK_DRIVER &&
           !(config->events & ~C4THOST_ALL_EVENTS);
}

c4thost *c4thost_new(const c4thost_config *config) {
    if (!in_range(config)) return NULL;
    c4thost *host = take_host();
    host->config = *config;
    host->pid = getpid();
    host->stopping = host->events_end = false;
    atomic_init(&host->trust, true);
    if (c4thost_start_threads(host)) return host;
    give_host_back(host);
    return NULL;
}

/* Give the socket an id, a record and a first reference; 0: the host stops. The socket is locked. */
static uint64_t list(c4thost *host, c4t_socket *socket) {
    if (host->stopping) return 0;
    if (host->record_count == host->record_room) {
        host->record_room = host->record_room ? host->record_room * 2 : 64;
        struct c4thost_record **records = c4thost_memory(host->record_room * sizeof(void *));
        if (host->record_count) memcpy(records, host->records, host->record_count * sizeof(void *));
        free(host->records);
        host->records = records;
    }
    struct c4thost_record *record = c4thost_memory(sizeof *record);
    record->socket = socket;
    host->records[host->record_count++] = record;
    host->live++;
    socket->host = host;
    socket->id = host->record_count;
    socket->own++;
    return socket->id;
}

static uint64_t list_and_open(c4thost *host, c4t_socket *socket, enum c4thost_state expected, c4t_slice options) {
    pthread_mutex_lock(&host->table_lock);
    pthread_mutex_lock(&socket->lock);
    bool free_to_use = socket->state == expected && !socket->host;
    uint64_t id = free_to_use ? list(host, socket) : 0;
    if (id) {
        c4thost_set_options(socket, options);
        c4thost_add_task(socket, c4thost_task(C4THOST_TASK_OPEN, NULL, 0));
    }
    pthread_mutex_unlock(&socket->lock);
    pthread_mutex_unlock(&host->table_lock);
    return id;
}

uint64_t c4thost_connect(c4thost *host, const void *factory, const c4t_address *address, c4t_slice options) {
    if (!factory || !c4thost_fits(factory, host->config.factory_size)) return 0;
    c4t_socket *socket = c4thost_socket_new(factory, host->config.factory_size, address, host->config.linger);
    uint64_t id = list_and_open(host, socket, C4THOST_STATE_OPENING, options);
    if (!id) c4thost_discard(socket);
    return id;
}

uint64_t c4thost_accept(c4thost *host, c4t_socket *socket, c4t_slice options) {
    return socket ? list_and_open(host, socket, C4THOST_STATE_NATIVE, options) : 0;
}

static void add_counts(c4thost_counts *sum, const c4thost_counts *counts) {
    for (int i = 0; i < C4T_EV_COUNT; i++) {
        sum->events[i].n += counts->events[i].n;
        sum->events[i].bytes += counts->events[i].bytes;
    }
    for (int i = 0; i < C4THOST_ANOMALY_COUNT; i++) sum->anomalies[i] += counts->anomalies[i];
}

void c4thost_unlist(c4t_socket *socket) {
    c4thost *host = socket->host; /* nobody changes it while dispose runs */
    if (!host) {
        pthread_mutex_lock(&socket->lock);
        socket->state = C4THOST_STATE_UNUSED;
        pthread_mutex_unlock(&socket->lock);
        return;
    }
    pthread_mutex_lock(&host->table_lock);
    pthread_mutex_lock(&socket->lock);
    struct c4thost_record *record = host->records[socket->id - 1];
    record->socket = NULL;
    record->counts = socket->counts;
    c4thost_event event = {.id = socket->id, .kind = C4THOST_DISPOSED};
    c4thost_tell(host, &event);
    socket->state = C4THOST_STATE_UNUSED;
    socket->host = NULL;
    socket->id = 0;
    pthread_mutex_unlock(&socket->lock);
    if (--host->live == 0) pthread_cond_broadcast(&host->quiet);
    pthread_mutex_unlock(&host->table_lock);
}

/* The record of an id, NULL where there is none; the table is locked. */
static struct c4thost_record *find(c4thost *host, uint64_t id) {
    return id && id <= host->record_count ? host->records[id - 1] : NULL;
}

static int add_task(c4thost *host, uint64_t id, struct c4thost_task *task) {
    int result = -1;
    pthread_mutex_lock(&host->table_lock);
    struct c4thost_record *record = find(host, id);
    c4t_socket *socket = record ? record->socket : NULL;
    if (socket) {
        pthread_mutex_lock(&socket->lock);
        if (socket->state == C4THOST_STATE_NATIVE || socket->state == C4THOST_STATE_OPENING ||
            socket->state == C4THOST_STATE_OPEN ||
            (socket->state == C4THOST_STATE_ENDED && task->kind == C4THOST_TASK_PROCESSED)) {
            c4thost_add_task(socket, task);
            result = 0;
        }
        pthread_mutex_unlock(&socket->lock);
    }
    pthread_mutex_unlock(&host->table_lock);
    if (result) free(task);
    return result;
}

int c4thost_send(c4thost *host, uint64_t id, const void *bytes, size_t size) {
    return add_task(host, id, c4thost_task(C4THOST_TASK_SEND, bytes, size));
}

int c4thost_completed_receive(c4thost *host, uint64_t id, size_t size) {
    struct c4thost_task *task = c4thost_task(C4THOST_TASK_PROCESSED, NULL, 0);
    task->size = size;
    return add_task(host, id, task);
}

int c4thost_close(c4thost *host, uint64_t id, int status, c4t_slice message) {
    struct c4thost_task *task = c4thost_task(C4THOST_TASK_CLOSE, message.buf, message.size);
    task->code = status;
    return add_task(host, id, task);
}

void c4thost_trust(c4thost *host, bool verdict) {
    atomic_store_explicit(&host->trust, verdict, memory_order_relaxed); /* relaxed: a setting, not a signal */
}

int c4thost_count(c4thost *host, uint64_t id, c4thost_counts *counts) {
    memset(counts, 0, sizeof *counts);
    int result = id ? -1 : 0;
    pthread_mutex_lock(&host->table_lock);
    if (!id) *counts = host->forgotten;
    for (uint64_t i = id ? id : 1; i <= (id ? id : host->record_count); i++) {
        struct c4thost_record *record = find(host, i);
        if (!record) continue;
        result = 0;
        if (!record->socket) {
            add_counts(counts, &record->counts);
            continue;
        }
        pthread_mutex_lock(&record->socket->lock);
        add_counts(counts, &record->socket->counts);
        pthread_mutex_unlock(&record->socket->lock);
    }
    pthread_mutex_unlock(&host->table_lock);
    return result;
}

void c4thost_forget(c4thost *host, uint64_t id) {
    pthread_mutex_lock(&host->table_lock);
    struct c4thost_record *record = find(host, id);
    if (record && !record->socket) {
        add_counts(&host->forgotten, &record->counts);
        host->records[id - 1] = NULL;
        free(record);
    }
    pthread_mutex_unlock(&host->table_lock);
}

static void close_all(c4thost *host) {
    static const char reason[] = "the host stops";
    pthread_mutex_lock(&host->table_lock);
    host->stopping = true;
    uint64_t count = host->record_count;
    pthread_mutex_unlock(&host->table_lock);
    for (uint64_t id = 1; id <= count; id++) c4thost_close(host, id, 1001, (c4t_slice){reason, sizeof reason - 1});
}

void c4thost_stop(c4thost *host, c4thost_leaks *leaks) {
    memset(leaks, 0, sizeof *leaks);
    if (getpid() != host->pid) return;
    uint64_t until = c4thost_now() + (uint64_t)host->config.close_timeout_ms * 1000000u + STOP_MARGIN_NS;
    close_all(host);
    pthread_mutex_lock(&host->table_lock);
    while (host->live && c4thost_wait(&host->quiet, &host->table_lock, until) != ETIMEDOUT) {
    }
    leaks->sockets = host->live;
    pthread_mutex_unlock(&host->table_lock);
    leaks->threads = c4thost_end_threads(host, c4thost_now() + STOP_MARGIN_NS);
    leaks->slices =
        atomic_load_explicit(&host->slices, memory_order_acquire); /* acquire: pairs with the last release of a slice */
    c4thost_end_events(host);
    host->leaked = leaks->sockets || leaks->slices || leaks->threads;
}

void c4thost_free(c4thost *host) {
    c4thost_drop_events(host);
    if (host->leaked) return;
    for (uint64_t i = 0; i < host->record_count; i++) free(host->records[i]);
    free(host->records);
    host->records = NULL;
    host->record_count = host->record_room = 0;
    memset(&host->forgotten, 0, sizeof host->forgotten);
    give_host_back(host);
}
