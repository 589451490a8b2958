# What `cmake --install` places, relative to the prefix (GNU's layout). Each rule holds only where its part is there:
#   bin/switchyard                      finds its private libraries through $ORIGIN, so the tree can be moved
#   lib/switchyard/libonnxruntime.so    where ONNX Runtime is not the distribution's own
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

# Opened at run time by its bare name, which the loader looks for along the binary's RUNPATH. The set-up's own copy
# travels along; the distribution's stays where its package manager keeps it.
if(SWITCHYARD_ONNXRUNTIME_FOLDER AND NOT SWITCHYARD_ONNXRUNTIME_FOLDER MATCHES "^/(usr/)?lib(/|$)")
  install(FILES ${SWITCHYARD_ONNXRUNTIME_FOLDER}/libonnxruntime.so DESTINATION ${private_libraries} OPTIONAL)
endif()

foreach(part examples docs)
  set(to_examples ${share}/examples)
  set(to_docs ${CMAKE_INSTALL_DOCDIR}/docs)
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

# The unit names the binary by its full path, which is known only when installing.
install(CODE "
  set(SWITCHYARD_BINARY \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/switchyard\")
  configure_file(\"${CMAKE_SOURCE_DIR}/deploy/systemd/switchyard.service.in\"
    \"${CMAKE_BINARY_DIR}/switchyard.service\" @ONLY)")
install(FILES ${CMAKE_BINARY_DIR}/switchyard.service DESTINATION lib/systemd/system)
