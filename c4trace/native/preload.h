/* What lies between the interposed functions of a preloaded c4trace and the rest: which LiteCore a caller means, and its tracer. */
#ifndef C4TRACE_PRELOAD_H
#define C4TRACE_PRELOAD_H

#include "factories.h"

/* One LiteCore that was met. */
struct c4t_met {
    struct c4t_litecore litecore;
    struct c4t_port *port;    /* NULL: its version is unknown; nothing of it is traced */
    size_t factory_in_params; /* offset of socketFactory in its C4ReplicatorParameters */
};

/* The LiteCore that the code at `caller` is linked to, or else the one that is loaded; NULL where there is none. */
C4T_INTERNAL const struct c4t_met *c4t_meet(const void *caller);
/* The tracer that `c4trace run` asked for, opened when LiteCore is first met; NULL: not asked for, or it cannot be had. */
C4T_INTERNAL struct c4trace_tracer *c4t_preloaded_tracer(const struct c4t_met *met);

#endif
