// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// Password and service files, alone and as connect options use them.
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>

#include <boost/test/unit_test.hpp>

#include "pgstride/driver/options.hpp"
#include "pgstride/driver/passfile.hpp"

using namespace pgstride;

namespace {

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "pgstride-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }

  std::string file(const std::string& text, ::mode_t mode = 0600, const std::string& name = "file") const {
    const std::string full = path + "/" + name;
    std::ofstream(full) << text;
    BOOST_REQUIRE(::chmod(full.c_str(), mode) == 0);
    return full;
  }

  std::string path;
  std::string warning;
  OptionError error;
};

std::string found(const PasswordFile& file, std::string_view host, std::string_view port = "5432",
                  std::string_view database = "d", std::string_view user = "u") {
  return std::string(file.find(host, port, database, user).reveal());
}

ConnectOptions options_of(const std::string& dsn) {
  OptionError error;
  auto options = ConnectOptions::parse(dsn, error);
  BOOST_TEST_REQUIRE(options.has_value(), error.message());
  return *options;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(passfile, Folder)

BOOST_AUTO_TEST_CASE(the_first_line_that_matches) {  // DT-07
  const PasswordFile passwords(file("# h:1:d:u:comment\n"
                                    "too:few:fields\n"
                                    "h:1:d:u:exact\r\n"
                                    "h:*:d:u: spaces stay \n"
                                    "*:7:*:*:with:colons\n"
                                    "a\\:b:5432:d\\\\:u:es\\:cap\\\\ed\n"
                                    "h*:5432:d:u:no pattern\n"
                                    "*:*:*:last:no newline"),
                               warning);
  BOOST_TEST(warning == "");
  BOOST_TEST(found(passwords, "h", "1") == "exact");
  BOOST_TEST(found(passwords, "h") == " spaces stay ");
  BOOST_TEST(found(passwords, "x", "7") == "with:colons");
  BOOST_TEST(found(passwords, "a:b", "5432", "d\\") == "es:cap\\ed");
  BOOST_TEST(found(passwords, "host") == "");
  BOOST_TEST(found(passwords, "x", "1", "y", "last") == "no newline");
  BOOST_TEST(found(passwords, "h", "1", "d", "v") == "");
  BOOST_TEST(found(passwords, "h", "1", "dd") == "");
  BOOST_TEST(found(passwords, "", "1") == "");
}

BOOST_AUTO_TEST_CASE(a_file_that_others_may_read_is_ignored_with_a_warning) {  // R-K4, DT-07
  for (const ::mode_t mode : std::initializer_list<::mode_t>{0640, 0604, 0660, 0777}) {
    warning.clear();
    const PasswordFile passwords(file("*:*:*:*:sesame\n", mode), warning);
    BOOST_TEST(found(passwords, "h") == "");
    BOOST_TEST(warning.find("has group or world access; permissions should be u=rw (0600) or less") !=
               std::string::npos);
    BOOST_TEST(warning.find("sesame") == std::string::npos);
  }
  const PasswordFile folder(path, warning);
  BOOST_TEST(warning == "password file \"" + path + "\" is not a plain file");
  warning.clear();
  const PasswordFile missing(path + "/none/of/it", warning);
  BOOST_TEST(found(missing, "h") == "");
  BOOST_TEST(warning == "");
}

BOOST_AUTO_TEST_CASE(each_host_has_its_own) {
  const auto passwords = file("a:1:d:u:one\nb:2:d:u:two\nlocalhost:5:d:u:local\n/else:5:d:u:socket\n");
  auto options = options_of("host=a,b,c,/tmp,/else port=1,2,3,5,5 dbname=d user=u passfile=" + passwords);
  BOOST_TEST_REQUIRE(options.complete(error), error.message());
  std::string all;
  for (const auto& host : options.hosts) all += std::string(host.password.reveal()) + "|";
  BOOST_TEST(all == "one|two||local|socket|");

  auto given = options_of("host=a port=1 dbname=d user=u password=mine passfile=" + passwords);
  BOOST_TEST_REQUIRE(given.complete(error), error.message());
  BOOST_TEST(given.hosts[0].password.empty());

  auto warned = options_of("host=a passfile=" + path);
  BOOST_TEST_REQUIRE(warned.complete(error), error.message());
  BOOST_TEST(warned.warnings.size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_section_of_a_service_file) {
  const auto services = file(
      "host=nobody's\n"
      "[one]\n"
      "# comment\n"
      "  host = h  \n"
      "password=a=b c\n"
      "\n"
      "[two]\n"
      "port\n"
      "[three]\n"
      "service=one\n"
      "[empty]\n");
  const auto one = read_service(services, "one", error);
  BOOST_REQUIRE(one);
  BOOST_TEST(one->is_defined);
  BOOST_REQUIRE(one->settings.size() == 2U);
  BOOST_TEST((one->settings[0].first == "host" && one->settings[0].second.reveal() == "h"));
  BOOST_TEST((one->settings[1].first == "password" && one->settings[1].second.reveal() == "a=b c"));
  BOOST_TEST(!read_service(services, "two", error));
  BOOST_TEST(error.message() == "option \"service\": syntax error in \"" + services + "\", line 8");
  BOOST_TEST(!read_service(services, "three", error));
  BOOST_TEST(error.message() ==
             "option \"service\": a service within a service in \"" + services + "\", line 10");
  BOOST_TEST((read_service(services, "empty", error) && read_service(services, "empty", error)->is_defined));
  BOOST_TEST(!read_service(services, "other", error)->is_defined);
  BOOST_TEST(!read_service(path + "/none", "one", error)->is_defined);
}

BOOST_AUTO_TEST_CASE(a_service_is_below_what_is_said_and_above_the_environment) {
  const auto services = file("[s]\nhost=sh\nport=7\nuser=su\napplication_name=sa\n");
  ::setenv("PGAPPNAME", "environment", 1);
  auto options = options_of("service=s user=u servicefile=" + services);
  const bool applied = options.apply_environment(error);
  ::unsetenv("PGAPPNAME");
  BOOST_TEST_REQUIRE(applied, error.message());
  BOOST_TEST_REQUIRE(options.complete(error), error.message());
  BOOST_TEST(options.hosts[0].name == "sh");
  BOOST_TEST(options.hosts[0].port == 7);
  BOOST_TEST(options.user == "u");
  BOOST_TEST(options.application_name == "sa");

  auto without_environment = options_of("service=s user=u servicefile=" + services);
  BOOST_TEST_REQUIRE(without_environment.complete(error), error.message());
  BOOST_TEST(without_environment.hosts[0].name == "sh");
}

BOOST_AUTO_TEST_CASE(a_service_that_is_not_there_or_is_wrong) {
  const auto services = file("[s]\nport=sesame\n[t]\nnonsense=sesame\n");
  const auto refusal = [&](const std::string& name) {
    auto options = options_of("service=" + name + " servicefile=" + services);
    return options.complete(error) ? "accepted" : error.message();
  };
  BOOST_TEST(refusal("u") == "option \"service\": definition of service \"u\" not found");
  BOOST_TEST(refusal("s") == "option \"port\": must be a number from 1 to 65535");
  BOOST_TEST(refusal("t") == "option \"nonsense\": unknown option");
  auto nowhere = options_of("service=s servicefile=/nowhere/services");
  BOOST_TEST(!nowhere.complete(error));
  BOOST_TEST(error.message() == "option \"servicefile\": service file \"/nowhere/services\" not found");
}

BOOST_AUTO_TEST_SUITE_END()
