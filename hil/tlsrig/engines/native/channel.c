// See channel.h.

#include "channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// How long the other end may take to leave a connection that is over.
#define DRAIN_MS (5000)

static int option_count;
static char **options;
static int listener = -1;
static int connected = -1;
static long long connections_made;

void options_take(int count, char **arguments) {
    option_count = count;
    options = arguments;
}

const char *option(const char *name) {
    size_t length = strlen(name);
    for (int i = 1; i < option_count; i++) {
        if (strncmp(options[i], name, length) == 0 && options[i][length] == '=') {
            return options[i] + length + 1;
        }
    }
    return NULL;
}

long long option_number(const char *name, long long otherwise) {
    const char *text = option(name);
    return text == NULL ? otherwise : strtoll(text, NULL, 10);
}

size_t option_codes(const char *name, uint16_t *codes, size_t room) {
    const char *text = option(name);
    size_t count = 0;
    while (text != NULL && *text != '\0') {
        char *end;
        if (count + 1 == room) {
            give_up("more than %zu values in %s", count, name);
        }
        codes[count++] = strtoul(text, &end, 16);
        text = *end == ',' ? end + 1 : end;
    }
    codes[count] = 0;
    return count;
}

size_t option_texts(const char *name, const char **texts, size_t room) {
    const char *text = option(name);
    char *word = text == NULL ? NULL : strtok(strdup(text), ",");
    size_t count = 0;
    for (; word != NULL && count + 1 < room; word = strtok(NULL, ",")) {
        texts[count++] = word;
    }
    texts[count] = NULL;
    return count;
}

size_t option_bytes(const char *name, uint8_t *bytes, size_t room) {
    const char *text = option(name);
    size_t count = 0;
    for (; text != NULL && text[0] != '\0' && text[1] != '\0'; text += 2) {
        unsigned value;
        if (count == room || sscanf(text, "%2x", &value) != 1) {
            give_up("%s is too long or not hexadecimal", name);
        }
        bytes[count++] = value;
    }
    return count;
}

void give_up(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(3);
}

void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static void write_hex(FILE *file, const uint8_t *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) {
        fprintf(file, "%02x", bytes[i]);
    }
}

void say_bytes(const char *event, const char *key, const uint8_t *bytes, size_t length) {
    printf("%s %s=", event, key);
    write_hex(stdout, bytes, length);
    putchar('\n');
    fflush(stdout);
}

static FILE *log_file(const char *name) {
    const char *path = option(name);
    FILE *file = path == NULL ? NULL : fopen(path, "a");
    if (file == NULL) {
        give_up("cannot write the file of option %s", name);
    }
    return file;
}

void log_secret(const char *label, const uint8_t client_random[32], const uint8_t *secret, size_t length) {
    FILE *file = log_file("key_log");
    fprintf(file, "%s ", label);
    write_hex(file, client_random, 32);
    fputc(' ', file);
    write_hex(file, secret, length);
    fputc('\n', file);
    fclose(file);
}

static void log_wire(char direction, const uint8_t *bytes, size_t length) {
    static FILE *file;
    if (file == NULL) {
        file = log_file("wire_log");
    }
    fprintf(file, "%c ", direction);
    write_hex(file, bytes, length);
    fputc('\n', file);
    fflush(file);
}

bool is_server(void) {
    const char *role = option("role");
    return role != NULL && strcmp(role, "server") == 0;
}

bool over_datagrams(void) {
    uint16_t versions[8];
    return option_codes("versions", versions, 8) > 0 && versions[0] >= 0xfe00;
}

static int kind_of_socket(void) {
    return (over_datagrams() ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC;
}

static struct sockaddr_in address(void) {
    struct sockaddr_in place = { .sin_family = AF_INET };
    place.sin_port = htons(option_number("port", 0));
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return place;
}

void channel_open(void) {
    if (!is_server()) {
        return;
    }
    struct sockaddr_in place = address();
    socklen_t size = sizeof(place);
    listener = socket(AF_INET, kind_of_socket(), 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&place, size) != 0
        || (!over_datagrams() && listen(listener, 1) != 0)
        || getsockname(listener, (struct sockaddr *)&place, &size) != 0) {
        give_up("cannot listen: %s", strerror(errno));
    }
    say("listening port=%d", ntohs(place.sin_port));
}

