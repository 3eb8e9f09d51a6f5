// Included before py/mpz.c and py/objint_mpz.c where integers have digits of 32 bits although a word
// has 32 too (MPZ_DIG_SIZE): wide_integers.c has what upstream's files lack then, and what is quicker.
//
// Upstream's functions work with such digits where a word has 64 bits. Those few that shift a word by
// the size of a digit are weak here, so that those of wide_integers.c are called instead of them.

#include "py/objint.h"
#include "py/runtime.h"

#undef MPZ_LONG_1
#define MPZ_LONG_1 1LL
// A number's place on the stack: upstream takes two digits at least.
#undef MPZ_NUM_DIG_FOR_INT
#define MPZ_NUM_DIG_FOR_INT 2

__attribute__((weak)) void mpz_set_from_int(mpz_t *z, mp_int_t value);
__attribute__((weak)) mp_int_t mpz_hash(const mpz_t *z);
__attribute__((weak)) bool mpz_as_int_checked(const mpz_t *z, mp_int_t *value);
__attribute__((weak)) bool mpz_as_uint_checked(const mpz_t *z, mp_uint_t *value);
__attribute__((weak)) mp_obj_t mp_obj_int_from_bytes_impl(
    bool big_endian, size_t size, const byte *bytes);

// What wide_integers.c leaves to upstream's.
#define mp_obj_int_binary_op int_binary_op_of_any_kind
#define mp_obj_int_to_bytes_impl int_to_bytes_of_any_kind
mp_obj_t int_binary_op_of_any_kind(mp_binary_op_t op, mp_obj_t left, mp_obj_t right);
bool int_to_bytes_of_any_kind(mp_obj_t number, bool big_endian, size_t size, byte *bytes);
