#include "segment_make.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RING_LEAST (256u << 10)
#define CLOSED_ROWS 256u

/* How many entries each section gets in a segment of this size. */
struct plan {
    uint32_t sessions, cells, rings;
    uint64_t ring_cap;
    uint64_t data; /* offset of the first ring's bytes */
};

static uint64_t round_up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }

static uint64_t tables_size(uint32_t sessions, uint32_t cells, uint32_t rings) {
    return C4T_HEADER_SIZE + C4T_FACTORIES_MAX * sizeof(struct c4t_factory_row) +
           CLOSED_ROWS * sizeof(struct c4t_closed_row) + sessions * sizeof(struct c4t_session_row) +
           C4T_THREADS_MAX * sizeof(struct c4t_thread_row) + cells * sizeof(struct c4t_cells) +
           rings * sizeof(struct c4t_ring);
}

static uint64_t ring_size(uint64_t cap) { return round_up(cap + C4T_RECORD_MAX, 4096); }

/* The largest rings, at least eight of them where there is room (one is shared), behind the tables; false if it does not fit. */
static bool make_plan(struct plan *plan, uint64_t size, uint32_t sessions) {
    bool small = size < (8u << 20);
    plan->sessions = small && sessions > 1024 ? 1024 : sessions;
    plan->cells = small ? 6 : C4T_CELLS_MAX;
    uint32_t wanted = small ? 2 : size >= (64u << 20) ? 16 : 8;
    for (plan->ring_cap = UINT64_C(1) << 30; plan->ring_cap >= RING_LEAST; plan->ring_cap >>= 1) {
        plan->data = round_up(tables_size(plan->sessions, plan->cells, C4T_RINGS_MAX), 4096);
        if (plan->data >= size) return false;
        uint64_t fit = (size - plan->data) / ring_size(plan->ring_cap);
        if (fit < wanted) continue;
        plan->rings = fit < C4T_RINGS_MAX ? (uint32_t)fit : C4T_RINGS_MAX;
        return true;
    }
    return false;
}

static int check_folder(const char *folder, c4trace_failure *failure) {
    struct stat info;
    if (mkdir(folder, 0700) && errno != EEXIST)
        return c4t_fail(failure, C4TRACE_SEGMENT,
                        "cannot make the segment folder %s: %s; set C4TRACE_DIR to a folder of yours", folder,
                        strerror(errno));
    if (lstat(folder, &info))
        return c4t_fail(failure, C4TRACE_SEGMENT, "cannot look at the segment folder %s: %s", folder, strerror(errno));
    if (!S_ISDIR(info.st_mode) || info.st_uid != geteuid() || info.st_mode & 077)
        return c4t_fail(failure, C4TRACE_SEGMENT,
                        "the segment folder %s is not a folder of this user alone (0700); remove it or set C4TRACE_DIR",
                        folder);
    return C4TRACE_OK;
}

