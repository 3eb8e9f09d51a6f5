// Included before py/vm.c where there is flash for it: the operators of small integers, items of tuples,
// lists and bytes, and long integers without the functions that find out what operands are.
//
// Whatever is not quite ordinary goes the long way: it is upstream's functions that raise.

#include <string.h>

#include "py/objarray.h"
#include "py/objint.h"
#include "py/objlist.h"
#include "py/objstr.h"
#include "py/objtuple.h"
#include "py/runtime.h"
#include "py/smallint.h"

#if MICROPY_OBJ_REPR != MICROPY_OBJ_REPR_A
#error "small integers are told by their lowest bit"
#endif

static inline mp_obj_t of_value(mp_binary_op_t op, mp_obj_t left, mp_obj_t right, mp_int_t value) {
    return MP_SMALL_INT_FITS(value) ? MP_OBJ_NEW_SMALL_INT(value) : mp_binary_op(op, left, right);
}

// The operators of ciphers first: they leave the lowest bit as it is, or need it put back.
static inline mp_obj_t of_small(mp_binary_op_t op, mp_obj_t left, mp_obj_t right) {
    if (op == MP_BINARY_OP_XOR || op == MP_BINARY_OP_INPLACE_XOR) {
        return (mp_obj_t)(((mp_uint_t)left ^ (mp_uint_t)right) | 1);
    }
    if (op == MP_BINARY_OP_AND) {
        return (mp_obj_t)((mp_uint_t)left & (mp_uint_t)right);
    }
    mp_int_t a = MP_OBJ_SMALL_INT_VALUE(left), b = MP_OBJ_SMALL_INT_VALUE(right);
    switch (op) {
        case MP_BINARY_OP_ADD:
        case MP_BINARY_OP_INPLACE_ADD:
            return of_value(op, left, right, a + b);
        case MP_BINARY_OP_SUBTRACT:
        case MP_BINARY_OP_INPLACE_SUBTRACT:
            return of_value(op, left, right, a - b);
        case MP_BINARY_OP_INPLACE_AND:
            return MP_OBJ_NEW_SMALL_INT(a & b);
        case MP_BINARY_OP_OR:
        case MP_BINARY_OP_INPLACE_OR:
            return MP_OBJ_NEW_SMALL_INT(a | b);
        case MP_BINARY_OP_RSHIFT:
        case MP_BINARY_OP_INPLACE_RSHIFT:
            if ((mp_uint_t)b < 8 * sizeof(mp_int_t)) {
                return MP_OBJ_NEW_SMALL_INT(a >> b);
            }
            break;
        case MP_BINARY_OP_LSHIFT:
        case MP_BINARY_OP_INPLACE_LSHIFT:
            if ((mp_uint_t)b < MP_SMALL_INT_BITS && a >> (MP_SMALL_INT_BITS - 1 - b) == 0) {
                return MP_OBJ_NEW_SMALL_INT(a << b);
            }
            break;
        case MP_BINARY_OP_LESS:
            return mp_obj_new_bool(a < b);
        case MP_BINARY_OP_MORE:
            return mp_obj_new_bool(a > b);
        case MP_BINARY_OP_LESS_EQUAL:
            return mp_obj_new_bool(a <= b);
        case MP_BINARY_OP_MORE_EQUAL:
            return mp_obj_new_bool(a >= b);
        case MP_BINARY_OP_EQUAL:
            return mp_obj_new_bool(a == b);
        case MP_BINARY_OP_NOT_EQUAL:
            return mp_obj_new_bool(a != b);
        default:
            break;
    }
    return mp_binary_op(op, left, right);
}

static inline mp_obj_t quick_binary_op(mp_binary_op_t op, mp_obj_t left, mp_obj_t right) {
    if (((mp_uint_t)left & (mp_uint_t)right & 1) != 0) {
        return of_small(op, left, right);
    }
    if (op >= MP_BINARY_OP_INPLACE_OR && op <= MP_BINARY_OP_POWER
        && mp_obj_is_exact_type(mp_obj_is_small_int(left) ? right : left, &mp_type_int)) {
        mp_obj_t result = mp_obj_int_binary_op(op, left, right);
        if (result != MP_OBJ_NULL) {
            return result;
        }
    }
    return mp_binary_op(op, left, right);
}

static inline mp_obj_t quick_subscr(mp_obj_t base, mp_obj_t index, mp_obj_t value) {
    if (mp_obj_is_small_int(index) && mp_obj_is_obj(base)) {
        const mp_obj_type_t *type = ((mp_obj_base_t *)MP_OBJ_TO_PTR(base))->type;
        size_t place = (size_t)MP_OBJ_SMALL_INT_VALUE(index);  // none if it counts from the end
        if (type == &mp_type_tuple) {
            mp_obj_tuple_t *tuple = MP_OBJ_TO_PTR(base);
            if (place < tuple->len && value == MP_OBJ_SENTINEL) {
                return tuple->items[place];
            }
        } else if (type == &mp_type_bytes) {
            mp_obj_str_t *bytes = MP_OBJ_TO_PTR(base);
            if (place < bytes->len && value == MP_OBJ_SENTINEL) {
                return MP_OBJ_NEW_SMALL_INT(bytes->data[place]);
            }
        } else if (type == &mp_type_bytearray) {
            mp_obj_array_t *array = MP_OBJ_TO_PTR(base);
            if (place < array->len && value == MP_OBJ_SENTINEL) {
                return MP_OBJ_NEW_SMALL_INT(((byte *)array->items)[place]);
            }
        } else if (type == &mp_type_list) {
            mp_obj_list_t *list = MP_OBJ_TO_PTR(base);
            if (place < list->len && value == MP_OBJ_SENTINEL) {
                return list->items[place];
            }
        }
    }
    return mp_obj_subscr(base, index, value);
}

#define mp_binary_op quick_binary_op
#define mp_obj_subscr quick_subscr
