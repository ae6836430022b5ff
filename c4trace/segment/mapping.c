#include "mapping.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Entries are used again and never freed: the handler may walk the list at any time, in any thread. */
static struct c4t_mapping *_Atomic mappings;
static pthread_mutex_t changing = PTHREAD_MUTEX_INITIALIZER;
static unsigned guarded; /* under the mutex */
static bool installed;   /* under the mutex: our handler is SIGBUS's, or somebody's who put his own above it */
static struct sigaction previous;
static uintptr_t page_size;

static struct c4t_mapping *find(uintptr_t at) {
    /* acquire, here and below: the entry is whole */
    struct c4t_mapping *mapping = atomic_load_explicit(&mappings, memory_order_acquire);
    for (; mapping; mapping = mapping->next) {
        uintptr_t begin = atomic_load_explicit(&mapping->begin, memory_order_acquire);
        /* relaxed: written before begin; a mapping that somebody touches does not change meanwhile */
        if (begin && at >= begin && at < atomic_load_explicit(&mapping->end, memory_order_relaxed)) return mapping;
    }
    return NULL;
}

static void pass_on(int number, siginfo_t *info, void *context) {
    if (previous.sa_flags & SA_SIGINFO) {
        previous.sa_sigaction(number, info, context);
    } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(number);
    } else if (info->si_code > 0 || previous.sa_handler == SIG_DFL) {
        /* A fault that nobody takes care of ends the process, also where the signal is ignored. */
        signal(number, SIG_DFL);
        if (info->si_code <= 0) raise(number); /* else it comes again by itself */
    }
}

static void on_bus_error(int number, siginfo_t *info, void *context) {
    int error = errno;
    uintptr_t at = (uintptr_t)info->si_addr;
    struct c4t_mapping *mapping = info->si_code == BUS_ADRERR ? find(at) : NULL;
    if (mapping) {
        uintptr_t page = at & ~(page_size - 1);
        uintptr_t end = atomic_load_explicit(&mapping->end, memory_order_relaxed); /* relaxed: as in find */
        void *made = mmap((void *)page, end - page, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
        if (made != MAP_FAILED) {
            atomic_store_explicit(&mapping->cut, true, memory_order_relaxed); /* relaxed: a flag */
            errno = error;
            return;
        }
    }
    pass_on(number, info, context);
    errno = error;
}

/* With the mutex held. */
static void install(void) {
    if (installed) return;
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    sigaction(SIGBUS, NULL, &previous); /* before the handler, which reads it */
    struct sigaction ours = {.sa_sigaction = on_bus_error, .sa_mask = previous.sa_mask};
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    installed = sigaction(SIGBUS, &ours, NULL) == 0;
}

/* With the mutex held. Under a handler that was put above ours meanwhile, and may call it, ours stays. */
static void uninstall(void) {
    struct sigaction now;
    sigaction(SIGBUS, NULL, &now);
    if (!(now.sa_flags & SA_SIGINFO) || now.sa_sigaction != on_bus_error) return;
    sigaction(SIGBUS, &previous, NULL);
    installed = false;
}

static struct c4t_mapping *free_entry(void) {
    struct c4t_mapping *mapping = atomic_load_explicit(&mappings, memory_order_relaxed); /* relaxed: under the mutex */
    for (; mapping; mapping = mapping->next)
        if (!atomic_load_explicit(&mapping->begin, memory_order_relaxed)) return mapping; /* relaxed: as above */
    mapping = calloc(1, sizeof *mapping);
    if (!mapping) return NULL;
    mapping->next = atomic_load_explicit(&mappings, memory_order_relaxed); /* relaxed: as above */
    atomic_store_explicit(&mappings, mapping, memory_order_release);       /* release: `next` before it */
    return mapping;
}

struct c4t_mapping *c4t_guard(void *map, uint64_t size) {
    pthread_mutex_lock(&changing);
    struct c4t_mapping *mapping = free_entry();
    if (mapping) {
        if (!guarded++) install();
        uintptr_t end = (uintptr_t)map + size;
        /* relaxed, both: ordered by begin */
        atomic_store_explicit(&mapping->end, (end + page_size - 1) & ~(page_size - 1), memory_order_relaxed);
        atomic_store_explicit(&mapping->cut, false, memory_order_relaxed);
        atomic_store_explicit(&mapping->begin, (uintptr_t)map, memory_order_release); /* release: `end` before it */
    }
    pthread_mutex_unlock(&changing);
    return mapping;
}

void c4t_unguard(struct c4t_mapping *mapping) {
    if (!mapping) return;
    pthread_mutex_lock(&changing);
    atomic_store_explicit(&mapping->begin, 0, memory_order_release); /* release: all reading came before it */
    if (!--guarded) uninstall();
    pthread_mutex_unlock(&changing);
}
