#include "base64.h"

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *write_plain(char *out, const unsigned char *data, size_t size) {
    for (; size >= 3; size -= 3, data += 3) {
        uint32_t bits = (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
        *out++ = alphabet[bits >> 18];
        *out++ = alphabet[bits >> 12 & 63];
        *out++ = alphabet[bits >> 6 & 63];
        *out++ = alphabet[bits & 63];
    }
    if (!size) return out;
    uint32_t bits = (uint32_t)data[0] << 16 | (size == 2 ? (uint32_t)data[1] << 8 : 0);
    *out++ = alphabet[bits >> 18];
    *out++ = alphabet[bits >> 12 & 63];
    *out++ = size == 2 ? alphabet[bits >> 6 & 63] : '=';
    *out++ = '=';
    return out;
}

#if defined(__x86_64__)

/* SSSE3 and AVX2: each 3 bytes are spread over 4 so that multiplications shift the four 6-bit groups into place; a group's character is
 * the group plus an offset, looked up by which of the five ranges of the alphabet it lies in. */
#define SPREAD 1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10
/* 0 is for a-z, 1-10 for the digits, 11 and 12 for + and /, and 13 for A-Z */
#define OFFSETS 'a' - 26, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, '+' - 62, '/' - 63, 'A', 0, 0
#define FIRST_AND_THIRD 0x0FC0FC00, 0x04000040 /* bits, and what shifts them down */
#define SECOND_AND_FOURTH 0x003F03F0, 0x01000010

#define SSSE3_ROUND 12u
#define SSSE3_READ 16u /* a round reads 4 bytes more than it takes */
#define AVX2_ROUND 24u
#define AVX2_READ 28u

__attribute__((target("ssse3"))) static __m128i shifted_down(__m128i in, int bits, int shift) {
    return _mm_mulhi_epu16(_mm_and_si128(in, _mm_set1_epi32(bits)), _mm_set1_epi32(shift));
}

__attribute__((target("ssse3"))) static __m128i shifted_up(__m128i in, int bits, int shift) {
    return _mm_mullo_epi16(_mm_and_si128(in, _mm_set1_epi32(bits)), _mm_set1_epi32(shift));
}

__attribute__((target("ssse3"))) static char *write_ssse3(char *out, const unsigned char *data, size_t size) {
    const __m128i spread = _mm_setr_epi8(SPREAD), offsets = _mm_setr_epi8(OFFSETS);
    for (; size >= SSSE3_READ; size -= SSSE3_ROUND, data += SSSE3_ROUND, out += 16) {
        __m128i in = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)data), spread);
        __m128i groups = _mm_or_si128(shifted_down(in, FIRST_AND_THIRD), shifted_up(in, SECOND_AND_FOURTH));
        __m128i range = _mm_subs_epu8(groups, _mm_set1_epi8(51));
        __m128i capitals = _mm_cmpgt_epi8(_mm_set1_epi8(26), groups);
        range = _mm_or_si128(range, _mm_and_si128(capitals, _mm_set1_epi8(13)));
        _mm_storeu_si128((__m128i *)(void *)out, _mm_add_epi8(_mm_shuffle_epi8(offsets, range), groups));
    }
    return write_plain(out, data, size);
}

__attribute__((target("avx2"))) static __m256i shifted_down_wide(__m256i in, int bits, int shift) {
    return _mm256_mulhi_epu16(_mm256_and_si256(in, _mm256_set1_epi32(bits)), _mm256_set1_epi32(shift));
}

__attribute__((target("avx2"))) static __m256i shifted_up_wide(__m256i in, int bits, int shift) {
    return _mm256_mullo_epi16(_mm256_and_si256(in, _mm256_set1_epi32(bits)), _mm256_set1_epi32(shift));
}

