/* Records what a program does to the files under one directory, and makes chosen calls fail.
 *
 * LD_PRELOADed into a writer. Every change under FAULTS_ROOT is written, once it has happened, as one record to the
 * file FAULTS_TRACE, which all processes of the program append to; a write to the file FAULTS_ACKS is an
 * acknowledgement and becomes a record as well. A change and its record are made under one lock, which the record of a
 * sync's beginning takes too, so that the order of records respects everything that the processes can know of each other.
 *
 * FAULTS_PLAN makes calls under FAULTS_ROOT fail: "sync=EIO@3,4 write=short@5 write=ENOSPC@9 sync=KILL@12 room=65536":
 * the n-th sync (fsync or fdatasync of a file) or write of this process, or all writes beyond so many bytes in all.
 * A sync that fails has not been passed on, and its record says so. KILL ends the process before the sync, or half way
 * through the write.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum op { OPEN = 1, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, RENAME, UNLINK, RMDIR, MKDIR, LINK, ACK, SYNC_FAILED, ROOT };

struct record { /* followed by path, other and data */
    uint32_t total, op;
    int32_t pid, tid;
    uint64_t inode;
    int64_t offset;
    uint32_t path, other, data, flags;
};

enum kind { UNKNOWN, OTHER, OURS, ACKS };
enum { FDS = 4096 };

static unsigned char kinds[FDS];
static char root[PATH_MAX], acks[PATH_MAX];
static size_t root_length;
static int trace = -1;
static pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int depth;
static long syncs, writes, room = -1;
static struct { char what; long at; int error; } plan[64];
static int planned;

enum { SHORT = -1, KILLED = -2 };

static int error_number(const char *name) {
    if (!strncmp(name, "KILL", 4)) return KILLED;
    if (!strncmp(name, "EIO", 3)) return EIO;
    if (!strncmp(name, "ENOSPC", 6)) return ENOSPC;
    if (!strncmp(name, "EDQUOT", 6)) return EDQUOT;
    return SHORT;
}

static void read_plan(const char *text) {
    while (text && *text && planned < 64) {
        if (!strncmp(text, "room=", 5)) room = atol(text + 5);
        const char *equals = strchr(text, '='), *at = strchr(text, '@'), *end = strchr(text, ' ');
        if (equals && at && (!end || at < end)) {
            char *next = (char *)at;
            do {
                plan[planned].what = *text;
                plan[planned].error = error_number(equals + 1);
                plan[planned++].at = strtol(next + 1, &next, 10);
            } while (*next == ',' && planned < 64);
        }
        text = end ? end + 1 : NULL;
    }
}

static int due(char what, long count) {
    for (int i = 0; i < planned; i++)
        if (plan[i].what == what && plan[i].at == count) return plan[i].error;
    return 0;
}

__attribute__((constructor(64000))) static void begin(void) {
    const char *name = getenv("FAULTS_ROOT");
    if (!name || !realpath(name, root)) return;
    root_length = strlen(root);
    if ((name = getenv("FAULTS_ACKS"))) snprintf(acks, sizeof acks, "%s", name);
    if ((name = getenv("FAULTS_TRACE"))) {
        int fd = syscall(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND, 0600);
        trace = fcntl(fd, F_DUPFD_CLOEXEC, 1000);
        syscall(SYS_close, fd);
    }
    read_plan(getenv("FAULTS_PLAN"));
}

static void put(enum op, uint64_t, int64_t, const char *, const char *, const void *, size_t, int);

/* Recording begins with the root's own number. */
__attribute__((constructor(65000))) static void begin_record(void) {
    struct stat status;
    if (root_length && !stat(root, &status)) put(ROOT, status.st_ino, 0, "", "", NULL, 0, 0);
}

