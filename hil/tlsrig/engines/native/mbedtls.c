// The engine of the peer `mbedtls`: Mbed TLS 3.6, TLS 1.2 and 1.3 and DTLS 1.2, both roles.
//
// One process serves or makes the connections of one cell; the options and the lines it says are those of
// hil/tlsrig/engines/__init__.py. What Mbed TLS has no call for, the alerts it sends, is read from its
// debug messages.

#include "channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mbedtls/ctr_drbg.h"
#include "mbedtls/debug.h"
#include "mbedtls/entropy.h"
#include "mbedtls/error.h"
#include "mbedtls/ssl.h"
#include "mbedtls/ssl_cache.h"
#include "mbedtls/ssl_cookie.h"
#include "mbedtls/ssl_ticket.h"
#include "mbedtls/timing.h"
#include "mbedtls/x509_crt.h"
#include "psa/crypto.h"

#define CODES_MAX (32)
#define EXPORTER_BYTES (32)
#define DATA_BYTES (16384)
#define TICKET_LIFETIME_S (86400)
#define DTLS_1_2 (0xfefd)
// How long a read may take before it is looked whether the host wants to leave.
#define LOOK_MS (200)
#define SILENCE_MS (3600000)

static mbedtls_entropy_context entropy;
static mbedtls_ctr_drbg_context drbg;
static mbedtls_ssl_config configuration;
static mbedtls_x509_crt chain, roots;
static mbedtls_pk_context key;
static mbedtls_ssl_ticket_context tickets;
static mbedtls_ssl_cache_context cache;
static mbedtls_ssl_cookie_ctx cookies;
static mbedtls_timing_delay_context delay;

// Of the present connection, in TLS 1.2: what its exporter is made of (RFC 5705).
static uint8_t master[48], randoms[64];
static mbedtls_tls_prf_types prf_of_connection;
static mbedtls_ssl_session session;
static bool has_session;
static long long clock_offset_s;

// What became of the connection.
static int alert_sent, alert_received;
static bool close_sent, close_received;
static char reason[200];

time_t engine_time(time_t *also) {
    time_t seconds = time(NULL) + clock_offset_s;
    if (also != NULL) {
        *also = seconds;
    }
    return seconds;
}

static void require(int error, const char *what) {
    if (error != 0) {
        char text[120];
        mbedtls_strerror(error, text, sizeof(text));
        give_up("%s: %s", what, text);
    }
}

static void on_debug(void *context, int level, const char *file, int line, const char *text) {
    (void)context, (void)file, (void)line, (void)level;
    unsigned severity, code;
    const char *found = strstr(text, "send alert level=");
    if (found != NULL && sscanf(found, "send alert level=%u message=%u", &severity, &code) == 2) {
        if (code == 0) {
            close_sent = true;
        } else if (alert_sent < 0) {
            alert_sent = code;
        }
    }
    fputs(text, stderr);
}

static void on_keys(void *context, mbedtls_ssl_key_export_type type, const unsigned char *secret,
    size_t length, const unsigned char client_random[32], const unsigned char server_random[32],
    mbedtls_tls_prf_types prf) {
    (void)context;
    if (type == MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET && length == sizeof(master)) {
        memcpy(master, secret, length);
        memcpy(randoms, client_random, 32);
        memcpy(randoms + 32, server_random, 32);
        prf_of_connection = prf;
    }
    static const char *const labels[] = {
        [MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET] = "CLIENT_RANDOM",
        [MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_HANDSHAKE_TRAFFIC_SECRET] = "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        [MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_HANDSHAKE_TRAFFIC_SECRET] = "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        [MBEDTLS_SSL_KEY_EXPORT_TLS1_3_CLIENT_APPLICATION_TRAFFIC_SECRET] = "CLIENT_TRAFFIC_SECRET_0",
        [MBEDTLS_SSL_KEY_EXPORT_TLS1_3_SERVER_APPLICATION_TRAFFIC_SECRET] = "SERVER_TRAFFIC_SECRET_0",
    };
    if ((size_t)type < sizeof(labels) / sizeof(labels[0]) && labels[type] != NULL) {
        log_secret(labels[type], client_random, secret, length);
    }
}

