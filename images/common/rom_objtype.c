// Upstream's py/objtype.c, so that classes can be constant: compiled in its place.
//
// Three things differ. The functions a class consists of get names that can be linked to. And a class
// does not note that it was subclassed: if it is in flash it cannot (a constant class has the flag
// from the start if it has subclasses in flash). The flag only keeps a program from adding
// __setattr__ and the like to a class after it was subclassed; here that is not noticed. And an instance
// has room for its attributes from the start, as many as its class says (rom/members.py).

#include "py/obj.h"

#undef MP_TYPE_FLAG_IS_SUBCLASSED
#define MP_TYPE_FLAG_IS_SUBCLASSED (0)

// Above upstream's flags; an even number, since two elements are a block of the heap.
#define MEMBERS_SHIFT (10)
_Static_assert(MP_TYPE_FLAG_INSTANCE_TYPE < 1 << MEMBERS_SHIFT, "a flag is where the members are");
#define MEMBERS_OF(type) ((((type)->flags >> MEMBERS_SHIFT) + 1) & ~(size_t)1)

static inline void start_members(mp_map_t *map, const mp_obj_type_t *type) {
    mp_map_init(map, MEMBERS_OF(type));
}
#define mp_map_init(map, none) start_members((map), class)

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
