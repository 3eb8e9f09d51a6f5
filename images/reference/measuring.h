// The notes of the compute segments, made by link.c and told by main.c.

#ifndef HIL_MEASURING_H
#define HIL_MEASURING_H

#include <stdint.h>

#define SEGMENTS_MAX (256)

typedef struct {
    uint32_t count;
    uint64_t entered_at;
    uint32_t ticks[SEGMENTS_MAX];
} segments_t;

extern segments_t segments;

#endif // HIL_MEASURING_H
