# TCP/IP for a board with Ethernet, which gives the functions of ethernet.h: to be included by the
# image before port.mk. LWIP is lwIP's source tree. Upstream's own list (extmod.mk) is not used: it
# wants lwIP inside MicroPython's tree, with PPP, IPv6 and mDNS.
INC += -I$(LWIP)/src/include -I$(abspath ../common/lwip)
NETWORK_SRC_C = common/lwip/network_lan.c
ARCH_SHARED_SRC_C += netutils/netutils.c
ARCH_OBJ += $(addprefix lwip/,$(addsuffix .o,\
	$(addprefix core/,def dns inet_chksum init ip mem memp netif pbuf sys tcp tcp_in tcp_out timeouts udp) \
	$(addprefix core/ipv4/,acd dhcp etharp icmp igmp ip4 ip4_addr ip4_frag) \
	netif/ethernet))
$(BUILD)/lwip/%.o: $(LWIP)/src/%.c
	$(call compile_c)

# Upstream's file compares what it returned with -1.
$(BUILD)/extmod/modlwip.o: CFLAGS += -Wno-sign-compare
