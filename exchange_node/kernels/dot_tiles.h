/* Whether the processor has AMX, whose registers are tiles of 16 rows of 64 bytes, and this process may use it. A test
 * puts tiles in plain C in this file's place.
 */

#ifndef DOT_TILES_H
#define DOT_TILES_H

#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux saves tiles for a process that asks once, for all its threads: Documentation/arch/x86/xstate.rst */
static int tiles_run_here(void)
{
    unsigned a, b, c, d, both = 1u << 24 | 1u << 25; /* amx-tile and amx-int8 */
    const long ask_for = 0x1023, tile_data = 18;     /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA */
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & both) == both &&
           syscall(SYS_arch_prctl, ask_for, tile_data) == 0;
}

#endif
