# One Boost.Test program from <kind>/test_*.cpp and <kind>/main.cpp; each of its top-level suites
# becomes a test of ctest.

find_package(Boost 1.74 REQUIRED COMPONENTS unit_test_framework)

function(add_boost_tests kind)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${kind}/test_*.cpp)
  if(NOT sources)
    return()
  endif()
  # Doubles of what the tests talk to: fake loop, scripted server.
  file(GLOB support CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/support/*.cpp)
  set(program pgstride_${kind}_tests)
  add_executable(${program} ${kind}/main.cpp ${sources} ${support})
  target_compile_definitions(${program} PRIVATE BOOST_TEST_DYN_LINK)
  target_link_libraries(${program} PRIVATE
    pgstride_test_flags pgstride::driver $<TARGET_NAME_IF_EXISTS:pgstride::uv>
    Boost::unit_test_framework Threads::Threads)

  set(list ${CMAKE_CURRENT_BINARY_DIR}/${kind}_tests.cmake)
  add_custom_command(TARGET ${program} POST_BUILD
    COMMAND ${CMAKE_COMMAND} -D PROGRAM=$<TARGET_FILE:${program}> -D KIND=${kind} -D LIST=${list}
            -P ${CMAKE_CURRENT_SOURCE_DIR}/discover.cmake
    BYPRODUCTS ${list} VERBATIM)
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list})
endfunction()
