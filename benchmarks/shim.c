/* Counts what a process asks of the disk, and makes its disk slower.
 *
 * LD_PRELOADed into a benchmark's worker: every fsync and fdatasync first sleeps BENCH_SYNC_US microseconds, and syncs,
 * writes and bytes written are counted. The worker reads the counts with `bench_counts`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static uint64_t counts[3]; /* syncs, writes, bytes */
static long delay = -1;

static void slow(void) {
    if (delay < 0) {
        const char *us = getenv("BENCH_SYNC_US");
        delay = us ? atol(us) : 0;
    }
    if (delay > 0)
        usleep((useconds_t)delay);
    __atomic_add_fetch(&counts[0], 1, __ATOMIC_RELAXED);
}

static ssize_t wrote(ssize_t done) {
    if (done > 0) {
        __atomic_add_fetch(&counts[1], 1, __ATOMIC_RELAXED);
        __atomic_add_fetch(&counts[2], (uint64_t)done, __ATOMIC_RELAXED);
    }
    return done;
}

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int fsync(int fd) { NEXT(fsync); slow(); return next(fd); }
int fdatasync(int fd) { NEXT(fdatasync); slow(); return next(fd); }
ssize_t write(int fd, const void *data, size_t size) { NEXT(write); return wrote(next(fd, data, size)); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { NEXT(pwrite); return wrote(next(fd, data, size, at)); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { NEXT(pwrite64); return wrote(next(fd, data, size, at)); }
ssize_t writev(int fd, const struct iovec *parts, int count) { NEXT(writev); return wrote(next(fd, parts, count)); }

void bench_counts(uint64_t *into) {
    for (int i = 0; i < 3; i++)
        into[i] = __atomic_load_n(&counts[i], __ATOMIC_RELAXED);
}
