// Included before py/objstr.c where there is flash for it: a string or bytes object begins without a
// hash, which zero stands for. Who wants it computes it; few of them are ever looked up.

#include "py/qstr.h"

#define qstr_compute_hash(data, size) (0)
