#include "clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
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
static uint32_t sound = C4T_CLOCK_MONOTONIC; /* the best clock that is */
static uint64_t rate = 1000000000u;          /* of the counter, sound or not, where there is one */

#if defined(__x86_64__)
#define COUNTER C4T_CLOCK_TSC
#define COUNTER_NAME "tsc"
static void look(void) {
    rate = tsc_rate();
    if (tsc_is_sound()) sound = COUNTER;
}
#elif defined(__aarch64__)
#define COUNTER C4T_CLOCK_CNTVCT
#define COUNTER_NAME "cntvct"
static void look(void) {
    sound = COUNTER;
    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(rate));
}
#else
#define COUNTER C4T_CLOCK_MONOTONIC
#define COUNTER_NAME "monotonic"
static void look(void) {}
#endif

/* $C4TRACE_CLOCK, or "". */
static const char *wanted(void) {
    const char *name = getenv("C4TRACE_CLOCK");
    return name ? name : "";
}

bool c4t_clock_is_known(void) {
    const char *name = wanted();
    return !name[0] || !strcmp(name, "monotonic") || !strcmp(name, COUNTER_NAME);
}

uint32_t c4t_clock_choose(uint64_t *ticks_per_sec) {
    const char *name = wanted();
    pthread_once(&once, look);
    uint32_t source = sound;
    if (!strcmp(name, "monotonic"))
        source = C4T_CLOCK_MONOTONIC;
    else if (!strcmp(name, COUNTER_NAME))
        source = COUNTER;
    *ticks_per_sec = source == C4T_CLOCK_MONOTONIC ? 1000000000u : rate;
    return source;
}
