// Upstream's py/map.c with a shorter way to names, which is what nearly all look-ups are for: compiled
// in its place.
//
// Every method called on an object is looked up among the object's own attributes first, where it is
// not: a table that is full is then read to its end. Upstream divides at each step of that, and takes
// twice as many instructions as this.

#include "py/obj.h"

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

mp_map_elem_t *mp_map_lookup(mp_map_t *map, mp_obj_t index, mp_map_lookup_kind_t kind) {
    if (kind != MP_MAP_LOOKUP_REMOVE_IF_FOUND && map->all_keys_are_qstrs && mp_obj_is_qstr(index)) {
        size_t place = MAP_CACHE_ENTRY(index);
        if (place < map->alloc && map->table[place].key == index) {
            return &map->table[place];
        }
        mp_map_elem_t *slot = find_name(map, index);
        if (slot != NULL) {
            MAP_CACHE_SET(index, slot - map->table);
            return slot;
        }
        if (kind == MP_MAP_LOOKUP) {
            return NULL;
        }
    }
    return map_lookup_of_any_kind(map, index, kind);
}
