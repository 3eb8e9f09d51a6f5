// Runs MicroPython as on all our boards; where there is a disk, it is mounted before the REPL, as
// stock firmware does.
//
// The disk is the last megabyte of RAM, which nothing else uses and no reset clears: it keeps what is
// on it for as long as the emulator runs, as flash does. It is made a filesystem when it is none.

#include "py/compile.h"
#include "py/runtime.h"

#if HIL_SIMBOARD_DISK
static const char mount[] =
    "import vfs,uctypes\n"
    "class _Disk:\n"
    " def __init__(self):\n"
    "  self.memory=uctypes.bytearray_at(0x20300000,0x100000)\n"
    " def readblocks(self,block,data,offset=0):\n"
    "  start=block*4096+offset\n"
    "  data[:]=memoryview(self.memory)[start:start+len(data)]\n"
    " def writeblocks(self,block,data,offset=0):\n"
    "  start=block*4096+offset\n"
    "  self.memory[start:start+len(data)]=data\n"
    " def ioctl(self,op,argument):\n"
    "  return 256 if op==4 else 4096 if op==5 else 0\n"
    "try:\n"
    " vfs.mount(_Disk(),'/')\n"
    "except OSError:\n"
    " vfs.VfsLfs2.mkfs(_Disk())\n"
    " vfs.mount(_Disk(),'/')\n";

static void mount_disk(void) {
    nlr_buf_t nlr;
    if (nlr_push(&nlr) == 0) {
        mp_lexer_t *lexer = mp_lexer_new_from_str_len(MP_QSTR__lt_stdin_gt_, mount, sizeof(mount) - 1, 0);
        qstr name = lexer->source_name;
        mp_parse_tree_t tree = mp_parse(lexer, MP_PARSE_FILE_INPUT);
        mp_call_function_0(mp_compile(&tree, name, false));
        nlr_pop();
    } else {
        mp_obj_print_exception(&mp_plat_print, MP_OBJ_FROM_PTR(nlr.ret_val));
    }
}

// Files carry no time.
uint64_t mp_hal_time_ns(void) {
    return 0;
}

#define mp_init() (mp_init(), mount_disk())
#endif

#include "common/main.c"
