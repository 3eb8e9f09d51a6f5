// What of lwIP is built, and how big: the sizes of a small router board (profile "rtl8196-bare": MSS
// 536, window 2144), as a server in the field has to expect them.
//
// One thread, no operating system, IPv4 only. The board has no source of randomness, so the numbers
// lwIP makes up (first ports, queries of DNS and DHCP) can be guessed; nothing of TLS depends on them.

#ifndef HIL_LWIPOPTS_H
#define HIL_LWIPOPTS_H

#include "py/mpconfig.h"

#define NO_SYS                      1
#define SYS_LIGHTWEIGHT_PROT        0
#define LWIP_NETCONN                0
#define LWIP_SOCKET                 0
#define LWIP_STATS                  0
#define LWIP_RAW                    0
#define LWIP_IGMP                   1   // modlwip.c calls it
#define LWIP_DHCP                   1
#define LWIP_DHCP_DOES_ACD_CHECK    0
#define LWIP_DNS                    1
#define LWIP_NETIF_HOSTNAME         1
#define SO_REUSE                    1
#define TCP_LISTEN_BACKLOG          1

#define TCP_MSS                     536
#define TCP_WND                     (4 * TCP_MSS)
#define TCP_SND_BUF                 (4 * TCP_MSS)
#define TCP_SND_QUEUELEN            16
#define MEMP_NUM_TCP_SEG            16
#define MEMP_NUM_TCP_PCB            4
#define MEMP_NUM_TCP_PCB_LISTEN     2
#define PBUF_POOL_SIZE              10
#define MEM_SIZE                    6000

// Two bytes before each Ethernet header put the headers of IP and TCP at multiples of four: there is
// no way to load a word from elsewhere (arch/cc.h packs no structure).
#define ETH_PAD_SIZE                2
#define MEM_ALIGNMENT               4

#endif // HIL_LWIPOPTS_H
