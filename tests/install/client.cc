// A program of somebody else, built with nothing but what `make install` put there.

#include <mm/mm.h>

#include <cstring>

int main() {
  auto memory = ring3::mm::Memory::create({.size_bytes = size_t{64} << 20});
  if (!memory) return 1;
  void* object = (*memory)->kmalloc(100, ring3::mm::kGfpKernel);
  if (object == nullptr) return 1;
  std::memset(object, 1, 100);
  (*memory)->kfree(object);
  return (*memory)->close().objects == 0 ? 0 : 1;
}
