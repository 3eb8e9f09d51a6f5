// wolfSSL 5.7 as a peer of DTLS 1.3 over UDP on loopback, for tls/tests/host/dtls13: one connection, in which
// whatever comes is echoed, or, as a client, a line is said and its echo awaited.
//
//   wolfssl_dtls13 server|client PORT [option=value]...
//
// Options: psk=HEX, psk_identity=NAME, chain=FILE, key=FILE, root=FILE, time=UNIX_SECONDS, suite=NAME,
// cid=HEX (our own connection id), cookie=0|1, update=1 (KeyUpdate before the echo),
// fragments=1 (ClientHellos may be in fragments), keylog=FILE.
//
// Lines it says: "ready", "connected VERSION SUITE", "exported HEX", "heard TEXT", "cid HEX", "closed".

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>

#define SECRET_BYTES_MAX (64)
#define EXPORTER_BYTES (32)
#define DATA_BYTES (2048)

static char **options;
static int options_count;

static const char *option(const char *name) {
    size_t length = strlen(name);
    for (int i = 0; i < options_count; i++) {
        if (strncmp(options[i], name, length) == 0 && options[i][length] == '=') {
            return options[i] + length + 1;
        }
    }
    return NULL;
}

static long long option_number(const char *name, long long usual) {
    const char *said = option(name);
    return said == NULL ? usual : atoll(said);
}

static unsigned option_bytes(const char *name, unsigned char *target, unsigned room) {
    const char *said = option(name);
    unsigned length = 0;
    unsigned octet;
    while (length < room && sscanf(said + 2 * length, "%2x", &octet) == 1) {
        target[length++] = (unsigned char)octet;
        if (said[2 * length] == 0) {
            break;
        }
    }
    return length;
}

long long engine_time_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return option_number("time", now.tv_sec) * 1000;
}

time_t engine_time(time_t *also) {
    time_t seconds = (time_t)(engine_time_ms() / 1000);
    if (also != NULL) {
        *also = seconds;
    }
    return seconds;
}

static void say(const char *what, const unsigned char *bytes, unsigned length) {
    printf("%s ", what);
    for (unsigned i = 0; i < length; i++) {
        printf("%02x", bytes[i]);
    }
    printf("\n");
    fflush(stdout);
}

static void require(int good, WOLFSSL *ssl, int result, const char *what) {
    if (!good) {
        char text[WOLFSSL_MAX_ERROR_SZ];
        int error = ssl == NULL ? result : wolfSSL_get_error(ssl, result);
        printf("failed %s: %s\n", what, wolfSSL_ERR_error_string((unsigned long)error, text));
        exit(1);
    }
}

static unsigned on_client_psk(WOLFSSL *ssl, const char *hint, char *identity, unsigned identity_room,
    unsigned char *secret, unsigned room, const char **suite) {
    (void)ssl, (void)hint;
    snprintf(identity, identity_room, "%s", option("psk_identity"));
    *suite = option("suite");
    return option_bytes("psk", secret, room);
}

static unsigned on_server_psk(WOLFSSL *ssl, const char *identity, unsigned char *secret, unsigned room,
    const char **suite) {
    (void)ssl;
    *suite = option("suite");
    return strcmp(identity, option("psk_identity")) == 0 ? option_bytes("psk", secret, room) : 0;
}

static void on_secret(const WOLFSSL *ssl, const char *line) {
    (void)ssl;
    FILE *file = fopen(option("keylog"), "a");
    if (file != NULL) {
        fprintf(file, "%s\n", line);
        fclose(file);
    }
}

static WOLFSSL_CTX *new_context(int is_server) {
    WOLFSSL_CTX *context =
        wolfSSL_CTX_new(is_server ? wolfDTLSv1_3_server_method() : wolfDTLSv1_3_client_method());
    if (option("suite") != NULL) {
        require(wolfSSL_CTX_set_cipher_list(context, option("suite")) == WOLFSSL_SUCCESS, NULL, 0, "suite");
    }
    if (option("psk") != NULL && is_server) {
        wolfSSL_CTX_set_psk_server_tls13_callback(context, on_server_psk);
    } else if (option("psk") != NULL) {
        wolfSSL_CTX_set_psk_client_tls13_callback(context, on_client_psk);
    }
    if (option("chain") != NULL) {
        int result = wolfSSL_CTX_use_certificate_chain_file(context, option("chain"));
        require(result == WOLFSSL_SUCCESS, NULL, result, "chain");
        result = wolfSSL_CTX_use_PrivateKey_file(context, option("key"), WOLFSSL_FILETYPE_PEM);
        require(result == WOLFSSL_SUCCESS, NULL, result, "key");
    }
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    if (option("root") != NULL) {
        int result = wolfSSL_CTX_load_verify_locations(context, option("root"), NULL);
        require(result == WOLFSSL_SUCCESS, NULL, result, "root");
        wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER, NULL);
    }
    if (option("keylog") != NULL) {
        wolfSSL_CTX_set_keylog_callback(context, on_secret);
    }
    return context;
}

