// The engine of the peer `wolfssl`: wolfSSL 5.7, TLS 1.2 and 1.3 and DTLS of both, both roles.
//
// One process serves or makes the connections of one cell; the options and the lines it says are those of
// hil/tlsrig/engines/__init__.py. Alerts are those of wolfSSL's alert history, which keeps the last one of
// each direction: it is read when the connection ends, before close_notify is answered.

#include "channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/ssl.h>
#include <wolfssl/error-ssl.h>

#define CODES_MAX (32)
#define EXPORTER_BYTES (32)
#define DATA_BYTES (16384)
#define SECRET_BYTES_MAX (64)
#define CLOSE_NOTIFY (0)
// What passes for a board from one connection to the next: a server of wolfSSL's resumes only if the
// client's age of the ticket is its own, give or take some seconds.
#define BETWEEN_CONNECTIONS_MS (5000)

static WOLFSSL_CTX *context;
static WOLFSSL_SESSION *session;
static long long clock_offset_ms;

// What became of the connection.
static int alert_sent, alert_received;
static bool close_sent, close_received;
static char reason[200];

long long engine_time_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000 + clock_offset_ms;
}

time_t engine_time(time_t *also) {
    time_t seconds = engine_time_ms() / 1000;
    if (also != NULL) {
        *also = seconds;
    }
    return seconds;
}

static void require(int result, const char *what) {
    if (result != WOLFSSL_SUCCESS) {
        char text[WOLFSSL_MAX_ERROR_SZ];
        give_up("%s: %s", what, wolfSSL_ERR_error_string(result, text));
    }
}

// Between messages nobody waits in the library: a ticket is no data, and the host may want to leave.
static bool only_what_is_there, is_there;

static int on_send(WOLFSSL *ssl, char *data, int length, void *unused) {
    (void)ssl, (void)unused;
    return channel_send((const uint8_t *)data, length) ? length : WOLFSSL_CBIO_ERR_CONN_RST;
}

static int on_receive(WOLFSSL *ssl, char *data, int room, void *unused) {
    (void)unused;
    if (over_datagrams() && !only_what_is_there) {
        int timeout_ms = 1000 * wolfSSL_dtls_get_current_timeout(ssl);
        size_t got = channel_receive_within((uint8_t *)data, room, timeout_ms);
        return got > 0 ? (int)got : WOLFSSL_CBIO_ERR_TIMEOUT;
    }
    if (only_what_is_there) {
        if (!is_there) {
            return WOLFSSL_CBIO_ERR_WANT_READ;
        }
        is_there = false;
    }
    size_t count = channel_receive((uint8_t *)data, room);
    if (count == 0 && over_datagrams()) {
        return WOLFSSL_CBIO_ERR_WANT_READ;  // the other end's port is closed, by a message of the network
    }
    return count > 0 ? (int)count : WOLFSSL_CBIO_ERR_CONN_CLOSE;
}

// There is one client, on a connected socket, whose address is not looked at.
static int on_cookie(WOLFSSL *ssl, unsigned char *cookie, int size, void *unused) {
    (void)ssl, (void)unused;
    memset(cookie, 0xc0, size);
    return size;
}

static size_t bytes_of(const char *hex, uint8_t *bytes, size_t room) {
    size_t count = 0;
    unsigned value;
    while (count < room && sscanf(hex + 2 * count, "%2x", &value) == 1) {
        bytes[count++] = value;
    }
    return count;
}

static void on_secret(const WOLFSSL *ssl, const char *line) {
    (void)ssl;
    char label[64], random_hex[65], secret_hex[2 * SECRET_BYTES_MAX + 1];
    uint8_t random[32], secret[SECRET_BYTES_MAX];
    if (sscanf(line, "%63s %64s %128s", label, random_hex, secret_hex) == 3) {
        bytes_of(random_hex, random, sizeof(random));
        log_secret(label, random, secret, bytes_of(secret_hex, secret, sizeof(secret)));
    }
}

static unsigned copy_psk(uint8_t *secret, unsigned room, const char **suite) {
    size_t length = option_bytes("psk", secret, room);
    if (suite != NULL) {
        const char *hash = option("psk_hash");
        bool is_sha384 = hash != NULL && strcmp(hash, "sha384") == 0;
        *suite = is_sha384 ? "TLS13-AES256-GCM-SHA384" : "TLS13-AES128-GCM-SHA256";
    }
    return length;
}

