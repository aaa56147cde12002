# Misuse that must not compile: each misuse/*.cpp names the error that the compiler has to report.
file(GLOB cases CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/misuse ${CMAKE_CURRENT_SOURCE_DIR}/misuse/*.cpp)
foreach(case IN LISTS cases)
  get_filename_component(name ${case} NAME_WE)
  file(STRINGS misuse/${case} error REGEX "^// error: ")
  string(REGEX REPLACE "^// error: " "" error "${error}")
  add_test(NAME misuse.${name}
    COMMAND ${CMAKE_CXX_COMPILER} -std=c++20 -fsyntax-only -I${PROJECT_BINARY_DIR}/include
            ${CMAKE_CURRENT_SOURCE_DIR}/misuse/${case})
  set_tests_properties(misuse.${name} PROPERTIES PASS_REGULAR_EXPRESSION "${error}" LABELS misuse)
endforeach()
