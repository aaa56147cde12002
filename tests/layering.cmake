# The dependency rule of DESIGN.md, checked on the #include lines: protocol <- driver <- heads, and
# no layer knows what it must not know, nor includes what does. Run as: cmake -D ROOT=<source tree> -P layering.cmake

cmake_minimum_required(VERSION 3.22)
set(violations "")

# For every file: its #include lines, and all of our files that including it brings along, itself among them.
file(GLOB_RECURSE all_files RELATIVE ${ROOT} ${ROOT}/protocol/*.[hc]pp ${ROOT}/driver/*.[hc]pp ${ROOT}/pybind/*.[hc]pp)
foreach(file IN LISTS all_files)
  file(STRINGS ${ROOT}/${file} lines REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
  set(lines_of_${file} "${lines}")
  set(ours_of_${file} "")
  foreach(line IN LISTS lines)
    if(line MATCHES "\"pgstride/([^\"]+)\"" AND CMAKE_MATCH_1 IN_LIST all_files)
      list(APPEND ours_of_${file} ${CMAKE_MATCH_1})
    endif()
  endforeach()
endforeach()
foreach(file IN LISTS all_files)
  set(reached ${file})
  set(new ${file})
  while(new)
    set(newer "")
    foreach(one IN LISTS new)
      list(APPEND newer ${ours_of_${one}})
    endforeach()
    list(REMOVE_DUPLICATES newer)
    list(REMOVE_ITEM newer ${reached})
    list(APPEND reached ${newer})
    set(new ${newer})
  endwhile()
  set(reached_from_${file} "${reached}")
endforeach()

# forbid(<folder> <regex of what may not be included> [ONLY <regex of paths>] [EXCEPT <regex of paths>])
# What is excepted may include it, and others that file.
function(forbid folder pattern)
  cmake_parse_arguments(for "" "ONLY;EXCEPT" "" ${ARGN})
  set(including "")
  foreach(file IN LISTS all_files)
    set(lines "${lines_of_${file}}")
    list(FILTER lines INCLUDE REGEX "include[ \t]*[<\"](${pattern})")
    if(lines AND NOT (for_EXCEPT AND file MATCHES "${for_EXCEPT}"))
      list(APPEND including ${file})
      set(found_in_${file} "${lines}")
    endif()
  endforeach()
  if(NOT including)
    return()
  endif()
  foreach(file IN LISTS all_files)
    if(NOT file MATCHES "^${folder}/" OR (for_ONLY AND NOT file MATCHES "${for_ONLY}"))
      continue()
    endif()
    foreach(by IN LISTS reached_from_${file})
      if(by IN_LIST including)
        foreach(line IN LISTS found_in_${by})
          string(APPEND violations "  ${file}: ${line} (in ${by})\n")
        endforeach()
      endif()
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
