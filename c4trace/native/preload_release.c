/* Interposed as the functions of preload.c are: how buffers are released and retained, so that slices that `write` handed over can be
 * followed (slices.h). LiteCore has many more buffers than those, so a call that is of no interest passes in a few instructions; and
 * LiteCore's own calls, which are about references of its own, are led past here as soon as one is seen.
 */
#include <dlfcn.h>

#include "forks.h"
#include "preload.h"
#include "slices.h"

#define EXPORTED __attribute__((visibility("default"), used))
#define PAGES 1024u /* of code that calls; power of two */
#define PAGE_BITS 12
#define TARGETS 64

typedef void (*release_function)(const void *);
typedef void *(*retain_function)(const void *);

EXPORTED void _FLBuf_Release(const void *bytes);
EXPORTED void *_FLBuf_Retain(const void *bytes); /* the result of some versions; others have none */
C4T_INTERNAL extern __typeof(_FLBuf_Release) c4t_at__FLBuf_Release __attribute__((alias("_FLBuf_Release")));
C4T_INTERNAL extern __typeof(_FLBuf_Retain) c4t_at__FLBuf_Retain __attribute__((alias("_FLBuf_Retain")));

/* Where the calls of one library lead. Written under `lock`, before a page leads to it; never changed. */
struct target {
    release_function release;
    retain_function retain;
    bool own;       /* the library has these functions itself */
    bool anonymous; /* of code that no library holds, a JIT's: it may be other code later */
};
static struct target targets[TARGETS];
static uint32_t target_count;
static _Atomic bool several; /* LiteCores: then it matters which one anonymous code means */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Page of the caller << 8 | index of its target + 1. A library that was met stays loaded, so its pages are never another's; where an
 * anonymous one becomes a library's, that has the same LiteCore as long as there are not several. */
static _Atomic uint64_t pages[PAGES];

static _Atomic uint64_t *entry_of(uint64_t page) { return &pages[page * 0x9E3779B97F4A7C15ull >> 54 & (PAGES - 1)]; }

static void in_forked_child(void) { pthread_mutex_init(&lock, NULL); /* another thread of the parent may hold it */ }
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void set_up(void) { c4t_in_forked_children(in_forked_child); }

static bool same_library(const void *a, const void *b) {
    Dl_info of_a, of_b;
    return dladdr(a, &of_a) && dladdr(b, &of_b) && of_a.dli_fbase == of_b.dli_fbase;
}

/* lock held; NULL: there are too many */
static const struct target *enter(const struct target *target) {
    uint32_t i = 0;
    while (i < target_count && (targets[i].release != target->release || targets[i].own != target->own ||
                                targets[i].anonymous != target->anonymous))
        i++;
    if (i == TARGETS) return NULL;
    if (i && targets[0].release != target->release)
        atomic_store_explicit(&several, true, memory_order_relaxed); /* relaxed: a mark */
    if (i == target_count) targets[target_count++] = *target;
    return &targets[i];
}

/* Of callers that are linked to no such function: the LiteCore that they have looked up. Or it is a destructor of LiteCore's own that
 * ends in a jump, so that whoever runs destructors seems to call; that is no reason to meet it. */
static bool fill_from_litecore(const void *caller, struct target *target) {
    char path[C4T_PATH_MAX];
    const struct c4t_met *met = c4t_lookups_are_seen() ? c4t_meet(caller) : NULL;
    void *library = met ? met->litecore.library : NULL;
    if (!library && c4t_litecore_is_loaded(path)) library = dlopen(path, RTLD_NOLOAD | RTLD_NOW);
    if (!library) return false;
    target->release = (release_function)dlsym(library, "_FLBuf_Release");
    target->retain = (retain_function)dlsym(library, "_FLBuf_Retain");
    target->own = false;
    return target->release != NULL;
}

static bool fill(const void *caller, struct target *target) {
    target->release = (release_function)c4t_symbol_behind(caller, "_FLBuf_Release");
    if (!target->release) return fill_from_litecore(caller, target);
    target->retain = (retain_function)c4t_symbol_behind(caller, "_FLBuf_Retain");
    target->own = same_library(caller, (const void *)target->release);
    if (target->own) c4t_lead_past_releases(caller);
    return true;
}

/* The loader is asked without our lock, as in preload_meet.c. */
static const struct target *look_up(const void *caller, struct target *found) {
    Dl_info info;
    if (!fill(caller, found)) return NULL;
    found->anonymous = !dladdr(caller, &info);
    pthread_once(&once, set_up);
    pthread_mutex_lock(&lock);
    const struct target *target = enter(found);
    pthread_mutex_unlock(&lock);
    if (!target) return found;
    uint64_t page = (uint64_t)(uintptr_t)caller >> PAGE_BITS;
    /* release: the target is filled */
    atomic_store_explicit(entry_of(page), page << 8 | (uint64_t)(target - targets + 1), memory_order_release);
    return target;
}

static inline const struct target *target_of(const void *caller, struct target *found) {
    uint64_t page = (uint64_t)(uintptr_t)caller >> PAGE_BITS;
    uint64_t entry = atomic_load_explicit(entry_of(page), memory_order_acquire); /* acquire: the target is filled */
    if (C4T_LIKELY(entry >> 8 == page && entry)) {
        const struct target *target = &targets[(entry & 0xFF) - 1];
        /* relaxed: a mark */
        if (C4T_LIKELY(!target->anonymous || !atomic_load_explicit(&several, memory_order_relaxed))) return target;
    }
    return look_up(caller, found);
}

void c4t_lead_past_releases(const void *litecore) {
    c4t_references_past(litecore, (const void *)c4t_at__FLBuf_Release, (const void *)c4t_at__FLBuf_Retain);
}

void _FLBuf_Release(const void *bytes) {
    struct target found;
    if (!bytes) return; /* as in every version */
    const struct target *target = target_of(__builtin_return_address(0), &found);
    if (C4T_UNLIKELY(!target || !target->release)) return;
    if (!target->own) c4t_slice_released(bytes);
    target->release(bytes);
}

void *_FLBuf_Retain(const void *bytes) {
    struct target found;
    const struct target *target = target_of(__builtin_return_address(0), &found);
    if (C4T_UNLIKELY(!target || !target->retain)) return (void *)(uintptr_t)bytes;
    if (!target->own) c4t_slice_retained(bytes);
    return target->retain(bytes);
}
