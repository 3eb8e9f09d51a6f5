# Mbed TLS from its source tree, MBEDTLS, which is not written to: all of it in one archive. Files of
# what mbedtls_config.h leaves out compile to nothing.

TLS_CONFIG = $(CURDIR)/mbedtls_config.h
TLS_CFLAGS += -I$(MBEDTLS)/include -DMBEDTLS_CONFIG_FILE=\\\"$(TLS_CONFIG)\\\"
TLS_ARCHIVES = $(BUILD)/tls/libmbedtls.a
TLS_SRC_C = $(wildcard $(MBEDTLS)/library/*.c)
TLS_OBJ = $(patsubst $(MBEDTLS)/library/%.c,$(BUILD)/tls/%.o,$(TLS_SRC_C))

$(TLS_ARCHIVES): $(TLS_OBJ)
	ar crs $@ $^

$(TLS_OBJ): $(BUILD)/tls/%.o: $(MBEDTLS)/library/%.c $(TLS_CONFIG)
	@mkdir -p $(dir $@)
	@echo "CC $<"
	@gcc -Os -w -ffunction-sections -fdata-sections -I$(MICROPYTHON) -I$(MBEDTLS)/library \
		-I$(MBEDTLS)/include -DMBEDTLS_CONFIG_FILE='"$(TLS_CONFIG)"' -c -o $@ $<
