// Copyright the pgstride authors. SPDX-License-Identifier: Apache-2.0
//
// A JSON service on one thread: HTTP from libuv's sockets, queries on the same loop, by a pool. Ends in good
// order on SIGTERM.
//
//     http_service <dsn> [port]        GET /users      GET /users/1      GET /health
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <uv.h>

#include "pgstride/driver/loop/uv.hpp"
#include "pgstride/driver/pgstride.hpp"

using namespace pgstride;

namespace {

struct Answer {
  Answer(const char* status_, std::string body_) : status(status_), body(std::move(body_)) {}
  const char* status;
  std::string body;
};

// --- the service ----------------------------------------------------------------------------------

Task<Answer> users(Pool& db) {
  auto json = co_await db.query_one<Json>("select coalesce(json_agg(u order by id), '[]') from users u");
  co_return Answer("200 OK", std::move(json.text));
}

Task<Answer> user(Pool& db, int id) {
  auto json = co_await db.query_optional<Json>("select to_json(u) from users u where id = $1", id);
  if (!json) co_return Answer("404 Not Found", R"({"error": "no such user"})");
  co_return Answer("200 OK", std::move(json->text));
}

Task<Answer> health(Pool& db) {
  const PoolStats stats = db.stats();
  co_return Answer("200 OK", "{\"connections\": " + std::to_string(stats.counts.size()) +
                                 ", \"waiting\": " + std::to_string(stats.counts.waiting) + "}");
}

Task<Answer> nothing() { co_return Answer("404 Not Found", "{}"); }

Task<Answer> route(Pool& db, std::string_view path) {
  constexpr std::string_view of_one = "/users/";
  int id = 0;
  if (path == "/health") return health(db);
  if (path == "/users") return users(db);
  if (path.starts_with(of_one) &&
      std::from_chars(path.data() + of_one.size(), path.data() + path.size(), id).ec == std::errc())
    return user(db, id);
  return nothing();
}

// --- as much of HTTP as that needs -----------------------------------------------------------------

/// One request, one answer. Lives until libuv has closed its socket.
class Exchange {
 public:
  static void accept(uv_stream_t* server, Pool& db) {
    auto* self = new Exchange(server->loop, db);
    if (uv_accept(server, self->stream()) != 0) return self->close();
    uv_read_start(
        self->stream(),
        [](uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
          auto& room = of(handle).room_;
          *buffer = uv_buf_init(room, sizeof room);
        },
        [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
          of(reinterpret_cast<uv_handle_t*>(stream)).on_read(count);
        });
  }

 private:
  Exchange(uv_loop_t* loop, Pool& db) : db_(db) {
    uv_tcp_init(loop, &socket_);
    socket_.data = this;
  }
  static Exchange& of(uv_handle_t* handle) { return *static_cast<Exchange*>(handle->data); }
  uv_stream_t* stream() { return reinterpret_cast<uv_stream_t*>(&socket_); }

  void on_read(ssize_t count) {
    if (count < 0 || request_.size() > 8192) return close();
    request_.append(room_, static_cast<std::size_t>(count));
    if (request_.find("\r\n\r\n") == std::string::npos) return;
    uv_read_stop(stream());
    spawn(respond(), [this](std::exception_ptr) { close(); });
  }

  Task<> respond() {
    const std::string_view line = std::string_view(request_).substr(0, request_.find("\r\n"));
    const std::size_t begin = line.find(' ') + 1;
    const std::string_view path = line.substr(begin, line.find(' ', begin) - begin);
    Answer answer("503 Service Unavailable", "{}");
    try {
      answer = co_await route(db_, path);
    } catch (const Error& error) {
      std::fprintf(stderr, "%s\n", error.what());
    }
    response_ =
        "HTTP/1.1 " + std::string(answer.status) +
        "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(answer.body.size()) +
        "\r\nConnection: close\r\n\r\n" + answer.body;
    const uv_buf_t buffer = uv_buf_init(response_.data(), static_cast<unsigned>(response_.size()));
    write_.data = this;
    uv_write(&write_, stream(), &buffer, 1,
             [](uv_write_t* write, int) { static_cast<Exchange*>(write->data)->close(); });
  }

  void close() {
    uv_close(reinterpret_cast<uv_handle_t*>(&socket_), [](uv_handle_t* handle) { delete &of(handle); });
  }

  Pool& db_;
  uv_tcp_t socket_{};
  uv_write_t write_{};
  char room_[4096];
  std::string request_, response_;
};

/// The listening socket, the signal that ends all, and the pool between them.
class Service {
 public:
  Service(uv_loop_t* uv, Loop& loop, const char* dsn) : pool_(loop, options(dsn)) {
    uv_tcp_init(uv, &server_);
    uv_signal_init(uv, &signal_);
    server_.data = signal_.data = this;
  }

  /// The port; a free one when 0 is given.
  int listen(int port) {
    sockaddr_in address{};
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_tcp_bind(&server_, reinterpret_cast<sockaddr*>(&address), 0);
    const auto on_connection = [](uv_stream_t* server, int status) {
      if (status == 0) Exchange::accept(server, static_cast<Service*>(server->data)->pool_);
    };
    if (const int error = uv_listen(reinterpret_cast<uv_stream_t*>(&server_), 128, on_connection); error != 0)
      throw std::runtime_error(uv_strerror(error));
    const auto on_signal = [](uv_signal_t* signal, int) {
      spawn(static_cast<Service*>(signal->data)->end(), [](std::exception_ptr) { std::terminate(); });
    };
    uv_signal_start_oneshot(&signal_, on_signal, SIGTERM);
    int size = sizeof address;
    uv_tcp_getsockname(&server_, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }

 private:
  static PoolOptions options(const char* dsn) {
    PoolOptions options(dsn);
    options.limits.max_size = 8;
    options.limits.check_after = std::chrono::seconds(30);
    options.acquire_timeout = std::chrono::seconds(2);  // then 503, and the log says who has the connections
    return options;
  }

  // Nobody is let in any more; who is there has five seconds.
  Task<> end() {
    uv_close(reinterpret_cast<uv_handle_t*>(&server_), nullptr);
    uv_close(reinterpret_cast<uv_handle_t*>(&signal_), nullptr);
    const std::vector<Loan> left = co_await pool_.close(std::chrono::seconds(5));
    for (const Loan& loan : left)
      std::fprintf(stderr, "not given back: %s:%u\n", loan.where.file_name(), loan.where.line());
    uv_stop(server_.loop);
  }

  Pool pool_;
  uv_tcp_t server_{};
  uv_signal_t signal_{};
};

}  // namespace

int main(int argc, char** argv) {
  try {
    uv_loop_t* uv = uv_default_loop();
    UvLoop loop(uv);
    Service service(uv, loop, argc > 1 ? argv[1] : "");
    std::printf("listening on 127.0.0.1:%d\n", service.listen(argc > 2 ? std::atoi(argv[2]) : 8080));
    std::fflush(stdout);
    uv_run(uv, UV_RUN_DEFAULT);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
