# Every third-party library, found once. Modules name them in LIBS.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(simdjson REQUIRED)
find_package(RocksDB REQUIRED)
find_package(prometheus-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(Boost 1.81 REQUIRED)

find_package(PkgConfig REQUIRED)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)
pkg_check_modules(ISAL REQUIRED IMPORTED_TARGET libisal)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)

# The sanitizers bring an allocator of their own.
set(SWITCHYARD_ALLOCATOR "")
if(NOT SWITCHYARD_SANITIZE)
  pkg_check_modules(JEMALLOC REQUIRED IMPORTED_TARGET jemalloc)
  set(SWITCHYARD_ALLOCATOR PkgConfig::JEMALLOC)
endif()

if(SWITCHYARD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(SWITCHYARD_BENCH)
  find_package(benchmark REQUIRED)
endif()

include(onnxruntime)
