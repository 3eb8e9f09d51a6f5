// os.urandom of the simulated stock board; included by extmod/modos.c. The silicon that would make noise
// is simulated: bytes follow from the moment of the call, so they are for tests only.

#include "board.h"

static mp_obj_t mp_os_urandom(mp_obj_t count) {
    vstr_t bytes;
    vstr_init_len(&bytes, mp_obj_get_int(count));
    uint32_t state = (uint32_t)board_ticks() | 1;
    for (size_t i = 0; i < bytes.len; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes.buf[i] = state >> 24 ^ state;
    }
    return mp_obj_new_bytes_from_vstr(&bytes);
}
static MP_DEFINE_CONST_FUN_OBJ_1(mp_os_urandom_obj, mp_os_urandom);