static int under_root(const char *path) {
    return root_length && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static enum kind kind_of(int fd) {
    if (fd < 0 || fd >= FDS || !root_length) return OTHER;
    if (kinds[fd] == UNKNOWN) {
        char link[64], path[PATH_MAX];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t size = readlink(link, path, sizeof path - 1);
        path[size < 0 ? 0 : size] = 0;
        kinds[fd] = !strcmp(path, acks) ? ACKS : under_root(path) ? OURS : OTHER;
    }
    return kinds[fd];
}

/* The path that (directory, name) means, with dots and symbolic links of its directory resolved. */
static const char *full(int directory, const char *name, char *out) {
    char joined[PATH_MAX * 2], parent[PATH_MAX], link[64];
    if (name[0] == '/') {
        snprintf(joined, sizeof joined, "%s", name);
    } else {
        if (directory == AT_FDCWD) {
            if (!getcwd(parent, sizeof parent)) return "";
        } else {
            snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
            ssize_t size = readlink(link, parent, sizeof parent - 1);
            parent[size < 0 ? 0 : size] = 0;
        }
        snprintf(joined, sizeof joined, "%s/%s", parent, name);
    }
    size_t length = strlen(joined);
    while (length > 1 && joined[length - 1] == '/') joined[--length] = 0;
    char *slash = strrchr(joined, '/');
    if (!slash || slash == joined) return strcpy(out, joined);
    *slash = 0;
    if (!realpath(joined, parent)) return "";
    if (strlen(parent) + strlen(slash + 1) + 2 > PATH_MAX) return "";
    strcat(strcat(strcpy(out, parent), "/"), slash + 1);
    return out;
}

/* The lock of all processes (a record lock, which a killed process loses) and, within one, of its threads. */
static void hold(short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};
    while (trace >= 0 && syscall(SYS_fcntl, trace, F_SETLKW, &lock) && errno == EINTR) {}
}

static void take(void) {
    int saved = errno;
    pthread_mutex_lock(&mutex);
    if (!depth++) hold(F_WRLCK);
    errno = saved;
}

static void leave(void) {
    int saved = errno;
    if (!--depth) hold(F_UNLCK);
    pthread_mutex_unlock(&mutex);
    errno = saved;
}

static void put(enum op op, uint64_t inode, int64_t offset, const char *path, const char *other, const void *data, size_t size, int flags) {
    if (trace < 0) return;
    int saved = errno;
    path = path && *path ? path + (under_root(path) ? root_length : 0) : "";
    other = other && *other ? other + (under_root(other) ? root_length : 0) : "";
    struct record record = {0, op, getpid(), (int32_t)syscall(SYS_gettid), inode, offset, strlen(path), strlen(other), size, flags};
    record.total = sizeof record + record.path + record.other + record.data;
    struct iovec parts[] = {{&record, sizeof record}, {(void *)path, record.path}, {(void *)other, record.other}, {(void *)data, size}};
    take();
    long written = syscall(SYS_writev, trace, parts, 4);
    leave();
    if (written != record.total) abort(); /* half a trace is worse than none */
    errno = saved;
}

static uint64_t inode_of(int fd) {
    struct stat status;
    return fstat(fd, &status) ? 0 : status.st_ino;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int note_open(int fd, int directory, const char *name, int flags) {
    if (fd < 0 || fd >= FDS) return fd;
    kinds[fd] = UNKNOWN;
    if (kind_of(fd) == OURS && flags & (O_CREAT | O_TRUNC)) {
        char path[PATH_MAX];
        put(OPEN, inode_of(fd), 0, full(directory, name, path), "", NULL, 0, flags);
    }
    return fd;
}

#define OPENER(symbol, parameters, directory, call) \
    int symbol parameters { \
        REAL(symbol); \
        mode_t mode = 0; \
        if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); } \
        if (!root_length || !(flags & (O_CREAT | O_TRUNC))) return note_open(real call, directory, name, flags); \
        take(); \
        int fd = note_open(real call, directory, name, flags); \
        leave(); \
        return fd; \
    }

OPENER(open, (const char *name, int flags, ...), AT_FDCWD, (name, flags, mode))
OPENER(open64, (const char *name, int flags, ...), AT_FDCWD, (name, flags, mode))
OPENER(openat, (int at, const char *name, int flags, ...), at, (at, name, flags, mode))
OPENER(openat64, (int at, const char *name, int flags, ...), at, (at, name, flags, mode))

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < FDS) kinds[fd] = UNKNOWN;
    return real(fd);
}

