// `import`, for modules in flash: a placed module is found, not loaded, and nothing is registered.
//
// Beside them there are modules that were frozen the ordinary way because they have to be executed
// on the board. Those inside a placed package cannot be stored into the package, which is constant:
// they are found through sys.modules. So `from package import module` and
// `from package.module import name` work, `import package.module` does not bind the module.
//
// A placed module comes before anything else of its name, a filesystem included.

#include <string.h>

#include "py/bc.h"
#include "py/builtin.h"
#include "py/emitglue.h"
#include "py/gc.h"
#include "py/objmodule.h"
#include "py/runtime.h"
#include "common/rom.h"

static mp_obj_t find(const mp_map_t *map, qstr name) {
    mp_map_elem_t *entry = mp_map_lookup((mp_map_t *)map, MP_OBJ_NEW_QSTR(name), MP_MAP_LOOKUP);
    return entry == NULL ? MP_OBJ_NULL : entry->value;
}

typedef struct _forget_t {
    nlr_jump_callback_node_t callback;
    mp_obj_dict_t *globals;
    mp_obj_dict_t *locals;
    qstr name;
} forget_t;

// A module whose body raised is as if it had never been imported.
static void forget(void *context) {
    forget_t *self = context;
    mp_globals_set(self->globals);
    mp_locals_set(self->locals);
    mp_map_lookup(&MP_STATE_VM(mp_loaded_modules_dict).map, MP_OBJ_NEW_QSTR(self->name),
        MP_MAP_LOOKUP_REMOVE_IF_FOUND);
}

static mp_obj_t execute(qstr name, const mp_frozen_module_t *frozen, qstr file) {
    mp_obj_t module = mp_obj_new_module(name);
    mp_module_context_t *context = MP_OBJ_TO_PTR(module);
    context->constants = frozen->constants;
    mp_store_attr(module, MP_QSTR___file__, MP_OBJ_NEW_QSTR(file));
    forget_t before = { .globals = mp_globals_get(), .locals = mp_locals_get(), .name = name };
    mp_globals_set(context->module.globals);
    mp_locals_set(context->module.globals);
    nlr_push_jump_callback(&before.callback, forget);
    mp_call_function_0(mp_make_function_from_proto_fun(frozen->proto_fun, context, NULL));
    nlr_pop_jump_callback(false);
    mp_globals_set(before.globals);
    mp_locals_set(before.locals);
    return module;
}

// Return a module inside a placed package that has to be executed, or raise ImportError.
static mp_obj_t import_executed(qstr name) {
    mp_obj_t loaded = find(&MP_STATE_VM(mp_loaded_modules_dict).map, name);
    if (loaded != MP_OBJ_NULL) {
        return loaded;
    }
    size_t length;
    const char *text = (const char *)qstr_data(name, &length);
    VSTR_FIXED(path, MICROPY_ALLOC_PATH_MAX);
    vstr_add_strn(&path, text, length);
    for (char *at = path.buf; at < path.buf + length; at++) {
        if (*at == '.') {
            *at = '/';
        }
    }
    vstr_add_str(&path, ".py");
    int kind;
    void *frozen;
    mp_find_frozen_module(vstr_null_terminated_str(&path), &kind, &frozen);
    if (kind != MP_FROZEN_MPY) {
        // Its name is all it says: a sentence would be half of what asking for a back end takes.
        nlr_raise(mp_obj_new_exception_arg1(&mp_type_ImportError, MP_OBJ_NEW_QSTR(name)));
    }
    return execute(name, frozen, qstr_from_strn(path.buf, path.len));
}

// The signature of __import__: name, globals, locals, names wanted of it, level.
mp_obj_t rom_import(size_t n_args, const mp_obj_t *args) {
    if (n_args >= 5 && args[4] != MP_OBJ_NEW_SMALL_INT(0)) {
        return mp_builtin___import___default(n_args, args);
    }
    qstr name = mp_obj_str_get_qstr(args[0]);
    size_t length;
    const char *text = (const char *)qstr_data(name, &length);
    const char *dot = memchr(text, '.', length);
    mp_obj_t found = find(&rom_modules, name);
    bool wants_leaf = n_args >= 4 && args[3] != mp_const_none;
    if (found != MP_OBJ_NULL && (wants_leaf || dot == NULL)) {
        return found;
    }
    mp_obj_t top = found;
    if (dot != NULL) {
        top = find(&rom_modules, qstr_from_strn(text, dot - text));
    }
    if (top == MP_OBJ_NULL) {
        return mp_builtin___import___default(n_args, args);
    }
    if (found == MP_OBJ_NULL) {
        found = import_executed(name);
    }
    return wants_leaf ? found : top;
}