/* $C4TRACE_DIR, /dev/shm/c4trace-UID or /tmp/c4trace-UID. */
static void default_folder(char *folder, size_t size) {
    const char *set = getenv("C4TRACE_DIR");
    if (set && set[0])
        snprintf(folder, size, "%s", set);
    else
        snprintf(folder, size, "%s/c4trace-%u", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", (unsigned)geteuid());
}

/* The file's path, absolute: the host may change its folder before it is removed. */
static int name_file(struct c4trace_tracer *tracer, const char *folder, c4trace_failure *failure) {
    char absolute[PATH_MAX];
    int n = -1;
    if (realpath(folder, absolute))
        n = snprintf(tracer->path, sizeof tracer->path, "%s/%s.%d.seg", absolute, tracer->name, (int)getpid());
    if (n >= 0 && (size_t)n < sizeof tracer->path) return C4TRACE_OK;
    return c4t_fail(failure, C4TRACE_SEGMENT,
                    "the path of the segment folder is too long; set C4TRACE_DIR to a shorter one: %s", folder);
}

/* A host that has closed its standard descriptors may still write to them: not into the segment. */
static int leave_standard_descriptors(struct c4trace_tracer *tracer, int *file, c4trace_failure *failure) {
    int low = *file;
    *file = fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int error = *file < 0 ? c4t_fail(failure, C4TRACE_SEGMENT, "cannot keep the segment %s open: %s", tracer->path,
                                     strerror(errno))
                          : C4TRACE_OK;
    close(low);
    if (error) unlink(tracer->path);
    return error;
}

/* Open a new file of ours; a file of that name can only be left from an earlier process with our pid. */
static int make_file(struct c4trace_tracer *tracer, int *file, c4trace_failure *failure) {
    for (int attempt = 0; attempt < 2; attempt++) {
        *file = open(tracer->path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (*file > STDERR_FILENO) return C4TRACE_OK;
        if (*file >= 0) return leave_standard_descriptors(tracer, file, failure);
        if (errno != EEXIST) break;
        unlink(tracer->path);
    }
    return c4t_fail(failure, C4TRACE_SEGMENT, "cannot make the segment %s: %s", tracer->path, strerror(errno));
}

/* Reserve all pages now, so that a full disk cannot kill the host with SIGBUS later; less where there is less. */
static int reserve(struct c4trace_tracer *tracer, int file, uint64_t wanted, bool by_default,
                   c4trace_failure *failure) {
    struct statvfs room;
    uint64_t size = wanted;
    if (by_default && !fstatvfs(file, &room) && (uint64_t)room.f_blocks * room.f_frsize / 4 < size)
        size = (uint64_t)room.f_blocks * room.f_frsize / 4 / 4096 * 4096;
    if (size < C4T_SEGMENT_LEAST) size = C4T_SEGMENT_LEAST;
    for (; size >= C4T_SEGMENT_LEAST; size = size / 2 / 4096 * 4096) {
        int error = posix_fallocate(file, 0, (off_t)size);
        if (!error) {
            tracer->size = size;
            if (size < wanted)
                snprintf(tracer->warning, sizeof tracer->warning,
                         "%s: room for %llu KiB only, wanted %llu KiB: smaller rings, events may be lost sooner",
                         tracer->path, (unsigned long long)size >> 10, (unsigned long long)wanted >> 10);
            return C4TRACE_OK;
        }
        if (ftruncate(file, 0)) break;
        if (error != ENOSPC && error != EFBIG && error != ENOMEM)
            return c4t_fail(failure, C4TRACE_SEGMENT, "cannot reserve %llu KiB for %s: %s",
                            (unsigned long long)size >> 10, tracer->path, strerror(error));
    }
    return c4t_fail(failure, C4TRACE_SEGMENT, "no room for a segment of %u KiB in %s; free some or set C4TRACE_DIR",
                    C4T_SEGMENT_LEAST >> 10, tracer->path);
}

uint64_t c4t_process_start(void) {
    char text[1024];
    int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n <= 0) return 0;
    text[n] = 0;
    const char *p = strrchr(text, ')'); /* the name before it may hold blanks */
    for (int field = 2; p && field < 22; field++) p = strchr(p + 1, ' ');
    return p ? strtoull(p + 1, NULL, 10) : 0;
}

static void read_boot_id(uint8_t *id) {
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (!file) return;
    for (int i = 0; i < 16; i++) {
        unsigned byte;
        if (i == 4 || i == 6 || i == 8 || i == 10) fgetc(file);
        if (fscanf(file, "%2x", &byte) != 1) break;
        id[i] = (uint8_t)byte;
    }
    fclose(file);
}

static struct c4t_section place(uint64_t *at, uint32_t stride, uint32_t count) {
    struct c4t_section section = {*at, stride, count};
    *at += (uint64_t)stride * count;
    return section;
}

static void lay_out(struct c4trace_tracer *tracer, const struct plan *plan) {
    struct c4t_segment_header *header = tracer->header;
    uint64_t at = C4T_HEADER_SIZE;
    header->factories = place(&at, sizeof(struct c4t_factory_row), C4T_FACTORIES_MAX);
    header->closed = place(&at, sizeof(struct c4t_closed_row), CLOSED_ROWS);
    header->sessions = place(&at, sizeof(struct c4t_session_row), plan->sessions);
    header->threads = place(&at, sizeof(struct c4t_thread_row), C4T_THREADS_MAX);
    header->cells = place(&at, sizeof(struct c4t_cells), plan->cells);
    header->rings = place(&at, sizeof(struct c4t_ring), plan->rings);
    for (uint32_t i = 0; i < plan->rings; i++) {
        struct c4t_ring *ring = c4t_at(tracer, &header->rings, i);
        ring->cap = plan->ring_cap;
        ring->data = plan->data + i * ring_size(plan->ring_cap);
        ring->shared = i == plan->rings - 1;
    }
}

static void fill_header(struct c4trace_tracer *tracer, const c4trace_config *config) {
    struct c4t_segment_header *header = tracer->header;
    header->layout = C4T_SEGMENT_LAYOUT;
    header->header_size = C4T_HEADER_SIZE;
    header->size = tracer->size;
    header->pid = (uint32_t)getpid();
    header->pid_start = c4t_process_start();
    read_boot_id(header->boot_id);
    header->clock_source = c4t_clock_choose(&header->ticks_per_sec);
    header->ticks = c4t_clock_ticks(header->clock_source);
    header->monotonic_ns = c4t_clock_ns(CLOCK_MONOTONIC);
    header->wall_ns = c4t_clock_ns(CLOCK_REALTIME);
    header->dispose_known = 1;
    snprintf(header->name, sizeof header->name, "%s", tracer->name);
    snprintf(header->c4trace_version, sizeof header->c4trace_version, "%s", c4trace_version());
    /* relaxed, both: the magic's release publishes them */
    atomic_store_explicit(&header->control, (uint64_t)config->capture | (uint64_t)config->capture_bytes << 32,
                          memory_order_relaxed);
    atomic_store_explicit(&header->status, C4T_STATUS_LIVE, memory_order_relaxed);
}

static int map(struct c4trace_tracer *tracer, int file, c4trace_failure *failure) {
    void *base = mmap(NULL, tracer->size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (base == MAP_FAILED)
        return c4t_fail(failure, C4TRACE_SEGMENT, "cannot map %s: %s", tracer->path, strerror(errno));
    tracer->base = base;
    tracer->header = base;
    madvise(base, tracer->size,
            MADV_POPULATE_WRITE); /* Linux 5.14: no page fault in a traced call; before that, some */
    return C4TRACE_OK;
}

int c4t_segment_make(struct c4trace_tracer *tracer, const c4trace_config *config, c4trace_failure *failure) {
    char folder[PATH_MAX];
    if (config->folder && config->folder[0])
        snprintf(folder, sizeof folder, "%s", config->folder);
    else
        default_folder(folder, sizeof folder);
    int error = check_folder(folder, failure);
    if (!error) error = name_file(tracer, folder, failure);
    if (error) return error;
    int file;
    if ((error = make_file(tracer, &file, failure))) return error;
    uint64_t wanted = config->segment_bytes ? round_up(config->segment_bytes, 4096) : C4T_SEGMENT_DEFAULT;
    error = reserve(tracer, file, wanted, !config->segment_bytes, failure);
    struct plan plan = {0};
    if (!error && !make_plan(&plan, tracer->size, config->sessions ? config->sessions : C4T_SESSIONS_DEFAULT))
        error = c4t_fail(failure, C4TRACE_BAD_CONFIG,
                         "a segment of %llu KiB has no room for %u sessions and their rings; make it larger",
                         (unsigned long long)tracer->size >> 10,
                         config->sessions ? config->sessions : C4T_SESSIONS_DEFAULT);
    if (!error) error = map(tracer, file, failure);
    close(file); /* not kept: a host that closes all it knows nothing of would have this number for a file of its own */
    if (error) {
        unlink(tracer->path);
        return error;
    }
    lay_out(tracer, &plan);
    fill_header(tracer, config);
    tracer->clock = tracer->header->clock_source;
    if (!tracer->warning[0] && !c4t_clock_is_known())
        snprintf(tracer->warning, sizeof tracer->warning,
                 "C4TRACE_CLOCK is %.60s, which is no clock of this machine: use monotonic or tsc (arm64: cntvct), or "
                 "nothing",
                 getenv("C4TRACE_CLOCK"));
    tracer->max_payload = plan.ring_cap / 4 < C4T_PAYLOAD_MAX ? plan.ring_cap / 4 : C4T_PAYLOAD_MAX;
    atomic_store_explicit(&tracer->header->magic, C4T_SEGMENT_MAGIC,
                          memory_order_release); /* release: whole from here on */
    return C4TRACE_OK;
}

void c4t_segment_unmake(struct c4trace_tracer *tracer) {
    unlink(tracer->path);
    /* A late thread may still read and write here, so the addresses stay mapped, but to no file and no page. Neighbours of this
     * kind become one mapping, so a process that opens many tracers does not run out of mappings. */
    mmap(tracer->base, tracer->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED,
         -1, 0);
}
