// The one line a crashed program leaves on the console before the machine is reset:
//
//     HIL-FAULT exception=… sp=… pc=… address=…
//
// Begin, add what is known, end. Every port has these four; `pc` is where it happened, `address` what
// was touched if that is the trouble. Hexadecimal, eight digits. More may follow or stand between.
// Uses nothing of MicroPython, whose state may be what broke.

#ifndef HIL_LAST_WORDS_H
#define HIL_LAST_WORDS_H

#include <stdint.h>

void last_words_begin(void);
void last_words_note(const char *word);
void last_words_value(const char *name, uint32_t value);
__attribute__((noreturn)) void last_words_end(void);

#endif // HIL_LAST_WORDS_H
