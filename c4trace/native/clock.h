/* The trace clock: raw ticks of a counter that all cores share, converted to time only when read. */
#ifndef C4TRACE_CLOCK_H
#define C4TRACE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "segment.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static inline uint64_t c4t_clock_ns(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* `source` is enum c4t_clock_source of the segment. rdtsc is used bare: rdtscp or lfence would double its cost, and an event's stamp may
 * move by the few instructions a core reorders, never past the store that publishes it in another thread's eyes (x86 keeps the
 * counter monotonic over causality through memory). */
static inline uint64_t c4t_clock_ticks(uint32_t source) {
#if defined(__x86_64__)
    if (__builtin_expect(source == C4T_CLOCK_TSC, 1)) return __rdtsc();
#elif defined(__aarch64__)
    if (__builtin_expect(source == C4T_CLOCK_CNTVCT, 1)) {
        uint64_t ticks;
        __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
        return ticks;
    }
#endif
    (void)source;
    return c4t_clock_ns(CLOCK_MONOTONIC);
}

#endif
