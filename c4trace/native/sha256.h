/* SHA-256 (FIPS 180-4): certificates are named by it. */
#ifndef C4TRACE_SHA256_H
#define C4TRACE_SHA256_H

#include <stddef.h>
#include <stdint.h>

void c4t_sha256(const void *data, size_t size, uint8_t digest[32]);

#endif
