// Calls of functions in Python, from Python, by the ordinary kind of arguments: compiled where there
// is flash for it, and called by the bytecode loop (quick_names.h).
//
// Upstream reads the same few bytes about a function twice and asks for each kind of argument there
// may be. Here arguments by position, with defaults, are put in their places; keywords, starred
// arguments and functions that share variables with others are left to upstream, mistakes too.

#include "py/bc.h"
#include "py/cstack.h"
#include "py/objfun.h"
#include "py/pystack.h"
#include "py/runtime.h"

#if !MICROPY_STACKLESS || !MICROPY_ENABLE_PYSTACK || MICROPY_PY_SYS_SETTRACE
#error "calls without recursion on a stack of their own are expected"
#endif

mp_code_state_t *quick_prepare(mp_obj_t function, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_obj_fun_bc_t *self = MP_OBJ_TO_PTR(function);
    const byte *ip = self->bytecode;
    size_t n_state, n_exceptions, flags, n_positional, n_keyword_only, n_defaults, n_info, n_cells;
    MP_BC_PRELUDE_SIG_DECODE_INTO(ip, n_state, n_exceptions, flags, n_positional, n_keyword_only, n_defaults);
    MP_BC_PRELUDE_SIZE_DECODE_INTO(ip, n_info, n_cells);
    const size_t unusual = MP_SCOPE_FLAG_VARARGS | MP_SCOPE_FLAG_VARKEYWORDS | MP_SCOPE_FLAG_DEFKWARGS;
    if (n_kw + n_keyword_only + n_cells + (flags & unusual) != 0 || n_args > n_positional
        || n_args + n_defaults < n_positional) {
        return mp_obj_fun_bc_prepare_codestate(function, n_args, n_kw, args);
    }
    mp_cstack_check();
    mp_code_state_t *code_state = mp_pystack_alloc(sizeof(mp_code_state_t) + n_state * sizeof(mp_obj_t)
        + n_exceptions * sizeof(mp_exc_stack_t));
    code_state->fun_bc = self;
    code_state->ip = ip + n_info;
    code_state->sp = &code_state->state[0] - 1;
    code_state->n_state = n_state;
    code_state->exc_sp_idx = 0;
    code_state->prev = NULL;
    code_state->old_globals = mp_globals_get();
    mp_globals_set(self->context->module.globals);
    // Arguments come last, the first of them at the end; before them nothing yet.
    mp_obj_t *place = &code_state->state[n_state];
    for (size_t i = 0; i < n_args; i++) {
        *--place = args[i];
    }
    const mp_obj_t *defaults = self->extra_args + n_defaults - n_positional;
    for (size_t i = n_args; i < n_positional; i++) {
        *--place = defaults[i];
    }
    while (place != code_state->state) {
        *--place = MP_OBJ_NULL;
    }
    return code_state;
}
