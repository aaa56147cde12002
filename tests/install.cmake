# Strangers' projects are built against what we install, and with our sources inside.
if(NOT PGSTRIDE_UV OR NOT PGSTRIDE_INSTALL)
  return()
endif()
foreach(how IN ITEMS package sources)
  set(sanitize "")
  if(how STREQUAL "package" AND PGSTRIDE_SANITIZE)
    set(sanitize -fsanitize=${PGSTRIDE_SANITIZE})
  endif()
  add_test(NAME install.${how}
    COMMAND ${CMAKE_COMMAND} -D HOW=${how} -D SOURCE=${PROJECT_SOURCE_DIR} -D BUILD=${PROJECT_BINARY_DIR}
            -D SCRATCH=${CMAKE_CURRENT_BINARY_DIR}/install/${how} -D CXX=${CMAKE_CXX_COMPILER}
            -D FLAGS=${sanitize} -D LAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}
            -P ${CMAKE_CURRENT_SOURCE_DIR}/install/run.cmake)
  set_tests_properties(install.${how} PROPERTIES TIMEOUT 900 LABELS install)
endforeach()
