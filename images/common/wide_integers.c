// Python's long integers with digits of 32 bits on a machine with words of 32: what upstream's files
// lack then (wide_digits.h), and the operators of two integers in fewer steps.
//
// Upstream makes an object, then memory for its digits, with room for the worst case. Here the digits
// of a result are in the object itself: half as many pieces of memory. No integer changes once it is
// made, so nothing has to grow. The arithmetic is that of digits.c.

#include <string.h>

#include "py/objint.h"
#include "py/runtime.h"
#include "py/smallint.h"
#include "digits.h"

// What a division works on is on the stack up to here: a product of 256 bits, and its divisor.
enum { STACK_DIGITS = 32 };

_Static_assert(MPZ_DIG_SIZE == DIGIT_BITS && sizeof(mp_uint_t) == 4, "a digit is a word");

mp_obj_t int_binary_op_of_any_kind(mp_binary_op_t op, mp_obj_t left, mp_obj_t right);
bool int_to_bytes_of_any_kind(mp_obj_t number, bool big_endian, size_t size, byte *bytes);

// An integer with its digits.
typedef struct _whole_t {
    mp_obj_int_t number;
    digit_t digits[];
} whole_t;

// An operand: magnitude and sign. A small integer has its one digit here.
typedef struct _operand_t {
    const digit_t *digits;
    size_t size;
    bool negative;
    digit_t only;
} operand_t;

static whole_t *new_whole(size_t size) {
    whole_t *whole = mp_obj_malloc_var(whole_t, digits, digit_t, size, &mp_type_int);
    whole->number.mpz = (mpz_t) {
        .neg = 0, .fixed_dig = 1, .alloc = size, .len = size, .dig = whole->digits
    };
    return whole;
}

// Return what an expression has: without zeros on top, and small if it can be.
static mp_obj_t finished(whole_t *whole, size_t size, bool negative) {
    while (size > 0 && whole->digits[size - 1] == 0) {
        size -= 1;
    }
    if (size <= 1) {
        digit_t digit = size == 0 ? 0 : whole->digits[0];
        if (digit <= (digit_t)MP_SMALL_INT_MAX + negative) {
            return MP_OBJ_NEW_SMALL_INT(negative ? -digit : digit);
        }
    }
    whole->number.mpz.len = size;
    whole->number.mpz.neg = negative;
    return MP_OBJ_FROM_PTR(whole);
}

static bool take(operand_t *operand, mp_obj_t number) {
    if (mp_obj_is_small_int(number)) {
        mp_int_t value = MP_OBJ_SMALL_INT_VALUE(number);
        operand->negative = value < 0;
        operand->only = value < 0 ? -(digit_t)value : (digit_t)value;
        operand->digits = &operand->only;
        operand->size = value != 0;
        return true;
    }
    if (!mp_obj_is_exact_type(number, &mp_type_int)) {
        return false;
    }
    const mpz_t *mpz = &((mp_obj_int_t *)MP_OBJ_TO_PTR(number))->mpz;
    operand->negative = mpz->neg;
    operand->digits = mpz->dig;
    operand->size = mpz->len;
    return true;
}

static int compare(const operand_t *a, const operand_t *b) {
    if (a->size != b->size) {
        return a->size < b->size ? -1 : 1;
    }
    return digits_compare(a->digits, b->digits, a->size);
}

