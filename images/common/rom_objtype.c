// Upstream's py/objtype.c, so that classes can be constant: compiled in its place.
//
// Two things differ. The functions a class consists of get names that can be linked to. And a class
// does not note that it was subclassed: if it is in flash it cannot (a constant class has the flag
// from the start if it has subclasses in flash). The flag only keeps a program from adding
// __setattr__ and the like to a class after it was subclassed; here that is not noticed.

#include "py/obj.h"

#undef MP_TYPE_FLAG_IS_SUBCLASSED
#define MP_TYPE_FLAG_IS_SUBCLASSED (0)

#include "py/objtype.c"
#include "common/rom.h"

#define ALIAS(name) __attribute__((alias(#name)))

mp_obj_t rom_instance_make_new(const mp_obj_type_t *, size_t, size_t, const mp_obj_t *)
ALIAS(mp_obj_instance_make_new);
void rom_instance_print(const mp_print_t *, mp_obj_t, mp_print_kind_t) ALIAS(instance_print);
mp_obj_t rom_instance_unary_op(mp_unary_op_t, mp_obj_t) ALIAS(instance_unary_op);
mp_obj_t rom_instance_binary_op(mp_binary_op_t, mp_obj_t, mp_obj_t) ALIAS(instance_binary_op);
mp_obj_t rom_instance_subscr(mp_obj_t, mp_obj_t, mp_obj_t) ALIAS(instance_subscr);
mp_int_t rom_instance_get_buffer(mp_obj_t, mp_buffer_info_t *, mp_uint_t) ALIAS(instance_get_buffer);

// An instance may be constant as well: storing into it is the ordinary AttributeError.
void rom_instance_attr(mp_obj_t self, qstr attribute, mp_obj_t *dest) {
    if (dest[0] != MP_OBJ_NULL && ((mp_obj_instance_t *)MP_OBJ_TO_PTR(self))->members.is_fixed) {
        return;
    }
    mp_obj_instance_attr(self, attribute, dest);
}
