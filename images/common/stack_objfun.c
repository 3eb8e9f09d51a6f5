// Upstream's py/objfun.c with every function's variables on the C stack: compiled in its place.
//
// Upstream takes a frame of more than eleven words from the heap as long as there is room. Frames of
// functions that run long, like those that wait for bytes, then lie between the pieces of the heap
// that come and go, and each call pays for a search through the heap and for giving back. The stack
// has a size of its own, and py/cstack.c checks it: too deep a call is a RuntimeError, as before.

#include "py/runtime.h"

#undef m_new_obj_var_maybe
#define m_new_obj_var_maybe(obj_type, var_field, var_type, var_num) NULL

#include "py/objfun.c"
