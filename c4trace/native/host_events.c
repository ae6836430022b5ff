/* What the embedded host tells its driver. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host_inside.h"

void c4thost_tell(c4thost *host, const c4thost_event *event) {
    if (!(host->config.events & 1u << event->kind)) return;
    size_t data_size = event->data ? event->size : 0;
    struct c4thost_news *news = c4thost_memory(sizeof *news + data_size + event->text_size + 1);
    unsigned char *bytes = (unsigned char *)(news + 1);
    news->event = *event;
    if (event->data) news->event.data = memcpy(bytes, event->data, data_size);
    news->event.text = (char *)bytes + data_size;
    if (event->text_size) memcpy(bytes + data_size, event->text, event->text_size);
    pthread_mutex_lock(&host->events_lock);
    if (host->events_last)
        host->events_last->next = news;
    else
        host->events_first = news;
    host->events_last = news;
    pthread_cond_signal(&host->events_changed);
    pthread_mutex_unlock(&host->events_lock);
}

int c4thost_next(c4thost *host, c4thost_event *event, int timeout_ms) {
    uint64_t until = timeout_ms < 0 ? 0 : c4thost_now() + (uint64_t)timeout_ms * 1000000u;
    pthread_mutex_lock(&host->events_lock);
    while (!host->events_first && !host->events_end)
        if (c4thost_wait(&host->events_changed, &host->events_lock, until) == ETIMEDOUT) break;
    struct c4thost_news *news = host->events_first;
    int result = news ? 1 : host->events_end ? -1 : 0;
    if (news) {
        host->events_first = news->next;
        if (!host->events_first) host->events_last = NULL;
        *event = news->event;
        event->owner = news;
    }
    pthread_mutex_unlock(&host->events_lock);
    return result;
}

void c4thost_event_free(c4thost_event *event) {
    free(event->owner);
    event->owner = NULL;
}

void c4thost_end_events(c4thost *host) {
    pthread_mutex_lock(&host->events_lock);
    host->events_end = true;
    pthread_cond_broadcast(&host->events_changed);
    pthread_mutex_unlock(&host->events_lock);
}

void c4thost_drop_events(c4thost *host) {
    c4thost_event event;
    while (c4thost_next(host, &event, 0) == 1) c4thost_event_free(&event);
}
