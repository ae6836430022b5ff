#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader_state.h"

#define SIZE_MAX_SANE ((uint64_t)1 << 40)
#define COUNT_MAX_SANE (1u << 20)

__attribute__((format(printf, 3, 4))) static bool refuse(char *error, size_t error_size, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(error, error_size, format, args);
    va_end(args);
    return false;
}

void c4t_copy_text(char *to, const char *from, size_t size) {
    memcpy(to, from, size - 1);
    to[size - 1] = 0;
}

/* A folder others may write to could hold anybody's file under this name. */
static bool folder_is_ours(const char *path, char *error, size_t error_size) {
    char copy[4096];
    struct stat folder;
    if (strlen(path) >= sizeof copy) return refuse(error, error_size, "the path is too long");
    strcpy(copy, path);
    if (stat(dirname(copy), &folder)) return refuse(error, error_size, "its folder: %s", strerror(errno));
    if (folder.st_uid != geteuid())
        return refuse(error, error_size, "its folder belongs to user %u: look as that user", folder.st_uid);
    if (folder.st_mode & 022)
        return refuse(error, error_size, "others may write to its folder: chmod go-w it, if its content is yours");
    return true;
}

static bool open_file(struct c4t_reader *reader, const char *path, char *error, size_t error_size) {
    struct stat file;
    reader->file = open(path, (reader->mode == C4T_READ ? O_RDONLY : O_RDWR) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (reader->file < 0)
        return refuse(error, error_size, "%s", errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    if (fstat(reader->file, &file)) return refuse(error, error_size, "%s", strerror(errno));
    if (!S_ISREG(file.st_mode)) return refuse(error, error_size, "not a regular file");
    if (file.st_uid != geteuid())
        return refuse(error, error_size, "it belongs to user %u: look as that user", file.st_uid);
    if (file.st_mode & 022)
        return refuse(error, error_size, "others may write to it: no tracer makes a file like that");
    if (file.st_size < (off_t)C4T_HEADER_SIZE)
        return refuse(error, error_size, "not a segment: only %lld bytes", (long long)file.st_size);
    if ((uint64_t)file.st_size > SIZE_MAX_SANE) return refuse(error, error_size, "not a segment: too large");
    reader->size = (uint64_t)file.st_size;
    return true;
}

static bool map_file(struct c4t_reader *reader, char *error, size_t error_size) {
    int protection = reader->mode == C4T_READ ? PROT_READ : PROT_READ | PROT_WRITE;
    void *map = mmap(NULL, reader->size, protection, MAP_SHARED, reader->file, 0);
    if (map == MAP_FAILED) return refuse(error, error_size, "%s", strerror(errno));
    reader->map = map;
    reader->live = map;
    /* A host that reads its own segment keeps its handlers: were that cut short, it would not survive its next event anyway. */
    if (reader->facts.pid == (uint32_t)getpid()) return true;
    reader->guard = c4t_guard(map, reader->size);
    return reader->guard || refuse(error, error_size, "out of memory");
}

/* Does the section lie in the file, with entries that hold a `size`-byte struct aligned to `alignment`? */
static bool section_fits(const struct c4t_reader *reader, const struct c4t_section *section, size_t size,
                         size_t alignment, uint32_t most) {
    if (!section->count) return true;
    if (section->count > most || section->stride < size || section->stride % alignment || section->offset % alignment)
        return false;
    if (section->offset < C4T_HEADER_SIZE || section->offset > reader->size) return false;
    return (uint64_t)section->stride * section->count <= reader->size - section->offset;
}

#define FITS(section, type, most) section_fits(reader, &reader->facts.section, sizeof(type), alignof(type), most)

/* Not by the mapping: whose file it is, and so how it may be mapped, is not known yet. */
static bool read_at_start(int file, void *to, size_t size) { return pread(file, to, size, 0) == (ssize_t)size; }

static bool read_header(struct c4t_reader *reader, char *error, size_t error_size) {
    struct c4t_segment_header *facts = &reader->facts;
    uint64_t magic = 0;
    if (!read_at_start(reader->file, &magic, sizeof magic)) return refuse(error, error_size, "torn: it has no header");
    if (!magic) return refuse(error, error_size, "not a segment, or one that was never finished");
    if (magic != C4T_SEGMENT_MAGIC) return refuse(error, error_size, "not a segment of c4trace");
    c4t_load_fence(); /* the magic was written last: what is read now is all there */
    if (!read_at_start(reader->file, facts, sizeof *facts)) return refuse(error, error_size, "torn: it has no header");
    if (facts->layout != C4T_SEGMENT_LAYOUT)
        return refuse(error, error_size,
                      "it has segment layout %u, this c4trace reads layout %u: use the c4trace that wrote it (%.31s)",
                      facts->layout, C4T_SEGMENT_LAYOUT, facts->c4trace_version);
    if (facts->size > reader->size || facts->size < C4T_HEADER_SIZE)
        return refuse(error, error_size, "torn: its header tells of %llu bytes, it has %llu",
                      (unsigned long long)facts->size, (unsigned long long)reader->size);
    if (facts->clock_source > C4T_CLOCK_CNTVCT)
        return refuse(error, error_size, "it has clock %u, which this c4trace does not know", facts->clock_source);
    bool fits = FITS(factories, struct c4t_factory_row, C4T_FACTORIES_MAX) &&
                FITS(closed, struct c4t_closed_row, COUNT_MAX_SANE) &&
                FITS(sessions, struct c4t_session_row, COUNT_MAX_SANE) &&
                FITS(threads, struct c4t_thread_row, COUNT_MAX_SANE) && FITS(cells, struct c4t_cells, COUNT_MAX_SANE) &&
                FITS(rings, struct c4t_ring, 4096);
    if (!fits) return refuse(error, error_size, "damaged: a section does not fit the file");
    return true;
}

static bool open_ring(const struct c4t_reader *reader, uint32_t i, struct c4t_cursor *cursor) {
    struct c4t_ring *ring = c4t_entry_of(reader, &reader->facts.rings, i);
    uint64_t cap = *(volatile uint64_t *)&ring->cap,
             data = *(volatile uint64_t *)&ring->data; /* once: what is checked is what is used */
    if (cap < C4T_RING_ANCHORS * 64 || cap & (cap - 1) || cap > reader->size) return false;
    if (data % 64 || data < C4T_HEADER_SIZE || data > reader->size || reader->size - data < cap + C4T_RECORD_MAX)
        return false;
    cursor->ring = ring;
    cursor->data = reader->map + data;
    cursor->cap = cap;
    cursor->shared = *(volatile uint32_t *)&ring->shared != 0;
    return true;
}

static bool open_rings(struct c4t_reader *reader, char *error, size_t error_size) {
    reader->cursor_count = reader->facts.rings.count;
    reader->cursors = calloc(reader->cursor_count + 1, sizeof *reader->cursors);
    if (!reader->cursors) return refuse(error, error_size, "out of memory");
    for (uint32_t i = 0; i < reader->cursor_count; i++)
        if (!open_ring(reader, i, &reader->cursors[i]))
            return refuse(error, error_size, "damaged: ring %u does not fit the file", i);
    return true;
}

static bool open_all(struct c4t_reader *reader, const char *path, int from_now, char *error, size_t error_size) {
    if (!folder_is_ours(path, error, error_size) || !open_file(reader, path, error, error_size)) return false;
    if (!read_header(reader, error, error_size) || !map_file(reader, error, error_size) ||
        !open_rings(reader, error, error_size))
        return false;
    if (c4t_merge_begin(reader)) return refuse(error, error_size, "out of memory");
    reader->same_boot = c4t_is_this_boot(reader->facts.boot_id);
    c4t_timeline_begin(&reader->timeline, &reader->facts, reader->same_boot);
    if (reader->mode == C4T_CONSUME) return c4t_lease_take(reader, from_now, error, error_size) == 0;
    c4t_start_cursors(reader, from_now);
    return true;
}

struct c4t_reader *c4t_reader_open(const char *path, int mode, int from_now, char *error, size_t error_size) {
    struct c4t_reader *reader = calloc(1, sizeof *reader);
    if (!reader) {
        refuse(error, error_size, "out of memory");
        return NULL;
    }
    reader->file = -1;
    reader->mode = mode;
    if (open_all(reader, path, from_now, error, error_size)) return reader;
    c4t_reader_close(reader);
    return NULL;
}

void c4t_reader_close(struct c4t_reader *reader) {
    if (!reader) return;
    if (reader->pid) c4t_lease_drop(reader);
    c4t_merge_end(reader);
    for (uint32_t i = 0; reader->cursors && i < reader->cursor_count; i++) c4t_cursor_close(&reader->cursors[i]);
    free(reader->cursors);
    for (uint32_t i = 0; i < C4T_BATCHES; i++) free(reader->collected.texts[i]);
    free(reader->collected.notices);
    free(reader->collected.begun);
    free(reader->given_totals);
    c4t_unguard(reader->guard);
    if (reader->map) munmap(reader->map, reader->size);
    if (reader->file >= 0) close(reader->file);
    free(reader);
}

int c4t_reader_was_cut(const struct c4t_reader *reader) { return c4t_was_cut(reader->guard); }

int c4t_reader_set_capture(struct c4t_reader *reader, uint32_t capture, uint32_t capture_bytes) {
    if (reader->mode == C4T_READ || capture > C4T_CAPTURE_FULL) return -1;
    c4t_turn_capture(reader->map, &reader->facts.threads, capture | (uint64_t)capture_bytes << 32);
    return 0;
}
