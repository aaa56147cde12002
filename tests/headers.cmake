# Every public header compiles alone, and twice.

file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
  ${PROJECT_SOURCE_DIR}/protocol/*.hpp ${PROJECT_SOURCE_DIR}/driver/*.hpp)
set(units "")
foreach(header IN LISTS headers)
  string(MAKE_C_IDENTIFIER ${header} name)
  set(unit ${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.cpp)
  file(CONFIGURE OUTPUT ${unit} @ONLY
    CONTENT "#include \"pgstride/@header@\"\n#include \"pgstride/@header@\"  // guarded\n")
  list(APPEND units ${unit})
endforeach()
add_library(pgstride_headers OBJECT ${units})
target_link_libraries(pgstride_headers PRIVATE pgstride_flags pgstride::driver)
set_target_properties(pgstride_headers PROPERTIES CXX_CLANG_TIDY "")
