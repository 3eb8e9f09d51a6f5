// MicroPython's modules for a board with Ethernet.

#include "ethernet.h"

#define MICROPY_PY_LWIP                 (1)
#define MICROPY_PY_LWIP_SOCK_RAW        (0)
#define MICROPY_PY_NETWORK              (1)
#define MICROPY_PY_NETWORK_INCLUDEFILE  "common/lwip/network_module.h"
#define MICROPY_PY_NETWORK_MODULE_GLOBALS_INCLUDEFILE "common/lwip/network_globals.h"
#define MICROPY_PY_NETWORK_HOSTNAME_DEFAULT "board"
#define MICROPY_PORT_INIT_FUNC          network_start()
#define MICROPY_PORT_DEINIT_FUNC        network_end()
