// The truth that bills are held against: every posix_memalign that torch's core library makes.
// Preloaded into a child process, it knows nothing of torch and torch nothing of it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define MOST 262144

static int (*real)(void **, size_t, size_t);
static size_t sizes[MOST];
static atomic_long count;
static atomic_int is_on;

int posix_memalign(void **out, size_t alignment, size_t size) {
  if (!real) real = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
  int failed = real(out, alignment, size);
  if (atomic_load(&is_on) && !failed) {
    Dl_info caller;
    if (dladdr(__builtin_return_address(0), &caller) && caller.dli_fname &&
        strstr(caller.dli_fname, "libc10")) {
      long place = atomic_fetch_add(&count, 1);
      if (place < MOST) sizes[place] = size;
    }
  }
  return failed;
}

void shim_start(void) { atomic_store(&count, 0); atomic_store(&is_on, 1); }
long shim_stop(void) { atomic_store(&is_on, 0); return atomic_load(&count); }
const size_t *shim_sizes(void) { return sizes; }
