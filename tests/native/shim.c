// The truth that bills are held against: every posix_memalign that torch's core library makes.
// Preloaded into a child process, it knows nothing of torch and torch nothing of it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MOST 262144

static int (*real)(void **, size_t, size_t);
static size_t sizes[MOST];
static atomic_long count;
static atomic_int is_on;
static uintptr_t begin, end;  // where torch's core library lies

static int find_core(struct dl_phdr_info *library, size_t size, void *unused) {
  (void)size, (void)unused;
  if (!strstr(library->dlpi_name, "libc10.")) return 0;
  begin = UINTPTR_MAX, end = 0;
  for (int i = 0; i < library->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &library->dlpi_phdr[i];
    if (part->p_type != PT_LOAD) continue;
    uintptr_t first = library->dlpi_addr + part->p_vaddr;
    if (first < begin) begin = first;
    if (first + part->p_memsz > end) end = first + part->p_memsz;
  }
  return 1;
}

int posix_memalign(void **out, size_t alignment, size_t size) {
  if (!real) real = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
  int failed = real(out, alignment, size);
  if (atomic_load(&is_on) && !failed) {
    uintptr_t caller = (uintptr_t)__builtin_return_address(0);
    if (caller >= begin && caller < end) {
      long place = atomic_fetch_add(&count, 1);
      if (place < MOST) sizes[place] = size;
    }
  }
  return failed;
}

void shim_start(void) {
  if (!end) dl_iterate_phdr(find_core, NULL);
  atomic_store(&count, 0);
  atomic_store(&is_on, 1);
}
long shim_stop(void) { atomic_store(&is_on, 0); return atomic_load(&count); }
const size_t *shim_sizes(void) { return sizes; }
