/* Counts what a program changes under one directory, call by call, and makes the n-th of these points fail.
 *
 * LD_PRELOADed. FAULTS_ROOT is the directory, FAULTS_CONTROL a file that all processes of the program map: its head says which
 * point fails and how, behind it stands for each point which call it was. Points are writes, syncs, truncations and
 * allocations of files under the root, opening one for writing, and every change of a name: rename, link, unlink, mkdir,
 * rmdir. The fault is an errno, SHORT (half of a write is done), BEFORE or AFTER (the process group is killed before the
 * call, or behind it), HOLD (it is stopped before the call, until it is told to go on), or a signal for the group before the
 * call. With `lasting` every later point of the same sort fails as well: a disk that is full stays full. With `reads` each
 * opening of a file or directory, and each question for a name's kind or size, is a point too.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST = 65536, SHORT = -1, BEFORE = -2, AFTER = -3, HOLD = -4, SIGNAL = -100 };

struct control { /* as in points.py */
    int64_t count, at;
    int32_t fault, lasting, fired, sort, reads, unused;
    char path[480];
    char sorts[MOST];
};

static struct control *control;
static char root[PATH_MAX];
static size_t root_length;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("FAULTS_ROOT"), *file = getenv("FAULTS_CONTROL");
    if (!name || !file || strlen(name) >= sizeof root) return;
    int fd = syscall(SYS_openat, AT_FDCWD, file, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (mapped == MAP_FAILED) return;
    control = mapped;
    strcpy(root, name); /* absolute, without links */
    root_length = strlen(root);
}

static int is_ours(const char *path) {
    return root_length && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

/* The absolute path that (directory, name) means; dots are not resolved, since none of the programs uses them. */
static const char *named(int directory, const char *name, char *out) {
    char link[64], parent[PATH_MAX] = "";
    if (name[0] == '/') return snprintf(out, PATH_MAX, "%s", name), out;
    if (directory == AT_FDCWD) {
        if (!getcwd(parent, sizeof parent)) parent[0] = 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        ssize_t size = readlink(link, parent, sizeof parent - 1);
        parent[size < 0 ? 0 : size] = 0;
    }
    if (strlen(parent) + strlen(name) + 2 > PATH_MAX) return "";
    return strcat(strcat(strcpy(out, parent), "/"), name);
}

static const char *opened(int fd, char *out) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, out, PATH_MAX - 1);
    out[size < 0 ? 0 : size] = 0;
    return out;
}

static int takes_room(char sort) { return strchr("womla", sort) != NULL; }

/* Count a point. What is to happen: 0, an errno, SHORT or AFTER; who is to be killed before it does not come back. */
static int point(char sort, const char *path) {
    if (!control || !is_ours(path)) return 0;
    int saved = errno;
    int64_t number = __sync_add_and_fetch(&control->count, 1);
    if (number <= MOST) control->sorts[number - 1] = sort;
    int hit = control->at && number == control->at;
    if (!hit && control->lasting && control->at && number > control->at) hit = control->lasting == 2 || takes_room(sort);
    if (!hit) return errno = saved, 0;
    if (!control->fired) {
        control->sort = sort;
        snprintf(control->path, sizeof control->path, "%s", path + root_length);
        control->fired = 1;
    }
    if (control->fault == BEFORE) kill(0, SIGKILL);
    if (control->fault == HOLD) return kill(getpid(), SIGSTOP), errno = saved, 0;
    if (control->fault <= SIGNAL) return kill(0, SIGNAL - control->fault), errno = saved, 0;
    if (control->fault == SHORT && sort != 'w') return errno = saved, 0;
    return errno = saved, control->fault;
}

static void after(int fault) { if (fault == AFTER) kill(0, SIGKILL); }

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* A call that is one point: `sort` of `path`, else the call itself. */
#define POINT(result_type, sort, path, call) \
    do { \
        int fault = point(sort, path); \
        if (fault > 0) return errno = fault, (result_type)-1; \
        result_type result = call; \
        after(fault); \
        return result; \
    } while (0)

#define OPENER(symbol, parameters, directory, call) \
    int symbol parameters { \
        REAL(symbol); \
        char path[PATH_MAX]; \
        mode_t mode = 0; \
        if (flags & (O_CREAT | __O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
        int writes = flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC); \
        if (!control || !(writes || control->reads)) return real call; \
        POINT(int, writes ? 'o' : 'R', named(directory, name, path), real call); \
    }
OPENER(open, (const char *name, int flags, ...), AT_FDCWD, (name, flags, mode))
OPENER(open64, (const char *name, int flags, ...), AT_FDCWD, (name, flags, mode))
OPENER(openat, (int at, const char *name, int flags, ...), at, (at, name, flags, mode))
OPENER(openat64, (int at, const char *name, int flags, ...), at, (at, name, flags, mode))

#define WRITER(symbol, parameters, call) \
    ssize_t symbol parameters { \
        REAL(symbol); \
        char path[PATH_MAX]; \
        if (!control) return real call; \
        int fault = point('w', opened(fd, path)); \
        if (fault > 0) return errno = fault, -1; \
        if (fault == SHORT && size > 1) size /= 2; \
        ssize_t result = real call; \
        after(fault); \
        return result; \
    }
WRITER(write, (int fd, const void *data, size_t size), (fd, data, size))
WRITER(pwrite, (int fd, const void *data, size_t size, off_t offset), (fd, data, size, offset))
WRITER(pwrite64, (int fd, const void *data, size_t size, off64_t offset), (fd, data, size, offset))

ssize_t writev(int fd, const struct iovec *parts, int size) {
    REAL(writev);
    char path[PATH_MAX];
    if (!control) return real(fd, parts, size);
    int fault = point('w', opened(fd, path));
    if (fault > 0) return errno = fault, -1;
    ssize_t result = fault == SHORT ? write(fd, parts->iov_base, parts->iov_len / 2) : real(fd, parts, size);
    after(fault);
    return result;
}

/* Copies inside the kernel are refused, so that the program falls back to writes that can be counted. */
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    REAL(copy_file_range);
    char path[PATH_MAX];
    if (control && is_ours(opened(out, path))) return errno = EXDEV, -1;
    return real(in, from, out, to, size, flags);
}

