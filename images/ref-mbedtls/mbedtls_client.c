// Mbed TLS as the client of one connection: TLS 1.3, X25519, ECDSA on P-256, AES-128-GCM.
//
// Contexts are static, what they point to comes from the arena. What a program does once for all its
// connections (the random generator, PSA's keys, reading the root's certificate, the configuration)
// is done before the segments of the handshake and told apart, as `setup_ticks`: our own client is
// given its anchor ready to use, too.

#include <string.h>
#include <time.h>

#include "mbedtls/build_info.h"
#include "mbedtls/ecdsa.h"
#include "mbedtls/hmac_drbg.h"
#include "mbedtls/platform.h"
#include "mbedtls/platform_time.h"
#include "mbedtls/ssl.h"
#include "mbedtls/x509_crt.h"
#include "psa/crypto.h"

#include "py/mpconfig.h"
#include "arena.h"
#include "board.h"
#include "reference.h"

static mbedtls_ssl_context ssl;
static mbedtls_ssl_config configuration;
static mbedtls_x509_crt root;
static mbedtls_hmac_drbg_context drbg;
static __attribute__((section(".noinit"))) uint32_t setup_ticks;
static __attribute__((section(".noinit"))) size_t setup_bytes;

// ---- What Mbed TLS asks of its platform.

mbedtls_ms_time_t mbedtls_ms_time(void) {
    return board_ticks() / (1000 * BOARD_TICKS_PER_US);
}

struct tm *mbedtls_platform_gmtime_r(const mbedtls_time_t *seconds, struct tm *parts) {
    return gmtime_r(seconds, parts);
}

time_t reference_time(time_t *also) {
    time_t seconds = hil_parameters.utc_seconds;
    if (also != NULL) {
        *also = seconds;
    }
    return seconds;
}

psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context,
    uint8_t *output, size_t size, size_t *length) {
    (void)context;
    *length = size;
    return mbedtls_hmac_drbg_random(&drbg, output, size) == 0 ? PSA_SUCCESS : PSA_ERROR_GENERIC_ERROR;
}

int __real_mbedtls_ecdsa_read_signature(mbedtls_ecdsa_context *key, const unsigned char *hash,
    size_t hash_bytes, const unsigned char *signature, size_t signature_bytes);
int __wrap_mbedtls_ecdsa_read_signature(mbedtls_ecdsa_context *key, const unsigned char *hash,
    size_t hash_bytes, const unsigned char *signature, size_t signature_bytes) {
    uint64_t began_at = board_ticks();
    int error = __real_mbedtls_ecdsa_read_signature(key, hash, hash_bytes, signature, signature_bytes);
    account.verify_ticks += board_ticks() - began_at;
    account.signatures_verified += error == 0;
    return error;
}

psa_status_t __real_psa_generate_key(const psa_key_attributes_t *attributes, mbedtls_svc_key_id_t *key);
psa_status_t __wrap_psa_generate_key(const psa_key_attributes_t *attributes, mbedtls_svc_key_id_t *key) {
    uint64_t began_at = board_ticks();
    psa_status_t status = __real_psa_generate_key(attributes, key);
    account.exchange_ticks += board_ticks() - began_at;
    return status;
}

psa_status_t __real_psa_export_public_key(mbedtls_svc_key_id_t key, uint8_t *data, size_t size, size_t *length);
psa_status_t __wrap_psa_export_public_key(mbedtls_svc_key_id_t key, uint8_t *data, size_t size, size_t *length) {
    uint64_t began_at = board_ticks();
    psa_status_t status = __real_psa_export_public_key(key, data, size, length);
    account.exchange_ticks += board_ticks() - began_at;
    return status;
}

psa_status_t __real_psa_raw_key_agreement(psa_algorithm_t algorithm, mbedtls_svc_key_id_t key,
    const uint8_t *peer, size_t peer_bytes, uint8_t *output, size_t size, size_t *length);
psa_status_t __wrap_psa_raw_key_agreement(psa_algorithm_t algorithm, mbedtls_svc_key_id_t key,
    const uint8_t *peer, size_t peer_bytes, uint8_t *output, size_t size, size_t *length) {
    uint64_t began_at = board_ticks();
    psa_status_t status = __real_psa_raw_key_agreement(algorithm, key, peer, peer_bytes, output, size, length);
    account.exchange_ticks += board_ticks() - began_at;
    return status;
}

static int send_bytes(void *context, const unsigned char *data, size_t length) {
    (void)context;
    link_send(data, length);
    return length;
}