__attribute__((target("avx2"))) static char *write_avx2(char *out, const unsigned char *data, size_t size) {
    const __m256i spread = _mm256_setr_epi8(SPREAD, SPREAD), offsets = _mm256_setr_epi8(OFFSETS, OFFSETS);
    for (; size >= AVX2_READ; size -= AVX2_ROUND, data += AVX2_ROUND, out += 32) {
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)data);
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(data + SSSE3_ROUND));
        __m256i in = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
        __m256i groups =
            _mm256_or_si256(shifted_down_wide(in, FIRST_AND_THIRD), shifted_up_wide(in, SECOND_AND_FOURTH));
        __m256i range = _mm256_subs_epu8(groups, _mm256_set1_epi8(51));
        __m256i capitals = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), groups);
        range = _mm256_or_si256(range, _mm256_and_si256(capitals, _mm256_set1_epi8(13)));
        _mm256_storeu_si256((__m256i *)(void *)out, _mm256_add_epi8(_mm256_shuffle_epi8(offsets, range), groups));
    }
    return write_ssse3(out, data, size);
}

/* AVX-512 VBMI: a table look-up spreads the bytes, one instruction cuts all groups out of them, and another look-up has the characters. The
 * rest is done by a last round under a mask. */
#define VBMI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,bmi2")))
#define VBMI_ROUND 48u

VBMI static __m512i characters_of(__m512i in, __m512i spread, __m512i characters) {
    const __m512i shifts = _mm512_set1_epi64(0x3036242A1016040A); /* of the eight groups in 6 bytes, spread over 8 */
    __m512i groups = _mm512_multishift_epi64_epi8(shifts, _mm512_permutexvar_epi8(spread, in));
    return _mm512_permutexvar_epi8(groups, characters); /* takes the low 6 bits of each byte */
}

VBMI static char *write_vbmi(char *out, const unsigned char *data, size_t size) {
    const __m512i characters = _mm512_loadu_si512(alphabet);
    const __m512i spread = _mm512_setr_epi32(0x01020001, 0x04050304, 0x07080607, 0x0A0B090A, 0x0D0E0C0D, 0x10110F10,
                                             0x13141213, 0x16171516, 0x191A1819, 0x1C1D1B1C, 0x1F201E1F, 0x22232122,
                                             0x25262425, 0x28292728, 0x2B2C2A2B, 0x2E2F2D2E);
    for (; size >= sizeof(__m512i); size -= VBMI_ROUND, data += VBMI_ROUND, out += sizeof(__m512i))
        _mm512_storeu_si512(out, characters_of(_mm512_loadu_si512(data), spread, characters));
    while (size) {
        size_t part = size < VBMI_ROUND ? size : VBMI_ROUND, chars = C4T_BASE64_SIZE(part);
        __mmask64 bytes = (__mmask64)_bzhi_u64(UINT64_MAX, (unsigned)part);
        __mmask64 room = (__mmask64)_bzhi_u64(UINT64_MAX, (unsigned)chars);
        __mmask64 padding = ~(__mmask64)_bzhi_u64(UINT64_MAX, (unsigned)((part * 4 + 2) / 3));
        __m512i text = characters_of(_mm512_maskz_loadu_epi8(bytes, data), spread, characters);
        _mm512_mask_storeu_epi8(out, room, _mm512_mask_set1_epi8(text, padding, '='));
        data += part;
        size -= part;
        out += chars;
    }
    return out;
}
#endif

#define WAYS_MAX 5

static struct c4t_base64_way ways[WAYS_MAX];

/* At loading: before anyone can call us. */
__attribute__((constructor)) static void look_at_machine(void) {
    struct c4t_base64_way *way = ways;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("bmi2"))
        *way++ = (struct c4t_base64_way){"avx512vbmi", write_vbmi};
    if (__builtin_cpu_supports("avx2")) *way++ = (struct c4t_base64_way){"avx2", write_avx2};
    if (__builtin_cpu_supports("ssse3")) *way++ = (struct c4t_base64_way){"ssse3", write_ssse3};
#endif
    *way = (struct c4t_base64_way){"plain", write_plain};
}

const struct c4t_base64_way *c4t_base64_ways(void) { return ways; }

char *c4t_base64(char *out, const unsigned char *data, size_t size) { return ways[0].write(out, data, size); }
