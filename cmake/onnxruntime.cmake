# Where ONNX Runtime's shared library lies on the machine that builds. Nothing is linked with it: the onnx backend
# opens it when the first ONNX model is loaded, looks in $ONNXRUNTIME_ROOT first, then in the folder found here,
# then where the system keeps libraries. A build without it is complete; `tools/fetch_onnxruntime` brings it.
set(ONNXRUNTIME_ROOT "$ENV{ONNXRUNTIME_ROOT}" CACHE PATH "Folder with libonnxruntime.so or lib/libonnxruntime.so")

function(switchyard_find_onnxruntime result)
  file(GLOB cached ${CMAKE_SOURCE_DIR}/.cache/onnxruntime/*/lib)
  list(SORT cached COMPARE NATURAL ORDER DESCENDING)
  foreach(folder ${ONNXRUNTIME_ROOT} ${ONNXRUNTIME_ROOT}/lib ${cached})
    file(GLOB libraries ${folder}/libonnxruntime.so*)
    if(libraries)
      set(${result} ${folder} PARENT_SCOPE)
      return()
    endif()
  endforeach()
  set(${result} "" PARENT_SCOPE)
endfunction()

switchyard_find_onnxruntime(SWITCHYARD_ONNXRUNTIME_FOLDER)
