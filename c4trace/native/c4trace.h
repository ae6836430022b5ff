/* c4trace's public C interface. */
#ifndef C4TRACE_H
#define C4TRACE_H

#ifdef __cplusplus
extern "C" {
#endif

#define C4T_EXPORT __attribute__((visibility("default")))

/* The version of the loaded library, such as "0.1.0"; static, never NULL. */
C4T_EXPORT const char *c4t_version(void);

#ifdef __cplusplus
}
#endif

#endif
