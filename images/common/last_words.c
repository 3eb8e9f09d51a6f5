// Prints the last line of a crashed program; see last_words.h.

#include "board.h"
#include "last_words.h"

// If the host has stopped reading the console, the line is lost rather than the machine stuck.
#define TRIES (10000000)

static void say(const char *text) {
    for (; *text != 0; text++) {
        for (uint32_t tries = 0; tries < TRIES && !board_uart_give(BOARD_CONSOLE, *text); tries++) {
        }
    }
}

void last_words_begin(void) {
    say("\r\nHIL-FAULT");
}

void last_words_note(const char *word) {
    say(" ");
    say(word);
}

void last_words_value(const char *name, uint32_t value) {
    char digits[9] = { 0 };
    for (int i = 7; i >= 0; i--, value >>= 4) {
        digits[i] = "0123456789abcdef"[value & 15];
    }
    last_words_note(name);
    say("=");
    say(digits);
}

void last_words_end(void) {
    say("\r\n");
    board_reset();
}
