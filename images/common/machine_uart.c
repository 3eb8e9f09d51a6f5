// machine.UART(n), n >= 1: a data link, as a stream; included by extmod/machine_uart.c.
//
// Every byte value passes unchanged. There is no buffer and no interrupt behind it: bytes are taken
// from the serial port only while a program reads, so a program that computes is not disturbed (its
// instruction count does not depend on what arrives meanwhile), and what is not yet read stays on
// the other side. read() and write() do what can be done now and return None when nothing can; with
// `timeout` (ms) they wait for the first byte, with `timeout_char` (ms) for each one after it.
// timeout_char is what keeps a burst together: the next byte comes some microseconds later.

typedef struct _machine_uart_obj_t {
    mp_obj_base_t base;
    uint8_t port;
    uint32_t timeout_ms;
    uint32_t timeout_char_ms;
} machine_uart_obj_t;

static machine_uart_obj_t uart_objects[BOARD_UARTS - 1];

static void mp_machine_uart_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "UART(%u, timeout=%u, timeout_char=%u)",
        (uint)self->port, (uint)self->timeout_ms, (uint)self->timeout_char_ms);
}

static void mp_machine_uart_init_helper(machine_uart_obj_t *self, size_t n_args, const mp_obj_t *pos_args, mp_map_t *kw_args) {
    enum { ARG_timeout, ARG_timeout_char };
    static const mp_arg_t allowed[] = {
        { MP_QSTR_timeout, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 0} },
        { MP_QSTR_timeout_char, MP_ARG_KW_ONLY | MP_ARG_INT, {.u_int = 1} },
    };
    mp_arg_val_t args[MP_ARRAY_SIZE(allowed)];
    mp_arg_parse_all(n_args, pos_args, kw_args, MP_ARRAY_SIZE(allowed), allowed, args);
    if (args[ARG_timeout].u_int < 0 || args[ARG_timeout_char].u_int < 0) {
        mp_raise_ValueError(MP_ERROR_TEXT("negative timeout"));
    }
    self->timeout_ms = args[ARG_timeout].u_int;
    self->timeout_char_ms = args[ARG_timeout_char].u_int;
}

static mp_obj_t mp_machine_uart_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, true);
    mp_int_t port = mp_obj_get_int(args[0]);
    if (port < 1 || port >= BOARD_UARTS) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("UART(%d) does not exist"), (int)port);
    }
    machine_uart_obj_t *self = &uart_objects[port - 1];
    self->base.type = type;
    self->port = port;
    mp_map_t kw_args;
    mp_map_init_fixed_table(&kw_args, n_kw, args + n_args);
    mp_machine_uart_init_helper(self, n_args - 1, args + 1, &kw_args);
    return MP_OBJ_FROM_PTR(self);
}

static void mp_machine_uart_deinit(machine_uart_obj_t *self) {
    (void)self;  // the port stays on: it costs nothing
}

static mp_int_t mp_machine_uart_any(machine_uart_obj_t *self) {
    return board_uart_readable(self->port);
}

static bool mp_machine_uart_txdone(machine_uart_obj_t *self) {
    return board_uart_writable(self->port);
}

// Wait until `ready` says yes or the time is over. The waiting for a first byte sleeps; between the
// bytes of a burst it spins, because waking up would take longer than the byte.
__attribute__((noinline)) static bool uart_wait(bool (*ready)(unsigned), unsigned port, uint32_t timeout_ms, bool sleep) {
    if (ready(port)) {
        return true;
    }
    if (timeout_ms == 0) {
        return false;
    }
    uint64_t end = board_ticks() + (uint64_t)timeout_ms * 1000 * BOARD_TICKS_PER_US;
    while (!ready(port)) {
        uint64_t now = board_ticks();
        if (now >= end) {
            return false;
        }
        if (sleep) {
            mp_event_wait_ms((end - now) / (1000 * BOARD_TICKS_PER_US) + 1);
        } else {
            mp_event_handle_nowait();
        }
    }
    return true;
}

static mp_uint_t mp_machine_uart_read(mp_obj_t self_in, void *buffer, mp_uint_t size, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    uint8_t *bytes = buffer;
    mp_uint_t done = 0;
    while (done < size) {
        uint32_t timeout_ms = done == 0 ? self->timeout_ms : self->timeout_char_ms;
        if (!uart_wait(board_uart_readable, self->port, timeout_ms, done == 0)) {
            break;
        }
        bytes[done++] = board_uart_take(self->port);
    }
    forget_wait();
    if (done == 0 && size != 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return done;
}

static mp_uint_t mp_machine_uart_write(mp_obj_t self_in, const void *buffer, mp_uint_t size, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    const uint8_t *bytes = buffer;
    mp_uint_t done = 0;
    while (done < size) {
        uint32_t timeout_ms = done == 0 ? self->timeout_ms : self->timeout_char_ms;
        if (!uart_wait(board_uart_writable, self->port, timeout_ms, false)) {
            break;
        }
        board_uart_give(self->port, bytes[done++]);
    }
    forget_wait();
    if (done == 0 && size != 0) {
        *errcode = MP_EAGAIN;
        return MP_STREAM_ERROR;
    }
    return done;
}

static mp_uint_t mp_machine_uart_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t flags, int *errcode) {
    machine_uart_obj_t *self = MP_OBJ_TO_PTR(self_in);
    if (request == MP_STREAM_FLUSH) {
        while (!board_uart_writable(self->port)) {
            mp_event_handle_nowait();
        }
        return 0;
    }
    if (request != MP_STREAM_POLL) {
        *errcode = MP_EINVAL;
        return MP_STREAM_ERROR;
    }
    forget_wait();
    mp_uint_t ready = 0;
    if ((flags & MP_STREAM_POLL_RD) && board_uart_readable(self->port)) {
        ready |= MP_STREAM_POLL_RD;
    }
    if ((flags & MP_STREAM_POLL_WR) && board_uart_writable(self->port)) {
        ready |= MP_STREAM_POLL_WR;
    }
    return ready;
}
