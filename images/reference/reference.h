// A C library's TLS client on the emulated board: what the glue (main.c, link.c) asks of the library's
// file, and what it gives to it.
//
// The program takes its parameters from memory that the emulator filled before the CPU ran, makes one
// connection over serial port 1, echoes payloads, closes, and says what came of it in one line on the
// console. It is the C counterpart of hil/tlsrig/ontarget/tls_conversation.py, measured the same way:
// what is done inside of the library between segment_enter and segment_leave counts, moving bytes over
// the link and waiting for them does not.

#ifndef HIL_REFERENCE_H
#define HIL_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARAMETERS_MAGIC (0x524c4948)  // "HILR", little-endian
#define ECHOES_MAX (8)

// Written by the host before the CPU runs; hil/tlsrig/baseline_board.py has the same layout.
typedef struct {
    uint32_t magic;
    uint32_t utc_seconds;
    uint32_t silence_ms;           // the longest wait for the peer
    uint32_t echo_count;
    uint32_t echo_bytes[ECHOES_MAX];
    uint8_t seed[32];              // all the randomness there is
    char server_name[64];
    uint32_t anchor_name_bytes;    // the root's subject, DER
    uint32_t anchor_point_bytes;   // its P-256 key, an uncompressed point
    uint32_t anchor_bytes;         // the root itself, a certificate in DER
    uint8_t anchor_name[256];
    uint8_t anchor_point[68];
    uint8_t anchor[1024];
} parameters_t;

extern parameters_t hil_parameters;
// How much memory behind hil_heap_start (linker script) a library may allocate from.
extern volatile uint32_t hil_heap_bytes_config;

// What the library's file notes in the course of the connection.
typedef struct {
    bool connected, close_sent, close_received;
    int alert_sent, alert_received;  // -1: none
    int error;                       // the library's own number, 0 for none
    unsigned version, suite, group, signature, signatures_verified;
    bool exported;
    uint8_t exporter[32];
    uint32_t verify_ticks;           // of the handshake's time, what its signatures took
    uint32_t exchange_ticks;         // and what its key exchange took
} account_t;

extern account_t account;

// Given by the library's file. Each returns false when the connection is over, with account.error or
// an alert set unless the link fell silent. They run with a segment open, and close it around I/O.
bool library_handshake(void);
bool library_write(const uint8_t *data, size_t length);
bool library_read(uint8_t *data, size_t length);  // exactly so many bytes
bool library_close(void);                         // sends close_notify, waits for the peer's
// Further figures for the result, as JSON members: `,"name":number` each.
void library_figures(void);

// The link. Both close the segment that is open, and open another when they return.
bool link_send(const uint8_t *data, size_t length);
// Waits for all of it; false when nothing came for parameters.silence_ms.
bool link_receive(uint8_t *data, size_t length);

// Compute segments.
void segment_enter(void);
void segment_leave(void);

// Output on the console.
void say_text(const char *text);
void say_number(const char *name, long value);  // `,"name":value`

#endif // HIL_REFERENCE_H
