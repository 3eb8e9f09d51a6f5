// The engine of the peer `bearssl`: BearSSL 0.6, TLS 1.2, both roles.
//
// The library is driven as its own program `brssl` does it, whose readers of certificates and keys are
// used; that program itself tells neither alerts nor keying material. One process serves or makes the
// connections of one cell; options and lines are those of hil/tlsrig/engines/__init__.py.

#include "channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "brssl.h"

#define CODES_MAX (32)
#define EXPORTER_BYTES (32)
#define MASTER_SECRET_BYTES (48)
#define CACHE_BYTES (4096)
#define ALERT (21)  // content type
// Day 0 of BearSSL's clock is in year 0; this is 1970-01-01.
#define EPOCH_DAYS (719528)

static br_ssl_client_context client;
static br_ssl_server_context server;
static br_ssl_engine_context *engine;
static br_x509_minimal_context x509;
static anchor_list anchors = VEC_INIT;
static br_x509_certificate *chain;
static size_t chain_length;
static private_key *key;
static br_ssl_session_cache_lru cache;
static unsigned char cache_bytes[CACHE_BYTES];
static br_ec_impl curves;
static unsigned char buffer[BR_SSL_BUFSIZE_BIDI];
static br_ssl_session_parameters session;
static bool has_session;
static bool is_connected, ended_early, close_sent, has_said_bye;

static unsigned issuer_key(void) {
    int kind = get_cert_signer_algo(&chain[0]);
    return kind == 0 ? BR_KEYTYPE_EC : (unsigned)kind;
}

static void become_server(void) {
    if (key->key_type == BR_KEYTYPE_RSA) {
        br_ssl_server_init_full_rsa(&server, chain, chain_length, &key->key.rsa);
    } else {
        br_ssl_server_init_full_ec(&server, chain, chain_length, issuer_key(), &key->key.ec);
    }
    br_ssl_session_cache_lru_init(&cache, cache_bytes, sizeof(cache_bytes));
    br_ssl_server_set_cache(&server, &cache.vtable);
    engine = &server.eng;
    if (VEC_LEN(anchors) > 0) {
        br_x509_minimal_init_full(&x509, &VEC_ELT(anchors, 0), VEC_LEN(anchors));
        br_ssl_engine_set_x509(engine, &x509.vtable);
        br_ssl_engine_set_default_rsavrfy(engine);
        br_ssl_engine_set_default_ecdsa(engine);
        br_ssl_server_set_trust_anchor_names_alt(&server, &VEC_ELT(anchors, 0), VEC_LEN(anchors));
    }
}

static void become_client(void) {
    br_ssl_client_init_full(&client, &x509, &VEC_ELT(anchors, 0), VEC_LEN(anchors));
    engine = &client.eng;
    if (chain == NULL) {
        return;
    }
    if (key->key_type == BR_KEYTYPE_RSA) {
        br_ssl_client_set_single_rsa(&client, chain, chain_length, &key->key.rsa,
            br_rsa_pkcs1_sign_get_default());
    } else {
        br_ssl_client_set_single_ec(&client, chain, chain_length, &key->key.ec,
            BR_KEYTYPE_KEYX | BR_KEYTYPE_SIGN, issuer_key(), br_ec_get_default(),
            br_ecdsa_sign_asn1_get_default());
    }
}

static void take_choices(void) {
    static uint16_t codes[CODES_MAX];
    static const char *protocols[CODES_MAX];
    size_t count = option_codes("versions", codes, CODES_MAX);
    uint16_t oldest = 0xffff, newest = 0;
    for (size_t i = 0; i < count; i++) {
        oldest = codes[i] < oldest ? codes[i] : oldest;
        newest = codes[i] > newest ? codes[i] : newest;
    }
    br_ssl_engine_set_versions(engine, oldest, newest);
    count = option_codes("groups", codes, CODES_MAX);
    if (count > 0) {
        curves = *br_ssl_engine_get_ec(engine);
        curves.supported_curves = 0;
        for (size_t i = 0; i < count; i++) {
            curves.supported_curves |= (uint32_t)1 << codes[i];
        }
        br_ssl_engine_set_ec(engine, &curves);
    }
    count = option_codes("suites", codes, CODES_MAX);
    if (count > 0) {
        br_ssl_engine_set_suites(engine, codes, count);
    }
    count = option_texts("alpn", protocols, CODES_MAX);
    if (count > 0) {
        br_ssl_engine_set_protocol_names(engine, protocols, count);
    }
    if (option("utc_seconds") != NULL) {
        long long now = option_number("utc_seconds", 0);
        br_x509_minimal_set_time(&x509, now / 86400 + EPOCH_DAYS, now % 86400);
    }
}

static void set_up(void) {
    if (option("chain") != NULL) {
        chain = read_certificates(option("chain"), &chain_length);
        key = read_private_key(option("key"));
        if (chain == NULL || key == NULL) {
            give_up("the chain or its key cannot be read");
        }
    }
    if (option("root") != NULL && read_trust_anchors(&anchors, option("root")) == 0) {
        give_up("the root cannot be read");
    }
    if (is_server()) {
        become_server();
    } else {
        become_client();
    }
    take_choices();
    br_ssl_engine_set_buffer(engine, buffer, sizeof(buffer), 1);
}

