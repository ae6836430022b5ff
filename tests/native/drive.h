/* Driving an embedded host in a test: events one by one, counts, an end without leaks. */
#ifndef DRIVE_H
#define DRIVE_H

#include "host.h"

extern const c4t_address somewhere;
extern const c4t_slice nothing;

/* Connect timeout 100 ms. */
c4thost_config config_with(uint32_t close_timeout_ms);
/* The next event, which must be of this kind; the caller frees it. */
c4thost_event expect(c4thost *host, uint64_t id, enum c4thost_happening kind);
void skip(c4thost *host, uint64_t id, enum c4thost_happening kind);
void expect_closed(c4thost *host, uint64_t id, uint32_t domain, int32_t code);
c4thost_counts counts_of(c4thost *host, uint64_t id);
void expect_no_anomaly(const c4thost_counts *counts);
void stop_without_leak(c4thost *host);
void sleep_ms(long ms);

#endif