static unsigned on_client_psk13(WOLFSSL *ssl, const char *hint, char *identity, unsigned identity_room,
    unsigned char *secret, unsigned room, const char **suite) {
    (void)ssl, (void)hint;
    snprintf(identity, identity_room, "%s", option("psk_identity"));
    return copy_psk(secret, room, suite);
}

static unsigned on_client_psk12(WOLFSSL *ssl, const char *hint, char *identity, unsigned identity_room,
    unsigned char *secret, unsigned room) {
    return on_client_psk13(ssl, hint, identity, identity_room, secret, room, NULL);
}

static unsigned on_server_psk13(WOLFSSL *ssl, const char *identity, unsigned char *secret, unsigned room,
    const char **suite) {
    (void)ssl;
    return strcmp(identity, option("psk_identity")) == 0 ? copy_psk(secret, room, suite) : 0;
}

static unsigned on_server_psk12(WOLFSSL *ssl, const char *identity, unsigned char *secret, unsigned room) {
    return on_server_psk13(ssl, identity, secret, room, NULL);
}

static void take_psk(void) {
    if (option("psk") == NULL) {
        return;
    }
    if (is_server()) {
        wolfSSL_CTX_set_psk_server_callback(context, on_server_psk12);
        wolfSSL_CTX_set_psk_server_tls13_callback(context, on_server_psk13);
    } else {
        wolfSSL_CTX_set_psk_client_callback(context, on_client_psk12);
        wolfSSL_CTX_set_psk_client_tls13_callback(context, on_client_psk13);
    }
    if (option_number("psk_with_dhe", 1)) {
        wolfSSL_CTX_only_dhe_psk(context);
    } else {
        wolfSSL_CTX_no_dhe_psk(context);
    }
}

static void take_identity(void) {
    if (option("chain") != NULL) {
        require(wolfSSL_CTX_use_certificate_chain_file(context, option("chain")), "the chain");
        require(wolfSSL_CTX_use_PrivateKey_file(context, option("key"), WOLFSSL_FILETYPE_PEM),
            "the private key");
    }
    wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_NONE, NULL);
    if (option("root") != NULL) {
        require(wolfSSL_CTX_load_verify_locations(context, option("root"), NULL), "the root");
        wolfSSL_CTX_set_verify(context, WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
}

static bool speaks(uint16_t version) {
    uint16_t codes[CODES_MAX];
    size_t count = option_codes("versions", codes, CODES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (codes[i] == version) {
            return true;
        }
    }
    return false;
}

static WOLFSSL_METHOD *method(void) {
    if (speaks(DTLS1_3_VERSION)) {
        return is_server() ? wolfDTLSv1_3_server_method() : wolfDTLSv1_3_client_method();
    }
    if (over_datagrams()) {
        return is_server() ? wolfDTLSv1_2_server_method() : wolfDTLSv1_2_client_method();
    }
    if (speaks(TLS1_2_VERSION) && speaks(TLS1_3_VERSION)) {
        return is_server() ? wolfSSLv23_server_method() : wolfSSLv23_client_method();
    }
    if (speaks(TLS1_3_VERSION)) {
        return is_server() ? wolfTLSv1_3_server_method() : wolfTLSv1_3_client_method();
    }
    return is_server() ? wolfTLSv1_2_server_method() : wolfTLSv1_2_client_method();
}

// The names that wolfSSL knows signature schemes by.
static void take_signatures(void) {
    static const struct { uint16_t code; const char *name; } known[] = {
        { 0x0403, "ECDSA+SHA256" }, { 0x0503, "ECDSA+SHA384" }, { 0x0603, "ECDSA+SHA512" },
        { 0x0804, "RSA-PSS+SHA256" }, { 0x0805, "RSA-PSS+SHA384" }, { 0x0806, "RSA-PSS+SHA512" },
        { 0x0401, "RSA+SHA256" }, { 0x0501, "RSA+SHA384" }, { 0x0601, "RSA+SHA512" },
        { 0x0807, "ED25519" }, { 0x0808, "ED448" },
    };
    uint16_t codes[CODES_MAX];
    char list[400] = "";
    size_t count = option_codes("signatures", codes, CODES_MAX);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            if (known[k].code == codes[i]) {
                strcat(list, *list == '\0' ? "" : ":");
                strcat(list, known[k].name);
            }
        }
    }
    if (count > 0) {
        require(wolfSSL_CTX_set1_sigalgs_list(context, list), "the signature schemes");
    }
}

