# Warnings, sanitizers, ccache and the fastest linker at hand.
find_program(SWITCHYARD_CCACHE ccache)
if(SWITCHYARD_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${SWITCHYARD_CCACHE})
endif()

find_program(SWITCHYARD_MOLD mold)
if(SWITCHYARD_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wshadow -Wnon-virtual-dtor -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # False positives of GCC 12 in inlined standard containers.
  add_compile_options(-Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()
option(SWITCHYARD_WERROR "Warnings are errors" ON)
if(SWITCHYARD_WERROR)
  add_compile_options(-Werror)
endif()

if(SWITCHYARD_SANITIZE)
  add_compile_options(-fsanitize=${SWITCHYARD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SWITCHYARD_SANITIZE})
  if(SWITCHYARD_SANITIZE STREQUAL "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-Wno-tsan)
  endif()
endif()
add_compile_definitions(BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION
  BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_VISIBILITY)
