// Upstream's py/map.c with a shorter way to names, which is what nearly all look-ups are for: compiled
// in its place.
//
// Every method called on an object is looked up among the object's own attributes first, where it is
// not: a table that is full is then read to its end. Upstream divides at each step of that, and takes
// twice as many instructions as this. Behind it what the bytecode loop calls for names (quick_names.h).

#include "py/obj.h"
#include "py/objtype.h"
#include "py/runtime.h"

#undef MICROPY_WRAP_MP_MAP_LOOKUP
#define MICROPY_WRAP_MP_MAP_LOOKUP(name) map_lookup_of_any_kind
mp_map_elem_t *map_lookup_of_any_kind(mp_map_t *map, mp_obj_t index, mp_map_lookup_kind_t kind);

#include "py/map.c"

// A table this small is read from its beginning: the hash would take as long.
#define SMALL (6)

static mp_map_elem_t *found_between(mp_map_elem_t *slot, mp_map_elem_t *end, mp_obj_t name) {
    for (; slot < end; slot++) {
        if (slot->key == name) {
            return slot;
        }
    }
    return NULL;
}

// Returns the place of a name in a table of names, or NULL.
static mp_map_elem_t *find_name(mp_map_t *map, mp_obj_t name) {
    mp_map_elem_t *table = map->table, *end = table + map->alloc;
    if (map->is_ordered || map->alloc <= SMALL) {
        return found_between(table, map->is_ordered ? table + map->used : end, name);
    }
    mp_map_elem_t *from = table + qstr_hash(MP_OBJ_QSTR_VALUE(name)) % map->alloc;
    for (mp_map_elem_t *slot = from; slot < end; slot++) {
        if (slot->key == name) {
            return slot;
        }
        if (slot->key == MP_OBJ_NULL) {
            return NULL;
        }
    }
    return found_between(table, from, name);
}

// Returns the place of a name in a table of names, or NULL; where it was last is looked at first.
static inline mp_map_elem_t *known_name(mp_map_t *map, mp_obj_t name) {
    size_t place = MAP_CACHE_ENTRY(name);
    if (place < map->alloc && map->table[place].key == name) {
        return &map->table[place];
    }
    mp_map_elem_t *slot = find_name(map, name);
    if (slot != NULL) {
        MAP_CACHE_SET(name, slot - map->table);
    }
    return slot;
}

mp_map_elem_t *mp_map_lookup(mp_map_t *map, mp_obj_t index, mp_map_lookup_kind_t kind) {
    if (kind != MP_MAP_LOOKUP_REMOVE_IF_FOUND && map->all_keys_are_qstrs && mp_obj_is_qstr(index)) {
        mp_map_elem_t *slot = known_name(map, index);
        if (slot != NULL || kind == MP_MAP_LOOKUP) {
            return slot;
        }
    }
    return map_lookup_of_any_kind(map, index, kind);
}

static inline bool is_instance(mp_obj_t object) {
    return mp_obj_is_obj(object)
           && mp_obj_is_instance_type(((mp_obj_base_t *)MP_OBJ_TO_PTR(object))->type);
}

static inline mp_map_elem_t *name_in(mp_map_t *map, mp_obj_t name) {
    return map->all_keys_are_qstrs ? known_name(map, name) : mp_map_lookup(map, name, MP_MAP_LOOKUP);
}

// Returns what a class or one of those it derives from has of a name, each from one other, or NULL.
static mp_obj_t of_class(const mp_obj_type_t *type, mp_obj_t name) {
    for (;;) {
        if (MP_OBJ_TYPE_HAS_SLOT(type, locals_dict)) {
            mp_map_elem_t *slot = name_in(&MP_OBJ_TYPE_GET_SLOT(type, locals_dict)->map, name);
            if (slot != NULL) {
                return slot->value;
            }
        }
        if (!MP_OBJ_TYPE_HAS_SLOT(type, parent)) {
            return MP_OBJ_NULL;
        }
        type = MP_OBJ_TYPE_GET_SLOT(type, parent);
        if (type->base.type != &mp_type_type || !mp_obj_is_instance_type(type)) {
            return MP_OBJ_NULL;  // several bases, or one of the interpreter's own
        }
    }
}

// A method in Python of an instance's class; whatever else there may be is left to upstream.
void quick_load_method(mp_obj_t object, qstr attribute, mp_obj_t *method) {
    if (is_instance(object)) {
        mp_obj_instance_t *self = MP_OBJ_TO_PTR(object);
        mp_obj_t name = MP_OBJ_NEW_QSTR(attribute);
        if (name_in(&self->members, name) == NULL) {
            mp_obj_t found = of_class(self->base.type, name);
            if (found != MP_OBJ_NULL && mp_obj_is_exact_type(found, &mp_type_fun_bc)) {
                method[0] = found;
                method[1] = object;
                return;
            }
        }
    }
    mp_load_method(object, attribute, method);
}

// What a class says for instances that have no attribute of that name, if it is no object that may
// have a say in it: None, a boolean, a small integer, a name.
mp_obj_t quick_load_attr(mp_obj_t object, qstr attribute) {
    if (is_instance(object)) {
        mp_obj_t name = MP_OBJ_NEW_QSTR(attribute);
        mp_obj_instance_t *self = MP_OBJ_TO_PTR(object);
        mp_map_elem_t *slot = name_in(&self->members, name);
        if (slot != NULL) {
            return slot->value;
        }
        mp_obj_t found = of_class(self->base.type, name);
        if (found != MP_OBJ_NULL && !mp_obj_is_obj(found)) {
            return found;
        }
    }
    return mp_load_attr(object, attribute);
}

// An attribute that is there already, of a class without properties.
void quick_store_attr(mp_obj_t object, qstr attribute, mp_obj_t value) {
    if (is_instance(object) && value != MP_OBJ_NULL) {
        mp_obj_instance_t *self = MP_OBJ_TO_PTR(object);
        if (!(self->base.type->flags & MP_TYPE_FLAG_HAS_SPECIAL_ACCESSORS) && !self->members.is_fixed) {
            mp_map_elem_t *slot = name_in(&self->members, MP_OBJ_NEW_QSTR(attribute));
            if (slot != NULL) {
                slot->value = value;
                return;
            }
        }
    }
    mp_store_attr(object, attribute, value);
}

mp_obj_t quick_load_global(qstr name) {
    mp_map_elem_t *slot = name_in(&mp_globals_get()->map, MP_OBJ_NEW_QSTR(name));
    return slot != NULL ? slot->value : mp_load_global(name);
}
