#include "base64.h"

#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *c4t_base64_plain(char *out, const unsigned char *data, size_t size) {
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
/* 24 bytes become 32 characters a round. Each 3 bytes are spread over 4 so that multiplications shift the four 6-bit groups into place;
 * a group's character is the group plus an offset, looked up by which of the five ranges of the alphabet it lies in. */
__attribute__((target("avx2"))) static size_t base64_rounds(char *out, const unsigned char *data, size_t size) {
    const __m256i spread = _mm256_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10, 1, 0, 2, 1, 4, 3, 5, 4,
                                            7, 6, 8, 7, 10, 9, 11, 10);
    const __m256i offsets =
        _mm256_setr_epi8('a' - 26, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, '+' - 62, '/' - 63, 'A', 0, 0, 'a' - 26, -4,
                         -4, -4, -4, -4, -4, -4, -4, -4, -4, '+' - 62, '/' - 63, 'A', 0, 0);
    size_t done = 0;
    for (; size - done >= 28; done += 24, out += 32) { /* the second load reads 4 bytes past the round */
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(data + done));
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(data + done + 12));
        __m256i in = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
        __m256i first_and_third =
            _mm256_mulhi_epu16(_mm256_and_si256(in, _mm256_set1_epi32(0x0FC0FC00)), _mm256_set1_epi32(0x04000040));
        __m256i second_and_fourth =
            _mm256_mullo_epi16(_mm256_and_si256(in, _mm256_set1_epi32(0x003F03F0)), _mm256_set1_epi32(0x01000010));
        __m256i groups = _mm256_or_si256(first_and_third, second_and_fourth);
        /* 0 for a-z, 1-10 for the digits, 11 and 12 for + and /, and 13 for A-Z */
        __m256i range = _mm256_subs_epu8(groups, _mm256_set1_epi8(51));
        __m256i capitals = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), groups);
        range = _mm256_or_si256(range, _mm256_and_si256(capitals, _mm256_set1_epi8(13)));
        _mm256_storeu_si256((__m256i *)(void *)out, _mm256_add_epi8(_mm256_shuffle_epi8(offsets, range), groups));
    }
    return done;
}
#endif

char *c4t_base64(char *out, const unsigned char *data, size_t size) {
#if defined(__x86_64__)
    if (size >= 28 && __builtin_cpu_supports("avx2")) {
        size_t done = base64_rounds(out, data, size);
        return c4t_base64_plain(out + done / 3 * 4, data + done, size - done);
    }
#endif
    return c4t_base64_plain(out, data, size);
}
