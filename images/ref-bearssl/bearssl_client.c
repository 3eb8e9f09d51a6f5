// BearSSL as the client of one connection: TLS 1.2, ECDHE_ECDSA, AES-128-GCM, nothing else linked.
//
// Everything is static, as BearSSL is meant to be used: two contexts and one buffer for both directions
// (half-duplex), large enough for records of 4096 bytes. BearSSL asks the server for such records by
// max_fragment_length (RFC 6066). The implementations are those it chooses itself for this core, all of
// them without branches or addresses that depend on secrets.

#include "bearssl.h"

#include "py/mpconfig.h"
#include "board.h"
#include "reference.h"

#define RECORD_BYTES (4096)
#define RECORD_OVERHEAD_BYTES (325)  // BR_SSL_BUFSIZE_MONO has as much for records of 16,384

static br_ssl_client_context client;
static br_x509_minimal_context x509;
static unsigned char buffer[RECORD_BYTES + RECORD_OVERHEAD_BYTES];
static br_x509_trust_anchor anchor;
static br_ecdsa_vrfy verify;
// The library's own arithmetic, timed; no part of what is measured.
static __attribute__((section(".noinit"))) br_ec_impl curves;
static const br_ec_impl *library_curves;
static br_ssl_engine_context *const engine = &client.eng;

static uint32_t verify_and_count(const br_ec_impl *curves, const void *hash, size_t hash_bytes,
    const br_ec_public_key *key, const void *signature, size_t signature_bytes) {
    uint64_t began_at = board_ticks();
    uint32_t right = verify(curves, hash, hash_bytes, key, signature, signature_bytes);
    account.verify_ticks += board_ticks() - began_at;
    account.signatures_verified += right;
    return right;
}

static uint32_t multiply(unsigned char *point, size_t point_bytes, const unsigned char *factor,
    size_t factor_bytes, int curve) {
    uint64_t began_at = board_ticks();
    uint32_t right = library_curves->mul(point, point_bytes, factor, factor_bytes, curve);
    account.exchange_ticks += board_ticks() - began_at;
    return right;
}

static size_t multiply_generator(unsigned char *point, const unsigned char *factor,
    size_t factor_bytes, int curve) {
    uint64_t began_at = board_ticks();
    size_t length = library_curves->mulgen(point, factor, factor_bytes, curve);
    account.exchange_ticks += board_ticks() - began_at;
    return length;
}

static void configure(void) {
    static const uint16_t suites[] = { BR_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 };
    anchor.dn.data = hil_parameters.anchor_name;
    anchor.dn.len = hil_parameters.anchor_name_bytes;
    anchor.flags = BR_X509_TA_CA;
    anchor.pkey.key_type = BR_KEYTYPE_EC;
    anchor.pkey.key.ec.curve = BR_EC_secp256r1;
    anchor.pkey.key.ec.q = hil_parameters.anchor_point;
    anchor.pkey.key.ec.qlen = hil_parameters.anchor_point_bytes;

    br_ssl_client_zero(&client);
    br_ssl_engine_set_versions(engine, BR_TLS12, BR_TLS12);
    br_ssl_engine_set_suites(engine, suites, 1);
    br_ssl_engine_set_default_ecdsa(engine);
    verify = br_ssl_engine_get_ecdsa(engine);
    br_ssl_engine_set_ecdsa(engine, verify_and_count);
    library_curves = br_ssl_engine_get_ec(engine);
    curves = *library_curves;
    curves.mul = multiply;
    curves.mulgen = multiply_generator;
    br_ssl_engine_set_ec(engine, &curves);
    br_ssl_engine_set_hash(engine, br_sha256_ID, &br_sha256_vtable);
    br_ssl_engine_set_prf_sha256(engine, br_tls12_sha256_prf);
    br_ssl_engine_set_default_aes_gcm(engine);

    br_x509_minimal_init(&x509, &br_sha256_vtable, &anchor, 1);
    br_x509_minimal_set_hash(&x509, br_sha256_ID, &br_sha256_vtable);
    br_x509_minimal_set_ecdsa(&x509, br_ssl_engine_get_ec(engine), verify_and_count);
    // Days count from year 0 of the proleptic Gregorian calendar.
    br_x509_minimal_set_time(&x509, hil_parameters.utc_seconds / 86400 + 719528,
        hil_parameters.utc_seconds % 86400);
    br_ssl_engine_set_x509(engine, &x509.vtable);

    br_ssl_engine_set_buffer(engine, buffer, sizeof(buffer), 0);
    br_ssl_engine_inject_entropy(engine, hil_parameters.seed, sizeof(hil_parameters.seed));
}