// The names that wolfSSL knows groups by. What is not in its list it takes from nobody.
static void take_groups(void) {
    static const struct { uint16_t code; const char *name; } known[] = {
        { 0x0017, "P-256" }, { 0x0018, "P-384" }, { 0x0019, "P-521" }, { 0x001d, "X25519" }, { 0x001e, "X448" },
    };
    uint16_t codes[CODES_MAX];
    char list[400] = "";
    size_t count = option_codes("groups", codes, CODES_MAX);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
            if (known[k].code == codes[i]) {
                strcat(list, *list == '\0' ? "" : ":");
                strcat(list, known[k].name);
            }
        }
    }
    if (count > 0) {
        require(wolfSSL_CTX_set1_groups_list(context, list), "the groups");
    }
}

static void take_choices(void) {
    uint16_t codes[CODES_MAX];
    uint8_t suites[2 * CODES_MAX];
    size_t count = option_codes("suites", codes, CODES_MAX);
    for (size_t i = 0; i < count; i++) {
        suites[2 * i] = codes[i] >> 8;
        suites[2 * i + 1] = codes[i] & 0xff;
    }
    if (count > 0) {
        require(wolfSSL_CTX_set_cipher_list_bytes(context, suites, 2 * count), "the suites");
    }
    take_groups();
    take_signatures();
    if (!option_number("extended_master_secret", 1)) {
        require(wolfSSL_CTX_DisableExtendedMasterSecret(context), "no extended master secret");
    }
}

static void set_up(void) {
    if (option("utc_seconds") != NULL) {
        clock_offset_ms = option_number("utc_seconds", 0) * 1000 - engine_time_ms();
    }
    require(wolfSSL_Init(), "the library");
    context = wolfSSL_CTX_new(method());
    if (context == NULL) {
        give_up("no context");
    }
    wolfSSL_CTX_SetIOSend(context, on_send);
    wolfSSL_CTX_SetIORecv(context, on_receive);
    wolfSSL_CTX_SetGenCookie(context, on_cookie);
    wolfSSL_CTX_set_keylog_callback(context, on_secret);
    take_identity();
    take_psk();
    take_choices();
    if (!is_server()) {
        require(wolfSSL_CTX_UseSessionTicket(context), "tickets");
    } else if (!option_number("tickets", 1)) {
        require(wolfSSL_CTX_NoTicketTLSv12(context), "no tickets");
    }
}

// Take down the alerts, and why the connection ended.
static void note_alerts(WOLFSSL *ssl) {
    WOLFSSL_ALERT_HISTORY history;
    wolfSSL_get_alert_history(ssl, &history);
    if (history.last_rx.code == CLOSE_NOTIFY) {
        close_received = true;
    } else if (history.last_rx.code > CLOSE_NOTIFY) {
        alert_received = history.last_rx.code;
    }
    if (history.last_tx.code == CLOSE_NOTIFY) {
        close_sent = true;
    } else if (history.last_tx.code > CLOSE_NOTIFY) {
        alert_sent = history.last_tx.code;
    }
}

static void note(WOLFSSL *ssl, int result) {
    note_alerts(ssl);
    if (close_received) {
        return;
    }
    char text[WOLFSSL_MAX_ERROR_SZ];
    snprintf(reason, sizeof(reason), "%s", wolfSSL_ERR_error_string(wolfSSL_get_error(ssl, result), text));
    for (char *c = reason; *c != '\0'; c++) {
        *c = *c == ' ' ? '_' : *c;
    }
}

static bool shake_hands(WOLFSSL *ssl) {
    wolfSSL_KeepArrays(ssl);
    int result = is_server() ? wolfSSL_accept(ssl) : wolfSSL_connect(ssl);
    if (result != WOLFSSL_SUCCESS) {
        note(ssl, result);
        return false;
    }
    uint8_t material[EXPORTER_BYTES];
    const char *label = option("exporter_label");
    require(wolfSSL_export_keying_material(ssl, material, sizeof(material), label, strlen(label), NULL, 0, 0),
        "the keying material");
    char event[64];
    snprintf(event, sizeof(event), "connected version=0x%04x suite=0x%04x", wolfSSL_version(ssl),
        wolfSSL_get_current_cipher_suite(ssl));
    say_bytes(event, "exporter", material, sizeof(material));
    return true;
}

