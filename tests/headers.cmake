# Every public header compiles alone, and twice, and brings nobody else's names along.

file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
  ${PROJECT_SOURCE_DIR}/protocol/*.hpp ${PROJECT_SOURCE_DIR}/driver/*.hpp)
set(units "")
# Each of these is defined by any header of libuv, OpenSSL, CPython.
set(none_of_theirs
  "#if defined(UV_H) || defined(OPENSSL_MACROS_H) || defined(Py_PYTHON_H)\n#error a public header includes one of theirs\n#endif\n")
foreach(header IN LISTS headers)
  string(MAKE_C_IDENTIFIER ${header} name)
  set(unit ${CMAKE_CURRENT_BINARY_DIR}/headers/${name}.cpp)
  file(CONFIGURE OUTPUT ${unit} @ONLY
    CONTENT "#include \"pgstride/@header@\"\n#include \"pgstride/@header@\"  // guarded\n@none_of_theirs@")
  list(APPEND units ${unit})
endforeach()
add_library(pgstride_headers OBJECT ${units})
target_link_libraries(pgstride_headers PRIVATE pgstride_flags pgstride::driver)
set_target_properties(pgstride_headers PROPERTIES CXX_CLANG_TIDY "")
