// One connection of a C library, from its parameters to the line that says what came of it.
//
// The line begins with HIL-REFERENCE and goes on as one JSON object. After it the program sleeps for
// good, so that its painted stack can be read from outside.

#include "py/mpconfig.h"
#include "board.h"
#include "measuring.h"
#include "reference.h"

#define PIECE_BYTES (250)

__attribute__((section(".noinit"))) parameters_t hil_parameters;
__attribute__((section(".noinit"))) account_t account;
// As in MicroPython's images, for libraries that allocate: set before the CPU runs.
__attribute__((section(".noinit"))) volatile uint32_t hil_heap_bytes_config;
static __attribute__((section(".noinit"))) bool echoed[ECHOES_MAX];

bool console_receive(void) {
    while (board_uart_take(BOARD_CONSOLE) >= 0) {
    }
    return true;
}

void say_text(const char *text) {
    for (; *text != 0; text++) {
        while (!board_uart_give(BOARD_CONSOLE, *text)) {
        }
    }
}

static void say_decimal(unsigned long value) {
    char digits[11];
    char *at = digits + sizeof(digits);
    *--at = 0;
    do {
        *--at = '0' + value % 10;
        value /= 10;
    } while (value != 0);
    say_text(at);
}

void say_number(const char *name, long value) {
    say_text(",\"");
    say_text(name);
    say_text("\":");
    if (value < 0) {
        say_text("-");
        value = -value;
    }
    say_decimal(value);
}

static void say_list(const char *name, const uint32_t *values, size_t count) {
    say_text(",\"");
    say_text(name);
    say_text("\":[");
    for (size_t i = 0; i < count; i++) {
        say_text(i ? "," : "");
        say_decimal(values[i]);
    }
    say_text("]");
}

static void say_bytes(const char *name, const uint8_t *bytes, size_t count) {
    say_text(",\"");
    say_text(name);
    say_text("\":\"");
    for (size_t i = 0; i < count; i++) {
        char digits[3] = { "0123456789abcdef"[bytes[i] >> 4], "0123456789abcdef"[bytes[i] & 15], 0 };
        say_text(digits);
    }
    say_text("\"");
}

// As hil/tlsrig/encounter.py makes it: never a letter, at last a newline.
static uint8_t payload_byte(size_t position, size_t size) {
    return position == size - 1 ? '\n' : 0x80 | ((position * 37 + position / 127) & 0x7f);
}

static bool echo(size_t size, bool *whole) {
    uint8_t piece[PIECE_BYTES];
    size_t count;
    for (size_t done = 0; done < size; done += count) {
        count = size - done < PIECE_BYTES ? size - done : PIECE_BYTES;
        for (size_t i = 0; i < count; i++) {
            piece[i] = payload_byte(done + i, size);
        }
        if (!library_write(piece, count)) {
            return false;
        }
    }
    *whole = true;
    for (size_t done = 0; done < size; done += count) {
        count = size - done < PIECE_BYTES ? size - done : PIECE_BYTES;
        if (!library_read(piece, count)) {
            return false;
        }
        for (size_t i = 0; i < count; i++) {
            *whole = *whole && piece[i] == payload_byte(done + i, size);
        }
    }
    return true;
}

static void report(unsigned echoes, unsigned handshake_segments, uint64_t handshake_ticks,
    uint32_t empty_ticks) {
    say_text("HIL-REFERENCE {\"connected\":");
    say_text(account.connected ? "true" : "false");
    say_number("error", account.error);
    say_number("alert_sent", account.alert_sent);
    say_number("alert_received", account.alert_received);
    say_number("close_sent", account.close_sent);
    say_number("close_received", account.close_received);
    say_number("version", account.version);
    say_number("suite", account.suite);
    say_number("group", account.group);
    say_number("signature", account.signature);
    say_number("signatures_verified", account.signatures_verified);
    say_bytes("exporter", account.exporter, account.exported ? sizeof(account.exporter) : 0);
    uint32_t wholes[ECHOES_MAX];
    for (unsigned i = 0; i < echoes; i++) {
        wholes[i] = echoed[i];
    }
    say_list("echoes", wholes, echoes);
    say_number("wall_us", handshake_ticks / BOARD_TICKS_PER_US);
    say_number("segments", handshake_segments);
    say_number("empty_ticks", empty_ticks);  // of a segment with nothing in it
    say_list("ticks", segments.ticks, handshake_segments < SEGMENTS_MAX ? handshake_segments : SEGMENTS_MAX);
    say_number("verify_ticks", account.verify_ticks);
    say_number("exchange_ticks", account.exchange_ticks);
    say_number("heap_bytes", hil_heap_bytes_config);
    library_figures();
    say_text("}\r\n");
}

void port_main(void) {
    board_init();
    if (hil_parameters.magic != PARAMETERS_MAGIC || hil_parameters.echo_count > ECHOES_MAX) {
        say_text("HIL-BOOT a reference program was started without parameters\r\n");
        board_reset();
    }
    for (int i = 0; i < 2; i++) {
        segments.count = 0;
        segment_enter();
        segment_leave();
    }
    uint32_t empty_ticks = segments.ticks[0];
    segments.count = 0;
    __builtin_memset(&account, 0, sizeof(account));
    account.alert_sent = account.alert_received = -1;
    uint64_t began_at = board_ticks();
    segment_enter();
    account.connected = library_handshake();
    segment_leave();
    unsigned handshake_segments = segments.count;
    uint64_t handshake_ticks = board_ticks() - began_at;
    unsigned echoes = 0;
    segment_enter();
    bool standing = account.connected;
    while (standing && echoes < hil_parameters.echo_count) {
        standing = echo(hil_parameters.echo_bytes[echoes], &echoed[echoes]);
        echoes += standing;
    }
    if (standing) {
        library_close();
    }
    segment_leave();
    report(echoes, handshake_segments, handshake_ticks, empty_ticks);
    for (;;) {
        board_sleep(UINT32_MAX);
    }
}
