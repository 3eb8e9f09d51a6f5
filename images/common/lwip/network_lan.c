// network.LAN(): the Ethernet of a board, on lwIP.
//
// Nothing happens by interrupt: frames are taken, and lwIP's timers run, when the board is looked
// after, which is every so many turns of a loop and whenever a program waits. lwIP is therefore
// never entered twice. Its memory is static (lwipopts.h); sockets are MicroPython's (modlwip.c).

#include <string.h>

#include "py/mphal.h"
#include "py/runtime.h"
#include "extmod/modnetwork.h"
#include "last_words.h"
#include "lwip/dhcp.h"
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"
#include "ethernet.h"

typedef struct {
    mp_obj_base_t base;
    struct netif netif;
    bool found;
} network_lan_t;

extern const mp_obj_type_t network_lan_type;
static network_lan_t lan;

uint32_t sys_now(void) {
    return mp_hal_ticks_ms();
}

void network_broken(const char *message) {
    last_words_begin();
    last_words_note(message);
    last_words_end();
}

static err_t give_frame(struct netif *netif, struct pbuf *frame) {
    (void)netif;
    return board_ethernet_give(frame) ? ERR_OK : ERR_IF;
}

static err_t start_interface(struct netif *netif) {
    netif->name[0] = 'e';
    netif->name[1] = 'n';
    netif->hostname = mod_network_hostname_data;
    netif->mtu = 1500;
    netif->hwaddr_len = ETHERNET_ADDRESS_BYTES;
    netif->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP;
    netif->output = etharp_output;
    netif->linkoutput = give_frame;
    return ERR_OK;
}

void network_look_after(void) {
    static bool busy;  // a socket's callback is Python: the board may be looked after meanwhile
    if (busy || !lan.found || !netif_is_up(&lan.netif)) {
        return;
    }
    busy = true;
    for (struct pbuf *frame; (frame = board_ethernet_take()) != NULL;) {
        if (lan.netif.input(frame, &lan.netif) != ERR_OK) {
            pbuf_free(frame);
        }
    }
    sys_check_timeouts();
    busy = false;
}

uint32_t network_may_sleep_ms(void) {
    return lan.found && netif_is_up(&lan.netif) ? sys_timeouts_sleeptime() : UINT32_MAX;
}

void network_start(void) {
    static bool initialized;
    if (!initialized) {
        initialized = true;
        lwip_init();
    }
}

void network_end(void) {
    if (lan.found) {
        dhcp_stop(&lan.netif);
        netif_set_down(&lan.netif);
    }
}

static mp_obj_t lan_make_new(const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 0, 0, false);
    if (!lan.found) {
        if (!board_ethernet_start(lan.netif.hwaddr)) {
            mp_raise_msg(&mp_type_OSError, MP_ERROR_TEXT("no Ethernet controller found"));
        }
        lan.base.type = type;
        lan.found = netif_add(&lan.netif, NULL, NULL, NULL, NULL, start_interface, ethernet_input) != NULL;
        netif_set_default(&lan.netif);
    }
    return MP_OBJ_FROM_PTR(&lan);
}

static mp_obj_t lan_active(size_t n_args, const mp_obj_t *args) {
    if (n_args == 1) {
        return mp_obj_new_bool(netif_is_up(&lan.netif));
    }
    if (mp_obj_is_true(args[1])) {
        netif_set_up(&lan.netif);
    } else {
        netif_set_down(&lan.netif);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lan_active_obj, 1, 2, lan_active);

static mp_obj_t lan_isconnected(mp_obj_t self) {
    (void)self;
    return mp_obj_new_bool(netif_is_up(&lan.netif) && !ip4_addr_isany_val(*netif_ip4_addr(&lan.netif)));
}
static MP_DEFINE_CONST_FUN_OBJ_1(lan_isconnected_obj, lan_isconnected);

static mp_obj_t lan_ifconfig(size_t n_args, const mp_obj_t *args) {
    return mod_network_nic_ifconfig(&lan.netif, n_args - 1, args + 1);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(lan_ifconfig_obj, 1, 2, lan_ifconfig);

static mp_obj_t lan_ipconfig(size_t n_args, const mp_obj_t *args, mp_map_t *kwargs) {
    return mod_network_nic_ipconfig(&lan.netif, n_args - 1, args + 1, kwargs);
}
static MP_DEFINE_CONST_FUN_OBJ_KW(lan_ipconfig_obj, 1, lan_ipconfig);

static const mp_rom_map_elem_t lan_locals[] = {
    { MP_ROM_QSTR(MP_QSTR_active), MP_ROM_PTR(&lan_active_obj) },
    { MP_ROM_QSTR(MP_QSTR_ifconfig), MP_ROM_PTR(&lan_ifconfig_obj) },
    { MP_ROM_QSTR(MP_QSTR_ipconfig), MP_ROM_PTR(&lan_ipconfig_obj) },
    { MP_ROM_QSTR(MP_QSTR_isconnected), MP_ROM_PTR(&lan_isconnected_obj) },
};
static MP_DEFINE_CONST_DICT(lan_locals_dict, lan_locals);

MP_DEFINE_CONST_OBJ_TYPE(network_lan_type, MP_QSTR_LAN, MP_TYPE_FLAG_NONE,
    make_new, lan_make_new, locals_dict, &lan_locals_dict);
