// lwIP on our compilers: byte order, and structures that are not packed. Packed ones would be read
// byte by byte, or on MIPS with the instructions for unaligned words that Lexra's cores lack; with
// ETH_PAD_SIZE of 2 every field of every header lies where it may lie.

#ifndef HIL_LWIP_ARCH_CC_H
#define HIL_LWIP_ARCH_CC_H

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#ifndef BYTE_ORDER
#define LITTLE_ENDIAN   __ORDER_LITTLE_ENDIAN__
#define BIG_ENDIAN      __ORDER_BIG_ENDIAN__
#define BYTE_ORDER      __BYTE_ORDER__
#endif

#define LWIP_NO_CTYPE_H 1
#define LWIP_SKIP_PACKING_CHECK 1
#define PACK_STRUCT_BEGIN
#define PACK_STRUCT_STRUCT
#define PACK_STRUCT_FIELD(field) field
#define PACK_STRUCT_END

#define LWIP_PLATFORM_DIAG(message)
#define LWIP_PLATFORM_ASSERT(message) network_broken(message)
__attribute__((noreturn)) void network_broken(const char *message);

// Made from the clock; see lwipopts.h.
#define LWIP_RAND()     (sys_now() * 1103515245u + 12345u)
uint32_t sys_now(void);

// Nothing needs protection from another thread; modlwip.c defines functions of this type all the same.
typedef uint32_t sys_prot_t;

#endif // HIL_LWIP_ARCH_CC_H
