/*
 * The eight ICU 54 functions that libLiteCore.so 3.0.0 imports, forwarded to the ICU of this machine.
 *
 * ICU adds its major version to every exported name, so a binary linked to ICU 54 does not load beside any
 * other ICU although the C functions themselves are stable. This library carries the old names; the ICU
 * headers turn the plain names used below into those of the installed version.
 */
#include <unicode/ucasemap.h>
#include <unicode/ucol.h>

UCaseMap *ucasemap_open_54(const char *locale, uint32_t options, UErrorCode *status) {
    return ucasemap_open(locale, options, status);
}

void ucasemap_close_54(UCaseMap *map) { ucasemap_close(map); }

int32_t ucasemap_utf8ToLower_54(const UCaseMap *map, char *out, int32_t capacity, const char *in, int32_t length,
                                UErrorCode *status) {
    return ucasemap_utf8ToLower(map, out, capacity, in, length, status);
}

int32_t ucasemap_utf8ToUpper_54(const UCaseMap *map, char *out, int32_t capacity, const char *in, int32_t length,
                                UErrorCode *status) {
    return ucasemap_utf8ToUpper(map, out, capacity, in, length, status);
}

UCollator *ucol_open_54(const char *locale, UErrorCode *status) { return ucol_open(locale, status); }

void ucol_close_54(UCollator *collator) { ucol_close(collator); }

void ucol_setAttribute_54(UCollator *collator, UColAttribute attribute, UColAttributeValue value, UErrorCode *status) {
    ucol_setAttribute(collator, attribute, value, status);
}

UCollationResult ucol_strcollUTF8_54(const UCollator *collator, const char *left, int32_t left_length,
                                     const char *right, int32_t right_length, UErrorCode *status) {
    return ucol_strcollUTF8(collator, left, left_length, right, right_length, status);
}
