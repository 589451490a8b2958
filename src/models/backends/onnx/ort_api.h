#pragma once

#include <cstddef>
#include <cstdint>

/// The part of ONNX Runtime's C interface that the backend uses, declared here so that building needs none of
/// its files. The interface is one table of function pointers that is only ever appended to: a function keeps
/// its slot in all later releases, so the slots below hold for every library since 1.14.
/// tests/ort_api_test.cc compares them with the official header wherever that is installed.
namespace switchyard::models::ort {

struct Status;
struct Env;
struct Session;
struct SessionOptions;
struct RunOptions;
struct Value;
struct TypeInfo;
struct TensorInfo;  ///< OrtTensorTypeAndShapeInfo
struct MemoryInfo;
struct Allocator;

inline constexpr uint32_t kApiVersion = 14;

// Values of the interface's enumerations.
inline constexpr int kLogFatal = 4;
inline constexpr int kSequential = 0;
inline constexpr int kParallel = 1;
inline constexpr int kOptimizeAll = 99;
inline constexpr int kDeviceAllocator = 0;
inline constexpr int kDefaultMemory = 0;
inline constexpr int kTypeTensor = 1;
inline constexpr int kErrorInvalidArgument = 2;

enum class Element : int {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
};

/// What OrtGetApiBase() returns.
struct ApiBase {
  const void* const* (*get_api)(uint32_t version);
  const char* (*version)();
};

/// One slot per function: X(name, slot, result, parameters...).
#define SY_ORT_FUNCTIONS(X)                                                                               \
  X(GetErrorCode, 1, int, const Status*)                                                                  \
  X(GetErrorMessage, 2, const char*, const Status*)                                                       \
  X(CreateEnv, 3, Status*, int log_level, const char* log_id, Env** out)                                  \
  X(CreateSessionFromArray, 8, Status*, const Env*, const void* data, size_t size, const SessionOptions*, \
    Session** out)                                                                                        \
  X(Run, 9, Status*, Session*, const RunOptions*, const char* const* input_names,                         \
    const Value* const* inputs, size_t input_count, const char* const* output_names, size_t output_count, \
    Value** outputs)                                                                                      \
  X(CreateSessionOptions, 10, Status*, SessionOptions** out)                                              \
  X(SetSessionExecutionMode, 13, Status*, SessionOptions*, int mode)                                      \
  X(SetSessionLogSeverityLevel, 22, Status*, SessionOptions*, int level)                                  \
  X(SetSessionGraphOptimizationLevel, 23, Status*, SessionOptions*, int level)                            \
  X(SetIntraOpNumThreads, 24, Status*, SessionOptions*, int threads)                                      \
  X(SetInterOpNumThreads, 25, Status*, SessionOptions*, int threads)                                      \
  X(SessionGetInputCount, 30, Status*, const Session*, size_t* out)                                       \
  X(SessionGetOutputCount, 31, Status*, const Session*, size_t* out)                                      \
  X(SessionGetInputTypeInfo, 33, Status*, const Session*, size_t index, TypeInfo** out)                   \
  X(SessionGetOutputTypeInfo, 34, Status*, const Session*, size_t index, TypeInfo** out)                  \
  X(SessionGetInputName, 36, Status*, const Session*, size_t index, Allocator*, char** out)               \
  X(SessionGetOutputName, 37, Status*, const Session*, size_t index, Allocator*, char** out)              \
  X(CreateTensorAsOrtValue, 48, Status*, Allocator*, const int64_t* shape, size_t rank, Element,          \
    Value** out)                                                                                          \
  X(CreateTensorWithDataAsOrtValue, 49, Status*, const MemoryInfo*, void* data, size_t bytes,             \
    const int64_t* shape, size_t rank, Element, Value** out)                                              \
  X(GetTensorMutableData, 51, Status*, Value*, void** out)                                                \
  X(FillStringTensor, 52, Status*, Value*, const char* const* texts, size_t count)                        \
  X(GetStringTensorDataLength, 53, Status*, const Value*, size_t* out)                                    \
  X(GetStringTensorContent, 54, Status*, const Value*, void* text, size_t size, size_t* offsets,          \
    size_t count)                                                                                         \
  X(CastTypeInfoToTensorInfo, 55, Status*, const TypeInfo*, const TensorInfo** out)                       \
  X(GetOnnxTypeFromTypeInfo, 56, Status*, const TypeInfo*, int* out)                                      \
  X(GetTensorElementType, 60, Status*, const TensorInfo*, Element* out)                                   \
  X(GetDimensionsCount, 61, Status*, const TensorInfo*, size_t* out)                                      \
  X(GetDimensions, 62, Status*, const TensorInfo*, int64_t* out, size_t count)                            \
  X(GetTensorTypeAndShape, 65, Status*, const Value*, TensorInfo** out)                                   \
  X(CreateCpuMemoryInfo, 69, Status*, int allocator_type, int memory_type, MemoryInfo** out)              \
  X(AllocatorFree, 76, Status*, Allocator*, void*)                                                        \
  X(GetAllocatorWithDefaultOptions, 78, Status*, Allocator** out)                                         \
  X(ReleaseEnv, 92, void, Env*)                                                                           \
  X(ReleaseStatus, 93, void, Status*)                                                                     \
  X(ReleaseMemoryInfo, 94, void, MemoryInfo*)                                                             \
  X(ReleaseSession, 95, void, Session*)                                                                   \
  X(ReleaseValue, 96, void, Value*)                                                                       \
  X(ReleaseTypeInfo, 98, void, TypeInfo*)                                                                 \
  X(ReleaseTensorTypeAndShapeInfo, 99, void, TensorInfo*)                                                 \
  X(ReleaseSessionOptions, 100, void, SessionOptions*)                                                    \
  X(AddSessionConfigEntry, 130, Status*, SessionOptions*, const char* key, const char* value)

/// The functions, by their official names.
struct Api {
#define SY_ORT_MEMBER(name, slot, result, ...) result (*name)(__VA_ARGS__) = nullptr;
  SY_ORT_FUNCTIONS(SY_ORT_MEMBER)
#undef SY_ORT_MEMBER

  static Api from_table(const void* const* table) {
    Api api;
#define SY_ORT_FILL(name, slot, result, ...) \
  api.name = reinterpret_cast<result (*)(__VA_ARGS__)>(const_cast<void*>(table[slot]));
    SY_ORT_FUNCTIONS(SY_ORT_FILL)
#undef SY_ORT_FILL
    return api;
  }
};

}  // namespace switchyard::models::ort