#define SENDER(symbol, offset) \
    ssize_t symbol(int out, int in, offset *from, size_t size) { \
        REAL(symbol); \
        char path[PATH_MAX]; \
        if (control && is_ours(opened(out, path))) return errno = EINVAL, -1; \
        return real(out, in, from, size); \
    }
SENDER(sendfile, off_t)
SENDER(sendfile64, off64_t)

#define ON_FD(symbol, parameters, sort, call) \
    int symbol parameters { \
        REAL(symbol); \
        char path[PATH_MAX]; \
        if (!control) return real call; \
        POINT(int, sort, opened(fd, path), real call); \
    }
ON_FD(fsync, (int fd), 's', (fd))
ON_FD(fdatasync, (int fd), 's', (fd))
ON_FD(ftruncate, (int fd, off_t size), 't', (fd, size))
ON_FD(ftruncate64, (int fd, off64_t size), 't', (fd, size))

/* These answer with the error itself. */
#define ALLOCATER(symbol, offset) \
    int symbol(int fd, offset begin, offset size) { \
        REAL(symbol); \
        char path[PATH_MAX]; \
        int fault = control ? point('a', opened(fd, path)) : 0; \
        if (fault > 0) return fault; \
        int result = real(fd, begin, size); \
        after(fault); \
        return result; \
    }
ALLOCATER(posix_fallocate, off_t)
ALLOCATER(posix_fallocate64, off64_t)

#define ON_NAME(symbol, parameters, sort, directory, call) \
    int symbol parameters { \
        REAL(symbol); \
        char path[PATH_MAX]; \
        if (!control) return real call; \
        POINT(int, sort, named(directory, name, path), real call); \
    }
ON_NAME(truncate, (const char *name, off_t size), 't', AT_FDCWD, (name, size))
ON_NAME(truncate64, (const char *name, off64_t size), 't', AT_FDCWD, (name, size))
ON_NAME(unlink, (const char *name), 'u', AT_FDCWD, (name))
ON_NAME(unlinkat, (int at, const char *name, int flags), flags & AT_REMOVEDIR ? 'd' : 'u', at, (at, name, flags))
ON_NAME(rmdir, (const char *name), 'd', AT_FDCWD, (name))
ON_NAME(mkdir, (const char *name, mode_t mode), 'm', AT_FDCWD, (name, mode))
ON_NAME(mkdirat, (int at, const char *name, mode_t mode), 'm', at, (at, name, mode))
ON_NAME(rename, (const char *old, const char *name), 'r', AT_FDCWD, (old, name))
ON_NAME(renameat, (int a, const char *old, int b, const char *name), 'r', b, (a, old, b, name))
ON_NAME(renameat2, (int a, const char *old, int b, const char *name, unsigned flags), 'r', b, (a, old, b, name, flags))
ON_NAME(link, (const char *old, const char *name), 'l', AT_FDCWD, (old, name))
ON_NAME(linkat, (int a, const char *old, int b, const char *name, int flags), 'l', b, (a, old, b, name, flags))
ON_NAME(symlink, (const char *old, const char *name), 'l', AT_FDCWD, (old, name))
ON_NAME(symlinkat, (const char *old, int b, const char *name), 'l', b, (old, b, name))

/* Questions: points only where reads count. */
#define ASKS(type, symbol, parameters, directory, call) \
    type symbol parameters { \
        static type (*real) parameters; \
        if (!real) real = (type (*) parameters)dlsym(RTLD_NEXT, #symbol); \
        char path[PATH_MAX]; \
        if (control && control->reads) point('R', named(directory, name, path)); \
        return real call; \
    }
ASKS(DIR *, opendir, (const char *name), AT_FDCWD, (name))
ASKS(int, stat, (const char *name, struct stat *out), AT_FDCWD, (name, out))
ASKS(int, stat64, (const char *name, struct stat64 *out), AT_FDCWD, (name, out))
ASKS(int, lstat, (const char *name, struct stat *out), AT_FDCWD, (name, out))
ASKS(int, lstat64, (const char *name, struct stat64 *out), AT_FDCWD, (name, out))
ASKS(int, fstatat, (int at, const char *name, struct stat *out, int flags), at, (at, name, out, flags))
ASKS(int, fstatat64, (int at, const char *name, struct stat64 *out, int flags), at, (at, name, out, flags))
