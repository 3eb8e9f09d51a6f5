# Mbed TLS of this machine (Debian's libmbedtls-dev), 2.28 or 3.6: copies of its static libraries that
# call MicroPython's allocator in place of the C library's.

TLS_CFLAGS += -DMBEDTLS_USER_CONFIG_FILE=\\\"$(VARIANT)/user_config.h\\\"

TAKEN = $(shell gcc -print-file-name=$(notdir $(1)))

$(TLS_ARCHIVES):
	@mkdir -p $(dir $@)
	objcopy --redefine-sym calloc=m_tracked_calloc --redefine-sym free=m_tracked_free $(call TAKEN,$@) $@