// The next line of the host's; false when there will be none.
static bool told(char *line, size_t room) {
    size_t length = 0;
    char c;
    while (read(STDIN_FILENO, &c, 1) == 1) {
        if (c == '\n') {
            line[length] = '\0';
            return true;
        }
        if (length + 1 < room) {
            line[length++] = c;
        }
    }
    return false;
}

// The listening socket, from now on for whoever sends the next datagram, which stays in it.
static int first_sender(void) {
    struct sockaddr_in sender;
    socklen_t size = sizeof(sender);
    uint8_t first;
    if (recvfrom(listener, &first, 1, MSG_PEEK, (struct sockaddr *)&sender, &size) < 0
        || connect(listener, (struct sockaddr *)&sender, size) != 0) {
        return -1;
    }
    return listener;
}

bool channel_next(void) {
    if (connections_made == option_number("connections", 1)) {
        return false;
    }
    if (is_server()) {
        connected = over_datagrams() ? first_sender() : accept(listener, NULL, NULL);
    } else {
        char line[16] = "next";
        if (connections_made > 0) {
            do {
                if (!told(line, sizeof(line))) {
                    return false;
                }
            } while (strcmp(line, "next") != 0);
        }
        struct sockaddr_in place = address();
        connected = socket(AF_INET, kind_of_socket(), 0);
        if (connect(connected, (struct sockaddr *)&place, sizeof(place)) != 0) {
            give_up("cannot connect: %s", strerror(errno));
        }
    }
    if (connected < 0) {
        give_up("no connection: %s", strerror(errno));
    }
    if (!over_datagrams()) {
        int on = 1;
        setsockopt(connected, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    connections_made++;
    return true;
}

bool channel_send(const uint8_t *data, size_t length) {
    log_wire('>', data, length);
    while (length > 0) {
        ssize_t count = send(connected, data, length, MSG_NOSIGNAL);
        if (over_datagrams()) {
            return true;  // or it is lost
        }
        if (count <= 0) {
            return false;
        }
        data += count;
        length -= count;
    }
    return true;
}

size_t channel_receive_within(uint8_t *data, size_t room, int timeout_ms) {
    struct pollfd awaited = { .fd = connected, .events = POLLIN };
    if (poll(&awaited, 1, timeout_ms) != 1) {
        return 0;
    }
    return channel_receive(data, room);
}

size_t channel_receive(uint8_t *data, size_t room) {
    ssize_t count = recv(connected, data, room, 0);
    if (count <= 0) {
        return 0;
    }
    log_wire('<', data, count);
    return count;
}

bool channel_wait(void) {
    struct pollfd awaited[] = {
        { .fd = connected, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN },
    };
    for (;;) {
        poll(awaited, 2, -1);
        if (awaited[0].revents != 0) {
            return true;
        }
        char line[16];
        if (!told(line, sizeof(line))) {
            awaited[1].fd = -1;  // it says no more
        } else if (strcmp(line, "bye") == 0) {
            return false;
        }
    }
}

size_t channel_gather(const uint8_t *data, size_t length, const uint8_t **whole) {
    static uint8_t kept[1 << 15];
    static size_t count;
    size_t wanted = option_number("answer_bytes", 0);
    if (wanted > sizeof(kept) || length > sizeof(kept) - count) {
        give_up("answer_bytes: there is room for %zu", sizeof(kept));
    }
    memcpy(kept + count, data, length);
    count += length;
    *whole = kept;
    if (count < wanted) {
        return 0;
    }
    length = count;
    count = 0;
    return length;
}

void channel_close(void) {
    if (over_datagrams()) {
        close(connected);
        return;
    }
    shutdown(connected, SHUT_WR);
    struct pollfd awaited = { .fd = connected, .events = POLLIN };
    uint8_t dropped[512];
    while (poll(&awaited, 1, DRAIN_MS) == 1 && recv(connected, dropped, sizeof(dropped), 0) > 0) {
    }
    close(connected);
}
