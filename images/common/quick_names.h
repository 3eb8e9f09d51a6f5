// Included before py/vm.c where there is flash for it: names of modules, methods and attributes of
// instances by shorter ways (quick_map.c), and calls of functions in Python (quick_calls.c).

#include "py/bc.h"
#include "py/objfun.h"
#include "py/runtime.h"

void quick_load_method(mp_obj_t object, qstr attribute, mp_obj_t *method);
mp_obj_t quick_load_attr(mp_obj_t object, qstr attribute);
void quick_store_attr(mp_obj_t object, qstr attribute, mp_obj_t value);
mp_obj_t quick_load_global(qstr name);
mp_code_state_t *quick_prepare(mp_obj_t function, size_t n_args, size_t n_kw, const mp_obj_t *args);

#define mp_load_method quick_load_method
#define mp_load_attr quick_load_attr
#define mp_store_attr quick_store_attr
#define mp_load_global quick_load_global
#define mp_obj_fun_bc_prepare_codestate quick_prepare
