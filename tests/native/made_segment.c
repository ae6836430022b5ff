#include "made_segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "clock.h"

#define FACTORIES 2u
#define CLOSED 8u
#define SESSIONS 16u
#define THREADS 16u
#define BLOCKS 4u

static uint64_t whole_pages(uint64_t size) { return (size + 4095) & ~(uint64_t)4095; }

static struct c4t_section section(uint64_t *at, size_t stride, uint32_t count) {
    struct c4t_section made = {.offset = *at, .stride = (uint32_t)stride, .count = count};
    *at += stride * count;
    return made;
}

/* Offsets only, into `header`; returns the size of the file. */
static uint64_t lay_out(struct c4t_segment_header *header, uint32_t rings, uint64_t cap) {
    uint64_t at = C4T_HEADER_SIZE;
    header->factories = section(&at, sizeof(struct c4t_factory_row), FACTORIES);
    header->closed = section(&at, sizeof(struct c4t_closed_row), CLOSED);
    header->sessions = section(&at, sizeof(struct c4t_session_row), SESSIONS);
    header->threads = section(&at, sizeof(struct c4t_thread_row), THREADS);
    header->cells = section(&at, sizeof(struct c4t_cells), BLOCKS);
    header->rings = section(&at, sizeof(struct c4t_ring), rings);
    return whole_pages(at) + rings * whole_pages(cap + C4T_RECORD_MAX);
}

