/* How the tests' second libosdp differs from its stock wheel; the compiler reads this before every file of it.
 *
 * - zero-copy reception drops every frame that does not arrive in one read, which no UART delivers;
 * - a panel that saw one fault waits 300 s before it tries that reader again;
 * - rand() is never seeded, so every process would send the same "random" numbers to the secure channel. */
#undef OPT_OSDP_RX_ZERO_COPY
#define OSDP_ONLINE_RETRY_WAIT_MAX_MS 2000
#define OSDP_PD_POLL_TIMEOUT_MS 20

#include <stdlib.h>
#include <sys/random.h>

static inline int random_from_the_kernel(void)
{
	unsigned int number;

	while (getrandom(&number, sizeof(number), 0) != sizeof(number)) {
	}
	return (int)(number & RAND_MAX);
}
#define rand random_from_the_kernel
