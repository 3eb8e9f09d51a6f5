// What the `machine` module needs of a port; included by extmod/modmachine.c.

static void mp_machine_idle(void) {
    mp_event_wait_ms(1);
}

NORETURN static void mp_machine_reset(void) {
    board_reset();
}

static mp_int_t mp_machine_reset_cause(void) {
    return 0;  // always power-on: a reset under an emulator ends it
}
