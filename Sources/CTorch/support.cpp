#include "support.h"

#include "include/CTorch.h"

#include <c10/util/Exception.h>

#include <cstring>
#include <new>

namespace {

thread_local std::string lastMessage;
thread_local ct_error_kind lastKind = CT_OTHER;

bool contains(const std::string &text, std::initializer_list<const char *> words) {
  for (auto word : words)
    if (text.find(word) != std::string::npos) return true;
  return false;
}

// libtorch tells most mistakes apart by their wording alone.
ct_error_kind classify(const std::string &message) {
  if (contains(message, {"out of memory", "DefaultCPUAllocator", "can't allocate"})) return CT_MEMORY;
  if (contains(message, {"out of range", "out of bounds", "index out", "IndexError"})) return CT_INDEX;
  if (contains(message, {"same dtype", "scalar type", "dtype", "ScalarType", "data type", "BoolTensor"})) return CT_DTYPE;
  if (contains(message, {"same device", "CUDA", "device"})) return CT_DEVICE;
  if (contains(message, {"does not require grad", "backward through the graph", "modified by an inplace",
                         "leaf Variable", "not have been used in the graph", "grad can be implicitly"}))
    return CT_AUTOGRAD;
  if (contains(message, {"shape", "size", "dimension", "broadcast", "dim ", "converted to Scalar"})) return CT_SHAPE;
  return CT_OTHER;
}

}  // namespace

namespace ctorch {

void recordError() noexcept {
  try {
    try {
      throw;
    } catch (const c10::IndexError &e) {
      lastMessage = e.what_without_backtrace();
      lastKind = CT_INDEX;
    } catch (const c10::NotImplementedError &e) {
      lastMessage = e.what_without_backtrace();
      lastKind = CT_UNSUPPORTED;
    } catch (const c10::OutOfMemoryError &e) {
      lastMessage = e.what_without_backtrace();
      lastKind = CT_MEMORY;
    } catch (const c10::Error &e) {
      lastMessage = e.what_without_backtrace();
      lastKind = classify(lastMessage);
    } catch (const std::bad_alloc &) {
      lastMessage = "out of memory";
      lastKind = CT_MEMORY;
    } catch (const std::exception &e) {
      lastMessage = e.what();
      lastKind = classify(lastMessage);
    } catch (...) {
      lastMessage = "an unknown C++ exception";
      lastKind = CT_OTHER;
    }
    // Some messages carry the C++ back trace after the sentence; readers want the sentence.
    for (auto mark : {"\nException raised from", "\n\nTo execute this test", "\nC++ CapturedTraceback"}) {
      auto cut = lastMessage.find(mark);
      if (cut != std::string::npos) lastMessage.resize(cut);
    }
  } catch (...) {
    lastKind = CT_MEMORY;
  }
}

}  // namespace ctorch

const char *ct_error_message(void) { return lastMessage.c_str(); }
ct_error_kind ct_error_last_kind(void) { return lastKind; }