static int on_send(void *context, const unsigned char *data, size_t length) {
    (void)context;
    return channel_send(data, length) ? (int)length : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int on_receive(void *context, unsigned char *data, size_t room) {
    (void)context;
    size_t count = channel_receive(data, room);
    return count > 0 ? (int)count : MBEDTLS_ERR_SSL_CONN_EOF;
}

static int on_receive_within(void *context, unsigned char *data, size_t room, uint32_t timeout_ms) {
    (void)context;
    size_t count = channel_receive_within(data, room, timeout_ms != 0 ? (int)timeout_ms : SILENCE_MS);
    return count > 0 ? (int)count : MBEDTLS_ERR_SSL_TIMEOUT;
}

static void take_identity(void) {
    mbedtls_x509_crt_init(&chain);
    mbedtls_x509_crt_init(&roots);
    mbedtls_pk_init(&key);
    if (option("chain") != NULL) {
        require(mbedtls_x509_crt_parse_file(&chain, option("chain")), "the chain");
        require(mbedtls_pk_parse_keyfile(&key, option("key"), NULL, mbedtls_ctr_drbg_random, &drbg),
            "the private key");
        require(mbedtls_ssl_conf_own_cert(&configuration, &chain, &key), "the identity");
    }
    mbedtls_ssl_conf_authmode(&configuration, MBEDTLS_SSL_VERIFY_NONE);
    if (option("root") != NULL) {
        require(mbedtls_x509_crt_parse_file(&roots, option("root")), "the root");
        mbedtls_ssl_conf_ca_chain(&configuration, &roots, NULL);
        mbedtls_ssl_conf_authmode(&configuration, MBEDTLS_SSL_VERIFY_REQUIRED);
    }
}

static void take_psk(void) {
    uint8_t secret[64];
    size_t length = option_bytes("psk", secret, sizeof(secret));
    const char *identity = option("psk_identity");
    if (identity == NULL) {
        mbedtls_ssl_conf_tls13_key_exchange_modes(&configuration,
            MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL_ALL);
        return;
    }
    require(mbedtls_ssl_conf_psk(&configuration, secret, length, (const uint8_t *)identity, strlen(identity)),
        "the external key");
    mbedtls_ssl_conf_tls13_key_exchange_modes(&configuration, option_number("psk_with_dhe", 1)
        ? MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL
        : MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK);
}

static void take_choices(void) {
    static uint16_t groups[CODES_MAX], signatures[CODES_MAX];
    static int suites[CODES_MAX];
    static const char *protocols[CODES_MAX];
    uint16_t codes[CODES_MAX];
    size_t count = option_codes("suites", codes, CODES_MAX);
    for (size_t i = 0; i <= count; i++) {
        suites[i] = codes[i];
    }
    if (count > 0) {
        mbedtls_ssl_conf_ciphersuites(&configuration, suites);
    }
    if (option_codes("groups", groups, CODES_MAX) > 0) {
        mbedtls_ssl_conf_groups(&configuration, groups);
    }
    if (option_codes("signatures", signatures, CODES_MAX) > 0) {
        mbedtls_ssl_conf_sig_algs(&configuration, signatures);
    }
    if (option_texts("alpn", protocols, CODES_MAX) > 0) {
        require(mbedtls_ssl_conf_alpn_protocols(&configuration, protocols), "the protocols");
    }
    mbedtls_ssl_conf_extended_master_secret(&configuration, option_number("extended_master_secret", 1)
        ? MBEDTLS_SSL_EXTENDED_MS_ENABLED : MBEDTLS_SSL_EXTENDED_MS_DISABLED);
    count = option_codes("versions", codes, CODES_MAX);
    for (size_t i = 0; i < count; i++) {
        codes[i] = codes[i] == DTLS_1_2 ? MBEDTLS_SSL_VERSION_TLS1_2 : codes[i];
        if (i == 0 || codes[i] < configuration.MBEDTLS_PRIVATE(min_tls_version)) {
            mbedtls_ssl_conf_min_tls_version(&configuration, codes[i]);
        }
        if (i == 0 || codes[i] > configuration.MBEDTLS_PRIVATE(max_tls_version)) {
            mbedtls_ssl_conf_max_tls_version(&configuration, codes[i]);
        }
    }
}

static void set_up(void) {
    if (option("utc_seconds") != NULL) {
        clock_offset_s = option_number("utc_seconds", 0) - (long long)time(NULL);
    }
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&drbg);
    mbedtls_ssl_config_init(&configuration);
    mbedtls_ssl_session_init(&session);
    require(mbedtls_ctr_drbg_seed(&drbg, mbedtls_entropy_func, &entropy, NULL, 0), "the random generator");
    require(psa_crypto_init(), "PSA");
    require(mbedtls_ssl_config_defaults(&configuration, is_server() ? MBEDTLS_SSL_IS_SERVER
        : MBEDTLS_SSL_IS_CLIENT, over_datagrams() ? MBEDTLS_SSL_TRANSPORT_DATAGRAM
        : MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT), "the defaults");
    mbedtls_ssl_conf_rng(&configuration, mbedtls_ctr_drbg_random, &drbg);
    mbedtls_ssl_conf_dbg(&configuration, on_debug, NULL);
    mbedtls_debug_set_threshold(3);
    take_identity();
    take_psk();
    take_choices();
    if (over_datagrams()) {
        mbedtls_ssl_cookie_init(&cookies);
        require(mbedtls_ssl_cookie_setup(&cookies, mbedtls_ctr_drbg_random, &drbg), "cookies");
        mbedtls_ssl_conf_dtls_cookies(&configuration, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check,
            &cookies);
    }
    if (is_server() && !option_number("tickets", 1)) {
        mbedtls_ssl_cache_init(&cache);
        mbedtls_ssl_conf_session_cache(&configuration, &cache, mbedtls_ssl_cache_get, mbedtls_ssl_cache_set);
    } else if (is_server()) {
        mbedtls_ssl_ticket_init(&tickets);
        require(mbedtls_ssl_ticket_setup(&tickets, mbedtls_ctr_drbg_random, &drbg,
            MBEDTLS_CIPHER_AES_256_GCM, TICKET_LIFETIME_S), "tickets");
        mbedtls_ssl_conf_session_tickets_cb(&configuration, mbedtls_ssl_ticket_write,
            mbedtls_ssl_ticket_parse, &tickets);
    } else {
        mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(&configuration,
            MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    }
}

// Take down why the connection ended.
static void note(mbedtls_ssl_context *ssl, int error) {
    if (error == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
        close_received = true;
        return;
    }
    if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        alert_received = ssl->MBEDTLS_PRIVATE(in_msg)[1];
    }
    mbedtls_strerror(error, reason, sizeof(reason));
    for (char *c = reason; *c != '\0'; c++) {
        *c = *c == ' ' ? '_' : *c;
    }
}

