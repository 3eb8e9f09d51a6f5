// Runs MicroPython as on all our boards, with a stand-in for the radio.
//
// What is simulated is the radio and the access point it meets: `network.WLAN` as ESP's firmware has
// it, which joins one network with one password. Behind it is the board's real Ethernet, and what is
// above that is real too: DHCP, IP and TCP of lwIP, sockets of MicroPython.

#include "py/compile.h"
#include "py/runtime.h"

static const char radio[] =
    "import sys,network\n"
    "class WLAN:\n"
    " _LAN=network.LAN\n"
    " def __init__(self,interface):\n"
    "  self._wire=self._LAN()\n"
    " def active(self,on):\n"
    "  self._wire.active(on)\n"
    "  self._status=1000\n"
    " def connect(self,ssid,key):\n"
    "  self._status=1001\n"
    "  if ssid!='simulated net':\n"
    "   self._status=201\n"
    "  elif key!='not \\'quite\\' a secret':\n"
    "   self._status=202\n"
    "  else:\n"
    "   self._wire.ifconfig('dhcp')\n"
    "   self._status=1010\n"
    " def disconnect(self):\n"
    "  self._status=1000\n"
    " def isconnected(self):\n"
    "  return self._status==1010 and self._wire.isconnected()\n"
    " def status(self):\n"
    "  return self._status\n"
    " def ifconfig(self):\n"
    "  return self._wire.ifconfig()\n"
    "class Network:\n"
    " STA_IF=0\n"
    " STAT_IDLE=1000\n"
    " STAT_CONNECTING=1001\n"
    " STAT_GOT_IP=1010\n"
    " STAT_NO_AP_FOUND=201\n"
    " STAT_WRONG_PASSWORD=202\n"
    "Network.WLAN=WLAN\n"
    "sys.modules['network']=Network\n"
    "del sys,network,WLAN,Network\n";

static void add_radio(void) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_lexer_t *lexer = mp_lexer_new_from_str_len(MP_QSTR__lt_stdin_gt_, radio, sizeof(radio) - 1, 0);
        qstr name = lexer->source_name;
        mp_parse_tree_t tree = mp_parse(lexer, MP_PARSE_FILE_INPUT);
        mp_call_function_0(mp_compile(&tree, name, false));
        nlr_pop();
    } else {
        mp_obj_print_exception(&mp_plat_print, MP_OBJ_FROM_PTR(nlr.ret_val));
    }
}

#define mp_init() (mp_init(), add_radio())

#include "common/main.c"