static void send_record(void) {
    size_t length;
    unsigned char *record = br_ssl_engine_sendrec_buf(engine, &length);
    bool is_alert = length > 0 && record[0] == ALERT;
    // Of the alerts only close_notify leaves the error at 0.
    close_sent |= is_alert && br_ssl_engine_last_error(engine) == BR_ERR_OK;
    channel_send(record, length);
    br_ssl_engine_sendrec_ack(engine, length);
}

static bool receive_record(void) {
    size_t room;
    unsigned char *record = br_ssl_engine_recvrec_buf(engine, &room);
    size_t count = channel_receive(record, room);
    if (count == 0) {
        ended_early = true;
        return false;
    }
    br_ssl_engine_recvrec_ack(engine, count);
    return true;
}

static bool shake_hands(void) {
    unsigned state;
    while (((state = br_ssl_engine_current_state(engine)) & BR_SSL_SENDAPP) == 0) {
        if (state & BR_SSL_CLOSED) {
            return false;
        } else if (state & BR_SSL_SENDREC) {
            send_record();
        } else if (!(state & BR_SSL_RECVREC) || !receive_record()) {
            return false;
        }
    }
    while (br_ssl_engine_current_state(engine) & BR_SSL_SENDREC) {
        send_record();
    }
    return true;
}

static void tell_connected(void) {
    uint8_t material[EXPORTER_BYTES];
    char event[64];
    br_ssl_engine_get_session_parameters(engine, &session);
    has_session = true;
    log_secret("CLIENT_RANDOM", engine->client_random, session.master_secret, MASTER_SECRET_BYTES);
    if (!br_ssl_key_export(engine, material, sizeof(material), option("exporter_label"), NULL, 0)) {
        give_up("no keying material");
    }
    snprintf(event, sizeof(event), "connected version=0x%04x suite=0x%04x", session.version,
        session.cipher_suite);
    say_bytes(event, "exporter", material, sizeof(material));
}

// Send all of the data, in records of what the other end has room for.
static void send_back(const uint8_t *data, size_t length) {
    size_t most = option_number("max_record_bytes", BR_SSL_BUFSIZE_OUTPUT);
    while (length > 0) {
        unsigned state = br_ssl_engine_current_state(engine);
        if (state & BR_SSL_CLOSED) {
            return;
        } else if (state & BR_SSL_SENDREC) {
            send_record();
        } else if (state & BR_SSL_SENDAPP) {
            size_t room;
            unsigned char *at = br_ssl_engine_sendapp_buf(engine, &room);
            size_t count = length < room ? length : room;
            count = count < most ? count : most;
            memcpy(at, data, count);
            br_ssl_engine_sendapp_ack(engine, count);
            br_ssl_engine_flush(engine, 0);
            data += count;
            length -= count;
        } else {
            return;  // it waits for records: that is no state in which data can come
        }
    }
}

static void serve(void) {
    uint8_t data[BR_SSL_BUFSIZE_INPUT];
    for (;;) {
        unsigned state = br_ssl_engine_current_state(engine);
        if (state & BR_SSL_CLOSED) {
            return;
        } else if (state & BR_SSL_SENDREC) {
            send_record();
        } else if (state & BR_SSL_RECVAPP) {
            size_t length;
            const unsigned char *at = br_ssl_engine_recvapp_buf(engine, &length);
            memcpy(data, at, length);
            br_ssl_engine_recvapp_ack(engine, length);
            say_bytes("data", "bytes", data, length);
            const uint8_t *whole;
            length = channel_gather(data, length, &whole);
            send_back(whole, length);
        } else if (!has_said_bye && !channel_wait()) {
            br_ssl_engine_close(engine);
            has_said_bye = true;
        } else if (!receive_record()) {
            return;
        }
    }
}

static void tell_ended(void) {
    int error = br_ssl_engine_last_error(engine);
    int sent = -1, received = -1;
    if (error >= BR_ERR_SEND_FATAL_ALERT) {
        sent = error - BR_ERR_SEND_FATAL_ALERT;
    } else if (error >= BR_ERR_RECV_FATAL_ALERT) {
        received = error - BR_ERR_RECV_FATAL_ALERT;
    }
    bool is_closed = br_ssl_engine_current_state(engine) & BR_SSL_CLOSED;
    const char *name = error == BR_ERR_OK ? NULL : find_error_name(error, NULL);
    char number[16];
    snprintf(number, sizeof(number), "%d", error);
    const char *reason = name != NULL ? name : error != BR_ERR_OK ? number : ended_early ? "end_of_stream" : "";
    say("ended alert_sent=%d alert_received=%d close_sent=%d close_received=%d reason=%s", sent, received,
        close_sent, is_connected && is_closed && error == BR_ERR_OK && !ended_early, reason);
}

static void converse(void) {
    is_connected = ended_early = close_sent = has_said_bye = false;
    if (is_server()) {
        br_ssl_server_reset(&server);
    } else {
        if (has_session) {
            br_ssl_engine_set_session_parameters(engine, &session);
        }
        br_ssl_client_reset(&client, option("server_name"), has_session);
    }
    is_connected = shake_hands();
    if (is_connected) {
        tell_connected();
        serve();
    }
    while (br_ssl_engine_current_state(engine) & BR_SSL_SENDREC) {
        send_record();  // the alert
    }
    channel_close();
    tell_ended();
}

int main(int count, char **arguments) {
    options_take(count, arguments);
    set_up();
    channel_open();
    while (channel_next()) {
        converse();
    }
    return 0;
}
