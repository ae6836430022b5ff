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

/* The LiteCore that holds `found`, which code at `caller` has looked up; NULL: it is left alone. From now on it is the one that is
 * meant by callers that are linked to none. */
C4T_INTERNAL const struct c4t_met *c4t_meet_looked_up(const void *found, const void *caller);
/* True while no LiteCore was met. */
C4T_INTERNAL bool c4t_none_was_met(void);
/* True once anything of a LiteCore was looked up where that is seen. */
C4T_INTERNAL bool c4t_lookups_are_seen(void);

/* True while every LiteCore that was met is of a known version, and one was: then up-calls need not ask who calls. */
C4T_INTERNAL extern _Atomic unsigned char c4t_met_known_only;

/* preload_release.c: the references of a LiteCore's own code, which holds this address, to the functions there pass us by. */
C4T_INTERNAL void c4t_lead_past_releases(const void *litecore);

/* Where an interposed function goes on with everything as it came: to `ours`, or, for a LiteCore that is not traced, to its own. */
C4T_INTERNAL void *c4t_way_on(const void *caller, const char *name, void *ours);
/* The same for c4repl_new and c4repl_newWithSocket, which are never ours: the factory in `params` is made a traced one. */
C4T_INTERNAL void *c4t_way_on_with(unsigned char *params, const void *caller, const char *name);

/* What was asked for in the environment, and telling how it went (preload_tell.c). */
C4T_INTERNAL const char *c4t_asked_name(void); /* NULL: tracing was not asked for */
C4T_INTERNAL uint32_t c4t_asked_number(const char *variable, uint32_t otherwise);
/* Tell whoever started this process: `word` is one of run/reports.py. Without anybody to tell, what is wrong goes to standard error. */
C4T_INTERNAL void c4t_tell(const char *word, const char *text);

#endif
