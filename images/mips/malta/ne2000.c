// An NE2000 Ethernet card on the ISA bus at 0x300 (QEMU's ne2k_isa; the same chip family as Realtek's
// RTL8019), driven without DMA of the machine and byte by byte.
//
// The card has memory of its own in pages of 256 bytes: one frame to send, then a ring of received
// ones. "Remote DMA" is the card's name for reading and writing that memory through a port. The ring
// is empty when the page to read next is the page it will write next.
//
// Source: National Semiconductor DP8390D/NS32490D data sheet (registers, ring); Novell's placement of
// the card's memory (16 KB at 0x4000, address of the card at 0).

#include "py/mpconfig.h"
#include "arch.h"
#include "lwip/opt.h"
#include "lwip/pbuf.h"
#include "ethernet.h"

#define CARD(number)    ARCH_BYTE(0xb8000300 + (number))
// Registers; which set is seen is chosen by the command register.
enum { COMMAND = 0, DATA = 0x10, RESET = 0x1f };
enum { RING_START = 1, RING_END = 2, READ_BEFORE = 3, SEND_PAGE = 4, SEND_LOW = 5, SEND_HIGH = 6 };
enum { EVENTS = 7 };
enum { DMA_LOW = 8, DMA_HIGH = 9, DMA_BYTES_LOW = 10, DMA_BYTES_HIGH = 11, RECEIVE = 12, SEND = 13 };
enum { WIDTH = 14, EVENT_MASK = 15 };
enum { ADDRESS_1 = 1, WRITES_NEXT_1 = 7 };

#define STOP            (0x21)  // the low bits: stopped or started, and no remote DMA
#define START           (0x22)
#define SEND_NOW        (0x26)
#define DMA_READ        (0x0a)
#define DMA_WRITE       (0x12)
#define SET_1           (0x40)
#define BYTE_WIDE       (0x48)
#define RECEIVE_NOTHING (0x20)
#define RECEIVE_BROADCASTS (0x04)
#define SEND_TO_ITSELF  (0x02)
#define EVENT_RECEIVED  (0x01)
#define EVENT_RESET     (0x80)

enum { PAGE_SEND = 0x40, PAGE_FIRST = 0x46, PAGE_END = 0x80 };

#define SHORTEST_FRAME  (60)
#define HEADER_BYTES    (4)   // before each received frame: status, next page, length with itself
#define TRIES           (100000)

static uint8_t read_next;

static void start_dma(uint16_t address, uint16_t bytes, uint8_t direction) {
    CARD(DMA_BYTES_LOW) = bytes & 0xff;
    CARD(DMA_BYTES_HIGH) = bytes >> 8;
    CARD(DMA_LOW) = address & 0xff;
    CARD(DMA_HIGH) = address >> 8;
    CARD(COMMAND) = direction;
}

static void read_card(uint16_t address, uint8_t *to, uint16_t bytes) {
    start_dma(address, bytes, DMA_READ);
    while (bytes-- > 0) {
        *to++ = CARD(DATA);
    }
}

bool board_ethernet_start(uint8_t address[ETHERNET_ADDRESS_BYTES]) {
    uint8_t twice[2 * ETHERNET_ADDRESS_BYTES];
    CARD(RESET) = CARD(RESET);
    if (!(CARD(EVENTS) & EVENT_RESET) || CARD(EVENTS) == 0xff) {
        return false;
    }
    CARD(COMMAND) = STOP;
    CARD(WIDTH) = BYTE_WIDE;
    CARD(RECEIVE) = RECEIVE_NOTHING;
    CARD(SEND) = SEND_TO_ITSELF;
    CARD(EVENTS) = 0xff;
    CARD(EVENT_MASK) = 0;
    CARD(RING_START) = PAGE_FIRST;
    CARD(READ_BEFORE) = PAGE_FIRST;
    CARD(RING_END) = PAGE_END;
    read_card(0, twice, sizeof(twice));  // each byte of the address stands there twice
    read_next = PAGE_FIRST + 1;
    CARD(COMMAND) = STOP | SET_1;
    for (unsigned i = 0; i < ETHERNET_ADDRESS_BYTES; i++) {
        address[i] = twice[2 * i];
        CARD(ADDRESS_1 + i) = address[i];
    }
    CARD(WRITES_NEXT_1) = read_next;
    CARD(COMMAND) = START;
    CARD(SEND) = 0;
    CARD(RECEIVE) = RECEIVE_BROADCASTS;
    CARD(EVENT_MASK) = EVENT_RECEIVED;
    return true;
}

static uint8_t writes_next(void) {
    CARD(COMMAND) = START | SET_1;
    uint8_t page = CARD(WRITES_NEXT_1);
    CARD(COMMAND) = START;
    return page;
}

struct pbuf *board_ethernet_take(void) {
    CARD(EVENTS) = EVENT_RECEIVED;  // what comes after this is looked for the next time
    if (read_next == writes_next()) {
        return NULL;
    }
    uint8_t header[HEADER_BYTES];
    read_card(read_next << 8, header, sizeof(header));
    uint16_t bytes = (header[3] << 8 | header[2]) - HEADER_BYTES;
    struct pbuf *frame = pbuf_alloc(PBUF_RAW, bytes + ETH_PAD_SIZE, PBUF_POOL);
    if (frame != NULL) {
        uint16_t at = (read_next << 8) + HEADER_BYTES;
        pbuf_remove_header(frame, ETH_PAD_SIZE);
        for (struct pbuf *part = frame; part != NULL; part = part->next) {
            read_card(at, part->payload, part->len);
            at += part->len;
            if (at >= PAGE_END << 8) {
                at -= (PAGE_END - PAGE_FIRST) << 8;
            }
        }
        pbuf_add_header(frame, ETH_PAD_SIZE);
    }
    read_next = header[1];
    CARD(READ_BEFORE) = read_next == PAGE_FIRST ? PAGE_END - 1 : read_next - 1;
    return frame;
}

bool board_ethernet_give(struct pbuf *frame) {
    for (uint32_t tries = 0; CARD(COMMAND) == SEND_NOW; tries++) {
        if (tries == TRIES) {
            return false;
        }
    }
    pbuf_remove_header(frame, ETH_PAD_SIZE);
    uint16_t bytes = frame->tot_len < SHORTEST_FRAME ? SHORTEST_FRAME : frame->tot_len;
    start_dma(PAGE_SEND << 8, bytes, DMA_WRITE);
    for (struct pbuf *part = frame; part != NULL; part = part->next) {
        const uint8_t *byte = part->payload;
        for (uint16_t left = part->len; left > 0; left--) {
            CARD(DATA) = *byte++;
        }
    }
    for (uint16_t sent = frame->tot_len; sent < bytes; sent++) {
        CARD(DATA) = 0;
    }
    pbuf_add_header(frame, ETH_PAD_SIZE);
    CARD(SEND_PAGE) = PAGE_SEND;
    CARD(SEND_LOW) = bytes & 0xff;
    CARD(SEND_HIGH) = bytes >> 8;
    CARD(COMMAND) = SEND_NOW;
    return true;
}
