/* A made segment as text: what a reader says of it, line by line. */
#ifndef READ_TEXT_H
#define READ_TEXT_H

#include "made_segment.h"
#include "reader.h"

/* What was read last, terminated. */
extern char all_text[4u << 20];
extern size_t all_size;
/* Of the segment at hand: event_at counts from its beginning. */
extern const struct c4t_segment_header *facts;

struct c4t_reader *open_reader(const struct made_segment *segment, int mode);
/* Everything the reader still has; returns how many events that is. */
uint64_t drain(struct c4t_reader *reader);
/* All lines of one look. */
void look(struct c4t_reader *reader, uint64_t hold_back_ns);
void check_text(const char *expected);

struct made_record event_at(uint8_t event, uint64_t t_ns, uint64_t sid, uint64_t call);
struct made_record return_of(struct made_record event, uint64_t dt_ns);

#define TEXT1(record, literal) ((record).text1 = literal, (record).text1_size = sizeof(literal) - 1)
#define TEXT2(record, literal) ((record).text2 = literal, (record).text2_size = sizeof(literal) - 1)
#define DATA(record, literal) ((record).data = literal, (record).data_size = sizeof(literal) - 1)

#endif
