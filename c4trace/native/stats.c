#include "stats.h"

uint64_t c4t_slowest(struct c4t_cell *cell, uint64_t sid, uint64_t ticks, uint64_t now) {
    if (ticks >> 63) return 0; /* stamped on a core whose counter is a little ahead */
    if (ticks > C4T_TICKS_MAX) ticks = C4T_TICKS_MAX;
    c4t_exemplar(cell, sid, ticks, now);
    return ticks;
}