// What cookies are bound to: there is one client, on a connected socket.
static void know_client(mbedtls_ssl_context *ssl) {
    if (is_server()) {
        require(mbedtls_ssl_set_client_transport_id(ssl, (const uint8_t *)"client", 6), "the client");
    }
}

// A server of DTLS has no export yet when the handshake is over: until data comes it keeps what it needs to
// send its last flight again, and the call for it crashes (3.6.6). The library's own PRF says the same.
static int export_material(mbedtls_ssl_context *ssl, uint8_t *material) {
    const char *label = option("exporter_label");
    if (over_datagrams()) {
        return mbedtls_ssl_tls_prf(prf_of_connection, master, sizeof(master), label, randoms, sizeof(randoms),
            material, EXPORTER_BYTES);
    }
    return mbedtls_ssl_export_keying_material(ssl, material, EXPORTER_BYTES, label, strlen(label), NULL, 0, 0);
}

static bool shake_hands(mbedtls_ssl_context *ssl) {
    int error;
    do {
        error = mbedtls_ssl_handshake(ssl);
        if (error == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) {
            require(mbedtls_ssl_session_reset(ssl), "a session for who returns the cookie");
            know_client(ssl);
            error = MBEDTLS_ERR_SSL_WANT_READ;
        }
    } while (error == MBEDTLS_ERR_SSL_WANT_READ || error == MBEDTLS_ERR_SSL_WANT_WRITE);
    uint8_t material[EXPORTER_BYTES];
    if (error == 0) {
        error = export_material(ssl, material);
    }
    if (error != 0) {
        note(ssl, error);
        return false;
    }
    char event[64];
    snprintf(event, sizeof(event), "connected version=0x%04x suite=0x%04x",
        over_datagrams() ? DTLS_1_2 : mbedtls_ssl_get_version_number(ssl), mbedtls_ssl_get_ciphersuite_id_from_ssl(ssl));
    say_bytes(event, "exporter", material, sizeof(material));
    return true;
}

