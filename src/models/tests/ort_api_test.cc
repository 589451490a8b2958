#include <cstddef>

#include <gtest/gtest.h>

#include "backends/onnx/ort_api.h"
#include "backends/onnx/ort_library.h"

#if __has_include(<onnxruntime_c_api.h>)
#include <onnxruntime_c_api.h>
#define SY_HAS_OFFICIAL_HEADER 1
#elif __has_include(<onnxruntime/onnxruntime_c_api.h>)
#include <onnxruntime/onnxruntime_c_api.h>
#define SY_HAS_OFFICIAL_HEADER 1
#elif __has_include(<onnxruntime/core/session/onnxruntime_c_api.h>)
#include <onnxruntime/core/session/onnxruntime_c_api.h>
#define SY_HAS_OFFICIAL_HEADER 1
#endif

namespace switchyard::models::ort {
namespace {

#ifdef SY_HAS_OFFICIAL_HEADER
#define SY_ORT_SAME_SLOT(name, slot, result, ...) \
  static_assert(offsetof(OrtApi, name) == (slot) * sizeof(void*), #name " has another slot");
SY_ORT_FUNCTIONS(SY_ORT_SAME_SLOT)
#undef SY_ORT_SAME_SLOT
static_assert(static_cast<int>(Element::kString) == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING);
static_assert(static_cast<int>(Element::kBfloat16) == ONNX_TENSOR_ELEMENT_DATA_TYPE_BFLOAT16);
static_assert(kOptimizeAll == ORT_ENABLE_ALL && kSequential == ORT_SEQUENTIAL && kParallel == ORT_PARALLEL &&
              kLogFatal == ORT_LOGGING_LEVEL_FATAL);
static_assert(kTypeTensor == ONNX_TYPE_TENSOR && kErrorInvalidArgument == ORT_INVALID_ARGUMENT);
static_assert(kDeviceAllocator == OrtDeviceAllocator && kDefaultMemory == OrtMemTypeDefault);
#endif

TEST(OrtLibrary, IsFoundWhereTheBuildOrTheSystemHasIt) {
  const auto library = Library::open({});
  ASSERT_TRUE(library.ok()) << library.error().to_string();
  EXPECT_FALSE((*library)->version().empty());
  EXPECT_NE((*library)->env(), nullptr);
}

TEST(OrtLibrary, SaysWhereItLookedAndWhatToDoWhenThereIsNone) {
  OnnxOptions options;
  options.search_default_places = false;
  options.library_paths = {"/nowhere"};
  const auto library = Library::open(options);
  ASSERT_FALSE(library.ok());
  EXPECT_EQ(library.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(library.error().code, "models.runtime_missing");
  EXPECT_NE(library.error().message.find("ONNXRUNTIME_ROOT"), std::string::npos);
}

TEST(OrtLibrary, ExplicitPlacesComeFirst) {
  const std::string file = SWITCHYARD_SOURCE_DIR "/CMakeLists.txt";
  EXPECT_EQ(library_candidates({{file}, true}).front(), file);
  EXPECT_EQ(library_candidates({{file}, false}), std::vector<std::string>{file});
}

}  // namespace
}  // namespace switchyard::models::ort
