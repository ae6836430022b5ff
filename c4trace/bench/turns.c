#include "turns.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "calls.h"
#include "clock.h"

#define LOOKS 200 /* at whose turn it is, before another thread gets the processor */

static void nothing_completed(c4t_socket *s, size_t n) { (void)s, (void)n; }
static const c4t_upcalls nothing = {.factory_size = C4T_FACTORY_SIZE_72, .completed_write = nothing_completed};

static const char message[C4BENCH_MESSAGE_MAX];

/* All that the threads share. */
struct taking {
    const struct c4bench_turns *turns;
    void (*volatile write)(c4t_socket *, c4t_slice);
    void (*volatile completed_write)(c4t_socket *, size_t);
    uint32_t threads; /* that began; 0: not known yet, or not all of them */
    uint64_t ns;      /* of all turns; for whose turn it is */
    _Alignas(64) _Atomic uint32_t turn;
};

struct taker {
    struct taking *taking;
    uint32_t thread;
};

static __attribute__((noinline, noclone)) void call_writes(const struct taking *taking, uint32_t calls) {
    for (uint32_t i = 0; i < calls; i++)
        taking->write((c4t_socket *)taking->turns->socket, (c4t_slice){message, taking->turns->message});
}

static __attribute__((noinline, noclone)) void call_completions(const struct taking *taking, uint32_t calls) {
    for (uint32_t i = 0; i < calls; i++)
        taking->completed_write((c4t_socket *)taking->turns->socket, taking->turns->message);
}

/* acquire: what the last one did in its turn is seen */
static uint32_t whose_turn(struct taking *taking) { return atomic_load_explicit(&taking->turn, memory_order_acquire); }

static void wait_for(struct taking *taking, uint32_t turn) {
    for (uint32_t looks = 1; whose_turn(taking) < turn; looks++)
        if (looks % LOOKS == 0) sched_yield();
}

/* The turns begin with number 1, when all threads have. */
static void *take_turns(void *data) {
    struct taker *taker = data;
    struct taking *taking = taker->taking;
    const struct c4bench_turns *turns = taking->turns;
    wait_for(taking, 1);
    for (uint32_t turn = taker->thread + 1; turn <= turns->turns; turn += taking->threads) {
        wait_for(taking, turn);
        if (!taking->threads) return NULL;
        uint64_t began = c4t_clock_ns(CLOCK_MONOTONIC);
        if (turns->completes && turn % 2 == 0)
            call_completions(taking, turns->run);
        else
            call_writes(taking, turns->run);
        taking->ns += c4t_clock_ns(CLOCK_MONOTONIC) - began;
        /* release: as in whose_turn */
        atomic_store_explicit(&taking->turn, turn + 1, memory_order_release);
    }
    return NULL;
}

double c4bench_take_turns(const struct c4bench_turns *turns) {
    if (!turns->threads || turns->threads > C4BENCH_THREADS_MAX || !turns->run || !turns->turns ||
        turns->message > sizeof message)
        return -1;
    const c4t_upcalls *upcalls = turns->traced ? c4trace_traced_upcalls(&nothing) : &nothing;
    if (!upcalls) return -1;
    struct taking taking = {.turns = turns,
                            .write = ((const c4t_socket_factory *)turns->factory)->write,
                            .completed_write = upcalls->completed_write};
    struct taker takers[C4BENCH_THREADS_MAX];
    pthread_t ids[C4BENCH_THREADS_MAX];
    uint32_t began = 0;
    for (; began < turns->threads; began++) {
        takers[began] = (struct taker){&taking, began};
        if (pthread_create(&ids[began], NULL, take_turns, &takers[began])) break;
    }
    bool all = began == turns->threads;
    if (all) taking.threads = began;
    /* release: `threads`; without all of them every turn has come, and none is taken */
    atomic_store_explicit(&taking.turn, all ? 1 : UINT32_MAX, memory_order_release);
    for (uint32_t i = 0; i < began; i++) pthread_join(ids[i], NULL);
    return all ? (double)taking.ns / ((double)turns->turns * turns->run) : -1;
}
