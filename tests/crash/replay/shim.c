// Records what a process does to the files below one directory, in order, and fails chosen calls.
//
//     cc -shared -fPIC -O2 -o shim.so shim.c        LD_PRELOAD=shim.so python driver.py
//
// The process itself says when: rig_begin(directory, trace, journal), rig_fault(kind, nth, error, times, path), rig_end().
// Every call that changes a file, a name or what is durable becomes one record of the trace:
//
//     u8 what | u64 inode | u32 length of a | u32 length of b | u64 offset | u64 size | a | b | data (of writes)
//
//     C file a was made         W data was written to a         T a now has that size       M directory a was made
//     S a was synced            E syncing a failed              R a became b                U a was removed
//     F a call on a failed, by order
//     J data was written to the journal, in which the process says what it has begun and acknowledged
//
// Memory maps are not seen: SQLite maps only the index of its log, which does not outlive the machine.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DESCRIPTORS 4096
#define TRACE_DESCRIPTOR 1000
#define REAL(name) ({ static void *found; if (!found) found = dlsym(RTLD_NEXT, #name); (__typeof__(&name))found; })
#define IS_OURS(fd) ((fd) >= 0 && (fd) < DESCRIPTORS && paths[fd])

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char root[PATH_MAX], journal[PATH_MAX];
static size_t root_length;
static int trace = -1;
static char *paths[DESCRIPTORS];
static char fault_kind;
static long fault_nth, fault_times, fault_seen;
static int fault_error;
static char fault_path[PATH_MAX];

// ---- what the process says --------------------------------------------------------------------------------------

