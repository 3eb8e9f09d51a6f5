// What the constant objects of images/common/rom refer to beside MicroPython's own headers.

#ifndef HIL_ROM_H
#define HIL_ROM_H

#include "py/frozenmod.h"
#include "py/obj.h"
#include "py/runtime.h"

// All placed modules, by their full dotted names (written by the build).
extern const mp_map_t rom_modules;

// The functions of py/objtype.c that make a type one of Python's classes (rom_objtype.c).
mp_obj_t rom_instance_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args);
void rom_instance_print(const mp_print_t *print, mp_obj_t self, mp_print_kind_t kind);
mp_obj_t rom_instance_unary_op(mp_unary_op_t op, mp_obj_t self);
mp_obj_t rom_instance_binary_op(mp_binary_op_t op, mp_obj_t left, mp_obj_t right);
void rom_instance_attr(mp_obj_t self, qstr attribute, mp_obj_t *dest);
mp_obj_t rom_instance_subscr(mp_obj_t self, mp_obj_t index, mp_obj_t value);
mp_int_t rom_instance_get_buffer(mp_obj_t self, mp_buffer_info_t *info, mp_uint_t flags);

// As in py/objproperty.c and py/objclosure.c, where they are private.
typedef struct _rom_property_t {
    mp_obj_base_t base;
    mp_rom_obj_t proxies[3];
} rom_property_t;

typedef struct _rom_closure_t {
    mp_obj_base_t base;
    mp_rom_obj_t function;
    size_t closed_over;
    mp_rom_obj_t cells[];
} rom_closure_t;

extern const mp_obj_type_t mp_type_closure;

#endif // HIL_ROM_H
