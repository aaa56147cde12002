# What "cmake --install" puts where: libraries, headers, the CMake package and pkg-config's files.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pgstride)

# install_targets(<file> <targets...>): pgstrideConfig.cmake includes <file>.cmake and has the targets.
function(install_targets file)
  install(TARGETS ${ARGN} EXPORT ${file}
    ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(EXPORT ${file} NAMESPACE pgstride:: DESTINATION ${config_dir} COMPONENT development)
endfunction()

# What is installed can be moved: pkg-config's files say where things are as seen from themselves. But a directory that
# was given as an absolute path is where it is.
function(install_pkg_config name)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    set(PGSTRIDE_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
  else()
    set(up /prefix)
    cmake_path(RELATIVE_PATH up BASE_DIRECTORY "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig")
    cmake_path(APPEND PGSTRIDE_PC_PREFIX "\${pcfiledir}" "${up}")
  endif()
  cmake_path(APPEND PGSTRIDE_PC_LIBDIR "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
  cmake_path(APPEND PGSTRIDE_PC_INCLUDEDIR "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
  configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/${name}.pc.in ${PROJECT_BINARY_DIR}/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/${name}.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
endfunction()

install_targets(pgstrideCore pgstride_protocol pgstride_driver)
if(PGSTRIDE_HAS_GSSAPI)
  set(PGSTRIDE_PC_GSSAPI " krb5-gssapi")
endif()
install_pkg_config(pgstride)
if(PGSTRIDE_UV)
  install_targets(pgstrideUv pgstride_uv)
  install_pkg_config(pgstride-uv)
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/protocol ${PROJECT_SOURCE_DIR}/driver
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/pgstride COMPONENT development FILES_MATCHING PATTERN "*.hpp")
configure_package_config_file(${PROJECT_SOURCE_DIR}/tools/cmake/pgstrideConfig.cmake.in
  ${PROJECT_BINARY_DIR}/pgstrideConfig.cmake INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/pgstrideConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pgstrideConfig.cmake ${PROJECT_BINARY_DIR}/pgstrideConfigVersion.cmake
  DESTINATION ${config_dir} COMPONENT development)
