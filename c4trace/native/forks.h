/* Being called in every child that is forked. */
#ifndef C4TRACE_FORKS_H
#define C4TRACE_FORKS_H

#include <pthread.h>

#if defined(__GLIBC__)
/* All that glibc's pthread_atfork does, which is a part of each library. By a weak reference, so that a program with another C library,
 * as `c4trace run` may find among the children of its command, starts with this one preloaded, although it has no such function. */
extern int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void), void *library)
    __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

static inline int c4t_in_forked_children(void (*function)(void)) {
    return __register_atfork ? __register_atfork(NULL, NULL, function, __dso_handle) : 0;
}
#else
static inline int c4t_in_forked_children(void (*function)(void)) { return pthread_atfork(NULL, NULL, function); }
#endif

#endif
