/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Secrets of simulated nodes lie in ordinary memory. libsodium's guarded allocations make about
 * five mappings each, of which the kernel gives a process 65,530: enough for two thousand nodes.
 * The linker puts these in their place (--wrap, see the makefile).
 */
#include <stdlib.h>

void *__wrap_sodium_malloc(size_t size);
void __wrap_sodium_free(void *p);

void *__wrap_sodium_malloc(size_t size)
{
	return malloc(size);
}

void __wrap_sodium_free(void *p)
{
	free(p);
}