static int receive_bytes(void *context, unsigned char *data, size_t length) {
    (void)context;
    return link_receive(data, length) ? (int)length : MBEDTLS_ERR_SSL_TIMEOUT;
}

// ---- The connection.

static bool note(int error) {
    if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) {
        account.alert_received = ssl.MBEDTLS_PRIVATE(in_msg)[1];
    }
    account.error = error;
    return error == 0;
}

static bool set_up(void) {
    static const int suites[] = { MBEDTLS_TLS1_3_AES_128_GCM_SHA256, 0 };
    static const uint16_t groups[] = { MBEDTLS_SSL_IANA_TLS_GROUP_X25519, 0 };
    static const uint16_t signatures[] = {
        MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_NONE
    };
    arena_start(hil_heap_bytes_config);
    mbedtls_hmac_drbg_init(&drbg);
    mbedtls_x509_crt_init(&root);
    mbedtls_ssl_config_init(&configuration);
    mbedtls_ssl_init(&ssl);
    if (!note(mbedtls_hmac_drbg_seed_buf(&drbg, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
        hil_parameters.seed, sizeof(hil_parameters.seed)))
        || !note(psa_crypto_init())
        || !note(mbedtls_x509_crt_parse_der(&root, hil_parameters.anchor, hil_parameters.anchor_bytes))
        || !note(mbedtls_ssl_config_defaults(&configuration, MBEDTLS_SSL_IS_CLIENT,
            MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT))) {
        return false;
    }
    mbedtls_ssl_conf_rng(&configuration, mbedtls_hmac_drbg_random, &drbg);
    mbedtls_ssl_conf_ca_chain(&configuration, &root, NULL);
    mbedtls_ssl_conf_authmode(&configuration, MBEDTLS_SSL_VERIFY_REQUIRED);
    mbedtls_ssl_conf_ciphersuites(&configuration, suites);
    mbedtls_ssl_conf_groups(&configuration, groups);
    mbedtls_ssl_conf_sig_algs(&configuration, signatures);
    return true;
}

bool library_handshake(void) {
    uint64_t began_at = board_ticks();
    bool ready = set_up();
    setup_ticks = board_ticks() - began_at;
    setup_bytes = arena_live_bytes();
    segment_enter();  // anew: what went before does not count
    if (!ready
        || !note(mbedtls_ssl_setup(&ssl, &configuration))
        || !note(mbedtls_ssl_set_hostname(&ssl, hil_parameters.server_name))) {
        return false;
    }
    mbedtls_ssl_set_bio(&ssl, NULL, send_bytes, receive_bytes, NULL);
    return note(mbedtls_ssl_handshake(&ssl));
}

static void note_session(void) {
    account.version = mbedtls_ssl_get_version_number(&ssl);
    account.suite = mbedtls_ssl_get_ciphersuite_id_from_ssl(&ssl);
    account.group = MBEDTLS_SSL_IANA_TLS_GROUP_X25519;  // the one group that set_up() leaves
    account.signature = MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256;  // likewise
    account.exported = mbedtls_ssl_export_keying_material(&ssl, account.exporter,
        sizeof(account.exporter), "EXPORTER-hil", strlen("EXPORTER-hil"), NULL, 0, 0) == 0;
}

bool library_write(const uint8_t *data, size_t length) {
    if (!account.exported) {
        note_session();  // no part of the handshake
    }
    while (length > 0) {
        int count = mbedtls_ssl_write(&ssl, data, length);
        if (count <= 0) {
            return note(count);
        }
        data += count;
        length -= count;
    }
    return true;
}

static int read_some(uint8_t *data, size_t length) {
    int count;
    do {
        count = mbedtls_ssl_read(&ssl, data, length);
    } while (count == MBEDTLS_ERR_SSL_WANT_READ || count == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
    return count;
}

bool library_read(uint8_t *data, size_t length) {
    while (length > 0) {
        int count = read_some(data, length);
        if (count <= 0) {
            return note(count);
        }
        data += count;
        length -= count;
    }
    return true;
}

bool library_close(void) {
    uint8_t more;
    account.close_sent = note(mbedtls_ssl_close_notify(&ssl));
    int end = read_some(&more, sizeof(more));
    account.close_received = end == 0 || end == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
    if (!account.close_received) {
        note(end);
    }
    return account.close_received;
}

void library_figures(void) {
    say_number("setup_ticks", setup_ticks);
    say_number("setup_bytes", setup_bytes);
    say_number("heap_peak_bytes", arena_peak_bytes());
    say_number("heap_calls", arena_calls());
    say_number("context_bytes", sizeof(ssl) + sizeof(configuration) + sizeof(root) + sizeof(drbg));
}
