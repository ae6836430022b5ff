/* A segment file made by segment.h alone, byte by byte, for the tests of its reader: a writer that does exactly what it is told. */
#ifndef MADE_SEGMENT_H
#define MADE_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "segment.h"

#define MADE_CAP 4096u /* of a ring, unless told otherwise */

struct made_segment {
    char folder[64];
    char path[128];
    unsigned char *base;
    uint64_t size;
    struct c4t_segment_header *header;
    uint32_t rings; /* the last one is shared */
    uint32_t clock;
};

/* One record as the test wants it; what is not said is 0. */
struct made_record {
    uint8_t event, flags;
    uint16_t factory, domain;
    int32_t code;
    uint32_t tid;
    uint64_t ticks, sid, call, n;
    const void *text1, *text2, *data;
    uint32_t text1_size, text2_size, data_size;
};

/* A live segment of this very process. `cap` is that of each ring. */
void made_segment(struct made_segment *segment, uint32_t rings, uint64_t cap);
void made_segment_remove(struct made_segment *segment);

struct c4t_ring *made_ring(const struct made_segment *segment, uint32_t ring);
void *made_row(const struct made_segment *segment, const struct c4t_section *section, uint32_t i);
uint64_t made_now(const struct made_segment *segment);

/* Reserve room for a record: it is not there yet. Returns its position. */
uint64_t made_reserve(const struct made_segment *segment, uint32_t ring, const struct made_record *record);
/* Write and publish what was reserved. */
void made_publish(const struct made_segment *segment, uint32_t ring, uint64_t position,
                  const struct made_record *record);
/* Both. */
uint64_t made_put(const struct made_segment *segment, uint32_t ring, const struct made_record *record);
/* Room that a recording host sees in the ring. */
bool made_has_room(const struct made_segment *segment, uint32_t ring, const struct made_record *record);
/* One lost event, to be told by a gap record later. */
void made_lose(const struct made_segment *segment, uint32_t ring, uint64_t sid);
/* How many there were in all rings. */
uint64_t made_lost(const struct made_segment *segment);

#endif
