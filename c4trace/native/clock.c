#include "clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "segment_make.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#define CALIBRATION_NS 20000000u

#if defined(__x86_64__)
/* constant_tsc and nonstop_tsc together are one bit of the CPU (invariant TSC); that all cores agree is the kernel's finding. */
static bool tsc_is_sound(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(0x80000007u, &a, &b, &c, &d) || !(d & (1u << 8))) return false;
    char source[16] = "";
    FILE *file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (!file) return false;
    bool read = fgets(source, sizeof source, file) != NULL;
    fclose(file);
    return read && !strncmp(source, "tsc\n", 4);
}

/* A pair of readings of both clocks, the closest together of several. */
static void pair(uint64_t *ticks, uint64_t *ns) {
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 16; i++) {
        uint64_t before = __rdtsc(), now = c4t_clock_ns(CLOCK_MONOTONIC), after = __rdtsc();
        if (after - before >= best) continue;
        best = after - before;
        *ticks = before + best / 2;
        *ns = now;
    }
}

static uint64_t tsc_rate(void) {
    uint64_t ticks0, ns0, ticks1, ns1;
    pair(&ticks0, &ns0);
    nanosleep(&(struct timespec){0, CALIBRATION_NS}, NULL);
    pair(&ticks1, &ns1);
    return (uint64_t)((__uint128_t)(ticks1 - ticks0) * 1000000000u / (ns1 - ns0));
}
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static uint32_t source = C4T_CLOCK_MONOTONIC;
static uint64_t rate = 1000000000u;

static void choose(void) {
#if defined(__x86_64__)
    if (!tsc_is_sound()) return;
    source = C4T_CLOCK_TSC;
    rate = tsc_rate();
#elif defined(__aarch64__)
    source = C4T_CLOCK_CNTVCT;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(rate));
#endif
}

uint32_t c4t_clock_choose(uint64_t *ticks_per_sec) {
    pthread_once(&once, choose);
    *ticks_per_sec = rate;
    return source;
}