void rig_begin(const char *directory, const char *trace_path, const char *journal_path)
{
    snprintf(root, sizeof root, "%s", directory);
    snprintf(journal, sizeof journal, "%s", journal_path);
    int opened = REAL(open64)(trace_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    trace = fcntl(opened, F_DUPFD_CLOEXEC, TRACE_DESCRIPTOR);
    REAL(close)(opened);
    root_length = strlen(root);
}

// From the nth call of that kind (w, s, r or u) on a path with that ending on, fail as many calls as `times` says; an
// error of 0 makes a write short.
void rig_fault(char kind, long nth, int error, long times, const char *path)
{
    snprintf(fault_path, sizeof fault_path, "%s", path);
    fault_kind = kind;
    fault_nth = nth;
    fault_error = error;
    fault_times = times;
    fault_seen = 0;
}

void rig_end(void) { root_length = 0; }

// ---- recording ---------------------------------------------------------------------------------------------------

static int is_below(const char *path)
{
    return root_length && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int is_journal(const char *path) { return !strcmp(path, journal); }

static void whole_path(int directory, const char *path, char *whole)
{
    char base[PATH_MAX] = "";
    if (path[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", path);
        return;
    }
    if (directory == AT_FDCWD) {
        if (!getcwd(base, sizeof base)) base[0] = 0;
    } else if (IS_OURS(directory)) {
        snprintf(base, sizeof base, "%s", paths[directory]);
    }
    snprintf(whole, PATH_MAX, "%.2000s/%.2000s", base, path);
}

static uint64_t inode_of(const char *path)
{
    struct stat64 found;
    return lstat64(path, &found) ? 0 : found.st_ino;
}

static uint64_t inode_at(int fd)
{
    struct stat64 found;
    return fstat64(fd, &found) ? 0 : found.st_ino;
}

static uint64_t size_at(int fd)
{
    struct stat64 found;
    return fstat64(fd, &found) ? 0 : found.st_size;
}

static void put(const void *data, size_t size)
{
    const char *from = data;
    while (size) {
        ssize_t written = REAL(write)(trace, from, size);
        if (written <= 0) abort();
        from += written;
        size -= written;
    }
}

static void record(char what, uint64_t inode, const char *a, const char *b, uint64_t offset, uint64_t size, const void *data)
{
    if (trace < 0) return;
    uint32_t a_length = strlen(a), b_length = b ? strlen(b) : 0;
    uint64_t data_length = what == 'W' || what == 'J' ? size : 0;
    size_t length = 33 + a_length + b_length + data_length;
    char *whole = malloc(length), *at = whole;
    if (!whole) abort();
#define ADD(from, count) (memcpy(at, from, count), at += (count))
    ADD(&what, 1);
    ADD(&inode, 8);
    ADD(&a_length, 4);
    ADD(&b_length, 4);
    ADD(&offset, 8);
    ADD(&size, 8);
    ADD(a, a_length);
    if (b_length) ADD(b, b_length);
    if (data_length) ADD(data, data_length);
    put(whole, length);
    free(whole);
}

// ---- failing -----------------------------------------------------------------------------------------------------

static int is_due(char kind, const char *path)
{
    size_t length = strlen(path), ending = strlen(fault_path);
    if (kind != fault_kind || length < ending || strcmp(path + length - ending, fault_path)) return 0;
    return ++fault_seen >= fault_nth && fault_seen < fault_nth + fault_times;
}

static int fails(char kind, uint64_t inode, const char *path)
{
    if (!is_due(kind, path)) return 0;
    record(kind == 's' ? 'E' : 'F', inode, path, NULL, 0, 0, NULL);
    errno = fault_error;
    return 1;
}

// ---- calls on names ----------------------------------------------------------------------------------------------

static int note_open(int fd, const char *path, int flags, int was_there)
{
    if (fd < 0 || fd >= DESCRIPTORS) return fd;
    free(paths[fd]);
    paths[fd] = NULL;
    if (!is_below(path)) return fd;
    paths[fd] = strdup(path);
    if (is_journal(path)) return fd;
    if ((flags & O_CREAT) && !was_there) record('C', inode_at(fd), path, NULL, 0, 0, NULL);
    else if (flags & O_TRUNC) record('T', inode_at(fd), path, NULL, 0, 0, NULL);
    return fd;
}

#define OPEN(name, declared, given, directory)                                                                          \
    int name(declared const char *path, int flags, ...)                                                               \
    {                                                                                                                 \
        mode_t mode = 0;                                                                                              \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                                        \
            va_list rest;                                                                                             \
            va_start(rest, flags);                                                                                    \
            mode = va_arg(rest, int);                                                                                 \
            va_end(rest);                                                                                             \
        }                                                                                                             \
        char whole[PATH_MAX];                                                                                         \
        pthread_mutex_lock(&lock);                                                                                    \
        whole_path(directory, path, whole);                                                                           \
        int was_there = is_below(whole) && inode_of(whole);                                                           \
        int fd = note_open(REAL(name)(given path, flags, mode), whole, flags, was_there);                             \
        int error = errno;                                                                                            \
        pthread_mutex_unlock(&lock);                                                                                  \
        errno = error;                                                                                                \
        return fd;                                                                                                    \
    }
#define NOTHING
#define DIRECTORY_DECLARED int directory,
#define DIRECTORY_GIVEN directory,
OPEN(open, NOTHING, NOTHING, AT_FDCWD)
OPEN(open64, NOTHING, NOTHING, AT_FDCWD)
OPEN(openat, DIRECTORY_DECLARED, DIRECTORY_GIVEN, directory)
OPEN(openat64, DIRECTORY_DECLARED, DIRECTORY_GIVEN, directory)

int close(int fd)
{
    pthread_mutex_lock(&lock);
    if (IS_OURS(fd)) {
        free(paths[fd]);
        paths[fd] = NULL;
    }
    int result = REAL(close)(fd);
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

static void note_rename(const char *from, const char *to, uint64_t inode)
{
    record('R', inode, from, to, 0, 0, NULL);
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (paths[fd] && !strcmp(paths[fd], from)) {
            free(paths[fd]);
            paths[fd] = strdup(to);
        }
}

#define RENAME(name, declared, given, from_directory, to_directory)                                                      \
    int name declared                                                                                                 \
    {                                                                                                                 \
        char from_whole[PATH_MAX], to_whole[PATH_MAX];                                                                \
        pthread_mutex_lock(&lock);                                                                                    \
        whole_path(from_directory, from, from_whole);                                                                 \
        whole_path(to_directory, to, to_whole);                                                                       \
        int is_ours = is_below(from_whole) || is_below(to_whole), result = -1;                                        \
        uint64_t inode = is_ours ? inode_of(from_whole) : 0;                                                          \
        if (!is_ours || !fails('r', inode, from_whole)) {                                                                                \
            result = REAL(name) given;                                                                                \
            if (!result && is_ours) note_rename(from_whole, to_whole, inode);                                         \
        }                                                                                                             \
        int error = errno;                                                                                            \
        pthread_mutex_unlock(&lock);                                                                                  \
        errno = error;                                                                                                \
        return result;                                                                                                \
    }
RENAME(rename, (const char *from, const char *to), (from, to), AT_FDCWD, AT_FDCWD)
RENAME(renameat, (int a, const char *from, int b, const char *to), (a, from, b, to), a, b)

#define REMOVE(name, declared, given, directory)                                                                        \
    int name declared                                                                                                 \
    {                                                                                                                 \
        char whole[PATH_MAX];                                                                                         \
        pthread_mutex_lock(&lock);                                                                                    \
        whole_path(directory, path, whole);                                                                           \
        int is_ours = is_below(whole), result = -1;                                                                   \
        uint64_t inode = is_ours ? inode_of(whole) : 0;                                                               \
        if (!is_ours || !inode || !fails('u', inode, whole)) {                                                                      \
            result = REAL(name) given;                                                                                \
            if (!result && is_ours) record('U', inode, whole, NULL, 0, 0, NULL);                                      \
        }                                                                                                             \
        int error = errno;                                                                                            \
        pthread_mutex_unlock(&lock);                                                                                  \
        errno = error;                                                                                                \
        return result;                                                                                                \
    }
REMOVE(unlink, (const char *path), (path), AT_FDCWD)
REMOVE(unlinkat, (int directory, const char *path, int flags), (directory, path, flags), directory)

#define MAKE(name, declared, given, directory)                                                                          \
    int name declared                                                                                                 \
    {                                                                                                                 \
        char whole[PATH_MAX];                                                                                         \
        pthread_mutex_lock(&lock);                                                                                    \
        whole_path(directory, path, whole);                                                                           \
        int result = REAL(name) given, error = errno;                                                                 \
        if (!result && is_below(whole)) record('M', inode_of(whole), whole, NULL, 0, 0, NULL);                        \
        pthread_mutex_unlock(&lock);                                                                                  \
        errno = error;                                                                                                \
        return result;                                                                                                \
    }
MAKE(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD)
MAKE(mkdirat, (int directory, const char *path, mode_t mode), (directory, path, mode), directory)

// ---- calls on bytes ----------------------------------------------------------------------------------------------

// Returns how many of the bytes to write: fewer when a short write is due, none (and errno) when an error is.
static size_t allowed(int fd, size_t size)
{
    if (is_journal(paths[fd]) || !fails('w', inode_at(fd), paths[fd])) return size;
    return fault_error ? 0 : size / 2;
}

static void note_write(int fd, const void *data, uint64_t offset, uint64_t size)
{
    record(is_journal(paths[fd]) ? 'J' : 'W', inode_at(fd), paths[fd], NULL, offset, size, data);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (!IS_OURS(fd)) return REAL(write)(fd, data, size);
    pthread_mutex_lock(&lock);
    ssize_t written = -1;
    size_t most = size ? allowed(fd, size) : 0;
    if (most || !size) {
        written = REAL(write)(fd, data, most);
        if (written > 0) note_write(fd, data, lseek64(fd, 0, SEEK_CUR) - written, written);
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return written;
}

#define WRITE_AT(name, offset_type)                                                                                     \
    ssize_t name(int fd, const void *data, size_t size, offset_type offset)                                           \
    {                                                                                                                 \
        if (!IS_OURS(fd)) return REAL(name)(fd, data, size, offset);                                                  \
        pthread_mutex_lock(&lock);                                                                                    \
        ssize_t written = -1;                                                                                         \
        size_t most = allowed(fd, size);                                                                              \
        if (most) {                                                                                                   \
            written = REAL(name)(fd, data, most, offset);                                                             \
            if (written > 0) note_write(fd, data, offset, written);                                                   \
        }                                                                                                             \
        int error = errno;                                                                                            \
        pthread_mutex_unlock(&lock);                                                                                  \
        errno = error;                                                                                                \
        return written;                                                                                               \
    }
WRITE_AT(pwrite, off_t)
WRITE_AT(pwrite64, off64_t)

#define SYNC(name)                                                                                                      \
    int name(int fd)                                                                                                  \
    {                                                                                                                 \
        if (!IS_OURS(fd)) return REAL(name)(fd);                                                                      \
        pthread_mutex_lock(&lock);                                                                                    \
        int result = -1;                                                                                              \
        if (!fails('s', inode_at(fd), paths[fd])) {                                                                   \
            result = REAL(name)(fd);                                                                                  \
            record(result ? 'E' : 'S', inode_at(fd), paths[fd], NULL, 0, 0, NULL);                                    \
        }                                                                                                             \
        int error = errno;                                                                                            \
        pthread_mutex_unlock(&lock);                                                                                  \
        errno = error;                                                                                                \
        return result;                                                                                                \
    }
SYNC(fsync)
SYNC(fdatasync)

#define RESIZE(name, declared, given)                                                                        \
    int name declared                                                                                                 \
    {                                                                                                                 \
        if (!IS_OURS(fd)) return REAL(name) given;                                                                    \
        pthread_mutex_lock(&lock);                                                                                    \
        int result = REAL(name) given, error = errno;                                                                 \
        if (!result) record('T', inode_at(fd), paths[fd], NULL, 0, size_at(fd), NULL);                                \
        pthread_mutex_unlock(&lock);                                                                                  \
        errno = error;                                                                                                \
        return result;                                                                                                \
    }
RESIZE(ftruncate, (int fd, off_t size), (fd, size))
RESIZE(ftruncate64, (int fd, off64_t size), (fd, size))
RESIZE(posix_fallocate, (int fd, off_t offset, off_t size), (fd, offset, size))
RESIZE(posix_fallocate64, (int fd, off64_t offset, off64_t size), (fd, offset, size))
