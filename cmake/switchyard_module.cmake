# Modules in whose code threads meet: their tests also run under TSan (label `threads`, target `threads_tests`).
set(SWITCHYARD_THREADED_MODULES
  telemetry runtime otlp log store models router http blobs archive workers partition gateway server)

# switchyard_module(NAME LEVEL n [DEPS module...] [LIBS library...] [PUBLIC_LIBS library...])
#
# Declares src/NAME as one static library `switchyard_NAME` made of every .cc below the folder that is
# not under tests/ or bench/. It may link only modules of a lower level. Also made:
#   link_test_NAME  the whole library linked against its declared dependencies alone
#   NAME_tests      all tests/*_test.cc, registered with CTest under the label NAME
function(switchyard_module name)
  cmake_parse_arguments(ARG "" "LEVEL" "DEPS;LIBS;PUBLIC_LIBS;TEST_LIBS" ${ARGN})
  set_property(GLOBAL PROPERTY SWITCHYARD_LEVEL_${name} ${ARG_LEVEL})
  set_property(GLOBAL APPEND PROPERTY SWITCHYARD_MODULES ${name})

  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/src/${name}/(tests|bench)/")
  list(FILTER sources EXCLUDE REGEX "/src/${name}/main\\.cc$")

  set(target switchyard_${name})
  add_library(${target} STATIC ${sources})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(${target} PUBLIC include)
  # -idirafter, not -I: a module's own limits.h must not hide the system's <limits.h>. Files in subfolders
  # and tests therefore write "../limits.h".
  target_compile_options(${target} PRIVATE -idirafter ${CMAKE_CURRENT_SOURCE_DIR})
  foreach(dep ${ARG_DEPS})
    get_property(level GLOBAL PROPERTY SWITCHYARD_LEVEL_${dep})
    if(level STREQUAL "" OR NOT level LESS ARG_LEVEL)
      message(FATAL_ERROR "module ${name} (level ${ARG_LEVEL}) may not use ${dep} (level '${level}'): "
        "a module uses only lower levels; see STYLE in CONTRIBUTING.md")
    endif()
    target_link_libraries(${target} PUBLIC switchyard_${dep})
  endforeach()
  target_link_libraries(${target} PUBLIC ${ARG_PUBLIC_LIBS} PRIVATE ${ARG_LIBS} Threads::Threads)

  if(NOT SWITCHYARD_TESTS)
    return()
  endif()
  file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/link_test.cc.in "int main() { return 0; }\n")
  configure_file(${CMAKE_CURRENT_BINARY_DIR}/link_test.cc.in ${CMAKE_CURRENT_BINARY_DIR}/link_test.cc COPYONLY)
  add_executable(link_test_${name} ${CMAKE_CURRENT_BINARY_DIR}/link_test.cc)
  target_link_libraries(link_test_${name} PRIVATE
    -Wl,--whole-archive $<TARGET_FILE:${target}> -Wl,--no-whole-archive)
  foreach(dep ${ARG_DEPS})
    target_link_libraries(link_test_${name} PRIVATE switchyard_${dep})
  endforeach()
  target_link_libraries(link_test_${name} PRIVATE ${ARG_PUBLIC_LIBS} ${ARG_LIBS} Threads::Threads)
  add_dependencies(link_test_${name} ${target})

  file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/*_test.cc)
  if(tests)
    file(GLOB helpers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/tests/*.cc)
    add_executable(${name}_tests ${helpers})
    target_compile_options(${name}_tests PRIVATE -idirafter ${CMAKE_CURRENT_SOURCE_DIR})
    target_link_libraries(${name}_tests PRIVATE ${target} ${ARG_TEST_LIBS} GTest::gtest GTest::gtest_main)
    if(SWITCHYARD_SANITIZE)
      # Optimising test code takes half of its compilation and saves nothing that is felt when it runs.
      target_compile_options(${name}_tests PRIVATE -O0)
    endif()
    target_compile_definitions(${name}_tests PRIVATE
      SWITCHYARD_SOURCE_DIR="${CMAKE_SOURCE_DIR}" SWITCHYARD_BINARY_DIR="${CMAKE_BINARY_DIR}")
    add_test(NAME ${name} COMMAND ${name}_tests --gtest_brief=1)
    set(labels ${name})
    if(name IN_LIST SWITCHYARD_THREADED_MODULES)
      list(APPEND labels threads)
      if(NOT TARGET threads_tests)
        add_custom_target(threads_tests)
      endif()
      add_dependencies(threads_tests ${name}_tests)
    endif()
    set_tests_properties(${name} PROPERTIES LABELS "${labels}" TIMEOUT 600)
  endif()
endfunction()
