// What a board with Ethernet gives besides board.h, and what is done with it (network_lan.c).

#ifndef HIL_ETHERNET_H
#define HIL_ETHERNET_H

#include <stdbool.h>
#include <stdint.h>

struct pbuf;

#define ETHERNET_ADDRESS_BYTES (6)

// Look for the controller and start it. Returns false if there is none.
bool board_ethernet_start(uint8_t address[ETHERNET_ADDRESS_BYTES]);
// Take one received frame, as lwIP wants it (with ETH_PAD_SIZE bytes before it). NULL: there is
// none, or no memory for it, in which case it is lost. Never blocks.
struct pbuf *board_ethernet_take(void);
// Send a frame. Returns false if it cannot be sent now; it is then lost.
bool board_ethernet_give(struct pbuf *frame);

// Called by the board now and then, and after each sleep: received frames, and lwIP's timers.
void network_look_after(void);
// How long the board may sleep before lwIP wants to repeat a segment or renew a lease.
uint32_t network_may_sleep_ms(void);

// For mpconfigport.h: what MicroPython calls when it starts and ends.
void network_start(void);
void network_end(void);

#endif // HIL_ETHERNET_H
