/* Bytes that the embedded host gives away, and the texts of its errors. */
#include <string.h>

#include "host_inside.h"

#include <stdlib.h>

#define ALIVE 0x51c30a11u
#define RELEASED 0x51c3dead
#define QUARANTINE 1024u /* released slices whose memory is kept, so that a second release is told from a first one */
#define TEXTS 256u       /* error texts that are remembered */

/* What stands before the bytes of a slice. */
struct slice_head {
    c4thost *host; /* NULL: not counted */
    _Atomic uint32_t mark;
};
_Static_assert(sizeof(struct slice_head) == 16, "the bytes behind it are aligned as malloc's are");

static struct slice_head *_Atomic quarantine[QUARANTINE];
static _Atomic uint32_t quarantined;
static _Atomic uint64_t stray_slices;

c4t_slice c4thost_slice(c4thost *host, const void *bytes, size_t size) {
    struct slice_head *head = c4thost_memory(sizeof *head + size);
    head->host = host;
    atomic_init(&head->mark, ALIVE);
    if (size) memcpy(head + 1, bytes, size);
    if (host)
        atomic_fetch_add_explicit(&host->slices, 1,
                                  memory_order_relaxed); /* relaxed: read when the threads have ended */
    return (c4t_slice){head + 1, size};
}

void c4thost_slice_release(const void *bytes) {
    if (!bytes) return;
    struct slice_head *head = (struct slice_head *)(uintptr_t)bytes - 1;
    uint32_t alive = ALIVE;
    /* acq_rel: all uses of the bytes happen before the release that frees them */
    if (!atomic_compare_exchange_strong_explicit(&head->mark, &alive, RELEASED, memory_order_acq_rel,
                                                 memory_order_relaxed)) {
        atomic_fetch_add_explicit(&stray_slices, 1, memory_order_relaxed); /* relaxed: a counter */
        return;
    }
    /* release: c4thost_stop, which reads 0 here, frees the host afterwards */
    if (head->host) atomic_fetch_sub_explicit(&head->host->slices, 1, memory_order_release);
    uint32_t place =
        atomic_fetch_add_explicit(&quarantined, 1, memory_order_relaxed) % QUARANTINE; /* relaxed: only a number */
    /* acq_rel: whoever takes a slice out sees all of what its releaser did, and frees it */
    free(atomic_exchange_explicit(&quarantine[place], head, memory_order_acq_rel));
}

uint64_t c4thost_stray_slices(void) {
    return atomic_load_explicit(&stray_slices, memory_order_relaxed); /* relaxed: a counter */
}

static pthread_mutex_t texts_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint32_t info;
    size_t size;
    unsigned char *bytes;
} texts[TEXTS];
static uint32_t last_info;

c4t_error c4thost_error_make(uint8_t domain, int code, c4t_slice message) {
    c4t_error error = {.domain = domain, .code = code, .info = 0};
    if (!message.size || !code) return error;
    unsigned char *copy = c4thost_memory(message.size);
    memcpy(copy, message.buf, message.size);
    pthread_mutex_lock(&texts_lock);
    error.info = ++last_info ? last_info : ++last_info; /* 0 means "no text" */
    uint32_t place = error.info % TEXTS;
    free(texts[place].bytes);
    texts[place].info = error.info;
    texts[place].size = message.size;
    texts[place].bytes = copy;
    pthread_mutex_unlock(&texts_lock);
    return error;
}

c4t_slice c4thost_error_message(c4t_error error) {
    c4t_slice message = {0};
    pthread_mutex_lock(&texts_lock);
    uint32_t place = error.info % TEXTS;
    if (error.info && texts[place].info == error.info)
        message = c4thost_slice(NULL, texts[place].bytes, texts[place].size);
    pthread_mutex_unlock(&texts_lock);
    return message;
}
