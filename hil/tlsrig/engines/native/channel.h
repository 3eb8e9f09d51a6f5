// What every engine in C shares: options, sockets, the logs, and the lines it tells its host.
//
// The protocol is that of hil/tlsrig/engines/__init__.py. Blocking throughout: an engine is a process of
// its own, and its host ends it when it hangs.

#ifndef HIL_CHANNEL_H
#define HIL_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Take `name=value` arguments; they stay where they are.
void options_take(int count, char **arguments);

// The text of an option; NULL when it was not given.
const char *option(const char *name);

// The value of a decimal option, `otherwise` when it was not given.
long long option_number(const char *name, long long otherwise);

// A comma list of hexadecimal code points, ended by a 0; returns how many there are.
size_t option_codes(const char *name, uint16_t *codes, size_t room);

// A comma list of texts, ended by NULL.
size_t option_texts(const char *name, const char **texts, size_t room);

// Bytes given in hexadecimal; returns how many.
size_t option_bytes(const char *name, uint8_t *bytes, size_t room);

// End with a message: the engine was used wrongly or something that cannot fail did.
void give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

// Tell the host one line, at once.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_bytes(const char *event, const char *key, const uint8_t *bytes, size_t length);

// Write a line of the key log.
void log_secret(const char *label, const uint8_t client_random[32], const uint8_t *secret, size_t length);

bool is_server(void);

// Whether the connections are of datagrams: the version asked for is one of DTLS.
bool over_datagrams(void);

// A server listens and says where; a client does nothing yet.
void channel_open(void);

// Get the next connection: accept (of datagrams: from whoever sends the first one), or connect (from the second on when the host says so). False when the
// last one is over.
bool channel_next(void);

// All of the bytes are sent, or false.
bool channel_send(const uint8_t *data, size_t length);

// A datagram, waited for so long; 0 when none has come. A peer that is gone is only silent.
size_t channel_receive_within(uint8_t *data, size_t room, int timeout_ms);

// Some bytes; 0 at the end of the stream or when it broke.
size_t channel_receive(uint8_t *data, size_t room);

// Wait until bytes can be read: true; false when the host wants the connection closed.
bool channel_wait(void);

// Take data that came and is to be sent back; returns how much of `*whole` to send now. With the option
// `answer_bytes` nothing is sent before there are so many, and then all of them at once.
size_t channel_gather(const uint8_t *data, size_t length, const uint8_t **whole);

// Let what was sent arrive, then close the socket.
void channel_close(void);

#endif
