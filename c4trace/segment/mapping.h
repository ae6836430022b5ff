/* The mapping of a segment that may be cut short while it is read: another process may truncate the file, and to touch a page that is
 * gone raises SIGBUS. A guarded mapping gets empty pages in their place, and tells of it. */
#ifndef C4TRACE_MAPPING_H
#define C4TRACE_MAPPING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct c4t_mapping {
    _Atomic uintptr_t begin; /* 0: free */
    _Atomic uintptr_t end;
    _Atomic bool cut; /* pages were gone */
    struct c4t_mapping *next;
};

/* Guard `size` bytes at `map` until c4t_unguard. As long as any mapping is guarded this process has our handler of SIGBUS, which passes on
 * what is none of ours. NULL: out of memory. */
struct c4t_mapping *c4t_guard(void *map, uint64_t size);
/* NULL is fine. */
void c4t_unguard(struct c4t_mapping *mapping);

static inline bool c4t_was_cut(const struct c4t_mapping *mapping) {
    return mapping &&
           atomic_load_explicit(&mapping->cut, memory_order_relaxed); /* relaxed: a flag, carries no other data */
}

#endif