static int send_back(WOLFSSL *ssl, const uint8_t *data, int length) {
    int most = option_number("max_record_bytes", DATA_BYTES);
    while (length > 0) {
        int count = wolfSSL_write(ssl, data, length < most ? length : most);
        if (count <= 0) {
            return count;
        }
        data += count;
        length -= count;
    }
    return 1;
}

// Say goodbye first and wait for the answer. What data still comes is not for us.
static void leave(WOLFSSL *ssl) {
    wolfSSL_shutdown(ssl);
    note_alerts(ssl);
    static uint8_t data[DATA_BYTES];
    int count;
    while ((count = wolfSSL_read(ssl, data, sizeof(data))) > 0) {
    }
    note(ssl, count);
}

// Send back what came; false at the end of the connection, which is noted.
static bool serve_some(WOLFSSL *ssl) {
    static uint8_t data[DATA_BYTES];
    int count = wolfSSL_read(ssl, data, sizeof(data));
    if (count <= 0 && wolfSSL_get_error(ssl, count) == WOLFSSL_ERROR_WANT_READ) {
        return true;
    }
    if (count > 0) {
        say_bytes("data", "bytes", data, count);
        const uint8_t *whole;
        size_t gathered = channel_gather(data, count, &whole);
        count = send_back(ssl, whole, gathered);
    }
    if (count <= 0) {
        note(ssl, count);
        return false;
    }
    return true;
}

static void serve(WOLFSSL *ssl) {
    only_what_is_there = true;
    while (wolfSSL_pending(ssl) > 0 || (is_there = channel_wait())) {
        if (!serve_some(ssl)) {
            if (close_received) {
                wolfSSL_shutdown(ssl);
                close_sent = true;
            }
            return;
        }
    }
    only_what_is_there = false;
    leave(ssl);
}

static void name_the_other(WOLFSSL *ssl) {
    const char *name = option("server_name");
    uint16_t codes[CODES_MAX];
    if (name != NULL) {
        require(wolfSSL_UseSNI(ssl, WOLFSSL_SNI_HOST_NAME, name, strlen(name)), "the server's name");
        require(wolfSSL_check_domain_name(ssl, name), "the name to check");
    }
    if (speaks(TLS1_3_VERSION) || speaks(DTLS1_3_VERSION)) {
        bool is_told = option_codes("groups", codes, CODES_MAX) > 0;
        require(wolfSSL_UseKeyShare(ssl, is_told ? codes[0] : WOLFSSL_ECC_X25519), "the key share");
    }
    if (session != NULL) {
        require(wolfSSL_set_session(ssl, session), "the session");
    }
}

static void converse(void) {
    alert_sent = alert_received = -1;
    close_sent = close_received = only_what_is_there = false;
    reason[0] = '\0';
    WOLFSSL *ssl = wolfSSL_new(context);
    if (ssl == NULL) {
        give_up("no connection");
    }
    const char *protocols = option("alpn");
    if (protocols != NULL) {
        require(wolfSSL_UseALPN(ssl, (char *)protocols, strlen(protocols), WOLFSSL_ALPN_FAILED_ON_MISMATCH),
            "the protocols");
    }
    if (!is_server()) {
        name_the_other(ssl);
    }
    if (shake_hands(ssl)) {
        serve(ssl);
        if (!is_server()) {
            wolfSSL_SESSION_free(session);
            session = wolfSSL_get1_session(ssl);
        }
    }
    channel_close();
    say("ended alert_sent=%d alert_received=%d close_sent=%d close_received=%d reason=%s", alert_sent,
        alert_received, close_sent, close_received, reason);
    wolfSSL_free(ssl);
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "--version") == 0) {
        say("%s", wolfSSL_lib_version());
        return 0;
    }
    options_take(count, arguments);
    set_up();
    channel_open();
    while (channel_next()) {
        converse();
        clock_offset_ms += BETWEEN_CONNECTIONS_MS;
    }
    return 0;
}