// a + b, or a - b if `turned`.
static mp_obj_t sum(const operand_t *a, const operand_t *b, bool turned) {
    bool negative = a->negative;
    bool apart = a->negative != (b->negative != turned);
    if (apart ? compare(a, b) < 0 : a->size < b->size) {
        const operand_t *other = a;
        a = b;
        b = other;
        negative = negative != apart;
    }
    if (apart) {
        whole_t *whole = new_whole(a->size);
        digits_subtract(whole->digits, a->digits, a->size, b->digits, b->size);
        return finished(whole, a->size, negative);
    }
    // One digit more only where there may be a carry: it can take another 16 bytes.
    size_t size = a->size;
    if (size == 0) {
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    digit_t top = a->digits[size - 1];
    digit_t room = ~(b->size == size ? b->digits[size - 1] : 0);
    bool may_carry = top >= room;
    whole_t *whole = new_whole(size + may_carry);
    digit_t carry = digits_add(whole->digits, a->digits, size, b->digits, b->size);
    if (may_carry) {
        whole->digits[size] = carry;
    }
    return finished(whole, size + may_carry, negative);
}

static mp_obj_t product(const operand_t *a, const operand_t *b) {
    if (a->size == 0 || b->size == 0) {
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    size_t size = a->size + b->size;
    whole_t *whole = new_whole(size);
    if (a->digits == b->digits) {
        digits_square(whole->digits, a->digits, a->size);
    } else {
        digits_multiply(whole->digits, a->digits, a->size, b->digits, b->size);
    }
    return finished(whole, size, a->negative != b->negative);
}

static mp_obj_t shifted_left(const operand_t *a, size_t bits) {
    if (a->size == 0) {
        return MP_OBJ_NEW_SMALL_INT(0);
    }
    size_t zeros = bits / DIGIT_BITS, rest = bits % DIGIT_BITS;
    bool more = rest != 0 && a->digits[a->size - 1] >> (DIGIT_BITS - rest) != 0;
    size_t size = zeros + a->size + more;
    whole_t *whole = new_whole(size);
    memset(whole->digits, 0, zeros * sizeof(digit_t));
    digit_t top = digits_shift_left(whole->digits + zeros, a->digits, a->size, rest);
    if (more) {
        whole->digits[size - 1] = top;
    }
    return finished(whole, size, a->negative);
}

// Rounded down: what is below zero gets one more if bits are lost.
static mp_obj_t shifted_right(const operand_t *a, size_t bits) {
    size_t skipped = bits / DIGIT_BITS, rest = bits % DIGIT_BITS;
    if (skipped >= a->size) {
        return MP_OBJ_NEW_SMALL_INT(a->negative ? -1 : 0);
    }
    size_t size = a->size - skipped;
    whole_t *whole = new_whole(size + a->negative);
    digits_shift_right(whole->digits, a->digits + skipped, size, rest);
    if (a->negative) {
        digit_t lost = a->digits[skipped] & (((digit_t)1 << rest) - 1);
        for (size_t i = 0; i < skipped; i++) {
            lost |= a->digits[i];
        }
        digit_t one = lost != 0;
        whole->digits[size] = digits_add(whole->digits, whole->digits, size, &one, 1);
    }
    return finished(whole, size + a->negative, a->negative);
}

// a & b, of which one at most is negative: as if it had infinitely many digits of ones.
static mp_obj_t common(const operand_t *a, const operand_t *b) {
    if (b->negative || (!a->negative && a->size < b->size)) {
        const operand_t *other = a;
        a = b;
        b = other;
    }
    size_t size = b->size;
    whole_t *whole = new_whole(size);
    if (!a->negative) {
        for (size_t i = 0; i < size; i++) {
            whole->digits[i] = a->digits[i] & b->digits[i];
        }
        return finished(whole, size, false);
    }
    digit_t carry = 1;
    for (size_t i = 0; i < size; i++) {
        digit_t digit = i < a->size ? ~a->digits[i] : ~(digit_t)0;
        digit += carry;
        carry = digit < carry;
        whole->digits[i] = digit & b->digits[i];
    }
    return finished(whole, size, false);
}

// a | b or a ^ b, neither negative.
static mp_obj_t joined(const operand_t *a, const operand_t *b, bool both) {
    if (a->size < b->size) {
        const operand_t *other = a;
        a = b;
        b = other;
    }
    whole_t *whole = new_whole(a->size);
    size_t i = 0;
    if (both) {
        for (; i < b->size; i++) {
            whole->digits[i] = a->digits[i] | b->digits[i];
        }
    } else {
        for (; i < b->size; i++) {
            whole->digits[i] = a->digits[i] ^ b->digits[i];
        }
    }
    for (; i < a->size; i++) {
        whole->digits[i] = a->digits[i];
    }
    return finished(whole, a->size, false);
}

// a % b with b positive and of two digits at least: between 0 and b also if a is negative.
static mp_obj_t remainder(const operand_t *a, const operand_t *b) {
    size_t size = b->size;
    if (a->size < size) {
        return MP_OBJ_NULL;
    }
    unsigned shift = 0;
    for (digit_t top = b->digits[size - 1]; top >> (DIGIT_BITS - 1) == 0; top <<= 1) {
        shift += 1;
    }
    size_t room = a->size + 1 + size;
    digit_t *number = room <= STACK_DIGITS ? alloca(room * sizeof(digit_t)) : m_new(digit_t, room);
    digit_t *divisor = number + a->size + 1;
    digits_shift_left(divisor, b->digits, size, shift);
    number[a->size] = digits_shift_left(number, a->digits, a->size, shift);
    digits_reduce(number, a->size + 1, divisor, size);
    whole_t *whole = new_whole(size);
    digits_shift_right(whole->digits, number, size, shift);
    if (room > STACK_DIGITS) {
        m_del(digit_t, number, room);
    }
    mp_obj_t rest = finished(whole, size, false);
    if (a->negative && rest != MP_OBJ_NEW_SMALL_INT(0)) {
        digits_subtract(whole->digits, b->digits, size, whole->digits, size);
        rest = finished(whole, size, false);
    }
    return rest;
}

static mp_obj_t of_operands(mp_binary_op_t op, const operand_t *a, const operand_t *b) {
    switch (op) {
        case MP_BINARY_OP_ADD:
        case MP_BINARY_OP_INPLACE_ADD:
            return sum(a, b, false);
        case MP_BINARY_OP_SUBTRACT:
        case MP_BINARY_OP_INPLACE_SUBTRACT:
            return sum(a, b, true);
        case MP_BINARY_OP_MULTIPLY:
        case MP_BINARY_OP_INPLACE_MULTIPLY:
            return product(a, b);
        case MP_BINARY_OP_AND:
        case MP_BINARY_OP_INPLACE_AND:
            return a->negative && b->negative ? MP_OBJ_NULL : common(a, b);
        case MP_BINARY_OP_OR:
        case MP_BINARY_OP_INPLACE_OR:
            return a->negative || b->negative ? MP_OBJ_NULL : joined(a, b, true);
        case MP_BINARY_OP_XOR:
        case MP_BINARY_OP_INPLACE_XOR:
            return a->negative || b->negative ? MP_OBJ_NULL : joined(a, b, false);
        case MP_BINARY_OP_LSHIFT:
        case MP_BINARY_OP_INPLACE_LSHIFT:
            return b->negative || b->size != 1 ? MP_OBJ_NULL : shifted_left(a, b->digits[0]);
        case MP_BINARY_OP_RSHIFT:
        case MP_BINARY_OP_INPLACE_RSHIFT:
            return b->negative || b->size != 1 ? MP_OBJ_NULL : shifted_right(a, b->digits[0]);
        case MP_BINARY_OP_MODULO:
        case MP_BINARY_OP_INPLACE_MODULO:
            return b->negative || b->size < 2 ? MP_OBJ_NULL : remainder(a, b);
        default:
            return MP_OBJ_NULL;
    }
}

mp_obj_t mp_obj_int_binary_op(mp_binary_op_t op, mp_obj_t left, mp_obj_t right) {
    operand_t a, b;
    mp_obj_t result = MP_OBJ_NULL;
    if (take(&a, left) && take(&b, right)) {
        result = of_operands(op, &a, &b);
        // The collector sees the numbers up to here: a place inside one does not keep it alive.
        __asm volatile ("" : : "r" (left), "r" (right));
    }
    return result != MP_OBJ_NULL ? result : int_binary_op_of_any_kind(op, left, right);
}

mp_obj_t mp_obj_int_from_bytes_impl(bool big_endian, size_t size, const byte *bytes) {
    size_t count = (size + sizeof(digit_t) - 1) / sizeof(digit_t);
    whole_t *whole = new_whole(count);
    const byte *from = big_endian ? bytes + size : bytes;
    for (size_t i = 0; i < count; i++) {
        digit_t digit = 0;
        for (unsigned at = 0; at < DIGIT_BITS && size > 0; at += 8, size--) {
            digit |= (digit_t)(big_endian ? *--from : *from++) << at;
        }
        whole->digits[i] = digit;
    }
    return finished(whole, count, false);
}

bool mp_obj_int_to_bytes_impl(mp_obj_t number, bool big_endian, size_t size, byte *bytes) {
    operand_t a;
    take(&a, number);
    if (a.negative || size < a.size * sizeof(digit_t)) {
        return int_to_bytes_of_any_kind(number, big_endian, size, bytes);
    }
    byte *to = big_endian ? bytes + size : bytes;
    for (size_t i = 0; i < a.size; i++) {
        digit_t digit = a.digits[i];
        for (unsigned at = 0; at < DIGIT_BITS; at += 8, digit >>= 8) {
            if (big_endian) {
                *--to = (byte)digit;
            } else {
                *to++ = (byte)digit;
            }
        }
    }
    memset(big_endian ? bytes : to, 0, size - a.size * sizeof(digit_t));
    return true;
}

void mpz_set_from_int(mpz_t *z, mp_int_t value) {
    z->neg = value < 0;
    z->len = value != 0;
    if (value != 0) {
        if (z->alloc == 0) {
            z->dig = m_new(mpz_dig_t, 2);
            z->alloc = 2;
        }
        z->dig[0] = value < 0 ? -(mp_uint_t)value : (mp_uint_t)value;
    }
}

mp_int_t mpz_hash(const mpz_t *z) {
    mp_uint_t low = z->len == 0 ? 0 : z->dig[0];
    return z->neg ? -low : low;
}

bool mpz_as_int_checked(const mpz_t *z, mp_int_t *value) {
    if (z->len > 1 || (z->len == 1 && z->dig[0] >> (DIGIT_BITS - 1) != 0)) {
        return false;
    }
    *value = mpz_hash(z);
    return true;
}

bool mpz_as_uint_checked(const mpz_t *z, mp_uint_t *value) {
    if (z->neg || z->len > 1) {
        return false;
    }
    *value = mpz_hash(z);
    return true;
}
