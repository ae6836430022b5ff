/* calls.h */
#define C4BENCH_THREADS_MAX ...
#define C4BENCH_MESSAGE_MAX ...
#define C4BENCH_SOCKET_STEP ...
struct c4bench_calls {
    const void *factory;
    uintptr_t sockets;
    uint32_t each;
    uint32_t threads;
    uint32_t stamps;
    uint64_t warm;
    uint64_t calls;
    size_t message;
};
const void *c4bench_inner(void);
void c4bench_open(const struct c4bench_calls *calls);
void c4bench_dispose(const struct c4bench_calls *calls);
double c4bench_run(const struct c4bench_calls *calls);
double c4bench_sessions(const struct c4bench_calls *calls, uint32_t rounds);
struct c4bench_rings {
    uint64_t each;
    uint64_t written;
};
struct c4bench_rings c4bench_look(const char *segment);
double c4bench_copy(size_t message, uint64_t ring_bytes, uint64_t warm, uint64_t copies);

/* turns.h */
struct c4bench_turns {
    const void *factory;
    uintptr_t socket;
    uint32_t threads;
    uint32_t traced;
    uint32_t completes;
    uint32_t run;
    uint32_t turns;
    size_t message;
};
double c4bench_take_turns(const struct c4bench_turns *turns);
