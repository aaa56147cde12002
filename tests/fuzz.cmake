# One program for each fuzz/fuzz_<room>.cpp. With PGSTRIDE_FUZZ it is a libFuzzer target; otherwise it
# replays fuzz/corpus/<room>/, so that whatever was once found stays found in plain ctest.

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/fuzz_*.cpp)
foreach(source IN LISTS sources)
  get_filename_component(program ${source} NAME_WE)
  string(REGEX REPLACE "^fuzz_" "" room ${program})
  add_executable(${program} ${source})
  target_link_libraries(${program} PRIVATE pgstride_test_flags pgstride::driver)
  if(PGSTRIDE_FUZZ)
    target_link_options(${program} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(${program} PRIVATE fuzz/replay_main.cpp)
    add_test(NAME fuzz.${room} COMMAND ${program} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${room})
    set_tests_properties(fuzz.${room} PROPERTIES LABELS fuzz)
  endif()
endforeach()

if(PGSTRIDE_FUZZ)
  # Coverage feedback from what is fuzzed, not only from the few lines that feed it.
  foreach(library pgstride_protocol pgstride_driver)
    target_compile_options(${library} PRIVATE -fsanitize=fuzzer-no-link)
  endforeach()
  foreach(source IN LISTS sources)
    get_filename_component(program ${source} NAME_WE)
    target_compile_options(${program} PRIVATE -fsanitize=fuzzer-no-link)
  endforeach()
endif()
