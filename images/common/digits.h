// Arithmetic of natural numbers that are arrays of digits of 32 bits, the least significant first.
//
// Nothing here allocates or knows of Python. Sizes count digits; numbers may have zeros on top.
// Tested on the host by tests/unit/test_digits.py.

#ifndef HIL_DIGITS_H
#define HIL_DIGITS_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t digit_t;

enum { DIGIT_BITS = 32 };

// The sign of a - b, both of `size` digits.
int digits_compare(const digit_t *a, const digit_t *b, size_t size);

// sum = a + b and the carry out of its `a_size` digits; a_size >= b_size. `sum` may be one of both.
digit_t digits_add(digit_t *sum, const digit_t *a, size_t a_size, const digit_t *b, size_t b_size);

// difference = a - b, of `a_size` digits; a >= b, a_size >= b_size. It may be one of both.
void digits_subtract(
    digit_t *difference, const digit_t *a, size_t a_size, const digit_t *b, size_t b_size);

// product = a * b, of a_size + b_size digits, at a place of its own.
void digits_multiply(
    digit_t *product, const digit_t *a, size_t a_size, const digit_t *b, size_t b_size);

// square = a * a, of 2 * size digits, at a place of its own: half as many products.
void digits_square(digit_t *square, const digit_t *a, size_t size);

// to = from << bits, and what is pushed out at the top; bits < 32. From the top down: `to` may be
// `from` or above it.
digit_t digits_shift_left(digit_t *to, const digit_t *from, size_t size, unsigned bits);

// to = from >> bits; bits < 32. From the foot up: `to` may be `from` or below it.
void digits_shift_right(digit_t *to, const digit_t *from, size_t size, unsigned bits);

// number = number % divisor in its lowest `divisor_size` digits; what is above is destroyed. Both were
// shifted left so far that the divisor has its topmost bit; size > divisor_size >= 2, and the topmost
// digit of the number is below that of the divisor.
void digits_reduce(digit_t *number, size_t size, const digit_t *divisor, size_t divisor_size);

#endif // HIL_DIGITS_H