static uint64_t process_start(void) {
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = 0;
    unsigned long long start;
    /* fields 3 to 22, behind the name */
    CHECK(sscanf(strrchr(text, ')') + 1,
                 " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &start) == 1);
    return start;
}

static void read_boot_id(uint8_t id[16]) {
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    for (int i = 0; i < 16; i++) {
        unsigned byte;
        if (i == 4 || i == 6 || i == 8 || i == 10) fgetc(file);
        CHECK(fscanf(file, "%2x", &byte) == 1);
        id[i] = (uint8_t)byte;
    }
    fclose(file);
}

static void fill_header(struct made_segment *segment) {
    struct c4t_segment_header *header = segment->header;
    header->layout = C4T_SEGMENT_LAYOUT;
    header->header_size = C4T_HEADER_SIZE;
    header->size = segment->size;
    header->pid = (uint32_t)getpid();
    header->pid_start = process_start();
    read_boot_id(header->boot_id);
    header->clock_source = segment->clock = C4T_CLOCK_MONOTONIC;
    header->ticks_per_sec = 1000000000u;
    header->wall_ns = c4t_clock_ns(CLOCK_REALTIME);
    header->monotonic_ns = header->ticks = c4t_clock_ns(CLOCK_MONOTONIC);
    header->factory_size = 72;
    header->control = C4T_CAPTURE_FULL;
    header->status = C4T_STATUS_LIVE;
    header->factory_count = 1;
    strcpy(header->name, "made");
    strcpy(header->litecore_version, "3.0.0");
    strcpy(header->c4trace_version, "9.8.7");
    struct c4t_factory_row *factory = made_row(segment, &header->factories, 0);
    strcpy(factory->label, "orders");
}

void made_segment(struct made_segment *segment, uint32_t rings, uint64_t cap) {
    struct c4t_segment_header plan = {0};
    memset(segment, 0, sizeof *segment);
    segment->rings = rings;
    segment->size = lay_out(&plan, rings, cap);
    strcpy(segment->folder, "/tmp/c4trace-made-XXXXXX");
    CHECK(mkdtemp(segment->folder));
    snprintf(segment->path, sizeof segment->path, "%s/made.%d.seg", segment->folder, (int)getpid());
    int file = open(segment->path, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(file >= 0 && ftruncate(file, (off_t)segment->size) == 0);
    segment->base = mmap(NULL, segment->size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(segment->base != MAP_FAILED);
    close(file);
    segment->header = (void *)segment->base;
    lay_out(segment->header, rings, cap);
    fill_header(segment);
    uint64_t data = segment->size - rings * whole_pages(cap + C4T_RECORD_MAX);
    for (uint32_t i = 0; i < rings; i++) {
        struct c4t_ring *ring = made_ring(segment, i);
        ring->cap = cap;
        ring->data = data + i * whole_pages(cap + C4T_RECORD_MAX);
        ring->shared = i == rings - 1;
    }
    segment->header->magic = C4T_SEGMENT_MAGIC;
}

void made_segment_remove(struct made_segment *segment) {
    munmap(segment->base, segment->size);
    unlink(segment->path);
    rmdir(segment->folder);
}

void *made_row(const struct made_segment *segment, const struct c4t_section *rows, uint32_t i) {
    CHECK(i < rows->count);
    return segment->base + rows->offset + (uint64_t)i * rows->stride;
}

struct c4t_ring *made_ring(const struct made_segment *segment, uint32_t ring) {
    return made_row(segment, &segment->header->rings, ring);
}

uint64_t made_now(const struct made_segment *segment) { return c4t_clock_ticks(segment->clock); }

static uint64_t size_of(const struct made_record *record) {
    return (sizeof(struct c4t_record) + record->text1_size + record->text2_size + record->data_size + 63u) & ~63u;
}

uint64_t made_reserve(const struct made_segment *segment, uint32_t ring_index, const struct made_record *record) {
    struct c4t_ring *ring = made_ring(segment, ring_index);
    uint64_t position = atomic_load(&ring->reserved);
    atomic_store(&ring->reserved, position + size_of(record));
    uint64_t block = ring->cap / C4T_RING_ANCHORS, offset = position & (ring->cap - 1);
    _Atomic uint64_t *anchor = &ring->anchor[offset / block];
    if (atomic_load(anchor) < position - offset % block) atomic_store(anchor, position);
    return position;
}

void made_publish(const struct made_segment *segment, uint32_t ring_index, uint64_t position,
                  const struct made_record *from) {
    struct c4t_ring *ring = made_ring(segment, ring_index);
    struct c4t_record *record = (void *)(segment->base + ring->data + (position & (ring->cap - 1)));
    uint32_t mark = (uint32_t)(position + size_of(from));
    record->size = (uint32_t)size_of(from);
    record->event = from->event;
    record->flags = from->flags;
    record->factory = from->factory;
    record->tid = from->tid;
    record->ticks = from->ticks;
    record->sid = from->sid;
    record->call = from->call;
    record->n = from->n;
    record->code = from->code;
    record->domain = from->domain;
    record->text1 = (uint16_t)from->text1_size;
    record->text2 = from->text2_size;
    record->data = from->data_size;
    unsigned char *body = (unsigned char *)(record + 1);
    if (from->text1_size) memcpy(body, from->text1, from->text1_size);
    if (from->text2_size) memcpy(body + from->text1_size, from->text2, from->text2_size);
    if (from->data_size) memcpy(body + from->text1_size + from->text2_size, from->data, from->data_size);
    atomic_store(&record->mark, mark);
    if (!ring->shared) atomic_store(&ring->head, position + size_of(from));
}

uint64_t made_put(const struct made_segment *segment, uint32_t ring, const struct made_record *record) {
    uint64_t position = made_reserve(segment, ring, record);
    made_publish(segment, ring, position, record);
    return position;
}

bool made_has_room(const struct made_segment *segment, uint32_t ring_index, const struct made_record *record) {
    struct c4t_ring *ring = made_ring(segment, ring_index);
    return atomic_load(&ring->reserved) + size_of(record) - atomic_load(&ring->tail) <= ring->cap;
}

void made_lose(const struct made_segment *segment, uint32_t ring_index, uint64_t sid) {
    struct c4t_ring *ring = made_ring(segment, ring_index);
    struct c4t_gap *gap = &ring->gap[sid % (C4T_RING_GAPS - 1)];
    if (ring->shared || (gap->n && gap->sid != sid)) gap = &ring->gap[C4T_RING_GAPS - 1], sid = 0;
    gap->sid = sid;
    gap->n++;
    ring->dropped++;
}

uint64_t made_lost(const struct made_segment *segment) {
    uint64_t lost = 0;
    for (uint32_t i = 0; i < segment->rings; i++) lost += made_ring(segment, i)->dropped;
    return lost;
}
