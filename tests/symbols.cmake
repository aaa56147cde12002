# What the protocol's half asks of the system: memory, bytes, digests, and nothing that waits, looks at a clock, keeps
# a thread or touches a file (R-S6, R-G1, DT-16). Run as: cmake -D NM=<nm> -D LIBRARY=<file> -P symbols.cmake

execute_process(COMMAND ${NM} --undefined-only --format=posix ${LIBRARY}
  OUTPUT_VARIABLE symbols RESULT_VARIABLE failed)
if(failed OR NOT symbols MATCHES "memcpy")
  message(FATAL_ERROR "${NM} does not tell what ${LIBRARY} needs")
endif()

string(CONCAT forbidden
  "socket|connect|accept|send[a-z]*|recv[a-z]*|read|write|readv|writev|poll|select|epoll_[a-z_]+|close|fcntl|ioctl|"
  "open|openat|fopen|fread|fwrite|getenv|getaddrinfo|gethostby[a-z]+|clock_[a-z]+|gettimeofday|time|nanosleep|usleep|"
  "sleep|pthread_create|pthread_mutex_lock|fork|execve|signal|sigaction|rand|random|getrandom|SSL_[A-Za-z_]+|uv_[a-z_]+|"
  "Py[A-Z][A-Za-z_]+|_ZNSt6chrono[A-Za-z0-9_]+3now[A-Za-z0-9_]+|_ZNSt6thread[A-Za-z0-9_]+")
string(REGEX MATCHALL "(^|\n)(${forbidden})(@[A-Za-z0-9_.]+)? U" found "${symbols}")
if(found)
  message(FATAL_ERROR "the protocol's half is not to need:${found}")
endif()
