/* The embedded host's threads: some that make the calls, one for all timers, as in LiteCore. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "host_inside.h"

static const char timed_out[] = "Connection timed out";

void c4thost_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

int c4thost_wait(pthread_cond_t *condition, pthread_mutex_t *lock, uint64_t until_ns) {
    if (!until_ns) return pthread_cond_wait(condition, lock);
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000u), .tv_nsec = (long)(until_ns % 1000000000u)};
    return pthread_cond_timedwait(condition, lock, &until);
}

void c4thost_make_ready(c4t_socket *socket) {
    c4thost *host = socket->host;
    pthread_mutex_lock(&host->ready_lock);
    socket->next = NULL;
    if (host->ready_last)
        host->ready_last->next = socket;
    else
        host->ready_first = socket;
    host->ready_last = socket;
    pthread_cond_signal(&host->ready);
    pthread_mutex_unlock(&host->ready_lock);
}

/* The next socket that has tasks; NULL: the thread is to end. */
static c4t_socket *wait_for_ready(c4thost *host) {
    pthread_mutex_lock(&host->ready_lock);
    while (!host->ready_first && !host->threads_stop) c4thost_wait(&host->ready, &host->ready_lock, 0);
    c4t_socket *socket = host->ready_first;
    if (socket) {
        host->ready_first = socket->next;
        if (!host->ready_first) host->ready_last = NULL;
    }
    pthread_mutex_unlock(&host->ready_lock);
    return socket;
}

static void say_ended(c4thost *host) {
    pthread_mutex_lock(&host->running_lock);
    host->running--;
    pthread_cond_signal(&host->running_changed);
    pthread_mutex_unlock(&host->running_lock);
}

static void *make_calls(void *argument) {
    c4thost *host = argument;
    pthread_setname_np(pthread_self(), "c4thost calls");
    for (c4t_socket *socket; (socket = wait_for_ready(host));) c4thost_run(socket);
    say_ended(host);
    return NULL;
}

static void unlink_timer(c4thost *host, c4t_socket *socket) {
    if (!socket->deadline) return;
    socket->deadline = 0;
    if (socket->timer_previous)
        socket->timer_previous->timer_next = socket->timer_next;
    else
        host->timers = socket->timer_next;
    if (socket->timer_next) socket->timer_next->timer_previous = socket->timer_previous;
}

static void link_timer(c4thost *host, c4t_socket *socket, uint64_t deadline) {
    socket->deadline = deadline;
    socket->timer_id = socket->id;
    socket->timer_previous = NULL;
    socket->timer_next = host->timers;
    if (host->timers) host->timers->timer_previous = socket;
    host->timers = socket;
}

void c4thost_set_timer(c4t_socket *socket, uint32_t ms) {
    c4thost *host = socket->host;
    if (!host) return;
    pthread_mutex_lock(&host->timer_lock);
    unlink_timer(host, socket);
    if (ms) {
        link_timer(host, socket, c4thost_now() + (uint64_t)ms * 1000000u);
        if (!host->timer_wakes || socket->deadline < host->timer_wakes) pthread_cond_signal(&host->timer_changed);
    }
    pthread_mutex_unlock(&host->timer_lock);
}

/* A socket did not open, or did not close, in time. */
static void fire(c4thost *host, c4t_socket *socket, uint64_t id) {
    pthread_mutex_lock(&socket->lock);
    bool opening = socket->state == C4THOST_STATE_OPENING && !socket->asked;
    bool closing = socket->asked && socket->state != C4THOST_STATE_ENDED;
    if (socket->host != host || socket->id != id || socket->state == C4THOST_STATE_DISPOSED || !(opening || closing)) {
        pthread_mutex_unlock(&socket->lock);
        return;
    }
    if (closing) {
        socket->counts.anomalies[C4THOST_NOT_CLOSED]++;
        socket->forced = true;
        socket->state = C4THOST_STATE_ENDED;
        struct c4thost_task *task = c4thost_task(C4THOST_TASK_CLOSED, timed_out, sizeof timed_out - 1);
        task->domain = C4THOST_DOMAIN_NETWORK;
        task->code = C4THOST_NETWORK_TIMEOUT;
        c4thost_add_task(socket, task);
        pthread_mutex_unlock(&socket->lock);
        return;
    }
    socket->counts.anomalies[C4THOST_NOT_OPENED]++;
    socket->own++;
    c4thost_ask_to_close_locked(socket, 504, (c4t_slice){timed_out, sizeof timed_out - 1});
    c4thost_release_own(socket);
}

/* The first timer that is due, else NULL; what is due next goes to timer_wakes. */
static c4t_socket *take_due(c4thost *host) {
    uint64_t now = c4thost_now();
    host->timer_wakes = 0;
    for (c4t_socket *socket = host->timers; socket; socket = socket->timer_next) {
        if (socket->deadline <= now) {
            unlink_timer(host, socket);
            return socket;
        }
        if (!host->timer_wakes || socket->deadline < host->timer_wakes) host->timer_wakes = socket->deadline;
    }
    return NULL;
}

static void *keep_time(void *argument) {
    c4thost *host = argument;
    pthread_setname_np(pthread_self(), "c4thost timer");
    pthread_mutex_lock(&host->timer_lock);
    while (!host->timer_stops) {
        c4t_socket *socket = take_due(host);
        if (!socket) {
            c4thost_wait(&host->timer_changed, &host->timer_lock, host->timer_wakes);
            continue;
        }
        uint64_t id = socket->timer_id;
        pthread_mutex_unlock(&host->timer_lock);
        fire(host, socket, id);
        pthread_mutex_lock(&host->timer_lock);
    }
    pthread_mutex_unlock(&host->timer_lock);
    say_ended(host);
    return NULL;
}

bool c4thost_start_threads(c4thost *host) {
    host->threads_stop = host->timer_stops = false;
    host->running = host->thread_count = 0;
    uint32_t wanted = host->config.threads + 1;
    host->threads = c4thost_memory(wanted * sizeof *host->threads);
    for (uint32_t i = 0; i < wanted; i++) {
        if (pthread_create(&host->threads[i], NULL, i + 1 < wanted ? make_calls : keep_time, host)) break;
        host->thread_count++;
        pthread_mutex_lock(&host->running_lock);
        host->running++;
        pthread_mutex_unlock(&host->running_lock);
    }
    if (host->thread_count == wanted) return true;
    c4thost_end_threads(host, 0);
    return false;
}

uint64_t c4thost_end_threads(c4thost *host, uint64_t until_ns) {
    pthread_mutex_lock(&host->ready_lock);
    host->threads_stop = true;
    pthread_cond_broadcast(&host->ready);
    pthread_mutex_unlock(&host->ready_lock);
    pthread_mutex_lock(&host->timer_lock);
    host->timer_stops = true;
    pthread_cond_signal(&host->timer_changed);
    pthread_mutex_unlock(&host->timer_lock);

    pthread_mutex_lock(&host->running_lock);
    while (host->running && c4thost_wait(&host->running_changed, &host->running_lock, until_ns) != ETIMEDOUT) {
    }
    uint32_t left = host->running;
    pthread_mutex_unlock(&host->running_lock);
    for (uint32_t i = 0; i < host->thread_count; i++) {
        if (left)
            pthread_detach(host->threads[i]);
        else
            pthread_join(host->threads[i], NULL);
    }
    free(host->threads);
    host->threads = NULL;
    return left;
}
