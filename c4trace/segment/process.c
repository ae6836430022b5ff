#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader_state.h"

/* All of a small file of /proc, terminated; false if it cannot be read. */
static bool read_small_file(const char *path, char *text, size_t size) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return false;
    ssize_t n = read(file, text, size - 1);
    close(file);
    if (n < 0) return false;
    text[n] = 0;
    return true;
}

bool c4t_process_runs(uint32_t pid, uint64_t start) {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%u/stat", pid);
    if (!pid || !read_small_file(path, text, sizeof text)) return false;
    char *field = strrchr(text, ')'); /* the name before it may hold anything */
    if (!field) return false;
    field += 2;
    if (*field == 'Z' || *field == 'X') return false;
    for (int i = 3; i < 22 && field; i++) field = strchr(field, ' ') ? strchr(field, ' ') + 1 : NULL;
    return field && (!start || strtoull(field, NULL, 10) == start);
}

bool c4t_is_this_boot(const uint8_t boot_id[16]) {
    char text[64];
    if (!read_small_file("/proc/sys/kernel/random/boot_id", text, sizeof text)) return false;
    int nibbles = 0;
    for (const char *c = text; *c && nibbles < 32; c++) {
        if (*c == '-') continue;
        char digit[2] = {*c, 0};
        char *end;
        unsigned value = (unsigned)strtoul(digit, &end, 16);
        if (*end) break;
        if (value != (unsigned)(boot_id[nibbles / 2] >> (nibbles % 2 ? 0 : 4) & 15)) return false;
        nibbles++;
    }
    return nibbles == 32;
}
