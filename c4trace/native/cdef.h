const char *c4trace_version(void);

/* c4trace.h */
typedef struct c4t_upcalls c4t_upcalls;
typedef struct c4trace_failure {
    int error;
    char text[512];
} c4trace_failure;
typedef struct c4trace_tracer c4trace_tracer;
typedef struct c4trace_config {
    size_t size;
    const char *name;
    const char *litecore;
    const c4t_upcalls *upcalls;
    const char *folder;
    size_t segment_bytes;
    uint32_t sessions;
    uint32_t capture;
    uint32_t capture_bytes;
} c4trace_config;
int c4trace_open(const c4trace_config *config, c4trace_tracer **tracer, c4trace_failure *failure);
void c4trace_close(c4trace_tracer *tracer, int keep);
const char *c4trace_segment_path(const c4trace_tracer *tracer);
const char *c4trace_warning(const c4trace_tracer *tracer);
const void *c4trace_wrap(c4trace_tracer *tracer, const void *inner, size_t size, const char *label, c4trace_failure *failure);
void c4trace_uses_table(c4trace_tracer *tracer, const void *traced);
int c4trace_factory_index(const c4trace_tracer *tracer, const void *traced);
int c4trace_upcalls_seen(const c4trace_tracer *tracer, const void *traced);
void *c4trace_upcall(c4trace_tracer *tracer, const char *name);
const char *c4trace_upcall_name(int i);
void *c4trace_symbol(c4trace_tracer *tracer, const char *name);
int c4trace_set_capture(c4trace_tracer *tracer, uint32_t capture, uint32_t capture_bytes);
uint64_t c4trace_ticks(void);
