/* What `c4trace run` asks of a preloaded process, and what that tells it: lines of a file in the folder that $C4TRACE_RUN names. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload.h"
#include "unnoticed.h"

const char *c4t_asked_name(void) {
    const char *name = getenv("C4TRACE_NAME");
    return name && name[0] ? name : NULL;
}

/* One line, in one piece; false where that cannot be done. */
static bool append(const char *path, const char *line, size_t size) {
    int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (file < 0) return false;
    bool whole = write(file, line, size) == (ssize_t)size;
    close(file);
    return whole;
}

static bool tell_starter(const char *word, const char *text) {
    char line[704], path[512];
    const char *folder = getenv("C4TRACE_RUN");
    if (!folder || !folder[0]) return false;
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    int n = snprintf(line, sizeof line, "%s %s\n", word, text);
    if (n <= 0 || (size_t)n >= sizeof line) return false;
    struct c4t_unnoticed before;
    c4t_unnoticed_begin(&before);
    bool told = append(path, line, (size_t)n);
    c4t_unnoticed_end(&before);
    return told;
}

void c4t_tell(const char *word, const char *text) {
    char line[704];
    if (!c4t_asked_name()) return;
    bool told = tell_starter(word, text);
    if (told || !strcmp(word, "met") || !strcmp(word, "segment") || !strcmp(word, "loaded") ||
        !strcmp(word, "unlinked"))
        return;
    int n = snprintf(line, sizeof line, "c4trace: %s\n", text);
    c4t_say(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

uint32_t c4t_asked_number(const char *variable, uint32_t otherwise) {
    const char *text = getenv(variable);
    char *end, note[160];
    if (!text || !text[0]) return otherwise;
    unsigned long value = strtoul(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && !*end && value <= UINT32_MAX) return (uint32_t)value;
    snprintf(note, sizeof note, "%s is %.40s, which is no whole number that it can be: change or unset it", variable,
             text);
    c4t_tell("note", note);
    return otherwise;
}