// Opens the socket; a server's is connected to whoever speaks first.
static int opened(int is_server, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    int transport = socket(AF_INET, SOCK_DGRAM, 0);
    if (!is_server) {
        connect(transport, (struct sockaddr *)&address, sizeof(address));
        return transport;
    }
    if (bind(transport, (struct sockaddr *)&address, sizeof(address)) != 0) {
        printf("failed bind\n");
        exit(1);
    }
    printf("ready\n");
    fflush(stdout);
    struct sockaddr_in peer;
    socklen_t size = sizeof(peer);
    char first;
    recvfrom(transport, &first, 1, MSG_PEEK, (struct sockaddr *)&peer, &size);
    connect(transport, (struct sockaddr *)&peer, size);
    return transport;
}

static WOLFSSL *new_connection(WOLFSSL_CTX *context, int is_server, int transport) {
    WOLFSSL *ssl = wolfSSL_new(context);
    wolfSSL_set_fd(ssl, transport);
    wolfSSL_KeepArrays(ssl);
    if (option("cid") != NULL) {
        unsigned char own[SECRET_BYTES_MAX];
        unsigned length = option_bytes("cid", own, sizeof(own));
        int result = wolfSSL_dtls_cid_use(ssl);
        require(result == WOLFSSL_SUCCESS, NULL, result, "cid");
        result = wolfSSL_dtls_cid_set(ssl, own, length);
        require(result == WOLFSSL_SUCCESS, NULL, result, "cid");
    }
    if (is_server && !option_number("cookie", 1)) {
        wolfSSL_disable_hrr_cookie(ssl);
    }
    if (is_server && option_number("fragments", 0)) {
        wolfSSL_dtls13_allow_ch_frag(ssl, 1);
    }
    return ssl;
}

static void tell(WOLFSSL *ssl) {
    unsigned char exported[EXPORTER_BYTES], cid[SECRET_BYTES_MAX];
    unsigned length = 0;
    printf("connected %s %s\n", wolfSSL_get_version(ssl), wolfSSL_get_cipher(ssl));
    const char *label = "EXPORTER-hil";
    if (wolfSSL_export_keying_material(ssl, exported, sizeof(exported), label, strlen(label), NULL, 0, 0)
        == WOLFSSL_SUCCESS) {
        say("exported", exported, sizeof(exported));
    }
    if (wolfSSL_dtls_cid_is_enabled(ssl) && wolfSSL_dtls_cid_get_tx_size(ssl, &length) == WOLFSSL_SUCCESS) {
        wolfSSL_dtls_cid_get_tx(ssl, cid, length);
        say("cid", cid, length);
    }
    fflush(stdout);
}

static void talk(WOLFSSL *ssl, int is_server) {
    unsigned char data[DATA_BYTES];
    if (!is_server) {
        int result = wolfSSL_write(ssl, "hello", 5);
        require(result == 5, ssl, result, "write");
    }
    for (;;) {
        int length = wolfSSL_read(ssl, data, sizeof(data));
        if (length <= 0) {
            int error = wolfSSL_get_error(ssl, length);
            require(error == WOLFSSL_ERROR_ZERO_RETURN, ssl, length, "read");
            printf("closed\n");
            return;
        }
        printf("heard %.*s\n", length, data);
        fflush(stdout);
        if (!is_server) {
            return;
        }
        if (option_number("update", 0)) {
            int result = wolfSSL_update_keys(ssl);
            require(result == WOLFSSL_SUCCESS, ssl, result, "update");
        }
        int result = wolfSSL_write(ssl, data, length);
        require(result == length, ssl, result, "write");
    }
}

int main(int count, char **arguments) {
    if (count < 3) {
        return 2;
    }
    options = arguments + 3;
    options_count = count - 3;
    int is_server = strcmp(arguments[1], "server") == 0;
    wolfSSL_Init();
    WOLFSSL_CTX *context = new_context(is_server);
    int transport = opened(is_server, atoi(arguments[2]));
    WOLFSSL *ssl = new_connection(context, is_server, transport);
    int result = is_server ? wolfSSL_accept(ssl) : wolfSSL_connect(ssl);
    require(result == WOLFSSL_SUCCESS, ssl, result, "handshake");
    tell(ssl);
    talk(ssl, is_server);
    wolfSSL_shutdown(ssl);
    wolfSSL_free(ssl);
    wolfSSL_CTX_free(context);
    return 0;
}
