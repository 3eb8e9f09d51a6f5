// Upstream's py/objfun.c with every function's variables on the C stack: compiled in its place.
//
// Upstream takes a frame of more than eleven words from the heap as long as there is room. Frames of
// functions that run long, like those that wait for bytes, then lie between the pieces of the heap
// that come and go, and each call pays for a search through the heap and for giving back. The stack
// has a size of its own, and py/cstack.c checks it: too deep a call is a RuntimeError, as before.
//
// What a function had in its variables would stay in the memory of the stack when it has returned.
// The collector takes every word of the stack for a pointer, those in gaps of later frames as well,
// and one of them can keep a whole connection. So the variables are cleared.

#include "py/bc.h"
#include "py/runtime.h"

static mp_vm_return_kind_t execute_and_clear(mp_code_state_t *code_state, volatile mp_obj_t inject) {
    mp_vm_return_kind_t kind = mp_execute_bytecode(code_state, inject);
    mp_obj_t *place = kind == MP_VM_RETURN_NORMAL ? code_state->sp : &code_state->state[0];
    mp_obj_t result = *place;
    volatile mp_obj_t *end = code_state->state + code_state->n_state;
    for (volatile mp_obj_t *word = code_state->state; word < end; ++word) {
        *word = MP_OBJ_NULL;
    }
    *place = result;
    return kind;
}

#undef m_new_obj_var_maybe
#define m_new_obj_var_maybe(obj_type, var_field, var_type, var_num) NULL
#define mp_execute_bytecode execute_and_clear

#include "py/objfun.c"
