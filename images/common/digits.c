// See digits.h. Written for cores that multiply two words into two and divide one by one: MIPS-I.

#include "digits.h"

int digits_compare(const digit_t *a, const digit_t *b, size_t size) {
    while (size-- > 0) {
        if (a[size] != b[size]) {
            return a[size] < b[size] ? -1 : 1;
        }
    }
    return 0;
}

digit_t digits_add(digit_t *sum, const digit_t *a, size_t a_size, const digit_t *b, size_t b_size) {
    digit_t carry = 0;
    size_t i = 0;
    for (; i < b_size; i++) {
        digit_t digit = a[i] + carry;
        carry = digit < carry;
        digit += b[i];
        carry += digit < b[i];
        sum[i] = digit;
    }
    for (; i < a_size; i++) {
        digit_t digit = a[i] + carry;
        carry = digit < carry;
        sum[i] = digit;
    }
    return carry;
}

void digits_subtract(
    digit_t *difference, const digit_t *a, size_t a_size, const digit_t *b, size_t b_size) {
    digit_t borrow = 0;
    size_t i = 0;
    for (; i < b_size; i++) {
        digit_t digit = a[i], less = b[i] + borrow;
        // Where that came round to zero the borrow stays what it is.
        borrow = less < borrow;
        difference[i] = digit - less;
        borrow += digit < less;
    }
    for (; i < a_size; i++) {
        digit_t digit = a[i];
        difference[i] = digit - borrow;
        borrow = digit < borrow;
    }
}

// row += a * factor; returns the digit above it.
static inline digit_t add_multiple(digit_t *row, const digit_t *a, size_t size, digit_t factor) {
    digit_t carry = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t sum = (uint64_t)a[i] * factor + row[i] + carry;
        row[i] = (digit_t)sum;
        carry = (digit_t)(sum >> DIGIT_BITS);
    }
    return carry;
}

// row = a * factor; returns the digit above it.
static inline digit_t set_multiple(digit_t *row, const digit_t *a, size_t size, digit_t factor) {
    digit_t carry = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t sum = (uint64_t)a[i] * factor + carry;
        row[i] = (digit_t)sum;
        carry = (digit_t)(sum >> DIGIT_BITS);
    }
    return carry;
}

void digits_multiply(
    digit_t *product, const digit_t *a, size_t a_size, const digit_t *b, size_t b_size) {
    if (a_size < b_size) {  // the inner loop is the long one
        digits_multiply(product, b, b_size, a, a_size);
        return;
    }
    product[a_size] = set_multiple(product, a, a_size, b[0]);
    for (size_t i = 1; i < b_size; i++) {
        product[a_size + i] = add_multiple(product + i, a, a_size, b[i]);
    }
}

void digits_square(digit_t *square, const digit_t *a, size_t size) {
    // The products of two different digits first, each once.
    square[0] = 0;
    square[size] = set_multiple(square + 1, a + 1, size - 1, a[0]);
    for (size_t i = 1; i < size; i++) {
        square[size + i] = add_multiple(square + 2 * i + 1, a + i + 1, size - 1 - i, a[i]);
    }
    // Then all of it twice, and the squares of the digits.
    digit_t carry = 0, pushed_out = 0;
    for (size_t i = 0; i < size; i++) {
        digit_t low = square[2 * i], high = square[2 * i + 1];
        uint64_t sum = (uint64_t)a[i] * a[i] + (low << 1 | pushed_out) + carry;
        pushed_out = high >> (DIGIT_BITS - 1);
        high = high << 1 | low >> (DIGIT_BITS - 1);
        square[2 * i] = (digit_t)sum;
        sum = (sum >> DIGIT_BITS) + high;
        square[2 * i + 1] = (digit_t)sum;
        carry = (digit_t)(sum >> DIGIT_BITS);
    }
}

