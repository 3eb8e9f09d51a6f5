// The link of a reference program, and its clock: compute segments end where bytes are moved.

#include "py/mpconfig.h"
#include "board.h"
#include "measuring.h"
#include "reference.h"

#define LINK_PORT (1)

// No part of what is measured: neither variables with values nor zeroed ones.
__attribute__((section(".noinit"))) segments_t segments;

void segment_enter(void) {
    segments.entered_at = board_ticks();
}

void segment_leave(void) {
    uint32_t ticks = board_ticks() - segments.entered_at;
    if (segments.count < SEGMENTS_MAX) {
        segments.ticks[segments.count] = ticks;
    }
    segments.count += 1;
}

bool link_send(const uint8_t *data, size_t length) {
    segment_leave();
    for (size_t i = 0; i < length; i++) {
        while (!board_uart_give(LINK_PORT, data[i])) {
        }
    }
    segment_enter();
    return true;
}

static bool wait_for_byte(void) {
    uint64_t end = board_ticks() + (uint64_t)hil_parameters.silence_ms * 1000 * BOARD_TICKS_PER_US;
    while (!board_uart_readable(LINK_PORT)) {
        uint64_t now = board_ticks();
        if (now >= end) {
            return false;
        }
        board_sleep((end - now) / (1000 * BOARD_TICKS_PER_US) + 1);
    }
    return true;
}

bool link_receive(uint8_t *data, size_t length) {
    segment_leave();
    size_t done = 0;
    while (done < length && wait_for_byte()) {
        data[done++] = board_uart_take(LINK_PORT);
    }
    segment_enter();
    return done == length;
}