/* How much of a write may go through: all of it, part of it, or none (then errno is set and -1 returned). */
static ssize_t allowed(size_t size, int *last) {
    int error = due('w', __sync_add_and_fetch(&writes, 1));
    *last = error == KILLED;
    if (error > 0) { errno = error; return -1; }
    if (error < 0 && size > 1) size /= 2;
    if (room >= 0) {
        if (!room) { errno = ENOSPC; return -1; }
        if ((long)size > room) size = room;
        room -= size;
    }
    return size;
}

static void note_write(int fd, const void *data, ssize_t size, off_t offset, int last) {
    if (size > 0) {
        if (offset < 0) offset = lseek(fd, 0, SEEK_CUR) - size;
        put(WRITE, inode_of(fd), offset, "", "", data, size, 0);
    }
    if (last) kill(getpid(), SIGKILL);
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    enum kind kind = kind_of(fd);
    if (kind == OURS) {
        int last;
        ssize_t part = allowed(size, &last);
        if (part < 0) return -1;
        take();
        ssize_t done = real(fd, data, part);
        note_write(fd, data, done, -1, last);
        leave();
        return done;
    }
    ssize_t done = real(fd, data, size);
    if (kind == ACKS && done > 0) put(ACK, 0, 0, "", "", data, done, 0);
    return done;
}

#define POSITIONED(symbol) \
    ssize_t symbol(int fd, const void *data, size_t size, off_t offset) { \
        REAL(symbol); \
        if (kind_of(fd) != OURS) return real(fd, data, size, offset); \
        int last; \
        ssize_t part = allowed(size, &last); \
        if (part < 0) return -1; \
        take(); \
        ssize_t done = real(fd, data, part, offset); \
        note_write(fd, data, done, offset, last); \
        leave(); \
        return done; \
    }
POSITIONED(pwrite)
POSITIONED(pwrite64)

/* Vectors are written one part after the other, a legal short write if one of them is. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    if (kind_of(fd) == OTHER) return real(fd, parts, count);
    ssize_t all = 0;
    for (int i = 0; i < count; i++) {
        ssize_t done = write(fd, parts[i].iov_base, parts[i].iov_len);
        if (done < 0) return all ? all : -1;
        all += done;
        if ((size_t)done < parts[i].iov_len) break;
    }
    return all;
}

#define POSITIONED_VECTOR(symbol) \
    ssize_t symbol(int fd, const struct iovec *parts, int count, off_t offset) { \
        REAL(symbol); \
        if (kind_of(fd) != OURS) return real(fd, parts, count, offset); \
        ssize_t all = 0; \
        for (int i = 0; i < count; i++) { \
            ssize_t done = pwrite(fd, parts[i].iov_base, parts[i].iov_len, offset + all); \
            if (done < 0) return all ? all : -1; \
            all += done; \
            if ((size_t)done < parts[i].iov_len) break; \
        } \
        return all; \
    }
POSITIONED_VECTOR(pwritev)
POSITIONED_VECTOR(pwritev64)

/* Copies inside the kernel are refused, so that the program falls back to writes that can be seen. */
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    REAL(copy_file_range);
    if (kind_of(out) == OURS) { errno = EXDEV; return -1; }
    return real(in, from, out, to, size, flags);
}

ssize_t sendfile64(int out, int in, off64_t *from, size_t size) {
    REAL(sendfile64);
    if (kind_of(out) == OURS) { errno = EINVAL; return -1; }
    return real(out, in, from, size);
}

#define TRUNCATER(symbol) \
    int symbol(int fd, off_t size) { \
        REAL(symbol); \
        if (kind_of(fd) != OURS) return real(fd, size); \
        take(); \
        int result = real(fd, size); \
        if (!result) put(TRUNCATE, inode_of(fd), size, "", "", NULL, 0, 0); \
        leave(); \
        return result; \
    }
TRUNCATER(ftruncate)
TRUNCATER(ftruncate64)

/* Preallocation only ever extends: seen as a truncation to the new size if the file grew. */
static void note_allocated(int fd, int64_t before) {
    struct stat status;
    if (!fstat(fd, &status) && status.st_size > before) put(TRUNCATE, status.st_ino, status.st_size, "", "", NULL, 0, 0);
}

static int64_t size_of(int fd) {
    struct stat status;
    return fstat(fd, &status) ? 0 : status.st_size;
}

