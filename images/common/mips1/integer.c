// The arithmetic a MIPS-I compiler asks a library for. Debian's libgcc cannot be used: it is built
// for MIPS32 release 2 with the calling convention of shared libraries.
//
// Names and meanings: "GCC Internals", chapter "The GCC low-level runtime library". Only what the
// firmware uses is linked; that none is missing shows when linking. 64-bit values are taken apart
// by constant shifts of 32, which are no instruction at all. Tested on the host by
// tests/unit/test_mips_integer.py.

#include <stdint.h>

#define HIGH(value) ((uint32_t)((uint64_t)(value) >> 32))
#define LOW(value)  ((uint32_t)(value))
#define JOINED(high, low) ((uint64_t)(high) << 32 | (low))

uint64_t __ashldi3(uint64_t value, int bits);
uint64_t __lshrdi3(uint64_t value, int bits);
int64_t __ashrdi3(int64_t value, int bits);
int __clzsi2(uint32_t value);
int __clzdi2(uint64_t value);
int __ctzsi2(uint32_t value);
int __popcountsi2(uint32_t value);
uint32_t __bswapsi2(uint32_t value);
uint64_t __bswapdi2(uint64_t value);
uint64_t __udivdi3(uint64_t dividend, uint64_t divisor);
uint64_t __umoddi3(uint64_t dividend, uint64_t divisor);
int64_t __divdi3(int64_t dividend, int64_t divisor);
int64_t __moddi3(int64_t dividend, int64_t divisor);

uint64_t __ashldi3(uint64_t value, int bits) {
    if (bits >= 32) {
        return JOINED(LOW(value) << (bits - 32), 0);
    }
    if (bits == 0) {
        return value;
    }
    return JOINED(HIGH(value) << bits | LOW(value) >> (32 - bits), LOW(value) << bits);
}

uint64_t __lshrdi3(uint64_t value, int bits) {
    if (bits >= 32) {
        return HIGH(value) >> (bits - 32);
    }
    if (bits == 0) {
        return value;
    }
    return JOINED(HIGH(value) >> bits, LOW(value) >> bits | HIGH(value) << (32 - bits));
}

int64_t __ashrdi3(int64_t value, int bits) {
    int32_t high = (int32_t)HIGH(value);
    if (bits >= 32) {
        return high >> (bits - 32);
    }
    if (bits == 0) {
        return value;
    }
    return JOINED((uint32_t)(high >> bits), LOW(value) >> bits | HIGH(value) << (32 - bits));
}

int __clzsi2(uint32_t value) {
    int zeros = 32;
    for (; value != 0; value >>= 1) {
        zeros -= 1;
    }
    return zeros;
}

int __clzdi2(uint64_t value) {
    return HIGH(value) != 0 ? __clzsi2(HIGH(value)) : 32 + __clzsi2(LOW(value));
}

int __ctzsi2(uint32_t value) {
    return 31 - __clzsi2(value & -value);
}

int __popcountsi2(uint32_t value) {
    int ones = 0;
    for (; value != 0; value &= value - 1) {
        ones += 1;
    }
    return ones;
}

uint32_t __bswapsi2(uint32_t value) {
    return value << 24 | (value & 0xff00) << 8 | (value >> 8 & 0xff00) | value >> 24;
}

uint64_t __bswapdi2(uint64_t value) {
    return JOINED(__bswapsi2(LOW(value)), __bswapsi2(HIGH(value)));
}

// Long division, a bit of the quotient at a time. As the remainder is below the divisor, doubling it
// may carry one bit out at the top: it is then certainly not below it.
static uint64_t divide(uint64_t dividend, uint64_t divisor, uint64_t *remainder) {
    uint64_t rest = 0;
    for (int i = 0; i < 64; i++) {
        uint32_t carry = HIGH(rest) >> 31;
        rest = rest + rest + (HIGH(dividend) >> 31);
        dividend += dividend;
        if (carry || rest >= divisor) {
            rest -= divisor;
            dividend += 1;
        }
    }
    *remainder = rest;
    return dividend;
}

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor) {
    uint64_t remainder;
    return divide(dividend, divisor, &remainder);
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor) {
    uint64_t remainder;
    divide(dividend, divisor, &remainder);
    return remainder;
}

static uint64_t magnitude(int64_t value) {
    return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

int64_t __divdi3(int64_t dividend, int64_t divisor) {
    uint64_t quotient = __udivdi3(magnitude(dividend), magnitude(divisor));
    return (int32_t)(HIGH(dividend) ^ HIGH(divisor)) < 0 ? -quotient : quotient;
}

int64_t __moddi3(int64_t dividend, int64_t divisor) {
    uint64_t remainder = __umoddi3(magnitude(dividend), magnitude(divisor));
    return dividend < 0 ? -remainder : remainder;
}