// Move records until the engine is in one of the wanted states; false when the connection is over.
static bool run_until(unsigned wanted) {
    for (;;) {
        unsigned state = br_ssl_engine_current_state(engine);
        size_t length;
        if (state & BR_SSL_CLOSED) {
            return wanted == BR_SSL_CLOSED;
        } else if (state & BR_SSL_SENDREC) {
            unsigned char *record = br_ssl_engine_sendrec_buf(engine, &length);
            link_send(record, length);
            br_ssl_engine_sendrec_ack(engine, length);
        } else if (state & wanted) {
            return true;
        } else if (state & BR_SSL_RECVREC) {
            unsigned char *record = br_ssl_engine_recvrec_buf(engine, &length);
            if (!link_receive(record, length)) {
                return false;
            }
            br_ssl_engine_recvrec_ack(engine, length);
        } else if (state & BR_SSL_SENDAPP) {
            br_ssl_engine_flush(engine, 0);
        } else {
            return false;  // data nobody asked for
        }
    }
}

static void note_error(void) {
    int error = br_ssl_engine_last_error(engine);
    account.error = error;
    if (error >= BR_ERR_SEND_FATAL_ALERT) {
        account.alert_sent = error - BR_ERR_SEND_FATAL_ALERT;
    } else if (error >= BR_ERR_RECV_FATAL_ALERT) {
        account.alert_received = error - BR_ERR_RECV_FATAL_ALERT;
    }
}

static void note_session(void) {
    br_ssl_session_parameters session;
    br_ssl_engine_get_session_parameters(engine, &session);
    account.version = session.version;
    account.suite = session.cipher_suite;
    account.group = br_ssl_engine_get_ecdhe_curve(engine);
    account.signature = 0x0403;  // the one scheme that configure() leaves: ECDSA with SHA-256
    account.exported = br_ssl_key_export(engine, account.exporter, sizeof(account.exporter),
        "EXPORTER-hil", NULL, 0);
}

bool library_handshake(void) {
    configure();
    bool connected = br_ssl_client_reset(&client, hil_parameters.server_name, 0)
        && run_until(BR_SSL_SENDAPP);
    if (!connected) {
        note_error();
    }
    return connected;
}

bool library_write(const uint8_t *data, size_t length) {
    if (!account.exported) {
        note_session();  // no part of the handshake
    }
    while (length > 0) {
        if (!run_until(BR_SSL_SENDAPP)) {
            note_error();
            return false;
        }
        size_t room;
        unsigned char *at = br_ssl_engine_sendapp_buf(engine, &room);
        size_t count = length < room ? length : room;
        __builtin_memcpy(at, data, count);
        br_ssl_engine_sendapp_ack(engine, count);
        data += count;
        length -= count;
    }
    return true;
}

bool library_read(uint8_t *data, size_t length) {
    br_ssl_engine_flush(engine, 0);
    while (length > 0) {
        if (!run_until(BR_SSL_RECVAPP)) {
            note_error();
            return false;
        }
        size_t there;
        unsigned char *at = br_ssl_engine_recvapp_buf(engine, &there);
        size_t count = length < there ? length : there;
        __builtin_memcpy(data, at, count);
        br_ssl_engine_recvapp_ack(engine, count);
        data += count;
        length -= count;
    }
    return true;
}

bool library_close(void) {
    br_ssl_engine_close(engine);
    account.close_sent = true;
    account.close_received = run_until(BR_SSL_CLOSED)
        && br_ssl_engine_last_error(engine) == BR_ERR_OK;
    note_error();
    return account.close_received;
}

void library_figures(void) {
    say_number("context_bytes", sizeof(client));
    say_number("x509_context_bytes", sizeof(x509));
    say_number("buffer_bytes", sizeof(buffer));
}
