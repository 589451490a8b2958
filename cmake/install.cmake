# What `cmake --install` places, relative to the prefix (GNU's layout). Each rule holds only where its part is there:
#   bin/switchyard                      finds its private libraries through $ORIGIN, so the tree can be moved
#   lib/switchyard/libonnxruntime.so*   where ONNX Runtime is not the distribution's own
#   share/switchyard/examples           the examples, with their data and models
#   share/doc/switchyard                documents and licence
#   lib/systemd/system                  the unit
include(GNUInstallDirs)

set(share ${CMAKE_INSTALL_DATADIR}/switchyard)
set(private_libraries ${CMAKE_INSTALL_LIBDIR}/switchyard)

if(TARGET switchyard)
  file(RELATIVE_PATH from_bin ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR}/switchyard)
  set_target_properties(switchyard PROPERTIES INSTALL_RPATH "$ORIGIN/${from_bin}")
  install(TARGETS switchyard RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# The set-up's own copy travels along; the distribution's stays where its package manager keeps it.
if(TARGET onnxruntime::onnxruntime)
  get_target_property(library onnxruntime::onnxruntime IMPORTED_LOCATION)
  if(library AND NOT library MATCHES "^/(usr/)?lib/")
    # The real file under the name the loader looks for (its SONAME), whatever links the fetched folder has.
    file(REAL_PATH ${library} library)
    install(CODE "
      file(GLOB libraries \"${library}\" \"${library}.*\")
      execute_process(COMMAND objdump -p \"${library}\" OUTPUT_VARIABLE header)
      string(REGEX MATCH \"SONAME +([^\n ]+)\" found \"\${header}\")
      set(name \${CMAKE_MATCH_1})
      if(NOT found)
        get_filename_component(name \"${library}\" NAME)
      endif()
      file(INSTALL \"${library}\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${private_libraries}\" RENAME \"\${name}\")")
  endif()
endif()

foreach(part examples docs)
  set(to_examples ${share}/examples)
  set(to_docs ${CMAKE_INSTALL_DOCDIR})
  if(IS_DIRECTORY ${CMAKE_SOURCE_DIR}/${part})
    install(DIRECTORY ${CMAKE_SOURCE_DIR}/${part}/ DESTINATION ${to_${part}} USE_SOURCE_PERMISSIONS
      PATTERN __pycache__ EXCLUDE PATTERN ".venv" EXCLUDE PATTERN "CMakeLists.txt" EXCLUDE)
  endif()
endforeach()

foreach(file README.md CHANGELOG.md LICENSE ARCHITECTURE.md)
  if(EXISTS ${CMAKE_SOURCE_DIR}/${file})
    install(FILES ${CMAKE_SOURCE_DIR}/${file} DESTINATION ${CMAKE_INSTALL_DOCDIR})
  endif()
endforeach()

# The unit names the binary by its full path, which is known only now.
configure_file(${CMAKE_SOURCE_DIR}/deploy/systemd/switchyard.service.in
  ${CMAKE_BINARY_DIR}/switchyard.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/switchyard.service DESTINATION lib/systemd/system)
