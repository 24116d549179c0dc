/* A disk that fails as told. It is preloaded (LD_PRELOAD) into the real program, between SQLite and the system.
 *
 * HOSTILE_DISK names a file of 4096 bytes with one rule in each line: CALL FAULT SUFFIX. A call on a file whose path ends
 * with the suffix fails. A suffix that ends with a slash means every file in such a folder. The file may be changed at any
 * time.
 *
 * CALL is write, read, sync or truncate. FAULT is ENOSPC, EIO, SHORT (half of the bytes are written, and at last none), or
 * HANG (the call waits until the rule is gone). */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum { SIZE = 4096, SHORT = -1, HANG = -2 };

static char *rules;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("HOSTILE_DISK");
    int file = path ? open(path, O_RDWR) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (mapped == MAP_FAILED) return;
    rules = mapped;
    /* Tells the test that the library is in the program. */
    rules[SIZE - 1] = 1;
}

static int starts(const char **text, const char *word) {
    size_t length = strlen(word);
    if (strncmp(*text, word, length) != 0 || (*text)[length] != ' ') return 0;
    *text += length + 1;
    return 1;
}

/* The fault of this call on this file: an errno, SHORT, HANG, or 0. */
static int told(const char *call, int file) {
    char link[32] = "/proc/self/fd/", digits[12], path[SIZE];
    int count = 0, saved = errno;
    if (!rules || rules[0] == '\0' || file < 0) return 0;
    for (int rest = file; count == 0 || rest > 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
    size_t end = strlen(link);
    while (count > 0) link[end++] = digits[--count];
    ssize_t length = readlink(link, path, sizeof path);
    errno = saved;
    if (length <= 0) return 0;
    for (const char *rule = rules; *rule; ) {
        const char *line = rule, *stop = strchr(rule, '\n');
        if (!stop) return 0;
        rule = stop + 1;
        if (!starts(&line, call)) continue;
        int fault = starts(&line, "ENOSPC") ? ENOSPC
                  : starts(&line, "EIO") ? EIO
                  : starts(&line, "SHORT") ? SHORT
                  : starts(&line, "HANG") ? HANG : 0;
        ssize_t suffix = stop - line;
        ssize_t end = length;
        if (suffix > 0 && line[suffix - 1] == '/') {
            while (end > 0 && path[end - 1] != '/') end--;
        }
        if (suffix <= end && memcmp(path + end - suffix, line, (size_t)suffix) == 0) return fault;
    }
    return 0;
}

/* The number of bytes that may be moved; -1 with errno if none may. */
static ssize_t allowed(const char *call, int file, size_t count) {
    int fault;
    while ((fault = told(call, file)) == HANG) usleep(5000);
    if (fault == SHORT && count > 1) return (ssize_t)(count / 2);
    if (fault == 0) return (ssize_t)count;
    errno = fault == SHORT ? ENOSPC : fault;
    return -1;
}

ssize_t write(int file, const void *bytes, size_t count) {
    ssize_t most = allowed("write", file, count);
    return most < 0 ? -1 : syscall(SYS_write, file, bytes, (size_t)most);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    ssize_t most = allowed("write", file, count);
    return most < 0 ? -1 : syscall(SYS_pwrite64, file, bytes, (size_t)most, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) { return pwrite(file, bytes, count, at); }

ssize_t read(int file, void *bytes, size_t count) {
    ssize_t most = allowed("read", file, count);
    return most < 0 ? -1 : syscall(SYS_read, file, bytes, (size_t)most);
}

ssize_t pread(int file, void *bytes, size_t count, off_t at) {
    ssize_t most = allowed("read", file, count);
    return most < 0 ? -1 : syscall(SYS_pread64, file, bytes, (size_t)most, at);
}

ssize_t pread64(int file, void *bytes, size_t count, off_t at) { return pread(file, bytes, count, at); }

int fsync(int file) { return allowed("sync", file, 0) < 0 ? -1 : (int)syscall(SYS_fsync, file); }

int fdatasync(int file) { return allowed("sync", file, 0) < 0 ? -1 : (int)syscall(SYS_fdatasync, file); }

int ftruncate(int file, off_t length) {
    return allowed("truncate", file, 0) < 0 ? -1 : (int)syscall(SYS_ftruncate, file, length);
}

int ftruncate64(int file, off_t length) { return ftruncate(file, length); }
