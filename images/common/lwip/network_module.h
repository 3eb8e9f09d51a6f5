// Included by extmod/modnetwork.c: which kinds of network there are.
extern const struct _mp_obj_type_t network_lan_type;
