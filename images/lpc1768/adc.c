// machine.ADC(n), n 0 to 3: the converter's inputs AD0.0 to AD0.3, pins p15 to p18 of the mbed;
// included by extmod/machine_adc.c. One conversion of 12 bits at a time, in 5 us, waited for.
//
// Source: UM10360, chapters 4.8.9 (power), 8.5 (pins) and 29.5 (converter).

#include "registers.h"

#define ADC_CONTROL             ARCH_REGISTER(0x40034000)
#define ADC_RESULT              ARCH_REGISTER(0x40034004)
#define ADC_CLOCK_12_MHZ        (1u << 8)   // 24 MHz, divided by one more than this says
#define ADC_POWERED             (1u << 21)
#define ADC_START               (1u << 24)
#define ADC_DONE                (1u << 31)

#define PIN_OF(input)           (2 * (7 + (input)))  // P0.23 on, two bits each
#define PIN_MODE_OPEN           (2u)        // neither pulled up nor down

typedef struct _machine_adc_obj_t {
    mp_obj_base_t base;
    uint8_t input;
} machine_adc_obj_t;

static const machine_adc_obj_t adc_objects[] = {
    { { &machine_adc_type }, 0 },
    { { &machine_adc_type }, 1 },
    { { &machine_adc_type }, 2 },
    { { &machine_adc_type }, 3 },
};

static void mp_machine_adc_print(const mp_print_t *print, mp_obj_t self_in, mp_print_kind_t kind) {
    machine_adc_obj_t *self = MP_OBJ_TO_PTR(self_in);
    mp_printf(print, "ADC(%u)", (uint)self->input);
}

static mp_obj_t mp_machine_adc_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    mp_int_t input = mp_obj_get_int(args[0]);
    if (input < 0 || input >= (mp_int_t)MP_ARRAY_SIZE(adc_objects)) {
        mp_raise_msg_varg(&mp_type_ValueError, MP_ERROR_TEXT("ADC(%d) does not exist"), (int)input);
    }
    SYSTEM_POWER |= POWER_ADC;
    PIN_SELECT_1 = (PIN_SELECT_1 & ~(3u << PIN_OF(input))) | 1u << PIN_OF(input);
    PIN_MODE_1 = (PIN_MODE_1 & ~(3u << PIN_OF(input))) | PIN_MODE_OPEN << PIN_OF(input);
    ADC_CONTROL = ADC_POWERED | ADC_CLOCK_12_MHZ;
    return MP_OBJ_FROM_PTR(&adc_objects[input]);
}

static mp_int_t mp_machine_adc_read_u16(machine_adc_obj_t *self) {
    ADC_CONTROL = ADC_START | ADC_POWERED | ADC_CLOCK_12_MHZ | 1u << self->input;
    uint32_t result;
    do {
        result = ADC_RESULT;
    } while (!(result & ADC_DONE));
    uint32_t value = result >> 4 & 0xfff;
    return value << 4 | value >> 8;
}
