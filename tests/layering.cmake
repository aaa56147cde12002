# The dependency rule of DESIGN.md, checked on the #include lines: protocol <- driver <- heads, and
# no layer knows what it must not know. Run as: cmake -D ROOT=<source tree> -P layering.cmake

set(violations "")

# forbid(<folder> <regex of what may not be included> [ONLY <regex of paths>] [EXCEPT <regex of paths>])
function(forbid folder pattern)
  cmake_parse_arguments(for "" "ONLY;EXCEPT" "" ${ARGN})
  file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/${folder}/*.hpp ${ROOT}/${folder}/*.cpp)
  foreach(file IN LISTS files)
    if((for_ONLY AND NOT file MATCHES "${for_ONLY}") OR (for_EXCEPT AND file MATCHES "${for_EXCEPT}"))
      continue()
    endif()
    file(STRINGS ${ROOT}/${file} includes REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"](${pattern})")
    foreach(include IN LISTS includes)
      string(APPEND violations "  ${file}: ${include}\n")
    endforeach()
  endforeach()
  set(violations "${violations}" PARENT_SCOPE)
endfunction()

set(python "Python\\.h|pybind11/|pgstride/pybind/")
set(not_library "tests/|pgstride/(tests|bench|examples)/|boost/")
set(heavy "(functional|iostream|regex)>")
set(system "sys/|unistd\\.h|fcntl\\.h|poll\\.h|netdb\\.h|netinet/|arpa/|pthread\\.h|time\\.h")

# Bytes in, bytes out: no descriptor, clock, thread or coroutine.
forbid(protocol "${heavy}|${system}|(coroutine|ctime|thread|mutex|future|condition_variable|stop_token)>")
forbid(protocol "chrono>" EXCEPT "^protocol/codec/chrono\\.hpp$")  # the types of the calendar, not its clocks
forbid(protocol "${python}|${not_library}|uv\\.h|openssl/ssl\\.h|pgstride/driver/")

# The loop is libuv's in one room only.
forbid(driver "uv\\.h" EXCEPT "^driver/loop/uv\\.")
forbid(driver "${python}|${not_library}" EXCEPT "^driver/loop/boost_asio\\.hpp$")
forbid(driver "asio/|boost/asio" EXCEPT "^driver/loop/(boost_)?asio\\.hpp$")  # headers for who has that

forbid(driver "gssapi" EXCEPT "^driver/net/gssapi\\.cpp$")

# The Python head sits on Operation and Channel, on the loop of Python.
forbid(pybind "${not_library}|uv\\.h|coroutine>|pgstride/driver/coro/|pgstride/driver/loop/uv\\.")
forbid(pybind "pybind11/" EXCEPT "^pybind/src/module\\.cpp$")

# Public headers are light, and bring nobody else's names.
foreach(layer protocol driver)
  forbid(${layer} "uv\\.h|openssl/|Python\\.h|${heavy}" ONLY "\\.hpp$")
endforeach()

if(violations)
  message(FATAL_ERROR "includes that the layers forbid:\n${violations}")
endif()
