#include "returns.h"

#include <stdlib.h>

bool c4t_returns_begin(struct c4t_returns *returns) {
    returns->sets = calloc(C4T_RETURN_SETS, sizeof *returns->sets);
    return returns->sets != NULL;
}

void c4t_returns_end(struct c4t_returns *returns) { free(returns->sets); }

static struct c4t_waiting *set_of(const struct c4t_returns *returns, uint64_t call) {
    return returns->sets[(call * 0x9E3779B97F4A7C15ull) >> 55]; /* 9 bits: C4T_RETURN_SETS */
}

void c4t_returns_put(struct c4t_returns *returns, uint64_t call, uint64_t seq, uint64_t sid) {
    struct c4t_waiting *set = set_of(returns, call), *place = set;
    for (uint32_t i = 0; i < C4T_RETURN_WAYS; i++) {
        if (!set[i].call) {
            place = &set[i];
            break;
        }
        if (set[i].seq < place->seq) place = &set[i];
    }
    place->call = call;
    place->seq = seq;
    place->sid = sid;
}

bool c4t_returns_take(struct c4t_returns *returns, uint64_t call, uint64_t *seq, uint64_t *sid) {
    struct c4t_waiting *set = set_of(returns, call);
    for (uint32_t i = 0; i < C4T_RETURN_WAYS; i++) {
        if (set[i].call != call || !call) continue;
        set[i].call = 0;
        *seq = set[i].seq;
        *sid = set[i].sid;
        return true;
    }
    return false;
}