digit_t digits_shift_left(digit_t *to, const digit_t *from, size_t size, unsigned bits) {
    if (bits == 0) {
        while (size-- > 0) {
            to[size] = from[size];
        }
        return 0;
    }
    unsigned rest = DIGIT_BITS - bits;
    digit_t above = 0;
    digit_t pushed_out = from[size - 1] >> rest;
    while (size-- > 0) {
        above = from[size];
        to[size] = above << bits | (size > 0 ? from[size - 1] >> rest : 0);
    }
    return pushed_out;
}

void digits_shift_right(digit_t *to, const digit_t *from, size_t size, unsigned bits) {
    if (bits == 0) {
        for (size_t i = 0; i < size; i++) {
            to[i] = from[i];
        }
        return;
    }
    unsigned rest = DIGIT_BITS - bits;
    digit_t digit = from[0];
    for (size_t i = 1; i < size; i++) {
        digit_t next = from[i];
        to[i - 1] = digit >> bits | next << rest;
        digit = next;
    }
    to[size - 1] = digit >> bits;
}

// The quotient of (high, low) by a divisor with its topmost bit, high < divisor: half a digit of it at
// a time, as with pen and paper (Knuth, The Art of Computer Programming 2, section 4.3.1).
static digit_t divide(digit_t high, digit_t low, digit_t divisor) {
    const digit_t half = 0xffff;
    digit_t first = divisor >> 16, second = divisor & half, quotient = 0;
    for (int i = 0; i < 2; i++) {
        digit_t guess = high / first, rest = high % first;
        digit_t next = low >> 16;
        while (guess > half || guess * second > (rest << 16 | next)) {
            guess -= 1;
            rest += first;
            if (rest > half) {
                break;
            }
        }
        high = (high << 16 | next) - guess * divisor;
        low <<= 16;
        quotient = quotient << 16 | guess;
    }
    return quotient;
}

// number -= divisor * factor; returns what is to be taken from the digit above.
static inline digit_t take_multiple(
    digit_t *number, const digit_t *divisor, size_t size, digit_t factor) {
    digit_t carry = 0;
    for (size_t i = 0; i < size; i++) {
        uint64_t multiple = (uint64_t)divisor[i] * factor + carry;
        digit_t low = (digit_t)multiple, digit = number[i];
        number[i] = digit - low;
        carry = (digit_t)(multiple >> DIGIT_BITS) + (digit < low);
    }
    return carry;
}

// A digit of the quotient is guessed from the two topmost of the number and corrected by the third
// (Knuth's algorithm D); they are divided by a product with the divisor's reciprocal (Moeller and
// Granlund, Improved division by invariant integers, algorithm 4).
void digits_reduce(digit_t *number, size_t size, const digit_t *divisor, size_t divisor_size) {
    digit_t first = divisor[divisor_size - 1], second = divisor[divisor_size - 2];
    digit_t reciprocal = divide(~first, ~(digit_t)0, first);
    for (size_t i = size - divisor_size; i-- > 0;) {
        digit_t *top = number + i + divisor_size;
        digit_t guess = ~(digit_t)0;
        if (top[0] < first) {
            uint64_t quotient = (uint64_t)reciprocal * top[0] + ((uint64_t)top[0] << 32 | top[-1]);
            guess = (digit_t)(quotient >> DIGIT_BITS) + 1;
            digit_t rest = top[-1] - guess * first;
            if (rest > (digit_t)quotient) {
                guess -= 1;
                rest += first;
            }
            if (rest >= first) {
                guess += 1;
                rest -= first;
            }
            while ((uint64_t)guess * second > ((uint64_t)rest << 32 | top[-2])) {
                guess -= 1;
                rest += first;
                if (rest < first) {
                    break;
                }
            }
        }
        digit_t taken = take_multiple(number + i, divisor, divisor_size, guess);
        if (top[0] < taken) {  // one too much, which is rare
            digits_add(number + i, number + i, divisor_size, divisor, divisor_size);
        }
        top[0] = 0;
    }
}