#define ALLOCATER(symbol, parameters, call) \
    int symbol parameters { \
        REAL(symbol); \
        int64_t before = size_of(fd); \
        int result = real call; \
        if (!result && kind_of(fd) == OURS) note_allocated(fd, before); \
        return result; \
    }
ALLOCATER(posix_fallocate, (int fd, off_t offset, off_t size), (fd, offset, size))
ALLOCATER(posix_fallocate64, (int fd, off64_t offset, off64_t size), (fd, offset, size))
ALLOCATER(fallocate, (int fd, int mode, off_t offset, off_t size), (fd, mode, offset, size))
ALLOCATER(fallocate64, (int fd, int mode, off64_t offset, off64_t size), (fd, mode, offset, size))

#define SYNCER(symbol) \
    int symbol(int fd) { \
        REAL(symbol); \
        if (kind_of(fd) != OURS) return real(fd); \
        uint64_t inode = inode_of(fd); \
        int error = due('s', __sync_add_and_fetch(&syncs, 1)); \
        if (error == KILLED) kill(getpid(), SIGKILL); \
        put(SYNC_BEGIN, inode, 0, "", "", NULL, 0, 0); \
        int result = error ? -1 : real(fd); \
        put(result ? SYNC_FAILED : SYNC_END, inode, 0, "", "", NULL, 0, 0); \
        if (error) errno = error; \
        return result; \
    }
SYNCER(fsync)
SYNCER(fdatasync)

/* A call that changes names: `put` it if it worked and is about our directory. */
#define RENAMER(symbol, parameters, old_directory, new_directory, call, op) \
    int symbol parameters { \
        REAL(symbol); \
        char from[PATH_MAX], to[PATH_MAX]; \
        int ours = root_length && under_root(full(old_directory, old, from)) | under_root(full(new_directory, new, to)); \
        if (ours) take(); \
        int result = real call; \
        if (!result && ours) { \
            struct stat status; \
            if (fstatat(new_directory, new, &status, AT_SYMLINK_NOFOLLOW)) status.st_ino = 0; \
            put(op, status.st_ino, 0, from, to, NULL, 0, 0); \
        } \
        if (ours) leave(); \
        return result; \
    }
RENAMER(rename, (const char *old, const char *new), AT_FDCWD, AT_FDCWD, (old, new), RENAME)
RENAMER(renameat, (int a, const char *old, int b, const char *new), a, b, (a, old, b, new), RENAME)
RENAMER(renameat2, (int a, const char *old, int b, const char *new, unsigned flags), a, b, (a, old, b, new, flags), RENAME)
RENAMER(link, (const char *old, const char *new), AT_FDCWD, AT_FDCWD, (old, new), LINK)
RENAMER(linkat, (int a, const char *old, int b, const char *new, int flags), a, b, (a, old, b, new, flags), LINK)

#define REMOVER(symbol, parameters, directory, call, op) \
    int symbol parameters { \
        REAL(symbol); \
        char path[PATH_MAX]; \
        int ours = root_length && under_root(full(directory, name, path)); \
        if (ours) take(); \
        int result = real call; \
        if (!result && ours) put(op, 0, 0, path, "", NULL, 0, 0); \
        if (ours) leave(); \
        return result; \
    }
REMOVER(unlink, (const char *name), AT_FDCWD, (name), UNLINK)
REMOVER(unlinkat, (int at, const char *name, int flags), at, (at, name, flags), flags & AT_REMOVEDIR ? RMDIR : UNLINK)
REMOVER(rmdir, (const char *name), AT_FDCWD, (name), RMDIR)

#define MAKER(symbol, parameters, directory, call) \
    int symbol parameters { \
        REAL(symbol); \
        char path[PATH_MAX]; \
        struct stat status; \
        int ours = root_length && under_root(full(directory, name, path)); \
        if (ours) take(); \
        int result = real call; \
        if (!result && ours && !lstat(path, &status)) put(MKDIR, status.st_ino, 0, path, "", NULL, 0, 0); \
        if (ours) leave(); \
        return result; \
    }
MAKER(mkdir, (const char *name, mode_t mode), AT_FDCWD, (name, mode))
MAKER(mkdirat, (int at, const char *name, mode_t mode), at, (at, name, mode))