static void keep_session(mbedtls_ssl_context *ssl) {
    mbedtls_ssl_session_free(&session);
    mbedtls_ssl_session_init(&session);
    require(mbedtls_ssl_get_session(ssl, &session), "the session");
    has_session = true;
}

static int send_back(mbedtls_ssl_context *ssl, const uint8_t *data, size_t length) {
    size_t most = option_number("max_record_bytes", DATA_BYTES);
    while (length > 0) {
        int count = mbedtls_ssl_write(ssl, data, length < most ? length : most);
        if (count == MBEDTLS_ERR_SSL_WANT_READ || count == MBEDTLS_ERR_SSL_WANT_WRITE) {
            continue;
        }
        if (count < 0) {
            return count;
        }
        data += count;
        length -= count;
    }
    return 0;
}

static void serve(mbedtls_ssl_context *ssl) {
    static uint8_t data[DATA_BYTES];
    bool leaving = false;
    for (;;) {
        if (!leaving && !mbedtls_ssl_check_pending(ssl) && !channel_wait()) {
            mbedtls_ssl_close_notify(ssl);
            leaving = true;
        }
        int count = mbedtls_ssl_read(ssl, data, sizeof(data));
        if (count == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            keep_session(ssl);
            continue;
        }
        if (count == MBEDTLS_ERR_SSL_WANT_READ || count == MBEDTLS_ERR_SSL_WANT_WRITE
            || count == MBEDTLS_ERR_SSL_TIMEOUT) {
            continue;
        }
        if (count <= 0) {
            note(ssl, count == 0 ? MBEDTLS_ERR_SSL_CONN_EOF : count);
            break;
        }
        say_bytes("data", "bytes", data, count);
        const uint8_t *whole;
        size_t gathered = channel_gather(data, count, &whole);
        count = send_back(ssl, whole, gathered);
        if (count != 0) {
            note(ssl, count);
            break;
        }
    }
    if (close_received && !leaving) {
        mbedtls_ssl_close_notify(ssl);
    }
}

static void converse(void) {
    mbedtls_ssl_context ssl;
    alert_sent = alert_received = -1;
    close_sent = close_received = false;
    reason[0] = '\0';
    mbedtls_ssl_init(&ssl);
    require(mbedtls_ssl_setup(&ssl, &configuration), "the connection");
    if (over_datagrams()) {
        mbedtls_ssl_set_bio(&ssl, NULL, on_send, NULL, on_receive_within);
        mbedtls_ssl_conf_read_timeout(&configuration, LOOK_MS);
        mbedtls_ssl_set_timer_cb(&ssl, &delay, mbedtls_timing_set_delay, mbedtls_timing_get_delay);
        mbedtls_ssl_set_mtu(&ssl, option_number("datagram_bytes", 1400));
        know_client(&ssl);
    } else {
        mbedtls_ssl_set_bio(&ssl, NULL, on_send, on_receive, NULL);
    }
    mbedtls_ssl_set_export_keys_cb(&ssl, on_keys, NULL);
    if (!is_server()) {
        require(mbedtls_ssl_set_hostname(&ssl, option("server_name")), "the name");
        if (has_session) {
            require(mbedtls_ssl_set_session(&ssl, &session), "the session");
        }
    }
    if (shake_hands(&ssl)) {
        bool is_tls12 = mbedtls_ssl_get_version_number(&ssl) == MBEDTLS_SSL_VERSION_TLS1_2;
        if (!is_server() && is_tls12) {
            keep_session(&ssl);
        }
        serve(&ssl);
    }
    channel_close();
    say("ended alert_sent=%d alert_received=%d close_sent=%d close_received=%d reason=%s", alert_sent,
        alert_received, close_sent, close_received, reason);
    mbedtls_ssl_free(&ssl);
}

int main(int count, char **arguments) {
    if (count == 2 && strcmp(arguments[1], "--version") == 0) {
        say("%s", MBEDTLS_VERSION_STRING);
        return 0;
    }
    options_take(count, arguments);
    set_up();
    channel_open();
    while (channel_next()) {
        converse();
    }
    return 0;
}
